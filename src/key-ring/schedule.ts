import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'

/** The moments of a signing key, as stored in its row. Milliseconds since 1970. */
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
 * The state of every key at one moment. A state is a function of time and of the other keys' moments, not a column, so that all nodes agree
 * without a background job. Of the keys of an algorithm whose activation time has passed, the one that activated last signs. If that one was
 * revoked, none signs: the previous key has been retiring since then, and verifiers may no longer have it.
 *
 * @param keys all keys, of all algorithms
 * @param now the ring's time, in milliseconds since 1970
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
  // Checked before the next line: the last activated key stays active, even if a retirement was recorded for it.
  if (isLatest) return 'active'
  if (key.retiresAt !== undefined && key.retiresAt <= now) return 'retired'
  return key.activatesAt > now ? 'standby' : 'retiring'
}

/** Whether a key has ever been active. A key that was revoked on standby has not. */
export function hasActivated(key: KeyMoments, now: number): boolean {
  return key.activatesAt <= now && (key.revokedAt === undefined || key.revokedAt > key.activatesAt)
}

/** If two keys activate at the same moment, the kid decides, so that all nodes sign with the same one. */
export function inOrderOfActivation(a: KeyMoments, b: KeyMoments): number {
  return a.activatesAt - b.activatesAt || (a.kid < b.kid ? -1 : 1)
}

/** Whether a key in this state is in the JWK Set. */
export function isPublished(state: KeyState): boolean {
  return state === 'standby' || state === 'active' || state === 'retiring'
}

/** The longest activation delay that any node has announced, in seconds, and when it was last announced, in milliseconds since 1970. */
export interface AnnouncedDelay {
  readonly seconds: number
  readonly announcedAt: number
}

/** Milliseconds after which a node announces its delay again. */
const announceEvery = 3_600_000

/**
 * The delay in effect, in seconds: the longest that a node has announced, for as long as a set that was served with it may be cached. After
 * that, this node's own. So nodes with different settings agree, and lowering the setting does not break verifiers.
 *
 * @param own seconds, from this node's settings
 * @param now milliseconds since 1970
 */
export function delayInEffect(delay: AnnouncedDelay, own: number, now: number): number {
  return delay.seconds > own && now < delay.announcedAt + delay.seconds * 1000 + 2 * announceEvery ? delay.seconds : own
}

/** Whether this node has to announce its own delay (again). */
export function mustAnnounceDelay(delay: AnnouncedDelay, own: number, now: number): boolean {
  if (delayInEffect(delay, own, now) > own) return false
  return delay.seconds !== own || now >= delay.announcedAt + announceEvery
}
