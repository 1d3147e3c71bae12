import { createPrivateKey, generateKeyPair, type JsonWebKey, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, type JWK } from 'jose'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'

const generate = promisify(generateKeyPair)

/** The public members of a key and nothing else (RFC 7518 §6.2.1, §6.3.1). */
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

/** Makes a key pair; the private half leaves this function sealed. Its kid is the thumbprint of RFC 7638. */
export async function createSealedKey(alg: SigningAlgorithm, masterKey: MasterKey): Promise<NewKey> {
  const { publicKey, privateKey } =
    alg === 'ES256'
      ? await generate('ec', { namedCurve: 'P-256' })
      : await generate('rsa', { modulusLength: 2048, publicExponent: 0x1_00_01 })
  const publicJwk = publicMembers(publicKey.export({ format: 'jwk' }))
  const kid = await calculateJwkThumbprint(publicJwk as JWK)
  const plain = Buffer.from(JSON.stringify(privateKey.export({ format: 'jwk' })))
  const sealedPrivateJwk = masterKey.wrap(plain, associated(kid))
  plain.fill(0)
  return { kid, alg, publicJwk, sealedPrivateJwk }
}

/** @throws MasterKeyError when the master key does not fit */
export function openSealedKey(kid: string, sealedPrivateJwk: Buffer, masterKey: MasterKey): KeyObject {
  const jwk = JSON.parse(masterKey.unwrap(sealedPrivateJwk, associated(kid)).toString('utf8')) as JsonWebKey
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

/** Built from an allow-list: a private member cannot get through, whatever it is called. */
export function publicMembers({ kty, crv, x, y, n, e }: PublicJwk | JsonWebKey): PublicJwk {
  const members = { kty, crv, x, y, n, e }
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => typeof value === 'string'),
  ) as unknown as PublicJwk
}
