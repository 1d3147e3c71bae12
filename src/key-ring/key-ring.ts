import type { KeyObject } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, type MachineClocks, machineClocks, momentOf } from '../platform/clock.ts'
import { briefWait, type LockWait } from '../platform/database/locked-transaction.ts'
import type { Database } from '../platform/database/pool.ts'
import { type AccessTokenAlgorithm, accessTokenAlgorithms, type SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import { encodeHeader, SigningUnavailable, signJwt } from '../platform/jwt/sign.ts'
import type { Log } from '../platform/log.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { oneAtATime } from '../platform/shared-work.ts'
import { type Author, type DecisionOptions, decide, isDue, readRing, type Step } from './decide.ts'
import { type KeyFact, type KeyLedger, OnlyInLedger } from './key-ledger.ts'
import type { StoredRing } from './key-ring-store.ts'
import { type JwkSet, type LoadedKey, loadKey, type Snapshot, takeSnapshot } from './key-snapshot.ts'
import { allowedDifference, ClocksDisagree, createLease, watchClocks } from './lease.ts'
import type { Delays } from './rotation.ts'
import { type AnnouncedDelay, delayInEffect, isPublished, type KeyState } from './schedule.ts'
import { createSealedKey } from './sealed-key.ts'
import type { KeyRecord } from './signing-keys-store.ts'

export interface KeyRing {
  /**
   * Signs claims as a JWT with the active key.
   *
   * @param typ the header's `typ`
   * @param lifetime of the token, in seconds
   * @throws KeysUnavailable if this node may not sign
   */
  sign(alg: SigningAlgorithm, typ: string, claims: object, lifetime: number): Promise<string>
  /**
   * Makes every key that may sign stay published long enough for tokens with this lifetime, by recording it in the database. Call it before
   * signing, and outside of a transaction: inside, the caller would wait for a connection while it holds another.
   *
   * @param lifetime seconds
   */
  extendRetention(lifetime: number): Promise<void>
  /** The public key for a kid: a published one, or also a retired one, for hints. Never returns a revoked key. */
  verificationKey(kid: string, of: 'published' | 'ever'): { alg: SigningAlgorithm; key: KeyObject } | undefined
  /** The published public key for a kid, if access tokens can be signed with it. */
  accessTokenKey(kid: string): { alg: AccessTokenAlgorithm; key: KeyObject } | undefined
  /** The algorithms that have an active key. The first keys of an algorithm that a later version added wait until every verifier has seen them. */
  activeAlgorithms(): readonly SigningAlgorithm[]
  jwkSet(): JwkSet
  keys(): ReadonlyMap<KeyRecord, KeyState>
  /**
   * Whether the lease has not expired, and the algorithms of access tokens have an active key. The others do not count: after an upgrade that added
   * one, its first key waits for a day, and everything else works.
   */
  isReady(): boolean
  /** Reloads the keys, and makes the decisions that are due. */
  refresh(): Promise<void>
  /**
   * Makes the decisions that an operator wants, and reloads the keys.
   *
   * @param wanted gets the ring, read under the lock; may throw to decide nothing, and may be called more than once
   */
  decide<T>(
    author: Author,
    wanted: (ring: StoredRing, delays: Delays) => { readonly steps: readonly Step[]; readonly result: T },
  ): Promise<T>
  /**
   * Revokes keys, first in the keys directory and then in the database. If the process is killed in between, the next process that opens the
   * keys directory completes the revocation.
   *
   * @returns when, in milliseconds since 1970, and whether the keys directory could be written
   * @throws OnlyInLedger if it could, but the database failed; otherwise what the database throws
   */
  revoke(author: Author, kids: readonly string[]): Promise<{ readonly revokedAt: number; readonly isInLedger: boolean }>
  /** In seconds; the activation delay is the one in effect, which another node may have announced. */
  delays(): Delays
  /** The facts stored in the keys directory, independent of the database. */
  readonly ledger: Pick<KeyLedger, 'activatedAt' | 'revokedAt' | 'revokedSecrets'>
  stop(): void
}

/** This node may not sign at the moment: it could not confirm its keys within the lease, or has no active key. */
export class KeysUnavailable extends SigningUnavailable {
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
  /** Its `keyLease`, in seconds, is how long a confirmation of the keys is valid. */
  readonly delays: Delays
  readonly ledger: KeyLedger
  /** How to wait while another node decides, once the ring is open. */
  readonly wait?: LockWait
  /** The same while the ring is being opened, and the pool to use until then. Startup can wait longer than a request. */
  readonly opening?: { readonly db: Database; readonly wait: LockWait }
  readonly clocks?: MachineClocks
  /** Another way to generate keys, for tests. */
  readonly generateKey?: DecisionOptions['generateKey']
}

/**
 * Opens the key ring: the keys as this node knows them. They are reloaded three times within the lease, and immediately when PostgreSQL
 * notifies this node of a change (NOTIFY on `signet_keys`, start.ts). Between reloads, states follow the time. While the database is
 * unavailable, the last known JWK Set is still served, but signing stops when the lease expires.
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
  wait = briefWait,
  opening = { db, wait },
  clocks = machineClocks,
  generateKey = (alg) => createSealedKey(alg, masterKey),
}: Options): Promise<KeyRing> {
  const leaseMs = delays.keyLease * 1000
  const lease = createLease(delays, clocks)
  let loaded: ReadonlyMap<string, LoadedKey> = new Map()
  let known = { keys: [] as readonly KeyRecord[], now: 0, decisions: 0 }
  /** Milliseconds by which the ring's time is ahead of the database's clock, if that was set back. */
  let ahead = 0
  let delay: AnnouncedDelay
  let snapshot: Snapshot
  let longestLifetime = 0
  let lastAsked = momentOf(clocks)

  // Each invalid row is logged once, not three times a minute.
  const refused = new Set<string>()
  const load = (record: KeyRecord): LoadedKey | undefined => {
    try {
      return loadKey(record, loaded.get(record.kid), masterKey)
    } catch (err) {
      if (!refused.has(record.kid) && refused.size < 100)
        log.error(
          { err, kid: record.kid },
          'A row of signing_keys is not a valid key of this installation. Ignoring it.',
        )
      refused.add(record.kid)
      return undefined
    }
  }
  const stopping = new AbortController()
  const running = { db, wait: { ...wait, signal: AbortSignal.any([wait.signal, stopping.signal]) } }
  const options = (phase = running): DecisionOptions => ({
    ...{ ...phase, masterKey, delays, longestLifetime, generateKey, wall: clocks.wall },
    remembered: { ...known, activatedAt: ledger.activatedAt, revokedAt: ledger.revokedAt },
    isOurs: (record) => load(record) !== undefined,
  })
  const ringTime = () => clock.now() + ahead

  const readKeys = async (phase = running) => {
    // The time before the query, because the answer may be as old as this.
    let asked = momentOf(clocks)
    lastAsked = asked
    let ring = await readRing(phase.db, options(phase))
    if (isDue(ring, options(phase))) {
      await decide(options(phase), { by: 'schedule' }, () => ({ steps: [], result: undefined }))
      asked = momentOf(clocks)
      ring = await readRing(phase.db, options(phase))
    }
    known = { keys: ring.keys, now: Math.max(known.now, ring.now), decisions: ring.decisions }
    delay = ring.delay
    // Tokens are dated by the database's clock; only the moments of keys use a time that never goes back.
    clock.observe(ring.databaseClock, asked)
    lease.confirm(asked)
    ahead = known.now - ring.databaseClock
    if (ahead > allowedDifference(delays.clockSkew))
      log.warn(
        { seconds: ahead / 1000 },
        "The last decision about keys is dated in the future. Rotation is paused until the database's clock reaches it.",
      )
    loaded = new Map(ring.keys.flatMap((record) => load(record) ?? []).map((key) => [key.record.kid, key]))
    snapshot = takeSnapshot(loaded, ringTime())
    // A hanging file system must not make the lease expire; unwritten facts are retried.
    await Promise.race([ledger.note(factsOf(snapshot.states)), pause(1_000, undefined, { ref: false })])
  }
  const refresh = oneAtATime(() =>
    readKeys().catch((error: unknown) => {
      if (error instanceof ClocksDisagree) lease.end()
      throw error
    }),
  )

  const current = () => {
    const now = ringTime()
    // While the time is uncertain, states do not change: a clock that is ahead must not remove keys from the set, or make others sign.
    if (lease.knowsTime() && (now >= snapshot.until || now < snapshot.at)) snapshot = takeSnapshot(loaded, now)
    return snapshot
  }

  const recordLifetime = oneAtATime(async () => {
    if (current().recordedLifetime >= longestLifetime) return
    // Written before a token is signed, so that its key stays published until the token has expired.
    await decide(options(), { by: 'schedule' }, () => ({
      steps: [{ what: 'extend', longestLifetime }],
      result: undefined,
    }))
    await refresh()
  })

  await readKeys(opening)
  const confirm = () => {
    refresh().catch((err: unknown) => {
      if (!stopping.signal.aborted) log.warn({ err }, 'The signing keys could not be confirmed.')
    })
  }
  const timer = setInterval(confirm, leaseMs / 3)
  timer.unref()
  const stopWatching = watchClocks(() => lastAsked, confirm, Math.min(1_000, leaseMs / 3), clocks)

  const verificationKey = (kid: string, of: 'published' | 'ever') => {
    const key = loaded.get(kid)
    const state = key && current().states.get(key.record)
    if (!key || !state || state === 'revoked' || (of === 'published' && !isPublished(state))) return undefined
    return { alg: key.record.alg, key: key.publicKey }
  }

  const keyFor = (alg: SigningAlgorithm) => {
    const fault = lease.fault()
    if (fault !== undefined) throw new KeysUnavailable(fault)
    const key = current().active.get(alg)
    if (!key?.privateKey) throw new KeysUnavailable(whyNoKey(alg, current().states))
    return { key, privateKey: key.privateKey }
  }

  return {
    refresh,
    decide: async (author, wanted) => {
      const result = await decide(options(), author, wanted)
      await refresh()
      return result
    },
    extendRetention: async (lifetime) => {
      longestLifetime = Math.max(longestLifetime, lifetime)
      if (current().recordedLifetime < lifetime) await recordLifetime()
    },
    revoke: async (author, kids) => {
      // Excludes the facts that are added to the ledger here: otherwise the schedule would revoke the keys, and be recorded as the author.
      const before = options()
      const remembered = { ...before.remembered, revokedAt: new Map(ledger.revokedAt) }
      const isInLedger = await ledger.note(kids.map((kid) => ({ kid, what: 'revoked', at: ringTime() })))
      try {
        const revokedAt = await decide({ ...before, remembered }, author, ({ keys, now }) => ({
          steps: keys
            .filter((key) => kids.includes(key.kid) && key.revokedAt === undefined)
            .map(({ kid }) => ({ what: 'revoke', kid, revokedAt: now })),
          result: now,
        }))
        await refresh()
        return { revokedAt, isInLedger }
      } catch (error) {
        throw isInLedger ? new OnlyInLedger(error) : error
      }
    },
    delays: () => ({ ...delays, activationDelay: delayInEffect(delay, delays.activationDelay, ringTime()) }),
    ledger,
    stop: () => {
      clearInterval(timer)
      stopping.abort()
      stopWatching()
    },
    keys: () => current().states,
    jwkSet: () => current().set,
    isReady: () => lease.fault() === undefined && accessTokenAlgorithms.every((alg) => current().active.has(alg)),
    activeAlgorithms: () => current().activeAlgorithms,
    verificationKey,
    accessTokenKey: (kid) => {
      const found = verificationKey(kid, 'published')
      const alg = accessTokenAlgorithms.find((one) => one === found?.alg)
      return found && alg && { alg, key: found.key }
    },
    sign: async (alg, typ, claims, lifetime) => {
      const { key, privateKey } = keyFor(alg)
      if (lifetime > key.record.longestLifetime)
        throw new KeysUnavailable(
          `The database does not yet record that this key signs tokens with a lifetime of ${lifetime} s.`,
        )
      return signJwt(headerOf(key, typ), claims, privateKey, alg)
    },
  }
}

/** The facts that a restored backup must not undo. */
function factsOf(states: ReadonlyMap<KeyRecord, KeyState>): KeyFact[] {
  return [...states].flatMap(([{ kid, activatesAt, revokedAt }, state]): KeyFact[] => {
    if (revokedAt !== undefined) return [{ kid, what: 'revoked', at: revokedAt }]
    return state === 'active' ? [{ kid, what: 'activated', at: activatesAt }] : []
  })
}

function whyNoKey(alg: SigningAlgorithm, states: ReadonlyMap<KeyRecord, KeyState>): string {
  const standbys = [...states].filter(([key, state]) => key.alg === alg && state === 'standby')
  const first = Math.min(...standbys.map(([{ activatesAt }]) => activatesAt))
  return first === Infinity
    ? `No ${alg} key is active.`
    : `No ${alg} key is active yet. The first one signs from ${new Date(first).toISOString()}, when every verifier has seen it.`
}

function headerOf(key: LoadedKey, typ: string): string {
  let header = key.headers.get(typ)
  if (header === undefined) {
    header = encodeHeader({ alg: key.record.alg, typ, kid: key.record.kid })
    key.headers.set(typ, header)
  }
  return header
}
