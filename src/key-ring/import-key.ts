import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto'
import { type JsonObject, parseJsonObject } from '#verify/strict-json'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import { pssParameters } from '../platform/jwt/sign.ts'

/** The text is not a key that Signet can sign with. The message says why, and never contains any part of it. */
export class UnusableKey extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UnusableKey'
  }
}

export interface ReadKey {
  readonly privateKey: KeyObject
  readonly alg: SigningAlgorithm
  /** From a JWK; a PEM has none. */
  readonly kid: string | undefined
}

/**
 * Parses a private key: PEM with PKCS #8 (RFC 5958), or a JWK (RFC 7517 §4). P-256 is used for ES256, Ed25519 for EdDSA, RSA of 2048 bits or
 * more for RS256 or PS256 (RFC 7518 §3.3 to §3.5, RFC 8037 §3.1). RSA is used for RS256 unless the JWK or the caller says PS256.
 *
 * @param wanted the algorithm that the key is for, if the caller knows it
 * @throws UnusableKey
 */
export function readPrivateKey(text: string, wanted?: SigningAlgorithm): ReadKey {
  const jwk = text.trimStart().startsWith('{') ? parseJwk(text) : undefined
  const privateKey = jwk ? fromJwk(jwk) : fromPem(text)
  const possible = algorithmsOf(privateKey)
  const named = jwk?.['alg']
  if (named !== undefined && !possible.some((one) => one === named))
    throw new UnusableKey(`The "alg" of the JWK does not match its key, which is for ${possible.join(' or ')}.`)
  const alg = possible.find((one) => one === (named ?? wanted ?? possible[0]))
  // RFC 8725 §3.1: a key is used with one algorithm. Verifiers that know it for another would refuse what it signs.
  if (alg === undefined || (wanted !== undefined && wanted !== alg))
    throw new UnusableKey(
      `The key is for ${named === undefined ? possible.join(' or ') : String(named)}, not for ${wanted}.`,
    )
  if (jwk?.['use'] !== undefined && jwk['use'] !== 'sig')
    throw new UnusableKey('The JWK is not for signatures ("use").')
  const operations = jwk?.['key_ops']
  // RFC 7517 §4.3.
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('sign')))
    throw new UnusableKey('The JWK is not for signing ("key_ops").')
  // For Ed25519, OpenSSL computes the public half and ignores the one in the JWK.
  const isAnothers = jwk?.['kty'] === 'OKP' && jwk['x'] !== createPublicKey(privateKey).export({ format: 'jwk' }).x
  if (isAnothers || !halvesMatch(privateKey, alg))
    throw new UnusableKey('The public and the private half of the key do not match.')
  const kid = jwk?.['kid']
  if (kid !== undefined && !isKid(kid))
    throw new UnusableKey('The "kid" of the JWK must be 1 to 255 printable ASCII characters without spaces.')
  return { privateKey, alg, kid }
}

/** Whether a value is a valid kid. It is written into headers, logs and the lines of the ledger. */
export function isKid(value: unknown): value is string {
  return typeof value === 'string' && /^[\x21-\x7e]{1,255}$/.test(value)
}

function parseJwk(text: string): JsonObject {
  let jwk: JsonObject
  try {
    jwk = parseJsonObject(text)
  } catch (error) {
    throw new UnusableKey(`This is not a JWK: ${error instanceof Error ? error.message : error}.`)
  }
  if (Array.isArray(jwk['keys'])) throw new UnusableKey('This is a JWK Set; provide a single key.')
  if (typeof jwk['d'] !== 'string') throw new UnusableKey('The JWK has no private half ("d").')
  return jwk
}

function fromJwk(jwk: JsonObject): KeyObject {
  try {
    return createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch {
    throw new UnusableKey('This is not a JWK of a private key.')
  }
}

function fromPem(text: string): KeyObject {
  if (!text.includes('-----BEGIN PRIVATE KEY-----'))
    throw new UnusableKey(
      text.includes('-----BEGIN')
        ? 'The PEM must contain PKCS #8 without a passphrase (BEGIN PRIVATE KEY). Convert it with openssl pkcs8 -topk8 -nocrypt.'
        : 'This is neither a PEM nor a JWK.',
    )
  try {
    return createPrivateKey({ key: text, format: 'pem' })
  } catch {
    throw new UnusableKey('The PEM cannot be read.')
  }
}

/** OpenSSL does not check that a JWK's public half belongs to its private half. A wrong one would be published, and verify no signature. */
function halvesMatch(key: KeyObject, alg: SigningAlgorithm): boolean {
  const probe = Buffer.from('probe')
  const hash = alg === 'EdDSA' ? null : 'sha256'
  const parameters = alg === 'PS256' ? pssParameters : {}
  try {
    const signature = sign(hash, probe, { key, ...parameters })
    return verify(hash, probe, { key: createPublicKey(key), ...parameters }, signature)
  } catch {
    return false
  }
}

function algorithmsOf(key: KeyObject): readonly SigningAlgorithm[] {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return ['ES256']
  if (key.asymmetricKeyType === 'ed25519') return ['EdDSA']
  // RFC 7518 §3.3: 2048 bits or larger. FIPS 186-5 §5.4: an exponent of more than 16 bits.
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 4096 && publicExponent > 0xffffn)
    return ['RS256', 'PS256']
  throw new UnusableKey(
    'Signet signs with P-256 (ES256), RSA of 2048 to 4096 bits (RS256, PS256) and Ed25519 (EdDSA). This key is none of these, or its exponent is too small.',
  )
}
