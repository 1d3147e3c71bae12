import { createDeadlines } from './deadlines.ts'

/** A queue of callers, each with its own deadline, served in order of arrival. */
export interface WaitQueue<T> {
  readonly length: number
  /** @throws `fullError`, `timeoutError`, or the error that `refuse` was called with */
  wait(): Promise<T>
  /** Resolves the first caller's wait with an item. */
  serve(item: T): void
  /** Rejects the first caller's wait. */
  refuse(error: unknown): void
}

export interface WaitQueueOptions {
  /** Further callers are refused immediately. */
  readonly maxLength: number
  /** Milliseconds that a caller waits. */
  readonly timeoutMs: number
  /** Makes the error for a caller who finds this many others waiting. */
  readonly fullError: (length: number) => Error
  /** Makes the error for a caller who waited too long. */
  readonly timeoutError: () => Error
}

export function createWaitQueue<T>({ maxLength, timeoutMs, fullError, timeoutError }: WaitQueueOptions): WaitQueue<T> {
  const startWait = createDeadlines(timeoutMs)
  const queue = new Set<{ resolve: (item: T) => void; reject: (error: unknown) => void; endWait: () => void }>()
  const takeFirst = () => {
    const [first] = queue
    if (!first) return undefined
    queue.delete(first)
    first.endWait()
    return first
  }
  return {
    get length() {
      return queue.size
    },
    wait: () =>
      new Promise((resolve, reject) => {
        if (queue.size >= maxLength) return reject(fullError(queue.size))
        const endWait = startWait(() => {
          queue.delete(entry)
          reject(timeoutError())
        })
        const entry = { resolve, reject, endWait }
        queue.add(entry)
      }),
    serve: (item) => takeFirst()?.resolve(item),
    refuse: (error) => takeFirst()?.reject(error),
  }
}
