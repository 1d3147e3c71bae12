import { createWaitingLine, type WaitingLine } from './waiting-line.ts'

/** Does work one at a time for each key, so that requests which need the same row do not all hold a database connection to wait for it. */
export interface Turns {
  /**
   * Does `work` when everybody who came earlier with the same key is done. Must not be called from within `work`: a request that waits
   * for one turn while it has another could wait for itself.
   *
   * @param key what the work would lock; it says what it is about, so that two kinds of work never share one
   * @throws TooManyWaiting, before `work` was begun; and what `work` throws
   */
  take<T>(key: string, work: () => Promise<T>): Promise<T>
}

/** Too many requests want the same thing at once, or those before this one took too long. Nothing was done. */
export class TooManyWaiting extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'TooManyWaiting'
  }
}

/** As many short transactions as are done in the time, on a disk that takes 10 ms for each commit. */
const limits = { maxWaiting: 300, timeoutMs: 3_000 }

/**
 * PostgreSQL lets those who want one row come one after another anyway. Here they wait without a connection, and everybody else
 * still finds one.
 *
 * @param maxWaiting for one key, besides the one whose turn it is
 * @param timeoutMs milliseconds that one waits at most
 */
export function createTurns({ maxWaiting, timeoutMs }: typeof limits = limits): Turns {
  /** For each key whose turn somebody has, those who wait for it. */
  const lines = new Map<string, WaitingLine<void>>()
  const createLine = () =>
    createWaitingLine<void>({
      maxLength: maxWaiting,
      timeoutMs,
      whenFull: (length) => new TooManyWaiting(`${length} requests wait for the same thing.`),
      whenLate: () => new TooManyWaiting(`Others wanted the same thing, and were not done after ${timeoutMs} ms.`),
    })

  return {
    take: async (key, work) => {
      const line = lines.get(key)
      if (line) await line.wait()
      else lines.set(key, createLine())
      try {
        return await work()
      } finally {
        const own = lines.get(key)
        if (own && own.length > 0) own.serve()
        else lines.delete(key)
      }
    },
  }
}
