import type { KeyRing } from '../key-ring/key-ring.ts'
import { isRipe, ripensAt } from '../key-ring/rotation.ts'
import { isPublished, type KeyState } from '../key-ring/schedule.ts'
import type { KeyRecord } from '../key-ring/signing-keys-store.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator } from './actor.ts'

/** What an algorithm signs with after a revocation. All moments are in milliseconds since 1970. */
export interface Succession {
  readonly alg: SigningAlgorithm
  /** The key that signs now, and when every verifier knows it; undefined where no key signs. */
  readonly active: { readonly kid: string; readonly ripeAt: number; readonly isRipe: boolean } | undefined
  /** From when a key stands by that every verifier knows; Infinity where none stands by. */
  readonly ripeStandbyAt: number
}

export interface RevokedKeys {
  readonly outcome: 'revoked'
  readonly kids: readonly string[]
  readonly revokedAt: number
  /** By then every node has stopped using them, those with a slow clock included. */
  readonly nodesStoppedBy: number
  /** By then every verifier has fetched the JWK Set anew. */
  readonly verifiersStoppedBy: number
  /** Whether one of them has ever signed. */
  readonly hadSigned: boolean
  /** Whether the keys directory could be written, so that a backup that is restored does not bring them back. */
  readonly isInLedger: boolean
  readonly successions: readonly Succession[]
  /** This node's time, to which the moments above compare. */
  readonly now: number
}

export type RevokeKeysOutcome =
  | RevokedKeys
  | { readonly outcome: 'no_such_key' }
  /** No verifier takes it any more, and its private half is destroyed. */
  | { readonly outcome: 'retired' }
  | { readonly outcome: 'revoked_before'; readonly revokedAt: number }
  /** Noted in the keys directory, and then the database could not be used. The next node that opens the directory carries it out. */
  | { readonly outcome: 'only_noted'; readonly cause: unknown }

/**
 * Drops keys at once and for good. Keys that stand by sign from that moment.
 *
 * @param which the kid of one key; `all`: every key that is published, those that stand by included
 */
export async function revokeKeys(
  { keyRing, clock }: Pick<Signet, 'keyRing' | 'clock'>,
  actor: Operator,
  which: { readonly kid: string } | 'all',
  reason: string,
): Promise<RevokeKeysOutcome> {
  const states = keyRing.keys()
  const meant = which === 'all' ? allPublished(states) : findRevocable(states, which.kid)
  if ('outcome' in meant) return meant
  const kids = meant.map(({ kid }) => kid)
  // Only this: no other failure may be taken for a revocation that has been noted.
  const done = await keyRing
    .revoke(authorOf(actor, reason), kids)
    .catch((cause: unknown) => ({ outcome: 'only_noted' as const, cause }))
  if ('outcome' in done) return done
  const { revokedAt, isInLedger } = done
  const { activationDelay, keyLease } = keyRing.delays()
  const now = clock.now()
  const algorithms = [...new Set(meant.map(({ alg }) => alg))].sort()
  return {
    outcome: 'revoked',
    ...{ kids, revokedAt, isInLedger, now },
    // A node whose clock is slow, or that had asked just before.
    nodesStoppedBy: revokedAt + (keyLease + 1) * 1000,
    verifiersStoppedBy: revokedAt + activationDelay * 1000,
    hadSigned: meant.some(({ activatesAt }) => activatesAt <= revokedAt),
    successions: algorithms.map((alg) => successionOf(keyRing, alg, now)),
  }
}

function findRevocable(
  states: ReadonlyMap<KeyRecord, KeyState>,
  kid: string,
): KeyRecord[] | Exclude<RevokeKeysOutcome, RevokedKeys> {
  const [key, state] = [...states].find(([one]) => one.kid === kid) ?? []
  if (!key) return { outcome: 'no_such_key' }
  if (state === 'revoked') return { outcome: 'revoked_before', revokedAt: key.revokedAt ?? 0 }
  return state === 'retired' ? { outcome: 'retired' } : [key]
}

function allPublished(states: ReadonlyMap<KeyRecord, KeyState>): KeyRecord[] {
  return [...states].filter(([, state]) => isPublished(state)).map(([key]) => key)
}

function successionOf(keyRing: Pick<KeyRing, 'keys' | 'delays'>, alg: SigningAlgorithm, now: number): Succession {
  const { activationDelay } = keyRing.delays()
  const states = [...keyRing.keys()].filter(([key]) => key.alg === alg)
  const of = (state: KeyState) => states.filter(([, is]) => is === state).map(([key]) => key)
  const [active] = of('active')
  return {
    alg,
    active: active && {
      kid: active.kid,
      ripeAt: ripensAt(active, activationDelay),
      isRipe: isRipe(active, now, activationDelay),
    },
    ripeStandbyAt: Math.min(...of('standby').map((key) => ripensAt(key, activationDelay))),
  }
}
