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
import { withRollBack } from './roll-back.ts'

/** Why a key is not imported, and the kid of the key that is in the way. */
interface ImportRefusal {
  /**
   * `revoked_in_ledger`: the keys directory says that the key was revoked. `revoked`: the database does. `kid_taken`: another key, or this one,
   * has the kid. `known`: this key is here under another kid.
   */
  readonly outcome: 'revoked_in_ledger' | 'revoked' | 'kid_taken' | 'known'
  readonly kid: string
}

export type ImportKeyOutcome =
  | {
      readonly outcome: 'imported'
      readonly kid: string
      readonly alg: SigningAlgorithm
      /** Milliseconds since 1970, as is the next. */
      readonly activatesAt: number
      /** The key that stood by takes over no earlier; undefined where it is not postponed. */
      readonly nextRotation: number | undefined
    }
  | ImportRefusal

/**
 * Lets a key sign from now on that verifiers know already. A key that was revoked here is never taken back, under no name.
 *
 * @param kid under which the world knows it; undefined: its thumbprint (RFC 7638)
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
  // By its own thumbprint first: that is the name under which it would be known here already.
  const thumbprint = (await sealKey(key.privateKey, key.alg, undefined, masterKey)).kid
  const sealed = await sealKey(key.privateKey, key.alg, kid, masterKey)
  return withRollBack<ImportKeyOutcome, ImportKeyOutcome>((rollBack) =>
    keyRing.decide(authorOf(actor, reason), (ring, delays) => {
      const refusal = refusalOf(sealed, thumbprint, ring, keyRing.ledger)
      if (refusal) return rollBack(refusal)
      const later = postponements(ring, sealed.alg, delays)
      const longest = Math.max(0, ...ring.keys.map(({ longestLifetime }) => longestLifetime))
      const steps: Step[] = [
        ...later,
        { what: 'import', key: sealed, at: ring.now },
        // What is being signed at this moment is within it.
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

/** Those that stand by do not take over before a period has passed: verifiers must not meet two new keys in a row. */
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
