import type { KeyObject } from 'node:crypto'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/pool.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { encodeHeader, signJwt } from '../platform/jwt/sign.ts'
import type { Log } from '../platform/log.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { type Author, type DecisionOptions, decide, isDue, readRing, type Step } from './decide.ts'
import type { Delays } from './decisions.ts'
import { type JwkSet, jwkSet } from './jwk-set.ts'
import type { KeyFact, KeyLedger } from './key-ledger.ts'
import { type LoadedKey, loadKey } from './loaded-key.ts'
import { isPublished, type KeyState, keyStates } from './schedule.ts'
import type { KeyRecord, StoredRing } from './signing-keys-store.ts'

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
  /** Reads the keys anew, and decides whatever is due. */
  refresh(): Promise<void>
  /**
   * Decides what an operator wants, and reads the keys anew.
   *
   * @param wanted is handed the ring as it is under the lock; may throw to decide nothing
   */
  decide<T>(
    author: Author,
    wanted: (ring: StoredRing, delays: Delays) => { readonly steps: readonly Step[]; readonly result: T },
  ): Promise<T>
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
  readonly db: Database
  readonly masterKey: MasterKey
  readonly clock: Clock
  readonly log: Log
  /** Its lease, in seconds, is how long a confirmation of the keys is good for. */
  readonly delays: Delays
  readonly ledger: KeyLedger
  /** This machine's clocks, in milliseconds: the one that may be set, and the one that may stand still. */
  readonly clocks?: { wall(): number; monotonic(): number }
}

const machineClocks = { wall: () => Date.now(), monotonic: () => performance.now() }

interface Snapshot {
  readonly states: ReadonlyMap<KeyRecord, KeyState>
  readonly active: ReadonlyMap<SigningAlgorithm, LoadedKey>
  readonly set: JwkSet
  /** Seconds: every key that can come to sign is noted to sign what lives this long. */
  readonly covered: number
  /** Milliseconds since 1970: the next moment at which a state changes. */
  readonly until: number
}

/**
 * The keys as this node knows them, read anew three times within the lease. Between readings states follow the time; while the
 * database is away the last known set goes on being served, but signing ends with the lease.
 *
 * @throws ClocksDisagree, MasterKeyError
 */
export async function openKeyRing({
  db,
  masterKey,
  clock,
  log,
  delays,
  ledger,
  clocks = machineClocks,
}: Options): Promise<KeyRing> {
  const lease = delays.keyLease * 1000
  let loaded: ReadonlyMap<string, LoadedKey> = new Map()
  let known = { keys: [] as readonly KeyRecord[], now: 0, decisions: 0 }
  let snapshot: Snapshot
  const moment = () => ({ wall: clocks.wall(), monotonic: clocks.monotonic() })
  let confirmed = moment()

  const options = (): DecisionOptions => {
    const { activatedAt, revokedAt } = ledger
    return { db, masterKey, delays, remembered: { ...known, activatedAt, revokedAt }, wall: clocks.wall }
  }
  const nothing = () => ({ steps: [], result: undefined })

  const read = async () => {
    // Taken before the question is asked: the answer may be as old as this.
    const asked = moment()
    let ring = await readRing(db, options())
    if (isDue(ring, options())) {
      await decide(options(), { by: 'schedule' }, nothing)
      ring = await readRing(db, options())
    }
    known = { keys: ring.keys, now: Math.max(known.now, ring.now), decisions: ring.decisions }
    clock.observe(known.now)
    loaded = loadAll(ring.keys, loaded, masterKey, log)
    snapshot = takeSnapshot(ring.keys, loaded, clock.now())
    await ledger.note(factsOf(snapshot.states))
    confirmed = asked
  }
  // One after the other, lest an older answer take the place of a newer one; who asks during one shares the next.
  let running: Promise<void> | undefined
  let waiting: Promise<void> | undefined
  const refresh = (): Promise<void> => {
    if (running) {
      const startNext = () => {
        waiting = undefined
        return refresh()
      }
      waiting ??= running.then(startNext, startNext)
      return waiting
    }
    running = read().finally(() => {
      running = undefined
    })
    return running
  }

  const current = () => {
    const now = clock.now()
    if (now >= snapshot.until) snapshot = takeSnapshot(known.keys, loaded, now)
    return snapshot
  }
  // A suspended machine's monotonic clock stands still, and a wall clock can be set back: the longer of the two counts.
  const leaseHolds = () => Math.max(clocks.monotonic() - confirmed.monotonic, clocks.wall() - confirmed.wall) < lease

  await refresh()
  const timer = setInterval(
    () => refresh().catch((error: unknown) => log.warn({ err: error }, 'The signing keys could not be confirmed.')),
    lease / 3,
  )
  timer.unref()

  return {
    refresh,
    decide: async (author, wanted) => {
      const result = await decide(options(), author, wanted)
      await refresh()
      return result
    },
    cover: async (lifetime) => {
      if (current().covered >= lifetime) return
      // Written before a token exists: the key must not retire under it.
      await decide(options(), { by: 'schedule' }, () => ({
        steps: [{ what: 'cover', longestLifetime: lifetime }],
        result: undefined,
      }))
      await refresh()
    },
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

/** The keys that this node can use. One that cannot be opened is neither published nor used here, and said loudly. */
function loadAll(
  records: readonly KeyRecord[],
  known: ReadonlyMap<string, LoadedKey>,
  masterKey: MasterKey,
  log: Log,
): ReadonlyMap<string, LoadedKey> {
  const loaded = new Map<string, LoadedKey>()
  for (const record of records) {
    try {
      loaded.set(record.kid, loadKey(record, known.get(record.kid), masterKey))
    } catch (err) {
      log.error({ err, kid: record.kid }, 'A signing key cannot be opened: this node neither uses nor publishes it.')
    }
  }
  return loaded
}

function takeSnapshot(records: readonly KeyRecord[], loaded: ReadonlyMap<string, LoadedKey>, now: number): Snapshot {
  const states = keyStates(records, now)
  // Without its private half nothing ties a public key to us.
  const usable = records.flatMap((record) => {
    const key = loaded.get(record.kid)
    const state = states.get(record)
    return key?.privateKey && state && isPublished(state) ? [{ key, state }] : []
  })
  const active = usable.filter(({ state }) => state === 'active')
  const moments = records.flatMap(({ activatesAt, retiresAt, revokedAt }) => [activatesAt, retiresAt, revokedAt])
  return {
    states,
    active: new Map(active.map(({ key }) => [key.record.alg, key])),
    set: jwkSet(usable.map(({ key }) => ({ ...key.record, publicJwk: key.publicJwk }))),
    covered: Math.min(...usable.map(({ key }) => key.record.longestLifetime)),
    until: Math.min(...moments.filter((moment) => moment !== undefined && moment > now).map(Number)),
  }
}

/** What a restored backup must not undo. */
function factsOf(states: ReadonlyMap<KeyRecord, KeyState>): KeyFact[] {
  return [...states].flatMap(([{ kid, activatesAt, revokedAt }, state]): KeyFact[] => {
    if (revokedAt !== undefined) return [{ kid, what: 'revoked', at: revokedAt }]
    return state === 'active' ? [{ kid, what: 'activated', at: activatesAt }] : []
  })
}

function headerOf(key: LoadedKey, typ: string): string {
  let header = key.headers.get(typ)
  if (header === undefined) {
    header = encodeHeader({ alg: key.record.alg, typ, kid: key.record.kid })
    key.headers.set(typ, header)
  }
  return header
}
