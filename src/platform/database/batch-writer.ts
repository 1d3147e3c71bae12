import type { DatabaseLog } from '../log.ts'
import { isUnavailable } from './unavailable.ts'

/** Delays rows for a short time, so that many are written in one statement. */
export interface BatchWriter<T> {
  /** Queues a row, or merges it into a queued row with the same key. If the queue is full, the row is counted as lost. */
  add(row: T): void
  /** Writes the queued rows now. Resolves after one attempt; rows that could not be written are logged, and stay queued. */
  stop(): Promise<void>
}

export interface BatchWriterOptions<T> {
  /** The name of the rows, in the plural, for the log. */
  readonly what: string
  /** Milliseconds from the first queued row to the write. */
  readonly delayMs: number
  /** Maximum rows in memory. */
  readonly maxQueued: number
  /** Maximum rows per statement. */
  readonly maxBatch: number
  /** Writes these rows, all or none. */
  readonly write: (rows: readonly T[]) => Promise<void>
  /** What is logged about a dropped row: enough to find out where it came from, but no secrets. */
  readonly describe: (row: T) => object
  /** If given, rows with the same key are merged into one. `merge` may change the older row and return it. */
  readonly merging?: { readonly key: (row: T) => string; readonly merge: (older: T, newer: T) => T }
  readonly log: DatabaseLog
}

/**
 * Collects rows and writes them together. No caller waits for the outcome, so errors are handled here:
 *
 * - While the database is unavailable, or refuses the statement regardless of the values (a missing privilege), rows stay queued and are
 *   retried after `delayMs`, without a time limit. The queue is bounded.
 * - A batch that fails for any other reason is split in halves, so that a row whose values PostgreSQL rejects is found, logged and dropped,
 *   and all others are written.
 *
 * A row can be written twice if the answer to the first attempt was lost.
 */
export function createBatchWriter<T>(options: BatchWriterOptions<T>): BatchWriter<T> {
  const { what, delayMs, maxQueued, merging, log } = options
  let queue = new Map<string | number, T>()
  let added = 0
  let lost = 0
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()
  /** Why the last write failed; undefined if it succeeded. */
  let failing: string | undefined

  const put = (row: T) => {
    const key = merging ? merging.key(row) : added++
    const queued = queue.get(key)
    if (queued !== undefined && merging) {
      const merged = merging.merge(queued, row)
      if (merged !== queued) queue.set(key, merged)
    } else if (queue.size < maxQueued) queue.set(key, row)
    else lost++
  }
  const schedule = () => {
    timer ??= setTimeout(run, delayMs).unref()
  }
  const run = () => {
    timer = undefined
    writing = writing.then(writeQueue)
    return writing
  }

  const writeQueue = async () => {
    const rows = [...queue.values()]
    if (lost > 0) log.warn({ lost }, `The queue of ${what} was full; the excess was dropped.`)
    queue = new Map()
    lost = 0
    const { unwritten, error } = await writeRows(rows, options)
    const reason = error === undefined ? undefined : reasonOf(error)
    // Logged once for each reason, so that an outage does not fill the log.
    if (reason !== undefined && reason !== failing)
      log.warn({ err: error }, `Deferred write of ${what} failed; it will be retried.`)
    if (reason === undefined && failing !== undefined) log.info({}, `Deferred writes of ${what} work again.`)
    failing = reason
    if (unwritten.length === 0) return
    // Older rows first, so that a full queue drops the newest.
    const newer = [...queue.values()]
    queue = new Map()
    for (const row of [...unwritten, ...newer]) put(row)
    schedule()
  }

  return {
    add: (row) => {
      put(row)
      schedule()
    },
    stop: async () => {
      if (timer !== undefined) {
        clearTimeout(timer)
        run()
      }
      await writing
      if (queue.size > 0) log.warn({ unwritten: queue.size }, `Some ${what} could not be written.`)
    },
  }
}

/** @returns the rows that could not be written yet, and the reason */
async function writeRows<T>(
  rows: readonly T[],
  { what, maxBatch, write, describe, log }: BatchWriterOptions<T>,
): Promise<{ readonly unwritten: readonly T[]; readonly error?: unknown }> {
  const batches: (readonly T[])[] = []
  for (let start = 0; start < rows.length; start += maxBatch) batches.push(rows.slice(start, start + maxBatch))
  for (let batch = batches.shift(); batch; batch = batches.shift()) {
    try {
      await write(batch)
    } catch (error) {
      if (isUnavailable(error) || isStatementRefused(error)) return { unwritten: [batch, ...batches].flat(), error }
      const half = Math.ceil(batch.length / 2)
      if (batch.length > 1) batches.unshift(batch.slice(0, half), batch.slice(half))
      else
        for (const row of batch)
          log.warn({ reason: reasonOf(error), ...describe(row) }, `Dropped one of the ${what}: it cannot be written.`)
    }
  }
  return { unwritten: [] }
}

/**
 * PostgreSQL's errors about the statement or the role, never about a value (Appendix A): invalid authorization, no such database or schema,
 * syntax error or access rule violation. Somebody has to fix the cause; until then the rows wait.
 */
function isStatementRefused(error: unknown): boolean {
  return /^(28|3D|3F|42)...$/.test(String(Object(error).code))
}

/** The reason without the error's message, which may quote a value. */
function reasonOf(error: unknown): string {
  const { code, constraint, column, name } = Object(error) as Record<string, unknown>
  return [code ?? name, constraint ?? column].filter((part) => part !== undefined).join(' ')
}
