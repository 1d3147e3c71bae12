import { setTimeout as pause } from 'node:timers/promises'
import type { Report } from '../progress.ts'
import { inTransaction, type Queryable } from './queryable.ts'
import { DatabaseUnavailable } from './unavailable.ts'

/** A lock that nodes and commands take in turn. It belongs to a transaction and ends with it, however that ends. */
export interface Lock {
  /** Takes the lock without waiting; false if another transaction holds it. */
  tryLock(tx: Queryable): Promise<boolean>
  /** What whoever holds it is doing: "setting up this installation". */
  readonly purpose: string
}

/** How a caller waits while another process holds a lock. */
export interface LockWait {
  /** Ends the wait at once. Work that has begun under the lock is not disturbed. */
  readonly signal: AbortSignal
  /** Milliseconds; Infinity to wait until the lock is free. */
  readonly timeoutMs: number
  /** Told what is being waited for, after a second and then every minute. */
  readonly report: Report
}

/** For a server, whose callers get an error and try again: it waits about as long as for a statement, and silently. */
export const briefWait: LockWait = { signal: new AbortController().signal, timeoutMs: 5_000, report: () => {} }

/** Milliseconds: from the first to the last pause between two attempts. */
const [firstPause, longestPause] = [10, 250]
const reportAfter = 1_000
const reportEvery = 60_000

/**
 * How long such a transaction may be idle before PostgreSQL ends it. The general limit of 5 s is too short for a process that gets
 * hardly any CPU time, and a start that fails because it is slow fails again the next time. On the other hand, a process that is
 * suspended while it holds a lock keeps everybody from it for this long. Nodes go on signing in the meantime, since they need no
 * lock to confirm their keys, but a revocation waits. (If the holder is killed, its connection closes and the lock is free at once.)
 */
const idleLimitMs = 15_000

/**
 * Runs `work` in a transaction that holds a lock. While another process holds it, this one tries again after a short pause, in
 * a new transaction each time: a statement that waited would be ended by `statement_timeout`, and while it waits it would hold
 * back VACUUM and occupy a connection.
 *
 * @param work as in `inTransaction`; it must do nothing slow, because everybody else waits for it
 * @throws the signal's reason, or DatabaseUnavailable after `timeoutMs`, if the lock was not free until then (nothing was
 *   done); otherwise what `inTransaction` throws
 */
export async function inLockedTransaction<T>(
  database: Parameters<typeof inTransaction>[0],
  { tryLock, purpose }: Lock,
  { signal, timeoutMs, report }: LockWait,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  const begun = performance.now()
  let nextReport = reportAfter
  for (let wait = firstPause; ; wait = Math.min(wait * 1.5, longestPause)) {
    signal.throwIfAborted()
    const outcome = await inTransaction(database, async (tx) => {
      await tx.query({ text: `SET LOCAL idle_in_transaction_session_timeout = ${idleLimitMs}` })
      return (await tryLock(tx)) ? { result: await work(tx) } : undefined
    })
    if (outcome) return outcome.result
    const waited = performance.now() - begun
    if (waited >= timeoutMs)
      throw new DatabaseUnavailable(`Another node was ${purpose} for more than ${timeoutMs / 1000} s.`)
    if (waited >= nextReport) {
      report(`Another node is ${purpose}; waiting for it to finish.`)
      nextReport = waited + reportEvery
    }
    // Random, so that those who wait do not come back at the same moment.
    await pause(wait * (0.5 + Math.random()), undefined, { signal }).catch(() => {}) // aborted: see the top of the loop
  }
}
