import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto'
import { type JsonObject, parseJsonObject } from '#verify/strict-json'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'

/** The text is no key that Signet could sign with. The message says why, and never holds any of it. */
export class UnusableKey extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UnusableKey'
  }
}

export interface ReadKey {
  readonly privateKey: KeyObject
  readonly alg: SigningAlgorithm
  /** The name that a JWK has; a PEM has none. */
  readonly kid: string | undefined
}

/**
 * Reads a private key: PEM with PKCS #8 (RFC 5958), or a JWK (RFC 7517 §4). P-256 signs ES256, RSA of 2048 bits and more RS256
 * (RFC 7518 §3.3, §3.4).
 *
 * @throws UnusableKey
 */
export function readPrivateKey(text: string): ReadKey {
  const jwk = text.trimStart().startsWith('{') ? parseJwk(text) : undefined
  const privateKey = jwk ? fromJwk(jwk) : fromPem(text)
  const alg = algorithmOf(privateKey)
  if (jwk?.['alg'] !== undefined && jwk['alg'] !== alg)
    throw new UnusableKey(`The JWK says that it is for another algorithm; its key can sign ${alg}.`)
  if (jwk?.['use'] !== undefined && jwk['use'] !== 'sig')
    throw new UnusableKey('The JWK is not for signatures ("use").')
  const operations = jwk?.['key_ops']
  // RFC 7517 §4.3.
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('sign')))
    throw new UnusableKey('The JWK is not for signing ("key_ops").')
  if (!fitsItself(privateKey)) throw new UnusableKey('The two halves of the key do not belong together.')
  const kid = jwk?.['kid']
  if (kid !== undefined && !isKid(kid))
    throw new UnusableKey('The "kid" of the JWK must be 1 to 255 characters without blanks.')
  return { privateKey, alg, kid }
}

/** What a key may be called: it goes into headers, logs and the ledger's lines. */
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
  if (Array.isArray(jwk['keys'])) throw new UnusableKey('This is a set of keys; give one of them.')
  if (typeof jwk['d'] !== 'string') throw new UnusableKey('The JWK has no private half ("d").')
  return jwk
}

function fromJwk(jwk: JsonObject): KeyObject {
  try {
    return createPrivateKey({ key: jwk as JsonWebKey, format: 'jwk' })
  } catch {
    throw new UnusableKey('This is no JWK of a private key.')
  }
}

function fromPem(text: string): KeyObject {
  if (!text.includes('-----BEGIN PRIVATE KEY-----'))
    throw new UnusableKey(
      text.includes('-----BEGIN')
        ? 'The PEM must hold PKCS #8 without a passphrase (BEGIN PRIVATE KEY); openssl pkcs8 -topk8 -nocrypt makes it.'
        : 'This is neither a PEM nor a JWK.',
    )
  try {
    return createPrivateKey({ key: text, format: 'pem' })
  } catch {
    throw new UnusableKey('The PEM cannot be read.')
  }
}

/** OpenSSL takes a JWK's public half at its word: it would be published, and verify nothing that the private half signs. */
function fitsItself(privateKey: KeyObject): boolean {
  const probe = Buffer.from('probe')
  try {
    return verify('sha256', probe, createPublicKey(privateKey), sign('sha256', probe, privateKey))
  } catch {
    return false
  }
}

function algorithmOf(key: KeyObject): SigningAlgorithm {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'ES256'
  // RFC 7518 §3.3: 2048 bits or larger. FIPS 186-5 §5.4: an exponent of more than 16 bits.
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 4096 && publicExponent > 0xffffn)
    return 'RS256'
  throw new UnusableKey(
    'Signet signs with P-256 (ES256) and RSA of 2048 to 4096 bits (RS256); this key is neither, or has a small exponent.',
  )
}
