import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import { type Decision, type Delays, ripensAt, type ScheduledKey } from './decisions.ts'
import { inOrderOfActivation, keyStates } from './schedule.ts'

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
