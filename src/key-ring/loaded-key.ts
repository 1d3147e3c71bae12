import { createPublicKey, type KeyObject } from 'node:crypto'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { openSealedKey, type PublicJwk, publicHalf } from './sealed-key.ts'
import type { KeyRecord } from './signing-keys-store.ts'

/** A key as a node uses it: opened and parsed once, when it is first known. */
export interface LoadedKey {
  readonly record: KeyRecord
  readonly publicKey: KeyObject
  readonly publicJwk: PublicJwk
  readonly privateKey: KeyObject | undefined
  /** Encoded JWS headers by `typ`. */
  readonly headers: Map<string, string>
}

/**
 * Opens a key. What is published is computed from the private half, never read from its row: who can write to the database, and has
 * not the master key, could otherwise have the world trust a key of their own.
 *
 * @param known the same key, loaded before
 * @throws MasterKeyError when the master key does not fit; Error when the private half is no key of the row's algorithm
 */
export function loadKey(record: KeyRecord, known: LoadedKey | undefined, masterKey: MasterKey): LoadedKey {
  if (!record.sealedPrivateJwk) {
    // Retired or revoked: it is not published, and serves for hints alone.
    const publicKey = known?.publicKey ?? createPublicKey({ key: { ...record.publicJwk }, format: 'jwk' })
    return { record, publicKey, publicJwk: record.publicJwk, privateKey: undefined, headers: new Map() }
  }
  if (known?.privateKey && known.record.alg === record.alg) return { ...known, record }
  const privateKey = openSealedKey(record.kid, record.sealedPrivateJwk, masterKey)
  const publicJwk = publicHalf(privateKey)
  if (publicJwk.kty !== (record.alg === 'ES256' ? 'EC' : 'RSA'))
    throw new Error(`The key ${record.kid} cannot sign ${record.alg}.`)
  return { record, publicKey: createPublicKey(privateKey), publicJwk, privateKey, headers: new Map() }
}
