import { activationDelay, type Settings } from '../platform/config/settings.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { hasActivated, inOrderOfActivation, type KeyMoments, keyStates } from './schedule.ts'

/** The part of a key that the schedule needs. */
export interface ScheduledKey extends KeyMoments {
  /** Seconds: the longest lifetime of anything the key has signed. */
  readonly longestLifetime: number
  /** The sealed private half; deleted when the key has retired or was revoked. */
  readonly sealedPrivateJwk: object | undefined
}

/** All in seconds. */
export interface Delays {
  readonly rotationPeriod: number
  /** How long a key is published before it signs. */
  readonly activationDelay: number
  readonly clockSkew: number
  /** How long a node may work without knowing the latest decisions. */
  readonly keyLease: number
}

export function delaysOf(
  settings: Pick<Settings, 'keyRotationPeriod' | 'jwksMaxAge' | 'verifierCache' | 'clockSkew' | 'keyLease'>,
): Delays {
  const { keyRotationPeriod: rotationPeriod, clockSkew, keyLease } = settings
  return { rotationPeriod, activationDelay: activationDelay(settings), clockSkew, keyLease }
}

/** One change, written under the lock of the ring. Moments are milliseconds since 1970. */
export type Decision =
  | {
      readonly what: 'create'
      readonly alg: SigningAlgorithm
      readonly publishedAt: number
      readonly activatesAt: number
    }
  /** A standby key activates later. */
  | { readonly what: 'postpone'; readonly kid: string; readonly activatesAt: number }
  /** A standby key signs from this moment, which is not later than the recorded one. */
  | { readonly what: 'activate'; readonly kid: string; readonly activatesAt: number }
  | { readonly what: 'retire'; readonly kid: string; readonly retiresAt: number }
  | { readonly what: 'revoke'; readonly kid: string; readonly revokedAt: number }
  /** The private half is destroyed. */
  | { readonly what: 'destroy'; readonly kid: string }

/** Number of standby keys: one to take over, and one that will then be the ripe standby key. */
const targetStandbys = 2

/**
 * The decisions that are due at this moment so that rotation continues without breaking verifiers. When all of them are written, call it
 * again, because one decision can lead to the next. The result does not depend on the node or on the order of the calls.
 *
 * @param keys all keys, of all algorithms
 * @param now the ring's time, in milliseconds since 1970
 */
export function dueDecisions(keys: readonly ScheduledKey[], now: number, delays: Delays): Decision[] {
  return signingAlgorithms.flatMap((alg) => dueFor(alg, keys, now, delays))
}

/** The same for one algorithm. */
export function dueFor(alg: SigningAlgorithm, keys: readonly ScheduledKey[], now: number, delays: Delays): Decision[] {
  // Without retired keys whose private half is destroyed, and without rows that are not valid keys: these have no private half, although they
  // were not revoked.
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
 * For an algorithm without an active key. The first keys of an installation sign immediately, because no verifier can have cached a set without
 * them. In an emergency, the best standby key signs immediately, too. The first key of an algorithm that was added by a later version waits
 * until it is ripe.
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

/** The next ripe key in the order of activation; otherwise the one that was published first. */
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

/** Whether every verifier that caches within the limits of the settings has seen the key. */
export function isRipe(key: KeyMoments, now: number, activationDelay: number): boolean {
  return ripensAt(key, activationDelay) <= now
}

export function ripensAt(key: KeyMoments, activationDelay: number): number {
  return key.publishedAt + activationDelay * 1000
}

/** Publishes a new standby key as soon as one is missing, which is long before it is needed. */
function replenishment(
  alg: SigningAlgorithm,
  active: ScheduledKey | undefined,
  standbys: readonly ScheduledKey[],
  now: number,
  { rotationPeriod, activationDelay }: Delays,
): Decision[] {
  if (standbys.length >= targetStandbys) return []
  const last = standbys.at(-1) ?? active
  const turn = last ? last.activatesAt + rotationPeriod * 1000 : now
  return [{ what: 'create', alg, publishedAt: now, activatesAt: Math.max(turn, now + activationDelay * 1000) }]
}

/**
 * No standby key activates before it is ripe. The next one also waits until the one after it is ripe, so that a ripe standby key remains. This
 * postpones keys that were scheduled with other settings, or while no node was running.
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
 * A key stays published until the last token that it signed has expired, even for a verifier whose clock is slow. It may have signed for one
 * lease longer than planned, on a node that did not know its successor yet.
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

/** The result of a rotation that an operator requested. Milliseconds since 1970. */
export interface Rotation {
  readonly decisions: readonly Decision[]
  /** The key that takes over. */
  readonly kid: string
  readonly activatesAt: number
  /** When every verifier has seen it, and the standby key after it. */
  readonly ripeAt: number
}

/**
 * Brings the next rotation of an algorithm forward: to now if the standby keys are ripe, otherwise to the moment when they will be.
 *
 * @param now the ring's time, in milliseconds since 1970
 * @param immediately sign with the next key now, whether it is ripe or not
 * @returns undefined if there is no standby key
 */
export function rotate(
  keys: readonly ScheduledKey[],
  alg: SigningAlgorithm,
  now: number,
  { activationDelay }: Delays,
  immediately: boolean,
): Rotation | undefined {
  const states = keyStates(keys, now)
  // A key without a private half cannot take over: it is not valid, or has retired.
  const canSign = (key: ScheduledKey) => key.alg === alg && key.sealedPrivateJwk !== undefined
  const standbys = keys.filter((key) => canSign(key) && states.get(key) === 'standby').sort(inOrderOfActivation)
  const [next] = standbys
  if (!next) return undefined
  // Also the one after it: otherwise no ripe standby key would be left for an emergency.
  const ripeAt = Math.max(...standbys.slice(0, 2).map((key) => ripensAt(key, activationDelay)))
  const activatesAt = immediately ? now : Math.min(next.activatesAt, Math.max(now, ripeAt))
  const decisions = activatesAt < next.activatesAt ? [{ what: 'activate' as const, kid: next.kid, activatesAt }] : []
  return { decisions, kid: next.kid, activatesAt, ripeAt }
}
