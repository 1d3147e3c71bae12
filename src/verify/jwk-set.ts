import { isJsonObject, parseJsonObject } from './strict-json.ts'
import { importVerificationKey, type VerificationKey } from './verification-key.ts'

/** The usable keys of a JWK Set by `kid`, each parsed once. */
export type JwkSet = ReadonlyMap<string, VerificationKey>

/**
 * Reads a JWK Set (RFC 7517 §5). Keys that cannot check our tokens are passed over, as §5 demands, so that the issuer can add
 * kinds of which this version knows nothing. A `kid` that stands for two usable keys stands for none.
 *
 * @param json the JSON document
 * @throws {Error} where it is no JWK Set or has no usable key: nothing that could take the place of a good set
 */
export function parseJwkSet(json: Buffer): JwkSet {
  const members = parseJsonObject(json)['keys']
  if (!Array.isArray(members)) throw new Error('it is not a JWK Set')
  const keys = new Map<string, VerificationKey>()
  const ambiguous = new Set<string>()
  for (const jwk of members) {
    const kid: unknown = isJsonObject(jwk) ? jwk['kid'] : undefined
    const key = importVerificationKey(jwk)
    if (typeof kid !== 'string' || key === undefined) continue
    if (keys.has(kid)) ambiguous.add(kid)
    keys.set(kid, key)
  }
  for (const kid of ambiguous) keys.delete(kid)
  if (keys.size === 0) throw new Error(`it has no usable key among ${members.length}`)
  return keys
}
