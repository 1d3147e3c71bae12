import { setTimeout as pause } from 'node:timers/promises'
import { inspect } from 'node:util'

/** Milliseconds. No test should reach this limit: a busy machine may take a hundred times as long as an idle one. */
const timeout = 120_000

/**
 * Polls until a condition holds.
 *
 * @param what names the condition in the error message, in the form "the node to be ready"
 * @param look reads the current state; if it throws, that counts as "not yet"
 * @param isGood whether the state ends the wait; by default anything but `undefined`, `null` and `false` does
 * @param between milliseconds between two looks
 * @returns the last state read
 * @throws Error that names the condition and the last state, after two minutes
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  isGood: (seen: T) => boolean = (seen) => seen !== undefined && seen !== null && seen !== false,
  between = 10,
): Promise<T> {
  const deadline = performance.now() + timeout
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
      throw new Error(`Waited ${timeout / 1000} s for ${what}. Last seen: ${inspect(last, { depth: 4 })}`)
    await pause(between)
  }
}

/**
 * Repeats a step without a pause until there is nothing left to do.
 *
 * @param what names the work in the error message
 * @param step does one piece of work; returns `false` if there was nothing to do. Its errors are thrown
 * @throws Error that names the work if there is still some after two minutes
 */
export async function untilNothingIsLeft(what: string, step: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeout
  while (await step())
    if (performance.now() > deadline) throw new Error(`After ${timeout / 1000} s there is still work left: ${what}.`)
}
