import { setTimeout as pause } from 'node:timers/promises'
import type { Report } from '../progress.ts'
import { inTransaction, type Queryable } from './queryable.ts'
import { DatabaseUnavailable } from './unavailable.ts'

/** A lock for which nodes and commands take turns. It belongs to a transaction, and is released when that ends for any reason. */
export interface Lock {
  /** Takes the lock without waiting; false if another transaction holds it. */
  tryLock(tx: Queryable): Promise<boolean>
  /** What the holder of the lock is doing, for messages: "setting up this installation". */
  readonly purpose: string
}

/** How a caller waits while another process holds a lock. */
export interface LockWait {
  /** Ends the wait immediately. Work that has started under the lock is not interrupted. */
  readonly signal: AbortSignal
  /** Milliseconds; Infinity to wait until the lock is free. */
  readonly timeoutMs: number
  /** Called with a sentence about what is being waited for, after a second and then every minute. */
  readonly report: Report
}

/** For a server, whose callers get an error and retry: waits silently, for about as long as for a statement. */
export const briefWait: LockWait = { signal: new AbortController().signal, timeoutMs: 5_000, report: () => {} }

/** Milliseconds: from the first to the last pause between two attempts. */
const [firstPause, longestPause] = [10, 250]
const reportAfter = 1_000
const reportEvery = 60_000

/**
 * How long such a transaction may be idle before PostgreSQL ends it, in milliseconds. The general limit of 5 s is too short for a process
 * that gets hardly any CPU time, and a start that fails because it is slow would fail again the next time. On the other hand, a process that
 * is suspended while it holds a lock blocks all others for this long. Nodes continue to sign in the meantime, because they need no lock to
 * confirm their keys, but a revocation waits. (If the holder is killed, its connection closes and the lock is released immediately.)
 */
const idleLimitMs = 15_000

/**
 * Runs `work` in a transaction that holds a lock. While another process holds the lock, this one retries after short pauses, in a new
 * transaction each time: a waiting statement would be ended by `statement_timeout`, and until then would hold back VACUUM and occupy a
 * connection.
 *
 * @param work as in `inTransaction`; it must not do anything slow, because all others wait for it
 * @throws the signal's reason, or DatabaseUnavailable after `timeoutMs`, if the lock could not be taken (nothing was done); otherwise what
 *   `inTransaction` throws
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
    // Random, so that waiting processes do not retry at the same moment.
    await pause(wait * (0.5 + Math.random()), undefined, { signal }).catch(() => {}) // aborted: see the top of the loop
  }
}
