/**
 * Runs work that can be rolled back with a result. If a store reports that a name is taken, for example, the transaction must be rolled back,
 * and the caller gets the reason as a value and not as an error.
 *
 * @param work receives a function that aborts it by throwing. This rolls back the transaction in which it is called
 * @returns the result of `work`, or the value that it rolled back with
 */
export async function withRollback<R, T>(work: (rollBack: (outcome: R) => never) => Promise<T>): Promise<T | R> {
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
