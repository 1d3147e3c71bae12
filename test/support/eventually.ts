import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'

/** Milliseconds. No test expects this to run out: a busy machine may take a hundred times as long as an idle one. */
const patience = 120_000

/**
 * Waits until something is as it should be, looking again every few milliseconds.
 *
 * @param what the thing waited for, as the error message names it
 * @param look reads it; what it throws counts as "not yet"
 * @param isGood whether what was read ends the wait; without it, anything but `undefined`, `null` and `false` does
 * @param between milliseconds from one look to the next
 * @returns what was read last
 * @throws Error that names what was waited for and what was seen last, after two minutes
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  isGood: (seen: T) => boolean = (seen) => seen !== undefined && seen !== null && seen !== false,
  between = 10,
): Promise<T> {
  const deadline = performance.now() + patience
  for (;;) {
    let last: unknown
    try {
      const seen = await look()
      if (isGood(seen)) return seen
      last = seen
    } catch (error) {
      last = error
    }
    if (performance.now() > deadline)
      throw new Error(`Waited ${patience / 1000} s for ${what}. Last seen: ${inspect(last, { depth: 4 })}`)
    await pause(between)
  }
}

/**
 * Does one piece of work after the other, without a pause, until none is left.
 *
 * @param what the work, as the error message names it
 * @param step does one piece; `false` if there was nothing to do. What it throws is thrown
 * @throws Error that names the work if there is still some after two minutes
 */
export async function untilNothingIsLeft(what: string, step: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patience
  while (await step())
    if (performance.now() > deadline) throw new Error(`After ${patience / 1000} s there is still more of ${what}.`)
}
