import { isUnavailable } from './unavailable.ts'

export interface BatchedReadOptions<Key, Value> {
  /** A text that is equal for equal keys, and only for those. */
  readonly textOf: (key: Key) => string
  /** Reads all of these in one statement. The results are in the order of the keys, which all differ. */
  readonly read: (keys: readonly Key[]) => Promise<readonly Value[]>
  /** Maximum keys per statement. Default 100. */
  readonly maxBatch?: number
  /** Statements that run at the same time, unless a whole batch is waiting. Default 2, so that one slow connection does not stop all reads. */
  readonly maxRunning?: number
}

interface Waiting<Key, Value> {
  readonly key: Key
  readonly result: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void
}

/**
 * Lets concurrent callers share a statement. Keys that arrive in the same turn of the event loop, or while earlier statements are running, are
 * read together; without concurrency each key has a statement of its own, and is not delayed.
 *
 * - A result is never older than its request: a statement has only keys that arrived before it was sent.
 * - A caller waits for at most one statement of others: a full batch is sent whatever is running. The pool limits how many run.
 * - If the database is unavailable, all callers of the batch get the error. If a statement fails for another reason, which may be the value of
 *   one key, each of its keys is read alone.
 *
 * @returns reads one key. Do not call it in a transaction: the statement runs on another connection
 */
export function createBatchedRead<Key, Value>(options: BatchedReadOptions<Key, Value>): (key: Key) => Promise<Value> {
  const { textOf, read, maxBatch = 100, maxRunning = 2 } = options
  const waiting = new Map<string, Waiting<Key, Value>>()
  let running = 0
  let isScheduled = false

  const send = () => {
    while (waiting.size >= maxBatch || (waiting.size > 0 && running < maxRunning)) {
      const batch = [...waiting].slice(0, maxBatch)
      for (const [text] of batch) waiting.delete(text)
      running++
      readBatch(
        read,
        batch.map(([, one]) => one),
      ).finally(() => {
        running--
        send()
      })
    }
  }
  const schedule = () => {
    if (isScheduled || (running >= maxRunning && waiting.size < maxBatch)) return
    isScheduled = true
    // After all requests that have arrived already.
    setImmediate(() => {
      isScheduled = false
      send()
    })
  }
  return (key) => {
    const text = textOf(key)
    let entry = waiting.get(text)
    if (!entry) {
      entry = waitingFor(key)
      waiting.set(text, entry)
      schedule()
    }
    return entry.result
  }
}

function waitingFor<Key, Value>(key: Key): Waiting<Key, Value> {
  let [resolve, reject]: [(value: Value) => void, (error: unknown) => void] = [() => {}, () => {}]
  const result = new Promise<Value>((...settle) => {
    ;[resolve, reject] = settle
  })
  return { key, result, resolve, reject }
}

/** Never rejects. */
async function readBatch<Key, Value>(
  read: BatchedReadOptions<Key, Value>['read'],
  batch: readonly Waiting<Key, Value>[],
): Promise<void> {
  try {
    const values = await read(batch.map(({ key }) => key))
    if (values.length !== batch.length) throw new Error(`${batch.length} keys have ${values.length} results.`)
    for (const [index, { resolve }] of batch.entries()) resolve(values[index] as Value)
  } catch (error) {
    if (batch.length === 1 || isUnavailable(error)) for (const { reject } of batch) reject(error)
    else for (const one of batch) await readBatch(read, [one])
  }
}
