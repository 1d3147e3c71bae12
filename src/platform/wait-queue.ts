/** A timer runs as this many shorter timers. */
const parts = 10

/**
 * Calls `act` after a time, like `setTimeout`, except that a stall of this process counts for no more than a tenth of it. Node runs overdue
 * timers before it reads from sockets: after a stall, an ordinary timer would report a timeout although the answer has arrived. This one lets
 * the process read its sockets first.
 *
 * @returns cancels the timer
 */
export function startTimer(act: () => void, milliseconds: number): () => void {
  let left = parts
  const next = (): NodeJS.Timeout =>
    setTimeout(() => {
      left -= 1
      if (left === 0) act()
      else timer = next()
    }, milliseconds / parts)
  let timer = next()
  return () => clearTimeout(timer)
}

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
  const queue = new Set<{ resolve: (item: T) => void; reject: (error: unknown) => void; endTimer: () => void }>()
  const takeFirst = () => {
    const [first] = queue
    if (!first) return undefined
    queue.delete(first)
    first.endTimer()
    return first
  }
  return {
    get length() {
      return queue.size
    },
    wait: () =>
      new Promise((resolve, reject) => {
        if (queue.size >= maxLength) return reject(fullError(queue.size))
        const endTimer = startTimer(() => {
          queue.delete(entry)
          reject(timeoutError())
        }, timeoutMs)
        const entry = { resolve, reject, endTimer }
        queue.add(entry)
      }),
    serve: (item) => takeFirst()?.resolve(item),
    refuse: (error) => takeFirst()?.reject(error),
  }
}
