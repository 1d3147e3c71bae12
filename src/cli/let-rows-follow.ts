import { setTimeout as pause } from 'node:timers/promises'
import type { Installation } from '../installation.ts'
import { findFollowed } from '../records/endings/endings-store.ts'
import { type Decided, type Followed, followNext } from '../records/endings/follow-ending.ts'
import type { Terminal } from './terminal.ts'

/** Milliseconds that a command spends on the rows of what it has ended. */
const longest = 10_000

/** Milliseconds between two looks while another process has the batch. */
const betweenLooks = 50

const continues = 'This is in effect now. Updating all records takes longer; running servers continue with it.'

/**
 * Lets rows follow what a command has just ended, for some seconds or until the person asks for the end. The decision holds already, and
 * running servers do the rest; but there may be none.
 *
 * @returns a note where rows are left
 */
export async function letRowsFollow(
  { database }: Pick<Installation, 'database'>,
  { asked }: Pick<Terminal, 'asked'>,
): Promise<string[]> {
  const begun = performance.now()
  while (performance.now() - begun < longest && !asked.aborted) {
    // Neither a failure nor an interruption may hide that it is done.
    const isMore = await followNext(database).catch(() => undefined)
    if (isMore === false) return []
    if (isMore === undefined) break
  }
  return [continues]
}

/**
 * Lets rows follow one decision as `letRowsFollow` does, and counts them. Servers that run may do part of the work; their rows count as well.
 *
 * @returns how many sessions and grants have ended; with `left` there are more than that, and `notes` says so
 */
export async function countAsRowsFollow(
  { database }: Pick<Installation, 'database'>,
  { asked }: Pick<Terminal, 'asked'>,
  decided: Decided,
): Promise<{ readonly ended: Followed; readonly notes: string[] }> {
  const begun = performance.now()
  let ended: Followed = decided
  while (ended.left && performance.now() - begun < longest && !asked.aborted) {
    const isMore = await followNext(database).catch(() => undefined)
    const found = await findFollowed(database, decided.ending).catch(() => undefined)
    if (!found || isMore === undefined) break
    ended = found
    if (ended.left && !isMore) await pause(betweenLooks)
  }
  return { ended, notes: ended.left ? [`${continues} The number is of those counted so far.`] : [] }
}
