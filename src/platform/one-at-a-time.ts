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
