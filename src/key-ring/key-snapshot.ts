import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import type { Queryable } from '../platform/database/queryable.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../platform/jwt/algorithms.ts'
import type { Log } from '../platform/log.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import type { KeyLedger } from './key-ledger.ts'
import { loadRing } from './key-ring-store.ts'
import type { Delays } from './rotation.ts'
import { delayInEffect, isPublished, type KeyState, keyStates } from './schedule.ts'
import { fitsAlgorithm, openSealedKey, type PublicJwk, publicHalf, publicMembers } from './sealed-key.ts'
import type { KeyRecord } from './signing-keys-store.ts'

/** The JWK Set (RFC 7517 §5), as served. */
export interface JwkSet {
  /** The JSON text, encoded once. */
  readonly body: Buffer
  /** A strong ETag (RFC 9110 §8.8.3): the digest of the body, so it is equal on all nodes that serve the same keys. */
  readonly etag: string
}

interface PublishedKey {
  readonly kid: string
  readonly alg: string
  readonly publishedAt: number
  readonly publicJwk: PublicJwk
}

/** Encodes the set of these keys, in an order that depends only on the keys. */
export function jwkSet(published: readonly PublishedKey[]): JwkSet {
  const keys = [...published]
    .sort((a, b) => a.publishedAt - b.publishedAt || (a.kid < b.kid ? -1 : 1))
    .map(({ kid, alg, publicJwk }) => ({ kid, use: 'sig', alg, ...publicMembers(publicJwk) }))
  const body = Buffer.from(JSON.stringify({ keys }))
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url')}"` }
}

/** A key as used by a node: opened and parsed once, when it is first loaded. */
export interface LoadedKey {
  readonly record: KeyRecord
  readonly publicKey: KeyObject
  readonly publicJwk: PublicJwk
  readonly privateKey: KeyObject | undefined
  /** Encoded JWS headers by `typ`. */
  readonly headers: Map<string, string>
}

/**
 * Opens a key. The published half is computed from the private half and never read from the row. Otherwise somebody who can write to the
 * database, but does not have the master key, could make verifiers trust a key of their own.
 *
 * @param known the same key, if it was loaded before
 * @throws MasterKeyError if the master key cannot open it; Error if the private half does not match the row's algorithm
 */
export function loadKey(record: KeyRecord, known: LoadedKey | undefined, masterKey: MasterKey): LoadedKey {
  if (!record.sealedPrivateJwk) {
    // Retired or revoked: it is not published, and is used only for hints.
    const publicKey = known?.publicKey ?? createPublicKey({ key: { ...record.publicJwk }, format: 'jwk' })
    return { record, publicKey, publicJwk: record.publicJwk, privateKey: undefined, headers: new Map() }
  }
  if (known?.privateKey && known.record.alg === record.alg) return { ...known, record }
  const privateKey = openSealedKey(record.kid, record.sealedPrivateJwk, masterKey)
  const publicJwk = publicHalf(privateKey)
  if (!fitsAlgorithm(publicJwk, record.alg)) throw new Error(`The key ${record.kid} cannot sign ${record.alg}.`)
  return { record, publicKey: createPublicKey(privateKey), publicJwk, privateKey, headers: new Map() }
}

/** The states of the keys at one moment, valid until the next change. */
export interface Snapshot {
  readonly states: ReadonlyMap<KeyRecord, KeyState>
  readonly active: ReadonlyMap<SigningAlgorithm, LoadedKey>
  readonly activeAlgorithms: readonly SigningAlgorithm[]
  readonly set: JwkSet
  /** Seconds: every published key is recorded as signing tokens with at least this lifetime. */
  readonly recordedLifetime: number
  /** Milliseconds since 1970: the moment of this snapshot, and the next one at which a state changes. */
  readonly at: number
  readonly until: number
}

/** @param now the ring's time, in milliseconds since 1970 */
export function takeSnapshot(loaded: ReadonlyMap<string, LoadedKey>, now: number): Snapshot {
  const keys = [...loaded.values()]
  const records = keys.map(({ record }) => record)
  const states = statesOf(records, now)
  const usable = keys.filter(({ record, privateKey }) => privateKey && isPublished(states.get(record) ?? 'retired'))
  const moments = records.flatMap(({ activatesAt, retiresAt, revokedAt }) => [activatesAt, retiresAt, revokedAt])
  const active = new Map(
    usable.filter(({ record }) => states.get(record) === 'active').map((key) => [key.record.alg, key]),
  )
  return {
    states,
    active,
    activeAlgorithms: signingAlgorithms.filter((alg) => active.has(alg)),
    set: jwkSet(usable.map(({ record, publicJwk }) => ({ ...record, publicJwk }))),
    at: now,
    recordedLifetime: Math.min(...usable.map(({ record }) => record.longestLifetime)),
    until: Math.min(...moments.filter((moment) => moment !== undefined && moment > now).map(Number)),
  }
}

/** A key without a private half has retired or was revoked, regardless of its moments, and cannot get any other state. */
function statesOf(records: readonly KeyRecord[], now: number): ReadonlyMap<KeyRecord, KeyState> {
  const isOver = ({ sealedPrivateJwk, revokedAt }: KeyRecord) => !sealedPrivateJwk && revokedAt === undefined
  const states = keyStates(
    records.filter((record) => !isOver(record)),
    now,
  )
  return new Map(records.map((record) => [record, states.get(record) ?? 'retired']))
}

/** The keys in the database at one moment. */
export interface KeyView {
  readonly keys: ReadonlyMap<KeyRecord, KeyState>
  /** The published set. Without keys that are revoked in the keys directory, even if the database has lost that revocation. */
  readonly jwkSet: JwkSet
  /** In seconds; the activation delay is the one in effect, which another node may have announced. */
  readonly delays: Delays
  /** The ring's time, in milliseconds since 1970. */
  readonly now: number
  /** The kids of keys that are revoked in the keys directory but not in the database: a backup was restored, or a command was killed. */
  readonly notRevokedYet: readonly string[]
}

interface Options {
  readonly db: Queryable
  readonly masterKey: MasterKey
  readonly log: Log
  readonly ledger: Pick<KeyLedger, 'revokedAt'>
  readonly delays: Delays
}

/** Reads the keys without making decisions, for read-only commands. States follow the ring's time, as on every node. */
export async function viewKeys({ db, masterKey, log, ledger, delays }: Options): Promise<KeyView> {
  const { keys, now, delay } = await loadRing(db)
  const loaded = new Map<string, LoadedKey>()
  for (const record of keys)
    try {
      loaded.set(record.kid, loadKey(record, undefined, masterKey))
    } catch (err) {
      log.error({ err, kid: record.kid }, 'A row of signing_keys is not a valid key of this installation. Ignoring it.')
    }
  const { states } = takeSnapshot(loaded, now)
  const isForgotten = ({ record }: LoadedKey) => record.revokedAt === undefined && ledger.revokedAt.has(record.kid)
  const published = new Map([...loaded].filter(([, key]) => !isForgotten(key)))
  return {
    keys: states,
    jwkSet: takeSnapshot(published, now).set,
    delays: { ...delays, activationDelay: delayInEffect(delay, delays.activationDelay, now) },
    now,
    notRevokedYet: [...loaded.values()].filter(isForgotten).map(({ record }) => record.kid),
  }
}
