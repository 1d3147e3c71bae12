import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'

/** The moments of a signing key, as its row holds them. Milliseconds since 1970; lifetimes in seconds. */
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
 * activated last signs.
 *
 * @param keys all keys, of all algorithms
 * @param now milliseconds since 1970, the database's
 */
export function keyStates<K extends KeyMoments>(keys: readonly K[], now: number): ReadonlyMap<K, KeyState> {
  const active = new Map<SigningAlgorithm, K>()
  for (const key of keys) {
    if (isEnded(key, now) || key.activatesAt > now) continue
    const other = active.get(key.alg)
    if (!other || supersedes(key, other)) active.set(key.alg, key)
  }
  return new Map(keys.map((key) => [key, stateOf(key, active.get(key.alg), now)]))
}

function stateOf(key: KeyMoments, active: KeyMoments | undefined, now: number): KeyState {
  if (key.revokedAt !== undefined && key.revokedAt <= now) return 'revoked'
  if (key.retiresAt !== undefined && key.retiresAt <= now) return 'retired'
  if (key === active) return 'active'
  return key.activatesAt > now ? 'standby' : 'retiring'
}

function isEnded(key: KeyMoments, now: number): boolean {
  return (key.revokedAt !== undefined && key.revokedAt <= now) || (key.retiresAt !== undefined && key.retiresAt <= now)
}

/** Two keys that activated at the very same moment must not sign by turns: the kid decides, the same way on every node. */
function supersedes(key: KeyMoments, other: KeyMoments): boolean {
  return key.activatesAt > other.activatesAt || (key.activatesAt === other.activatesAt && key.kid > other.kid)
}

/** Whether a key in this state stands in the JWK Set. */
export function isPublished(state: KeyState): boolean {
  return state === 'standby' || state === 'active' || state === 'retiring'
}

/**
 * The moments of an algorithm's first two keys. The very first keys of an installation sign at once, for nobody can have
 * cached a set without them. The standby takes over after a rotation period, and never before every verifier has seen it.
 *
 * @param now milliseconds since 1970
 * @param rotationPeriod seconds
 * @param activationDelay seconds
 */
export function firstMoments(
  now: number,
  rotationPeriod: number,
  activationDelay: number,
): {
  active: Pick<KeyMoments, 'publishedAt' | 'activatesAt'>
  standby: Pick<KeyMoments, 'publishedAt' | 'activatesAt'>
} {
  return {
    active: { publishedAt: now, activatesAt: now },
    standby: { publishedAt: now, activatesAt: now + Math.max(rotationPeriod, activationDelay) * 1000 },
  }
}
