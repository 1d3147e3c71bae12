import { startTimer } from './deadlines.ts'

/** Runs a limited number of jobs at a time. No source can make the others wait until all its jobs are done. */
export interface FairQueue {
  /**
   * Runs `work` when its turn comes. Sources take turns: a source with nothing waiting is delayed by at most one job of each of the
   * others, no matter how many jobs they have waiting.
   *
   * @param source where the work comes from
   * @param signal ends the wait when the result is no longer needed; work that has started is completed
   * @throws QueueFull if the work was not started; otherwise what `work` throws
   */
  run<T>(source: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

/** The work was refused, immediately or while it waited. It was not started. */
export class QueueFull extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'QueueFull'
  }
}

export interface FairQueueLimits {
  /** Maximum jobs that run at the same time. */
  readonly slots: number
  /** Maximum jobs that wait, from all sources together. */
  readonly maxWaiting: number
  /** Maximum jobs that wait, from one source. */
  readonly maxWaitingPerSource: number
  /** Milliseconds that a job may wait. */
  readonly timeoutMs: number
}

interface Waiting {
  begin(): void
  refuse(reason: string): void
}

/**
 * A queue for expensive work, so that a flood is rejected instead of being processed. When the queue is full, the source with the most
 * waiting jobs loses one to a source that has fewer. To shut out a newcomer, an attacker needs as many sources as the queue has places.
 */
export function createFairQueue({ slots, maxWaiting, maxWaitingPerSource, timeoutMs }: FairQueueLimits): FairQueue {
  let running = 0
  let waiting = 0
  /** Waiting jobs by source, in the order of the sources' turns. */
  const queues = new Map<string, Set<Waiting>>()

  const join = (source: string, entry: Waiting) => {
    waiting++
    const queue = queues.get(source)
    if (queue) queue.add(entry)
    else queues.set(source, new Set([entry]))
  }
  const leave = (source: string, entry: Waiting) => {
    const queue = queues.get(source)
    if (!queue?.delete(entry)) return
    waiting--
    if (queue.size === 0) queues.delete(source)
  }

  /** @returns why there is no room; undefined if there is room now */
  const makeRoom = (source: string): string | undefined => {
    const own = queues.get(source)?.size ?? 0
    if (own >= maxWaitingPerSource) return `${own} from the same source are already waiting.`
    if (waiting < maxWaiting) return undefined
    let longest: readonly Waiting[] = []
    for (const queue of queues.values()) if (queue.size > longest.length) longest = [...queue]
    // With one more, this source would have as many itself.
    if (longest.length <= own + 1) return `${waiting} are already waiting.`
    longest.at(-1)?.refuse('It was displaced by a source with fewer waiting.')
    return undefined
  }

  const turn = (source: string, signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const noRoom = makeRoom(source)
      if (noRoom) return reject(new QueueFull(noRoom))
      const end = () => {
        leave(source, entry)
        endTimer()
        signal?.removeEventListener('abort', abandon)
      }
      const entry: Waiting = {
        begin: () => {
          end()
          resolve()
        },
        refuse: (reason) => {
          end()
          reject(new QueueFull(reason))
        },
      }
      const abandon = () => entry.refuse('The result is no longer needed.')
      const endTimer = startTimer(() => entry.refuse(`It waited for ${timeoutMs} ms.`), timeoutMs)
      signal?.addEventListener('abort', abandon)
      join(source, entry)
    })

  /** Passes a free slot to the next job. */
  const passOn = () => {
    const [next] = queues
    if (!next) {
      running--
      return
    }
    const [source, queue] = next
    const [entry] = queue
    // If the source has more jobs, its next turn comes after all others.
    queues.delete(source)
    queues.set(source, queue)
    entry?.begin()
  }

  return {
    run: async (source, work, signal) => {
      if (signal?.aborted) throw new QueueFull('The result is no longer needed.')
      if (running < slots) running++
      else await turn(source, signal)
      try {
        return await work()
      } finally {
        passOn()
      }
    },
  }
}
