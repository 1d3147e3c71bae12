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
