import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../platform/clock.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { DatabaseLog } from '../../platform/log.ts'
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

/** Milliseconds. Less than what is deleted soonest is kept for (client-assertions-store.ts). */
const longestJump = 300_000

const usual: Pace = { betweenRounds: 5 * 60_000, betweenBatches: 200 }

/**
 * Keeps the tables as small as what is alive. Always on: a cleaner that has to be called is one that is forgotten. What has expired is
 * for the database's clock to say, but while that and this node's time are minutes apart nothing is deleted: a clock that jumps a year
 * ahead for a moment must not take every session and every refresh token with it.
 *
 * @param longestToken seconds: nothing is deleted that a live token hangs on
 * @param eventsFor seconds that an event is kept; undefined: for ever
 * @returns a function that ends it, once the batch under way is done
 */
export function startCleaner(
  db: Queryable,
  log: DatabaseLog,
  longestToken: number,
  eventsFor: number | undefined,
  clock: Pick<Clock, 'now'>,
  pace: Pace = usual,
): () => Promise<void> {
  const ended = new AbortController()
  const rest = (milliseconds: number) =>
    pause(milliseconds, undefined, { ref: false, signal: ended.signal }).catch(() => undefined)
  const sizes = new Map<string, number>()
  let failing = new Set<string>()
  const clean = async () => {
    for (let more = false; !ended.signal.aborted; ) {
      await rest(more ? pace.betweenBatches : pace.betweenRounds * (0.5 + Math.random()))
      if (ended.signal.aborted) return
      const failed = new Set<string>()
      const note = (table: string, err: unknown) => {
        failed.add(table)
        // Once, until it works again: with much to delete a round follows the other five times a second.
        if (!failing.has(table)) log.warn({ err, table }, `Expired rows of ${table} could not be deleted.`)
      }
      const isNow = (databaseNow: number) => {
        const isRight = Math.abs(databaseNow - clock.now()) <= longestJump
        if (!isRight) note('any table', new Error("This node's time and the database's clock disagree."))
        return isRight
      }
      more = await deleteExpired(db, Math.max(week, longestToken), {
        ...{ supersededFor: longestToken, eventsFor, isNow, sizes, failed: note },
      }).catch((err: unknown) => {
        // What is kept for how long could not be read.
        note('any table', err)
        return false
      })
      failing = failed
    }
  }
  const cleaning = clean()
  return () => {
    ended.abort()
    return cleaning
  }
}
