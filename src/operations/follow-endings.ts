import { setTimeout as pause } from 'node:timers/promises'
import { type Decided, type Followed, followNext } from '../records/endings/decide-ending.ts'
import { findFollowed } from '../records/endings/endings-store.ts'
import type { Signet } from '../signet.ts'

/*
 * A decision to end something holds at once; the rows follow in batches. Running servers see to that, but a command may run where there is
 * none. Neither a failure here nor an interruption may hide that it has been decided, so these functions do not throw.
 */

/** Milliseconds that are spent on the rows of what has been ended. */
const longest = 10_000

/** Milliseconds between two looks while another process has the batch. */
const betweenLooks = 50

/**
 * Lets rows follow what has just been ended, for some seconds or until the person asks for the end.
 *
 * @returns whether rows are left
 */
export async function followEndings(
  { database }: Pick<Signet, 'database'>,
  asked: AbortSignal,
): Promise<{ readonly left: boolean }> {
  const begun = performance.now()
  while (performance.now() - begun < longest && !asked.aborted) {
    const isMore = await followNext(database).catch(() => undefined)
    if (isMore === false) return { left: false }
    if (isMore === undefined) break
  }
  return { left: true }
}

/**
 * Lets rows follow one decision in the same way, and counts them. Servers that run may do part of the work; their rows count as well.
 *
 * @returns how many sessions and grants have ended; with `left` there are more than that
 */
export async function followDecision(
  { database }: Pick<Signet, 'database'>,
  asked: AbortSignal,
  decided: Decided,
): Promise<Followed> {
  const begun = performance.now()
  let ended: Followed = decided
  while (ended.left && performance.now() - begun < longest && !asked.aborted) {
    const isMore = await followNext(database).catch(() => undefined)
    const found = await findFollowed(database, decided.ending).catch(() => undefined)
    if (!found || isMore === undefined) break
    ended = found
    if (ended.left && !isMore) await pause(betweenLooks)
  }
  return ended
}
