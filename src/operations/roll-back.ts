/**
 * Does work that can end with a value and nothing done: where a store says that something is taken, the transaction must be rolled back,
 * and the caller gets the reason instead of an error.
 *
 * @param work is handed a function that ends it, and rolls back the transaction from within which it is called
 * @returns what `work` returned or rolled back with
 */
export async function withRollBack<R, T>(work: (rollBack: (outcome: R) => never) => Promise<T>): Promise<T | R> {
  class RolledBack extends Error {
    readonly outcome: R
    constructor(outcome: R) {
      super('The transaction was rolled back.')
      this.outcome = outcome
    }
  }
  try {
    return await work((outcome) => {
      throw new RolledBack(outcome)
    })
  } catch (error) {
    if (error instanceof RolledBack) return error.outcome
    throw error
  }
}
