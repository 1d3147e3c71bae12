import type { JsonWebKey } from 'node:crypto'
import { type PublicJwk, publicMembers } from '../../key-ring/sealed-key.ts'

/** A public key as one text, whatever the order of its members and whatever stands beside them. */
export function canonicalJwk(jwk: PublicJwk | JsonWebKey): string {
  return JSON.stringify(Object.entries(publicMembers(jwk)).sort())
}
