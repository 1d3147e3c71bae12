import { randomBytes } from 'node:crypto'

/** Milliseconds of rest between two probes, which cost about 15 µs. */
const restBetween = 20

/**
 * Makes a test of whether work in libuv's thread pool waits for its turn: RSA signatures do, if there are too many. While it is called, one tiny
 * piece of work is in the pool most of the time.
 *
 * @param limit milliseconds that the work may wait
 * @param send sends the work to the pool
 * @returns whether the work that was sent last has waited for longer
 */
export function createThreadPoolProbe(
  limit: number,
  send: (done: () => void) => void = (done) => randomBytes(1, done),
  now = () => performance.now(),
): () => boolean {
  let sentAt: number | undefined
  let nextAt = 0
  return () => {
    const at = now()
    if (sentAt !== undefined) return at - sentAt > limit
    if (at < nextAt) return false
    sentAt = at
    send(() => {
      sentAt = undefined
      nextAt = now() + restBetween
    })
    return false
  }
}
