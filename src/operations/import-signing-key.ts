import type { Step } from '../key-ring/decide.ts'
import type { ReadKey } from '../key-ring/import-key.ts'
import type { KeyRing } from '../key-ring/key-ring.ts'
import type { StoredRing } from '../key-ring/key-ring-store.ts'
import type { Delays } from '../key-ring/rotation.ts'
import { inOrderOfActivation, keyStates } from '../key-ring/schedule.ts'
import { type NewKey, sealKey } from '../key-ring/sealed-key.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import { openMasterKey } from '../platform/secrets/master-key.ts'
import type { Signet } from '../signet.ts'
import { authorOf, type Operator } from './actor.ts'
import { withRollback } from './with-rollback.ts'

/** Why a key was not imported, and the kid of the existing key that prevents it. */
interface ImportRefusal {
  /**
   * `revoked_in_ledger`: the key is revoked according to the keys directory. `revoked`: it is revoked according to the database. `kid_taken`:
   * another key, or this one, already has the kid. `known`: this key already exists under another kid.
   */
  readonly outcome: 'revoked_in_ledger' | 'revoked' | 'kid_taken' | 'known'
  readonly kid: string
}

export type ImportKeyOutcome =
  | {
      readonly outcome: 'imported'
      readonly kid: string
      readonly alg: SigningAlgorithm
      /** Milliseconds since 1970. */
      readonly activatesAt: number
      /** When the standby key takes over, in milliseconds since 1970; undefined if it was not postponed. */
      readonly nextRotation: number | undefined
    }
  | ImportRefusal

/**
 * Imports a key that verifiers already know, and signs with it from now on. A key that was revoked here is never accepted again, under any kid.
 *
 * @param kid the kid under which verifiers know the key; undefined: its thumbprint (RFC 7638)
 * @throws MasterKeyError
 */
export async function importSigningKey(
  { keyRing, settings }: Pick<Signet, 'keyRing' | 'settings'>,
  actor: Operator,
  {
    key,
    kid,
    reason,
  }: { readonly key: ReadKey; readonly kid: string | undefined; readonly reason: string | undefined },
): Promise<ImportKeyOutcome> {
  const masterKey = await openMasterKey(settings, true)
  // If the key was here before, its kid may have been its thumbprint.
  const thumbprint = (await sealKey(key.privateKey, key.alg, undefined, masterKey)).kid
  const sealed = await sealKey(key.privateKey, key.alg, kid, masterKey)
  return withRollback<ImportKeyOutcome, ImportKeyOutcome>((rollBack) =>
    keyRing.decide(authorOf(actor, reason), (ring, delays) => {
      const refusal = refusalOf(sealed, thumbprint, ring, keyRing.ledger)
      if (refusal) return rollBack(refusal)
      const later = postponements(ring, sealed.alg, delays)
      const longest = Math.max(0, ...ring.keys.map(({ longestLifetime }) => longestLifetime))
      const steps: Step[] = [
        ...later,
        { what: 'import', key: sealed, at: ring.now },
        // Tokens that are being signed at this moment do not last longer.
        { what: 'extend', longestLifetime: longest },
      ]
      const imported = { kid: sealed.kid, alg: sealed.alg, activatesAt: ring.now, nextRotation: later[0]?.activatesAt }
      return { steps, result: { outcome: 'imported', ...imported } }
    }),
  )
}

function refusalOf(
  key: NewKey,
  thumbprint: string,
  { keys }: StoredRing,
  { revokedAt }: KeyRing['ledger'],
): ImportRefusal | undefined {
  if (revokedAt.has(key.kid) || revokedAt.has(thumbprint)) return { outcome: 'revoked_in_ledger', kid: key.kid }
  const isSame = (other: NewKey['publicJwk']) =>
    (['kty', 'crv', 'x', 'y', 'n', 'e'] as const).every((member) => other[member] === key.publicJwk[member])
  const known = keys.find(({ kid, publicJwk }) => kid === key.kid || kid === thumbprint || isSame(publicJwk))
  if (!known) return undefined
  if (known.revokedAt !== undefined) return { outcome: 'revoked', kid: known.kid }
  return { outcome: known.kid === key.kid ? 'kid_taken' : 'known', kid: known.kid }
}

/** Standby keys do not take over before a rotation period has passed, so that verifiers do not see two new keys in quick succession. */
function postponements({ keys, now }: StoredRing, alg: NewKey['alg'], { rotationPeriod }: Delays) {
  const states = keyStates(keys, now)
  return keys
    .filter((key) => key.alg === alg && states.get(key) === 'standby')
    .sort(inOrderOfActivation)
    .flatMap(({ kid, activatesAt }, index) => {
      const earliest = now + (index + 1) * rotationPeriod * 1000
      return activatesAt < earliest ? [{ what: 'postpone' as const, kid, activatesAt: earliest }] : []
    })
}
