import { activationDelay, type Settings } from '../platform/config/settings.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { hasActivated, inOrderOfActivation, type KeyMoments, keyStates } from './schedule.ts'

/** What the schedule needs to know of a key. */
export interface ScheduledKey extends KeyMoments {
  /** Seconds: the longest lifetime of anything the key has signed. */
  readonly longestLifetime: number
  /** The private half, under seal; gone once the key has retired or was revoked. */
  readonly sealedPrivateJwk: object | undefined
}

/** All in seconds. */
export interface Delays {
  readonly rotationPeriod: number
  /** How long a key is published before it signs. */
  readonly activationDelay: number
  readonly clockSkew: number
  /** How long a node may go on as if nothing had been decided. */
  readonly keyLease: number
}

export function delaysOf(
  settings: Pick<Settings, 'keyRotationPeriod' | 'jwksMaxAge' | 'verifierCache' | 'clockSkew' | 'keyLease'>,
): Delays {
  const { keyRotationPeriod: rotationPeriod, clockSkew, keyLease } = settings
  return { rotationPeriod, activationDelay: activationDelay(settings), clockSkew, keyLease }
}

/** One thing that is written down, under the lock of the ring. Moments are milliseconds since 1970. */
export type Decision =
  | {
      readonly what: 'create'
      readonly alg: SigningAlgorithm
      readonly publishedAt: number
      readonly activatesAt: number
    }
  /** A standby waits longer. */
  | { readonly what: 'postpone'; readonly kid: string; readonly activatesAt: number }
  /** A standby signs from this moment, which is not later than the one that was written. */
  | { readonly what: 'activate'; readonly kid: string; readonly activatesAt: number }
  | { readonly what: 'retire'; readonly kid: string; readonly retiresAt: number }
  | { readonly what: 'revoke'; readonly kid: string; readonly revokedAt: number }
  /** The private half is destroyed. */
  | { readonly what: 'destroy'; readonly kid: string }

/** Keys that stand by: one to take over, and one that stands by ripe as soon as that has happened. */
const standbysWanted = 2

/**
 * What has to be decided at this moment so that rotation goes on and breaks no verifier. Once all of it is written, the question has
 * to be asked again: one decision can lead to the next. The order of questions and the node that asks make no difference.
 *
 * @param keys all keys, of all algorithms
 * @param now milliseconds since 1970, the ring's
 */
export function dueDecisions(keys: readonly ScheduledKey[], now: number, delays: Delays): Decision[] {
  return signingAlgorithms.flatMap((alg) => dueFor(alg, keys, now, delays))
}

/** The same for one algorithm. */
export function dueFor(alg: SigningAlgorithm, keys: readonly ScheduledKey[], now: number, delays: Delays): Decision[] {
  // A key that has retired has done its part. Nor is one without a private half that was not revoked a key of ours.
  const own = keys.filter((key) => key.alg === alg && (key.sealedPrivateJwk || key.revokedAt !== undefined))
  const states = keyStates(own, now)
  const standbys = own.filter((key) => states.get(key) === 'standby').sort(inOrderOfActivation)
  const active = own.find((key) => states.get(key) === 'active')
  const successor = active ? [] : succession(alg, keys, standbys, now, delays)
  if (successor.length > 0) return successor
  return [
    ...replenishment(alg, active, standbys, now, delays),
    ...ripening(standbys, delays),
    ...retirement(own, now, delays),
    ...own.flatMap((key): Decision[] =>
      key.sealedPrivateJwk && states.get(key) === 'retired' ? [{ what: 'destroy', kid: key.kid }] : [],
    ),
  ]
}

/**
 * No key signs. The very first keys of an installation sign at once, for nobody can have cached a set without them; so does, in an
 * emergency, the best standby. A first key of an algorithm that came with a later version waits until it is ripe.
 */
function succession(
  alg: SigningAlgorithm,
  keys: readonly ScheduledKey[],
  standbys: readonly ScheduledKey[],
  now: number,
  { activationDelay }: Delays,
): Decision[] {
  const isEmergency = keys.some((key) => key.alg === alg && hasActivated(key, now))
  if (!isEmergency && keys.length > 0) return []
  const next = bestStandby(standbys, now, activationDelay)
  return next
    ? [{ what: 'activate', kid: next.kid, activatesAt: now }]
    : [{ what: 'create', alg, publishedAt: now, activatesAt: now }]
}

/** The next one in the order, if it is ripe; else whichever was published first. */
function bestStandby(
  standbys: readonly ScheduledKey[],
  now: number,
  activationDelay: number,
): ScheduledKey | undefined {
  return (
    standbys.find((key) => isRipe(key, now, activationDelay)) ??
    [...standbys].sort((a, b) => a.publishedAt - b.publishedAt)[0]
  )
}

/** Every verifier that caches as the settings allow has seen the key. */
export function isRipe(key: KeyMoments, now: number, activationDelay: number): boolean {
  return ripensAt(key, activationDelay) <= now
}

export function ripensAt(key: KeyMoments, activationDelay: number): number {
  return key.publishedAt + activationDelay * 1000
}

/** A new standby is published as soon as there are fewer than wanted, so long before it is needed. */
function replenishment(
  alg: SigningAlgorithm,
  active: ScheduledKey | undefined,
  standbys: readonly ScheduledKey[],
  now: number,
  { rotationPeriod, activationDelay }: Delays,
): Decision[] {
  if (standbys.length >= standbysWanted) return []
  const last = standbys.at(-1) ?? active
  const turn = last ? last.activatesAt + rotationPeriod * 1000 : now
  return [{ what: 'create', alg, publishedAt: now, activatesAt: Math.max(turn, now + activationDelay * 1000) }]
}

/**
 * No standby activates before it is ripe, and the next one not before the one behind it is ripe too: a ripe standby then remains.
 * This moves keys that were scheduled under other settings, or while no node ran.
 */
function ripening(standbys: readonly ScheduledKey[], { activationDelay }: Delays): Decision[] {
  const [next, behind] = standbys
  return standbys.flatMap((key): Decision[] => {
    const ripe = ripensAt(key, activationDelay)
    const earliest = key === next && behind ? Math.max(ripe, ripensAt(behind, activationDelay)) : ripe
    return key.activatesAt < earliest ? [{ what: 'postpone', kid: key.kid, activatesAt: earliest }] : []
  })
}

/**
 * A key is published until the last token that it signed has expired for a verifier whose clock is slow. It may have signed for a
 * lease longer than it should: on a node that had not yet heard of its successor.
 */
function retirement(own: readonly ScheduledKey[], now: number, { clockSkew, keyLease }: Delays): Decision[] {
  const activated = own.filter((key) => hasActivated(key, now)).sort(inOrderOfActivation)
  return activated.flatMap((key, index): Decision[] => {
    const successor = activated[index + 1]
    const isOver = (key.revokedAt ?? Infinity) <= now || (key.retiresAt ?? Infinity) <= now
    if (!successor || isOver) return []
    const retiresAt = successor.activatesAt + (key.longestLifetime + clockSkew + keyLease) * 1000
    return (key.retiresAt ?? 0) < retiresAt ? [{ what: 'retire', kid: key.kid, retiresAt }] : []
  })
}

/** What a rotation that an operator asks for comes to. Milliseconds since 1970. */
export interface Rotation {
  readonly decisions: readonly Decision[]
  /** The key that takes over. */
  readonly kid: string
  readonly activatesAt: number
  /** When every verifier has seen it, and the one that stands by behind it. */
  readonly ripeAt: number
}

/**
 * Brings the next rotation of an algorithm forward: to now where the standbys are ripe, else to the moment when they are.
 *
 * @param now milliseconds since 1970, the ring's
 * @param atOnce sign with the next key now, ripe or not
 * @returns undefined where no key stands by
 */
export function rotate(
  keys: readonly ScheduledKey[],
  alg: SigningAlgorithm,
  now: number,
  { activationDelay }: Delays,
  atOnce: boolean,
): Rotation | undefined {
  const states = keyStates(keys, now)
  // Without a private half it could not take over: it is no key of ours, or is over.
  const canSign = (key: ScheduledKey) => key.alg === alg && key.sealedPrivateJwk !== undefined
  const standbys = keys.filter((key) => canSign(key) && states.get(key) === 'standby').sort(inOrderOfActivation)
  const [next] = standbys
  if (!next) return undefined
  // The one behind it too: else no ripe standby would be left for an emergency.
  const ripeAt = Math.max(...standbys.slice(0, 2).map((key) => ripensAt(key, activationDelay)))
  const activatesAt = atOnce ? now : Math.min(next.activatesAt, Math.max(now, ripeAt))
  const decisions = activatesAt < next.activatesAt ? [{ what: 'activate' as const, kid: next.kid, activatesAt }] : []
  return { decisions, kid: next.kid, activatesAt, ripeAt }
}
