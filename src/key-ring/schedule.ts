import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'

/** The moments of a signing key, as its row holds them. Milliseconds since 1970. */
export interface KeyMoments {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly publishedAt: number
  readonly activatesAt: number
  readonly retiresAt: number | undefined
  readonly revokedAt: number | undefined
}

export type KeyState = 'standby' | 'active' | 'retiring' | 'retired' | 'revoked'

/**
 * The state of every key at one moment. A state is a function of time and of the other keys' moments, never a column, so that
 * every node sees the same without any job having to run: of the keys of an algorithm whose time has come, the one that
 * activated last signs. If that one was revoked none does: the key before it has been on its way out since, and verifiers may have
 * dropped it.
 *
 * @param keys all keys, of all algorithms
 * @param now milliseconds since 1970, the ring's
 */
export function keyStates<K extends KeyMoments>(keys: readonly K[], now: number): ReadonlyMap<K, KeyState> {
  const latest = new Map<SigningAlgorithm, K>()
  for (const key of keys) {
    const other = latest.get(key.alg)
    if (hasActivated(key, now) && (!other || inOrderOfActivation(other, key) < 0)) latest.set(key.alg, key)
  }
  const states = new Map<K, KeyState>()
  for (const key of keys) states.set(key, stateOf(key, key === latest.get(key.alg), now))
  return states
}

function stateOf(key: KeyMoments, isLatest: boolean, now: number): KeyState {
  if (key.revokedAt !== undefined && key.revokedAt <= now) return 'revoked'
  // Before the next line: whatever was once written of its retirement, the last one there is goes on.
  if (isLatest) return 'active'
  if (key.retiresAt !== undefined && key.retiresAt <= now) return 'retired'
  return key.activatesAt > now ? 'standby' : 'retiring'
}

/** Whether a key has come to sign, be it over by now. One that was revoked on standby never does. */
export function hasActivated(key: KeyMoments, now: number): boolean {
  return key.activatesAt <= now && (key.revokedAt === undefined || key.revokedAt > key.activatesAt)
}

/** Two keys that activate at the very same moment must not sign by turns: the kid decides, the same way on every node. */
export function inOrderOfActivation(a: KeyMoments, b: KeyMoments): number {
  return a.activatesAt - b.activatesAt || (a.kid < b.kid ? -1 : 1)
}

/** Whether a key in this state stands in the JWK Set. */
export function isPublished(state: KeyState): boolean {
  return state === 'standby' || state === 'active' || state === 'retiring'
}

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
