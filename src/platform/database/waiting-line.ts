import { patientTimer } from '../patient-timer.ts'
import { DatabaseUnavailable } from './unavailable.ts'

/** Callers that wait for something, each until its own deadline, served in the order in which they came. */
export interface WaitingLine<T> {
  readonly length: number
  /** @throws DatabaseUnavailable when the line is full, when the deadline has passed, or what `refuse` was given */
  wait(): Promise<T>
  /** Serves the first in the line. */
  serve(item: T): void
  /** Turns the first in the line away. */
  refuse(error: unknown): void
}

/**
 * @param maxLength further callers are refused at once
 * @param timeoutMs milliseconds that a caller waits
 * @param reason why nothing became free, as a sentence for the operator
 */
export function createWaitingLine<T>(maxLength: number, timeoutMs: number, reason: () => string): WaitingLine<T> {
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
        if (line.size >= maxLength)
          return reject(new DatabaseUnavailable(`${line.size} requests are waiting for a database connection already.`))
        const endTimer = patientTimer(() => {
          line.delete(entry)
          reject(new DatabaseUnavailable(`No database connection was free within ${timeoutMs} ms. ${reason()}`))
        }, timeoutMs)
        const entry = { resolve, reject, endTimer }
        line.add(entry)
      }),
    serve: (item) => takeFirst()?.resolve(item),
    refuse: (error) => takeFirst()?.reject(error),
  }
}
