import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { type AssertionAlgorithm, assertionAlgorithms } from '../../platform/jwt/algorithms.ts'
import type { ClientJwks } from './client.ts'
import { InvalidClientMetadata, invalid } from './metadata-members.ts'

const maxKeys = 10

/** Of a set that was fetched. It may contain keys that are not for Signet. */
const maxFetchedKeys = 50

/** The public members of each key type (RFC 7518 §6, RFC 8037 §2), and the algorithms it supports. */
const kinds = {
  EC: { members: ['crv', 'x', 'y'], algorithms: ['ES256'] },
  RSA: { members: ['n', 'e'], algorithms: ['RS256', 'PS256'] },
  OKP: { members: ['crv', 'x'], algorithms: ['EdDSA'] },
} as const satisfies Record<string, { members: readonly string[]; algorithms: readonly AssertionAlgorithm[] }>

/**
 * Reads a client's `jwks` (RFC 7591 §2). Only public members are kept. A private key is refused, because its owner has disclosed it by sending it.
 *
 * @param alg the algorithm that the client will sign with; undefined: any that its keys support
 * @throws InvalidClientMetadata
 */
export function readClientJwks(value: unknown, alg: AssertionAlgorithm | undefined): ClientJwks {
  const keys = isObject(value) && Array.isArray(value['keys']) ? (value['keys'] as unknown[]) : undefined
  if (!keys || keys.length === 0 || keys.length > maxKeys)
    throw invalid(`jwks must be a JWK Set with 1 to ${maxKeys} keys.`)
  const read = keys.map(readKey)
  const kids = read.map(({ kid }) => kid)
  if (read.length > 1 && (kids.includes(undefined) || new Set(kids).size < kids.length))
    throw invalid('jwks has several keys: each needs a unique kid.')
  if (alg && !read.some((key) => key.algorithms.includes(alg)))
    throw invalid(`jwks has no key for ${alg}, which token_endpoint_auth_signing_alg names.`)
  return { keys: read.map(({ jwk }) => jwk) }
}

/**
 * Reads the JWK Set at a client's `jwks_uri`. Keys for other purposes, and those that Signet does not support, are left out (RFC 7517 §5). So is a private key:
 * everybody can sign with it.
 *
 * @throws InvalidClientMetadata if no key is left
 */
export function readFetchedJwks(value: unknown): ClientJwks {
  const keys = isObject(value) && Array.isArray(value['keys']) ? (value['keys'] as unknown[]) : undefined
  if (!keys || keys.length > maxFetchedKeys)
    throw invalid(`jwks_uri must lead to a JWK Set with at most ${maxFetchedKeys} keys.`)
  const usable: ReturnType<typeof readKey>[] = []
  let fault = invalid('jwks_uri leads to a JWK Set without a key.')
  for (const key of keys) {
    try {
      usable.push(readKey(key))
    } catch (error) {
      if (!(error instanceof InvalidClientMetadata)) throw error
      fault = error
    }
  }
  if (usable.length === 0) throw fault
  return { keys: usable.map(({ jwk }) => jwk) }
}

function readKey(value: unknown) {
  if (!isObject(value)) throw invalid('jwks has a key that is not an object.')
  if (['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].some((member) => Object.hasOwn(value, member)))
    throw invalid(
      'jwks has a private or symmetric key. Create a new key and send its public half only: this one is no longer secret.',
    )
  const { kty, kid, use, key_ops: operations, alg } = value
  const kind = typeof kty === 'string' && Object.hasOwn(kinds, kty) ? kinds[kty as keyof typeof kinds] : undefined
  if (!kind || typeof kty !== 'string') throw invalid('jwks has a key whose kty is not EC, RSA or OKP.')
  if (use !== undefined && use !== 'sig') throw invalid('jwks has a key that is not for signatures (use).')
  if (operations !== undefined && !isForVerifying(operations))
    throw invalid('jwks has a key whose key_ops are not those of a public signing key: ["verify"].')
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > 200))
    throw invalid('jwks has a kid that is not a string, or is longer than 200 characters.')
  const algorithms: readonly AssertionAlgorithm[] = kind.algorithms
  const named = assertionAlgorithms.find((candidate) => candidate === alg)
  if (alg !== undefined && (!named || !algorithms.includes(named)))
    throw invalid(`jwks has a key whose alg does not match its kty ${kty}, or is not supported.`)
  const members = Object.fromEntries(kind.members.map((member) => [member, value[member]]))
  const jwk = { kty, ...members, ...(kid === undefined ? {} : { kid }), ...(named ? { alg: named } : {}) }
  const fault = faultOf(jwk)
  if (fault) throw invalid(`jwks has a key that cannot be used: ${fault}.`)
  return { jwk, kid, algorithms: named ? [named] : algorithms }
}

function faultOf(jwk: JsonWebKey): string | undefined {
  let key: KeyObject
  try {
    key = createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    return 'it is malformed'
  }
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec') return namedCurve === 'prime256v1' ? undefined : 'its curve is not P-256'
  if (key.asymmetricKeyType === 'ed25519') return undefined
  // RFC 7518 §3.3 requires at least 2048 bits. Verification with more than 4096 bits would delay other requests.
  if (key.asymmetricKeyType === 'rsa')
    return modulusLength && modulusLength >= 2048 && modulusLength <= 4096
      ? undefined
      : 'its size is not 2048 to 4096 bits'
  return 'its curve is not Ed25519'
}

/** RFC 7517 §4.3: no duplicate operations, and none that are unrelated to signatures. Some tools keep the `sign` of the private half. */
function isForVerifying(operations: unknown): boolean {
  return (
    Array.isArray(operations) &&
    operations.includes('verify') &&
    operations.every((operation) => operation === 'verify' || operation === 'sign') &&
    new Set(operations).size === operations.length
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
