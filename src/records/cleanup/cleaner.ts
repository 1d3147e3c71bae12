import { setTimeout as pause } from 'node:timers/promises'
import type { DatabaseLog } from '../../platform/database/log.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { deleteExpired } from './cleanup-store.ts'

/** Seconds that ended things are kept: long enough to look into what happened the week before. */
const week = 7 * 86_400

/** Milliseconds. */
interface Pace {
  /** Between two rounds; drawn anew each time, half as much or half as much again, so that nodes do not keep step. */
  readonly betweenRounds: number
  /** Between two batches of one round. */
  readonly betweenBatches: number
}

const usual: Pace = { betweenRounds: 5 * 60_000, betweenBatches: 200 }

/**
 * Keeps the tables as small as what is alive. Always on: a cleaner that has to be called is one that is forgotten.
 *
 * @param longestToken seconds: nothing is deleted that a live token hangs on
 * @returns a function that ends it, once the batch under way is done
 */
export function startCleaner(
  db: Queryable,
  log: DatabaseLog,
  longestToken: number,
  pace: Pace = usual,
): () => Promise<void> {
  const ended = new AbortController()
  const rest = (milliseconds: number) =>
    pause(milliseconds, undefined, { ref: false, signal: ended.signal }).catch(() => undefined)
  const clean = async () => {
    for (let more = false; !ended.signal.aborted; ) {
      await rest(more ? pace.betweenBatches : pace.betweenRounds * (0.5 + Math.random()))
      if (ended.signal.aborted) return
      more = await deleteExpired(db, Math.max(week, longestToken), longestToken).catch((err: unknown) => {
        log.warn({ err }, 'Expired rows could not be deleted.')
        return false
      })
    }
  }
  const cleaning = clean()
  return () => {
    ended.abort()
    return cleaning
  }
}
