import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Clock } from '../platform/clock.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { encodeHeader, signJwt } from '../platform/jwt/sign.ts'
import type { Log } from '../platform/log.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { type JwkSet, jwkSet } from './jwk-set.ts'
import { isPublished, type KeyState, keyStates } from './schedule.ts'
import { openSealedKey } from './sealed-key.ts'
import { type KeyRecord, loadSigningKeys, raiseLongestLifetime } from './signing-keys-store.ts'

export interface KeyRing {
  /**
   * Signs claims as a JWT with the key that is active now.
   *
   * @param typ the header's `typ`
   * @param lifetime seconds that the token lives
   * @throws KeysUnavailable when this node may not sign
   */
  sign(alg: SigningAlgorithm, typ: string, claims: object, lifetime: number): Promise<string>
  /**
   * Notes that tokens may live this long, on every key that can come to sign them, so that none retires under its tokens. To be
   * called outside of a transaction: inside, one that waits for a connection would hold another.
   *
   * @param lifetime seconds
   */
  cover(lifetime: number): Promise<void>
  /** The public key for a kid: a published one, or, for hints, a retired one too. A revoked key is never given. */
  verificationKey(kid: string, of: 'published' | 'ever'): { alg: SigningAlgorithm; key: KeyObject } | undefined
  jwkSet(): JwkSet
  keys(): ReadonlyMap<KeyRecord, KeyState>
  /** Whether every algorithm on offer has an active key and the lease holds. */
  isReady(): boolean
  /** Reads the keys anew. */
  refresh(): Promise<void>
  stop(): void
}

/** This node must not sign now: it could not confirm its keys within the lease, or has none that is active. */
export class KeysUnavailable extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'KeysUnavailable'
  }
}

interface Options {
  readonly db: Queryable
  readonly masterKey: MasterKey
  readonly clock: Clock
  readonly log: Log
  /** Seconds that a confirmation of the keys is good for. */
  readonly lease: number
  /** This machine's clocks, in milliseconds: the one that may be set, and the one that may stand still. */
  readonly clocks?: { wall(): number; monotonic(): number }
}

const machineClocks = { wall: () => Date.now(), monotonic: () => performance.now() }

interface LoadedKey {
  readonly record: KeyRecord
  readonly publicKey: KeyObject
  /** Opened once, when the key is first known: unsealing and parsing are no work for a request. */
  readonly privateKey: KeyObject | undefined
  readonly headers: Map<string, string>
}

interface Snapshot {
  readonly states: ReadonlyMap<KeyRecord, KeyState>
  readonly active: ReadonlyMap<SigningAlgorithm, LoadedKey>
  readonly set: JwkSet
  /** Milliseconds since 1970: the next moment at which a state changes. */
  readonly until: number
}

/**
 * The keys as this node knows them, read anew three times within the lease. Between readings states follow the time; while the
 * database is away the last known set goes on being served, but signing ends with the lease.
 */
export async function openKeyRing({
  db,
  masterKey,
  clock,
  log,
  lease,
  clocks = machineClocks,
}: Options): Promise<KeyRing> {
  let loaded = new Map<string, LoadedKey>()
  let snapshot: Snapshot
  const moment = () => ({ wall: clocks.wall(), monotonic: clocks.monotonic() })
  let confirmed = moment()

  const refresh = async () => {
    // Taken before the question is asked: the answer may be as old as this.
    const asked = moment()
    const { keys, now } = await loadSigningKeys(db)
    if (keys.length === 0) throw new KeysUnavailable('The database holds no signing keys.')
    clock.observe(now)
    loaded = new Map(keys.map((record) => [record.kid, load(record, loaded.get(record.kid), masterKey)]))
    snapshot = takeSnapshot(loaded, clock.now())
    confirmed = asked
  }
  const current = () => {
    const now = clock.now()
    if (now >= snapshot.until) snapshot = takeSnapshot(loaded, now)
    return snapshot
  }
  // A suspended machine's monotonic clock stands still, and a wall clock can be set back: the longer of the two counts.
  const leaseHolds = () =>
    Math.max(clocks.monotonic() - confirmed.monotonic, clocks.wall() - confirmed.wall) < lease * 1000

  const cover = async (lifetime: number) => {
    if ([...loaded.values()].every(({ record }) => record.longestLifetime >= lifetime)) return
    // Written before a token exists: the key must not retire under it.
    await raiseLongestLifetime(db, lifetime)
    loaded = new Map(
      [...loaded].map(([kid, key]) => {
        const longestLifetime = Math.max(key.record.longestLifetime, lifetime)
        return [kid, { ...key, record: { ...key.record, longestLifetime } }]
      }),
    )
    snapshot = takeSnapshot(loaded, clock.now())
  }

  await refresh()
  const timer = setInterval(
    () => refresh().catch((error: unknown) => log.warn({ err: error }, 'The signing keys could not be confirmed.')),
    (lease * 1000) / 3,
  )
  timer.unref()

  return {
    refresh,
    cover,
    stop: () => clearInterval(timer),
    keys: () => current().states,
    jwkSet: () => current().set,
    isReady: () => leaseHolds() && signingAlgorithms.every((alg) => current().active.has(alg)),
    verificationKey: (kid, of) => {
      const key = loaded.get(kid)
      const state = key && current().states.get(key.record)
      if (!key || !state || state === 'revoked' || (of === 'published' && !isPublished(state))) return undefined
      return { alg: key.record.alg, key: key.publicKey }
    },
    sign: async (alg, typ, claims, lifetime) => {
      if (!leaseHolds())
        throw new KeysUnavailable('The signing keys could not be confirmed with the database within the lease.')
      const key = current().active.get(alg)
      if (!key?.privateKey) throw new KeysUnavailable(`No ${alg} key is active.`)
      if (lifetime > key.record.longestLifetime)
        throw new Error(`A token of ${lifetime} s was to be signed that no key is noted to cover.`)
      return signJwt(headerOf(key, typ), claims, key.privateKey, alg)
    },
  }
}

function load(record: KeyRecord, known: LoadedKey | undefined, masterKey: MasterKey): LoadedKey {
  const publicKey = known?.publicKey ?? createPublicKey({ key: { ...record.publicJwk }, format: 'jwk' })
  const privateKey =
    record.sealedPrivateJwk && (known?.privateKey ?? openSealedKey(record.kid, record.sealedPrivateJwk, masterKey))
  return { record, publicKey, privateKey, headers: known?.headers ?? new Map() }
}

function takeSnapshot(loaded: ReadonlyMap<string, LoadedKey>, now: number): Snapshot {
  const keys = [...loaded.values()]
  const states = keyStates(
    keys.map(({ record }) => record),
    now,
  )
  const active = keys.filter(({ record }) => states.get(record) === 'active')
  const moments = keys.flatMap(({ record }) => [record.activatesAt, record.retiresAt, record.revokedAt])
  return {
    states,
    active: new Map(active.map((key) => [key.record.alg, key])),
    set: jwkSet(states),
    until: Math.min(...(moments.filter((moment) => moment !== undefined && moment > now) as number[]), Infinity),
  }
}

function headerOf(key: LoadedKey, typ: string): string {
  let header = key.headers.get(typ)
  if (header === undefined) {
    header = encodeHeader({ alg: key.record.alg, typ, kid: key.record.kid })
    key.headers.set(typ, header)
  }
  return header
}
