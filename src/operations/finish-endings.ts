import { setTimeout as pause } from 'node:timers/promises'
import { type Decided, type EndedRows, endNextBatch } from '../records/endings/decide-ending.ts'
import { findEndedRows } from '../records/endings/endings-store.ts'
import type { Signet } from '../signet.ts'

/*
 * A decision to end sessions or grants takes effect immediately. Their rows are updated later, in batches. Running servers do that
 * (records/endings/ending-worker.ts), but a command may run while no server does, so it does part of the work itself. These functions do not
 * throw: neither a failure here nor an interruption may hide that the decision was made.
 */

/** The maximum time that a command spends on updating rows, in milliseconds. */
const maxDuration = 10_000

/** Milliseconds between two polls while another process is working on the batch. */
const pollInterval = 50

/**
 * Updates rows of sessions and grants that have been ended, for a few seconds or until the operator interrupts it.
 *
 * @param interrupted aborted when the operator or the system asks the command to stop
 * @returns whether rows are left
 */
export async function finishEndings(
  { database }: Pick<Signet, 'database'>,
  interrupted: AbortSignal,
): Promise<{ readonly left: boolean }> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < maxDuration && !interrupted.aborted) {
    const isMore = await endNextBatch(database).catch(() => undefined)
    if (isMore === false) return { left: false }
    if (isMore === undefined) break
  }
  return { left: true }
}

/**
 * Does the same for one decision, and counts its rows. Rows that running servers update in the meantime count too.
 *
 * @returns how many rows of sessions and grants have been updated so far; `left` if there are more
 */
export async function finishDecision(
  { database }: Pick<Signet, 'database'>,
  interrupted: AbortSignal,
  decided: Decided,
): Promise<EndedRows> {
  const startedAt = performance.now()
  let ended: EndedRows = decided
  while (ended.left && performance.now() - startedAt < maxDuration && !interrupted.aborted) {
    const isMore = await endNextBatch(database).catch(() => undefined)
    const found = await findEndedRows(database, decided.ending).catch(() => undefined)
    if (!found || isMore === undefined) break
    ended = found
    if (ended.left && !isMore) await pause(pollInterval)
  }
  return ended
}
