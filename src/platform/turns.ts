import { createWaitQueue, type WaitQueue } from './wait-queue.ts'

/** Runs work for each key one at a time, so that requests for the same row do not each hold a database connection while they wait for it. */
export interface Turns {
  /**
   * Runs `work` when all earlier work with the same key is done. Must not be called from within `work`: a request that waits for one turn
   * while it holds another could wait for itself.
   *
   * @param key what the work would lock, prefixed with its kind, so that two kinds of work never share a key
   * @throws TooManyWaiting if `work` was not started; otherwise what `work` throws
   */
  take<T>(key: string, work: () => Promise<T>): Promise<T>
}

/** Too many requests wait for the same key, or those before this one took too long. The work was not started. */
export class TooManyWaiting extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TooManyWaiting'
  }
}

/** As many short transactions as fit into the timeout, on a disk that takes 10 ms for each commit. */
const limits = { maxWaiting: 300, timeoutMs: 3_000 }

/**
 * PostgreSQL serializes transactions on the same row anyway. Here they wait without a connection, so that other requests still get one.
 *
 * @param maxWaiting maximum waiters for one key, not counting the one that is running
 * @param timeoutMs maximum wait, in milliseconds
 */
export function createTurns({ maxWaiting, timeoutMs }: typeof limits = limits): Turns {
  /** For each key with running work, the queue of waiters. */
  const queues = new Map<string, WaitQueue<void>>()
  const createQueue = () =>
    createWaitQueue<void>({
      maxLength: maxWaiting,
      timeoutMs,
      fullError: (length) => new TooManyWaiting(`${length} requests are already waiting for the same row.`),
      timeoutError: () => new TooManyWaiting(`Earlier requests for the same row were not done after ${timeoutMs} ms.`),
    })

  return {
    take: async (key, work) => {
      const queue = queues.get(key)
      if (queue) await queue.wait()
      else queues.set(key, createQueue())
      try {
        return await work()
      } finally {
        const waiting = queues.get(key)
        if (waiting && waiting.length > 0) waiting.serve()
        else queues.delete(key)
      }
    },
  }
}
