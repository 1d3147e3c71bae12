import type { Queryable } from '../../platform/database/queryable.ts'
import type { Log } from '../../platform/log.ts'
import { deleteExpired } from './cleanup-store.ts'

/** Seconds that ended things are kept: long enough to look into what happened the week before. */
const week = 7 * 86_400
/** Milliseconds between two rounds, drawn anew each time so that nodes do not keep step. */
const pause = () => 5 * 60_000 * (0.5 + Math.random())
/** Milliseconds between two batches of one round. */
const breath = 200

/**
 * Keeps the tables as small as what is alive. Always on: a cleaner that has to be called is one that is forgotten.
 *
 * @param longestToken seconds: nothing is deleted that a live access token hangs on
 * @returns a function that ends it
 */
export function startCleaner(db: Queryable, log: Log, longestToken: number): () => void {
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  const again = (milliseconds: number) => {
    if (!stopped) timer = setTimeout(round, milliseconds).unref()
  }
  const round = async () => {
    try {
      again((await deleteExpired(db, Math.max(week, longestToken))) ? breath : pause())
    } catch (error) {
      log.warn({ err: error }, 'Expired rows could not be deleted.')
      again(pause())
    }
  }
  again(pause())
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}
