/** How many parts a wait has. */
const parts = 10

/**
 * Calls `act` after a time, as `setTimeout` does, but a stall of this process counts for no more than a tenth of it. Node runs overdue timers
 * before it reads from sockets: after a stall, an ordinary timer gives up on an answer that has arrived. This one lets the process look first.
 *
 * @param milliseconds how long to wait
 * @returns ends the wait
 */
export function patientTimer(act: () => void, milliseconds: number): () => void {
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

/** Callers that wait for something, each until its own deadline, served in the order in which they came. */
export interface WaitingLine<T> {
  readonly length: number
  /** @throws what the options make of a full line and of a deadline that has passed; what `refuse` was given */
  wait(): Promise<T>
  /** Serves the first in the line. */
  serve(item: T): void
  /** Turns the first in the line away. */
  refuse(error: unknown): void
}

export interface WaitingLineOptions {
  /** Further callers are refused at once. */
  readonly maxLength: number
  /** Milliseconds that a caller waits. */
  readonly timeoutMs: number
  /** The error for a caller who finds this many others in the line. */
  readonly whenFull: (length: number) => Error
  /** The error for a caller whose time is over. */
  readonly whenLate: () => Error
}

export function createWaitingLine<T>({ maxLength, timeoutMs, whenFull, whenLate }: WaitingLineOptions): WaitingLine<T> {
  const line = new Set<{ resolve: (item: T) => void; reject: (error: unknown) => void; endTimer: () => void }>()
  const takeFirst = () => {
    const [first] = line
    if (!first) return undefined
    line.delete(first)
    first.endTimer()
    return first
  }
  return {
    get length() {
      return line.size
    },
    wait: () =>
      new Promise((resolve, reject) => {
        if (line.size >= maxLength) return reject(whenFull(line.size))
        const endTimer = patientTimer(() => {
          line.delete(entry)
          reject(whenLate())
        }, timeoutMs)
        const entry = { resolve, reject, endTimer }
        line.add(entry)
      }),
    serve: (item) => takeFirst()?.resolve(item),
    refuse: (error) => takeFirst()?.reject(error),
  }
}
