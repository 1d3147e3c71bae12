import { setTimeout as pause } from 'node:timers/promises'
import type { Clock } from '../../platform/clock.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { deleteExpired, type Keeping } from './cleanup-store.ts'

/** Seconds that ended rows are kept, so that incidents of the past week can be investigated. */
const week = 7 * 86_400

/** Milliseconds. */
interface Pace {
  /** Between two rounds. Varied randomly by half, up or down, so that nodes do not run in step. */
  readonly betweenRounds: number
  /** Between two batches of one round. */
  readonly betweenBatches: number
}

/** Milliseconds. Less than the shortest time that any row is kept (client-assertions-store.ts). */
const maxClockDifference = 300_000

const defaultPace: Pace = { betweenRounds: 5 * 60_000, betweenBatches: 200 }

/**
 * Deletes expired rows in the background. Always on, because a cleanup that has to be scheduled would be forgotten. The database's clock
 * decides what has expired, but while it differs from this node's time by minutes, nothing is deleted: a clock that jumps ahead by a year for
 * a moment must not delete every session and every refresh token.
 *
 * @param maxTokenLifetime seconds; rows that a valid token depends on are not deleted
 * @param keeping for how long something is kept that operators decide about
 * @returns a function that stops it when the running batch is done
 */
export function startCleaner(
  db: Queryable,
  log: DatabaseLog,
  maxTokenLifetime: number,
  keeping: Keeping,
  clock: Pick<Clock, 'now'>,
  pace: Pace = defaultPace,
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
        // Logged once until it works again: with much to delete, there are five rounds a second.
        if (!failing.has(table)) log.warn({ err, table }, `Expired rows of ${table} could not be deleted.`)
      }
      const isClockPlausible = (databaseNow: number) => {
        const isPlausible = Math.abs(databaseNow - clock.now()) <= maxClockDifference
        if (!isPlausible) note('any table', new Error("This node's time and the database's clock disagree."))
        return isPlausible
      }
      more = await deleteExpired(db, Math.max(week, maxTokenLifetime), {
        ...{ supersededFor: maxTokenLifetime, ...keeping, isClockPlausible, sizes, failed: note },
      }).catch((err: unknown) => {
        // The retention times could not be read.
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
