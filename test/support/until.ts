import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds. Long enough for a machine that does ten other things; who waits for so long is told for what. */
const patience = 60_000

/**
 * Asks again and again until the answer is yes.
 *
 * @param what is waited for, for the message
 * @throws Error with the last answer when it did not come
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T> | T,
  isYes: (answer: T) => boolean = Boolean,
): Promise<T> {
  const deadline = performance.now() + patience
  for (;;) {
    const answer = await ask()
    if (isYes(answer)) return answer
    if (performance.now() > deadline)
      throw new Error(`Waited ${patience / 1000} s for this: ${what}. Last seen: ${JSON.stringify(answer)}`)
    await pause(20)
  }
}

/** What `/readyz` of a node says. */
export async function readiness(issuer: string): Promise<{ status: number; problems: string[] }> {
  const response = await fetch(`${issuer}/readyz`)
  const { problems = [] } = (await response.json()) as { problems?: string[] }
  return { status: response.status, problems }
}

export async function untilReady(issuer: string): Promise<void> {
  await until(
    'the node is ready',
    () => readiness(issuer),
    ({ status }) => status === 200,
  )
}
