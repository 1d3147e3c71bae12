/**
 * Runs work on the first call, and returns the same result to all callers. If it fails, the callers that were waiting get the error, and
 * the next call tries again: a temporary failure, such as a lack of memory or file descriptors, must not become permanent.
 *
 * @param work for example reading a large list that most processes never need
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
 * Shares runs of the same work between callers, one run at a time. Calls during a run share the next run, which starts after they were
 * made. So an older result never replaces a newer one, and a thousand simultaneous calls cost two runs.
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

/**
 * Shares runs of the same work between callers, as `oneAtATime` does, for each key separately. If a run fails, those that wait for the next one
 * fail as well: each of them would only wait as long again.
 */
export function sharedByKey<T>(work: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const runs = new Map<string, { readonly running: Promise<T>; next?: Promise<T> }>()
  const begin = (key: string): Promise<T> => {
    const running = work(key)
    const run: { readonly running: Promise<T>; next?: Promise<T> } = { running }
    runs.set(key, run)
    const forget = () => {
      if (!run.next) runs.delete(key)
    }
    running.then(forget, () => runs.delete(key))
    return running
  }
  return (key) => {
    const run = runs.get(key)
    if (!run) return begin(key)
    run.next ??= run.running.then(() => begin(key))
    return run.next
  }
}
