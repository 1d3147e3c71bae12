import { createPrivateKey, createPublicKey, generateKeyPair, type JsonWebKey, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'

const generate = promisify(generateKeyPair)

/** Only the public members of a key (RFC 7518 §6.2.1, §6.3.1, RFC 8037 §2). */
export interface PublicJwk {
  readonly kty: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

export interface NewKey {
  readonly kid: string
  readonly alg: SigningAlgorithm
  readonly publicJwk: PublicJwk
  readonly sealedPrivateJwk: Buffer
}

const associated = (kid: string) => `signing-key:${kid}`

/** Generates a key pair, and returns the private half sealed. Its kid is the thumbprint of RFC 7638. */
export async function createSealedKey(alg: SigningAlgorithm, masterKey: MasterKey): Promise<NewKey> {
  return sealKey(await generatePrivateKey(alg), alg, undefined, masterKey)
}

async function generatePrivateKey(alg: SigningAlgorithm): Promise<KeyObject> {
  switch (alg) {
    case 'ES256':
      return (await generate('ec', { namedCurve: 'P-256' })).privateKey
    case 'EdDSA':
      return (await generate('ed25519')).privateKey
    case 'RS256':
    case 'PS256':
      return (await generate('rsa', { modulusLength: 2048, publicExponent: 0x1_00_01 })).privateKey
  }
}

/** Whether a key is of the type, and on the curve, that the algorithm is defined for (RFC 7518 §3.1, RFC 8037 §3.1). */
export function fitsAlgorithm({ kty, crv }: PublicJwk, alg: SigningAlgorithm): boolean {
  switch (alg) {
    case 'ES256':
      return kty === 'EC' && crv === 'P-256'
    case 'EdDSA':
      return kty === 'OKP' && crv === 'Ed25519'
    case 'RS256':
    case 'PS256':
      return kty === 'RSA'
    // The database can have rows of a later release.
    default:
      return false
  }
}

/**
 * Seals a private key.
 *
 * @param kid its existing name; undefined: the thumbprint of RFC 7638
 */
export async function sealKey(
  privateKey: KeyObject,
  alg: SigningAlgorithm,
  kid: string | undefined,
  masterKey: MasterKey,
): Promise<NewKey> {
  const publicJwk = publicHalf(privateKey)
  const name = kid ?? (await calculateJwkThumbprint(publicJwk as JWK))
  const jwk = privateKey.export({ format: 'jwk' })
  // The release without PS256 takes any RSA key, and would sign with PKCS #1 v1.5 under the name PS256. It cannot open this form, and ignores the key.
  const plain = Buffer.from(JSON.stringify(alg === 'PS256' ? { PS256: jwk } : jwk))
  const sealedPrivateJwk = masterKey.wrap(plain, associated(name))
  plain.fill(0)
  return { kid: name, alg, publicJwk, sealedPrivateJwk }
}

/** @throws MasterKeyError if the master key cannot open it */
export function openSealedKey(kid: string, sealedPrivateJwk: Buffer, masterKey: Pick<MasterKey, 'unwrap'>): KeyObject {
  const plain = masterKey.unwrap(sealedPrivateJwk, associated(kid))
  const { PS256, ...jwk } = JSON.parse(plain.toString('utf8')) as JsonWebKey & { readonly PS256?: JsonWebKey }
  plain.fill(0)
  return createPrivateKey({ key: PS256 ?? jwk, format: 'jwk' })
}

/**
 * Reseals a private key with the current master key.
 *
 * @throws MasterKeyError if neither the current nor the previous master key can open it
 */
export function resealKey(kid: string, sealedPrivateJwk: Buffer, masterKey: MasterKey): Buffer {
  return masterKey.wrap(masterKey.unwrap(sealedPrivateJwk, associated(kid)), associated(kid))
}

/** Computes the public half, because the one in the row is not trusted. */
export function publicHalf(privateKey: KeyObject): PublicJwk {
  return publicMembers(createPublicKey(privateKey).export({ format: 'jwk' }))
}

/** Copies members by an allow-list, so that no private member can be included. */
export function publicMembers({ kty, crv, x, y, n, e }: PublicJwk | JsonWebKey): PublicJwk {
  const members = { kty, crv, x, y, n, e }
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => typeof value === 'string'),
  ) as unknown as PublicJwk
}
