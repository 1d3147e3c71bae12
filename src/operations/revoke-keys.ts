import { OnlyInLedger } from '../key-ring/key-ledger.ts'
import type { KeyRing } from '../key-ring/key-ring.ts'
import { isRipe, ripensAt } from '../key-ring/rotation.ts'
import { isPublished, type KeyState } from '../key-ring/schedule.ts'
import type { KeyRecord } from '../key-ring/signing-keys-store.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator } from './actor.ts'

/** The keys of an algorithm after a revocation. All times are in milliseconds since 1970. */
export interface Succession {
  readonly alg: SigningAlgorithm
  /** The key that signs now, and when every verifier knows it; undefined if there is none. */
  readonly active: { readonly kid: string; readonly ripeAt: number; readonly isRipe: boolean } | undefined
  /** When a standby key is known to every verifier; Infinity if there is no standby key. */
  readonly ripeStandbyAt: number
}

export interface RevokedKeys {
  readonly outcome: 'revoked'
  readonly kids: readonly string[]
  readonly revokedAt: number
  /** By then every node has stopped using the keys, even a node with a slow clock. */
  readonly nodesStoppedBy: number
  /** By then every verifier has fetched the JWK Set again. */
  readonly verifiersStoppedBy: number
  /** Whether any of them has ever signed. */
  readonly hadSigned: boolean
  /** Whether the revocation was written to the keys directory, so that restoring a backup does not bring the keys back. */
  readonly isInLedger: boolean
  readonly successions: readonly Succession[]
  /** The time of this node, to compare the times above with. */
  readonly now: number
}

export type RevokeKeysOutcome =
  | RevokedKeys
  | { readonly outcome: 'no_such_key' }
  /** The key has retired: verifiers no longer accept it, and its private half has been destroyed. */
  | { readonly outcome: 'retired' }
  | { readonly outcome: 'revoked_before'; readonly revokedAt: number }
  /** The revocation was written to the keys directory, but the database failed. The next node that opens the directory revokes the keys. */
  | { readonly outcome: 'only_noted'; readonly cause: unknown }

/**
 * Revokes keys immediately and permanently. Standby keys take over.
 *
 * @param which the kid of one key; `all`: every published key, including standby keys
 */
export async function revokeKeys(
  { keyRing, clock }: Pick<Signet, 'keyRing' | 'clock'>,
  actor: Operator,
  which: { readonly kid: string } | 'all',
  reason: string,
): Promise<RevokeKeysOutcome> {
  const states = keyRing.keys()
  const revoked = which === 'all' ? allPublished(states) : findRevocable(states, which.kid)
  if ('outcome' in revoked) return revoked
  const kids = revoked.map(({ kid }) => kid)
  const done = await keyRing.revoke(authorOf(actor, reason), kids).catch((error: unknown) => {
    if (!(error instanceof OnlyInLedger)) throw error
    return { outcome: 'only_noted' as const, cause: error.cause }
  })
  if ('outcome' in done) return done
  const { revokedAt, isInLedger } = done
  const { activationDelay, keyLease } = keyRing.delays()
  const now = clock.now()
  const algorithms = [...new Set(revoked.map(({ alg }) => alg))].sort()
  return {
    outcome: 'revoked',
    ...{ kids, revokedAt, isInLedger, now },
    // A node may have a slow clock, or may have read the keys just before.
    nodesStoppedBy: revokedAt + (keyLease + 1) * 1000,
    verifiersStoppedBy: revokedAt + activationDelay * 1000,
    hadSigned: revoked.some(({ activatesAt }) => activatesAt <= revokedAt),
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
