/** The longest activation delay that any node has named, in seconds, and when one last did, in milliseconds since 1970. */
export interface NamedDelay {
  readonly seconds: number
  readonly namedAt: number
}

/** Milliseconds after which a node names its delay again. */
const named = 3_600_000

/**
 * The delay that counts, in seconds: the longest that a node has named, for as long as a set that was served under it may be in a
 * cache; after that, this node's own. So nodes with different settings agree, and a setting that is lowered takes no verifier by
 * surprise.
 *
 * @param own seconds, of this node's settings
 * @param now milliseconds since 1970
 */
export function delayInForce(delay: NamedDelay, own: number, now: number): number {
  return delay.seconds > own && now < delay.namedAt + delay.seconds * 1000 + 2 * named ? delay.seconds : own
}

/** Whether this node's own delay has to be written down (anew). */
export function mustNameDelay(delay: NamedDelay, own: number, now: number): boolean {
  if (delayInForce(delay, own, now) > own) return false
  return delay.seconds !== own || now >= delay.namedAt + named
}
