/**
 * Does work when it is first asked for, and gives everybody the same outcome. Where it fails, those who were waiting are told so, and
 * whoever asks next tries again: a failure that passes, such as a lack of memory or of file descriptors, must not last for ever.
 *
 * @param work such as reading a large list, which most processes never need
 */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let outcome: Promise<T> | undefined
  return () => {
    if (outcome) return outcome
    const attempt = work()
    outcome = attempt
    attempt.catch(() => {
      outcome = undefined
    })
    return attempt
  }
}

/**
 * Does the same work for all who ask, one run at a time: who asks during a run shares the next one, which begins after they asked.
 * So no older answer can take the place of a newer one, and a thousand who ask at once cost two runs.
 */
export function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let waiting: Promise<void> | undefined
  const ask = (): Promise<void> => {
    if (running) {
      const startNext = () => {
        waiting = undefined
        return ask()
      }
      waiting ??= running.then(startNext, startNext)
      return waiting
    }
    running = work().finally(() => {
      running = undefined
    })
    return running
  }
  return ask
}
