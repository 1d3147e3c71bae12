import { patientTimer } from './waiting-line.ts'

/** Runs work a few at a time. No source of work can make the others wait until all of its own is done. */
export interface FairQueue {
  /**
   * Runs `work` when its turn comes. Sources take turns: a source with nothing waiting is delayed by no more than one work from each of the
   * others, however much they have waiting.
   *
   * @param source where the work comes from
   * @param signal ends the wait when nobody needs the result any more; work that has begun is finished
   * @throws QueueFull, before the work was begun; and what `work` throws
   */
  run<T>(source: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

/** The work was refused while it waited, or before. It was not begun. */
export class QueueFull extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'QueueFull'
  }
}

export interface FairQueueLimits {
  /** How many run at the same time. */
  readonly slots: number
  /** How many wait, from all sources together. */
  readonly maxWaiting: number
  /** How many wait from one source. */
  readonly maxWaitingPerSource: number
  /** How long one waits, in milliseconds. */
  readonly timeoutMs: number
}

interface Waiting {
  begin(): void
  refuse(reason: string): void
}

/**
 * A queue for work that is expensive, so that a flood is turned away instead of being worked off. When it is full, the source with the most
 * waiting makes room for one that has less: it takes as many sources as there are places to shut out a newcomer.
 */
export function createFairQueue({ slots, maxWaiting, maxWaitingPerSource, timeoutMs }: FairQueueLimits): FairQueue {
  let running = 0
  let waiting = 0
  /** What waits, by source, in the order of their turns. */
  const lines = new Map<string, Set<Waiting>>()

  const join = (source: string, entry: Waiting) => {
    waiting++
    const line = lines.get(source)
    if (line) line.add(entry)
    else lines.set(source, new Set([entry]))
  }
  const leave = (source: string, entry: Waiting) => {
    const line = lines.get(source)
    if (!line?.delete(entry)) return
    waiting--
    if (line.size === 0) lines.delete(source)
  }

  /** @returns why there is no room; undefined where there is, now */
  const makeRoom = (source: string): string | undefined => {
    const own = lines.get(source)?.size ?? 0
    if (own >= maxWaitingPerSource) return `${own} from the same source are waiting already.`
    if (waiting < maxWaiting) return undefined
    let longest: readonly Waiting[] = []
    for (const line of lines.values()) if (line.size > longest.length) longest = [...line]
    // With one more of its own, the source would have as many itself.
    if (longest.length <= own + 1) return `${waiting} are waiting already.`
    longest.at(-1)?.refuse('It made room for another source, with less waiting.')
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
      const abandon = () => entry.refuse('Nobody waits for it any more.')
      const endTimer = patientTimer(() => entry.refuse(`It waited for ${timeoutMs} ms.`), timeoutMs)
      signal?.addEventListener('abort', abandon)
      join(source, entry)
    })

  /** Hands a free slot to the next in turn. */
  const passOn = () => {
    const [next] = lines
    if (!next) {
      running--
      return
    }
    const [source, line] = next
    const [entry] = line
    // Behind all others, if it has more.
    lines.delete(source)
    lines.set(source, line)
    entry?.begin()
  }

  return {
    run: async (source, work, signal) => {
      if (signal?.aborted) throw new QueueFull('Nobody waits for it any more.')
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
