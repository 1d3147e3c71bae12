import { TooManyWaiting } from '../turns.ts'

/** Each failed attempt means that somebody else succeeded. Racers for one row agree after two of them, so more are rarely needed. */
const maxAttempts = 3

/**
 * Runs work that reads, decides, and then changes what it has read in one statement, which is guarded by the values that were read. If somebody
 * else was faster, the statement changes nothing, and the work begins again.
 *
 * @param attempt reads everything anew. Undefined if its guarded statement changed nothing
 * @throws TooManyWaiting after three attempts, none of which changed anything; otherwise what `attempt` throws
 */
export async function untilUndisturbed<T>(attempt: () => Promise<T | undefined>): Promise<T> {
  for (let attempts = 0; attempts < maxAttempts; attempts++) {
    const outcome = await attempt()
    if (outcome !== undefined) return outcome
  }
  throw new TooManyWaiting(`Other requests have changed the same row during each of ${maxAttempts} attempts.`)
}

/** What a guarded statement that has changed its row returns. */
export interface Swapped {
  /**
   * Whether it took more than 100 ms, probably because it waited for another transaction. PostgreSQL then checks its condition again on the rows
   * that it locks, but not what it knew about other rows when it began. If a decision about those counts, the caller must look again. What is
   * decided about them within 100 ms counts as decided after the change.
   */
  readonly waited: boolean
}

/** SQL: goes at the end of a guarded statement that inserts one row if it changes something. Returns a `Swapped`. */
export const returningSwapped = `RETURNING clock_timestamp() > statement_timestamp() + interval '100 ms' AS waited`
