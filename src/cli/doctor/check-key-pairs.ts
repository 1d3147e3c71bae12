import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { isPublished, keyStates } from '../../key-ring/schedule.ts'
import { openSealedKey, type PublicJwk, publicMembers } from '../../key-ring/sealed-key.ts'
import type { KeyRecord } from '../../key-ring/signing-keys-store.ts'
import type { MasterKey } from '../../platform/secrets/master-key.ts'
import { bad, type Finding, good, skipped } from './finding.ts'

const advice =
  'Somebody who can write to the database may have planted their own public key. Nodes do not publish such a key. ' +
  'Delete the row from signing_keys, restart all nodes, and find out who can write there.'

/**
 * Whether each published public key belongs to a private key that was sealed here. Public keys are not sealed, so anyone who can
 * write to the database can insert one.
 *
 * @param now milliseconds since 1970, the database's
 */
export function judgeKeyPairs(keys: readonly KeyRecord[], now: number, masterKey: MasterKey): Finding[] {
  const states = keyStates(keys, now)
  const published = keys.filter((key) => isPublished(states.get(key) ?? 'retired'))
  const judged = published.map((key) => judgePair(key, masterKey))
  const planted = judged.flatMap(({ fault }) => (fault === undefined ? [] : [bad('key-pairs', fault, advice)]))
  if (planted.length > 0) return planted
  if (judged.some(({ isOpen }) => !isOpen))
    return [skipped('key-pairs', 'The master key does not open the private keys.')]
  return [
    good('key-pairs', `Each of the ${published.length} published keys belongs to a private key that is sealed here.`),
  ]
}

function judgePair(
  { kid, publicJwk, sealedPrivateJwk }: KeyRecord,
  masterKey: MasterKey,
): { readonly isOpen: boolean; readonly fault?: string } {
  if (!sealedPrivateJwk) return { isOpen: true, fault: `The key ${kid} is published but has no private key here.` }
  try {
    const pair = createPublicKey(openSealedKey(kid, sealedPrivateJwk, masterKey)).export({ format: 'jwk' })
    return canonicalJwk(pair) === canonicalJwk(publicJwk)
      ? { isOpen: true }
      : { isOpen: true, fault: `The public key ${kid} does not belong to its private key.` }
  } catch {
    return { isOpen: false } // reported by the check master-key
  }
}

/** A public key as text, regardless of the order of its members and of other members. */
export function canonicalJwk(jwk: PublicJwk | JsonWebKey): string {
  return JSON.stringify(Object.entries(publicMembers(jwk)).sort())
}
