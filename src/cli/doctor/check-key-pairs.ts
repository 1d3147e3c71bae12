import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { isPublished, keyStates } from '../../key-ring/schedule.ts'
import { openSealedKey, type PublicJwk, publicMembers } from '../../key-ring/sealed-key.ts'
import type { KeyRecord } from '../../key-ring/signing-keys-store.ts'
import type { MasterKey } from '../../platform/secrets/master-key.ts'
import { bad, type Finding, good, skipped } from './finding.ts'

const advice =
  'Somebody who can write to the database may have planted a public key of their own. Nodes do not publish such a key. ' +
  'Take the row out of signing_keys, restart all nodes, and find out who can write there.'

/**
 * Whether each public key that the world is told belongs to a private half that was sealed here. The public one is not sealed: who
 * can write to the database could have put it there.
 *
 * @param now milliseconds since 1970, the database's
 */
export function judgeKeyPairs(keys: readonly KeyRecord[], now: number, masterKey: MasterKey): Finding[] {
  const states = keyStates(keys, now)
  const published = keys.filter((key) => isPublished(states.get(key) ?? 'retired'))
  const judged = published.map((key) => judgePair(key, masterKey))
  const planted = judged.flatMap(({ fault }) => (fault === undefined ? [] : [bad('key-pairs', fault, advice)]))
  if (planted.length > 0) return planted
  if (judged.some(({ isOpen }) => !isOpen)) return [skipped('key-pairs', 'The master key does not open them.')]
  return [
    good('key-pairs', `Each of the ${published.length} published keys belongs to a private half that is sealed here.`),
  ]
}

function judgePair(
  { kid, publicJwk, sealedPrivateJwk }: KeyRecord,
  masterKey: MasterKey,
): { readonly isOpen: boolean; readonly fault?: string } {
  if (!sealedPrivateJwk) return { isOpen: true, fault: `The key ${kid} is published, and has no private half here.` }
  try {
    const pair = createPublicKey(openSealedKey(kid, sealedPrivateJwk, masterKey)).export({ format: 'jwk' })
    return canonicalJwk(pair) === canonicalJwk(publicJwk)
      ? { isOpen: true }
      : { isOpen: true, fault: `The public key ${kid} does not belong to its private half.` }
  } catch {
    return { isOpen: false } // told as a fault of the master key
  }
}

/** A public key as one text, whatever the order of its members and whatever stands beside them. */
export function canonicalJwk(jwk: PublicJwk | JsonWebKey): string {
  return JSON.stringify(Object.entries(publicMembers(jwk)).sort())
}
