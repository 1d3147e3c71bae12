import { constants, createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { isJsonObject, type JsonObject } from './strict-json.ts'

/** The algorithms that Signet signs with. Symmetric ones and `none` are not available: every verifier, or anyone, could forge tokens. */
export const signatureAlgorithms = ['ES256', 'RS256'] as const

export type SignatureAlgorithm = (typeof signatureAlgorithms)[number]

/** A public key, parsed once, and the one algorithm that it may be used with (RFC 8725 §3.1). */
export type VerificationKey = { readonly alg: SignatureAlgorithm; readonly key: KeyObject }

/**
 * Imports the public key of a JWK (RFC 7517).
 *
 * @param jwk one member of a set's `keys`, not checked yet
 * @returns undefined if tokens must not be verified with it: an unsupported key type, use or algorithm, no `alg` (the key would not be bound
 *   to one algorithm), a symmetric key, a private key (if it is published, anyone can forge tokens), a point that is not on the curve, an RSA
 *   key below 2048 bits
 */
export function importVerificationKey(jwk: unknown): VerificationKey | undefined {
  if (!isJsonObject(jwk)) return undefined
  if (jwk['use'] !== undefined && jwk['use'] !== 'sig') return undefined
  const operations = jwk['key_ops']
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) return undefined
  if (Object.hasOwn(jwk, 'd') || Object.hasOwn(jwk, 'k')) return undefined
  if (jwk['alg'] === 'ES256' && jwk['kty'] === 'EC' && jwk['crv'] === 'P-256') {
    const key = publicKey(jwk, ['kty', 'crv', 'x', 'y'])
    return key && { alg: 'ES256', key }
  }
  if (jwk['alg'] === 'RS256' && jwk['kty'] === 'RSA') {
    const key = publicKey(jwk, ['kty', 'n', 'e'])
    // RFC 7518 §3.3: 2048 bits or more.
    return key && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= 2048 ? { alg: 'RS256', key } : undefined
  }
  return undefined
}

/** Imports only the named public members. OpenSSL rejects a point that is not on the curve. */
function publicKey(jwk: JsonObject, members: readonly string[]): KeyObject | undefined {
  const picked: JsonWebKey = {}
  for (const member of members) {
    const value = jwk[member]
    if (typeof value !== 'string') return undefined
    picked[member] = value
  }
  try {
    return createPublicKey({ format: 'jwk', key: picked })
  } catch {
    return undefined
  }
}

/**
 * Checks a JWS signature with `node:crypto`, synchronously. Measured on one core, the complete check of a token takes 0.1 ms (RS256: 0.05 ms).
 * With jose and WebCrypto it takes 1.5 times as long (RS256: twice as long), and needs a promise and a second copy of the key.
 *
 * @returns whether the signature over this input was made by this key
 */
export function signatureHolds(key: VerificationKey, signingInput: Buffer, signature: Buffer): boolean {
  switch (key.alg) {
    case 'ES256':
      // RFC 7518 §3.4: R and S, 32 octets each; not DER.
      if (signature.length !== 64) return false
      return verify('sha256', signingInput, { key: key.key, dsaEncoding: 'ieee-p1363' }, signature)
    case 'RS256':
      return verify('sha256', signingInput, { key: key.key, padding: constants.RSA_PKCS1_PADDING }, signature)
  }
}
