/** Shows the operator one sentence: what this process is doing or waiting for. */
export type Report = (sentence: string) => void

/** The startup steps that can take long, as sentences for the operator. */
export const slowSteps = {
  embeddedDatabase: 'Starting the embedded PostgreSQL. The first start has to create its database.',
  migrations: 'Migrating the database, or waiting for another node to migrate it.',
  signingKeys: 'Generating signing keys. On a slow machine this can take a minute.',
} as const

/** Milliseconds until a step counts as slow, and until it is reported again. */
const slowAfter = 2_000
const reportEvery = 60_000

/**
 * Does the work of a step, and reports the step if it takes long: first after two seconds, then every minute. A start that prints nothing
 * for a minute looks as if it hangs.
 *
 * @param step what is being done, one of `slowSteps`
 */
export async function reportIfSlow<T>(report: Report, step: string, work: () => Promise<T>): Promise<T> {
  let timer = setTimeout(function reportStep() {
    report(step)
    timer = setTimeout(reportStep, reportEvery)
  }, slowAfter)
  try {
    return await work()
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Waits for work that cannot be cancelled, but only until the signal is aborted. The work then continues, and its result is dropped.
 *
 * @throws the signal's reason if it is aborted first
 */
export function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
