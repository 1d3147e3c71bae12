import type { KeyObject } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, type MachineClocks, machineClocks, momentOf } from '../platform/clock.ts'
import { briefWait, type LockWait } from '../platform/database/locked-transaction.ts'
import type { Database } from '../platform/database/pool.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { encodeHeader, SigningUnavailable, signJwt } from '../platform/jwt/sign.ts'
import type { Log } from '../platform/log.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { oneAtATime } from '../platform/shared-work.ts'
import { type Author, type DecisionOptions, decide, isDue, readRing, type Step } from './decide.ts'
import type { KeyFact, KeyLedger } from './key-ledger.ts'
import type { StoredRing } from './key-ring-store.ts'
import { type JwkSet, type LoadedKey, loadKey, type Snapshot, takeSnapshot } from './key-snapshot.ts'
import { allowedDifference, ClocksDisagree, createLease, watchClocks } from './lease.ts'
import type { Delays } from './rotation.ts'
import { delayInForce, isPublished, type KeyState, type NamedDelay } from './schedule.ts'
import { createSealedKey } from './sealed-key.ts'
import type { KeyRecord } from './signing-keys-store.ts'

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
   * @param wanted receives the ring as it is under the lock; may throw to decide nothing, and may be called more than once
   */
  decide<T>(
    author: Author,
    wanted: (ring: StoredRing, delays: Delays) => { readonly steps: readonly Step[]; readonly result: T },
  ): Promise<T>
  /**
   * Revokes keys, first in the keys directory and then in the database: who is killed between the two leaves them revoked by whoever
   * opens that directory next.
   *
   * @returns when, in milliseconds since 1970, and whether the keys directory could be written
   */
  revoke(author: Author, kids: readonly string[]): Promise<{ readonly revokedAt: number; readonly isNoted: boolean }>
  /** In seconds; the activation delay is the one in force, whichever node named it. */
  delays(): Delays
  /** What the keys directory remembers, whatever the database does. */
  readonly ledger: Pick<KeyLedger, 'activatedAt' | 'revokedAt' | 'revokedSecrets'>
  stop(): void
}

/** This node must not sign now: it could not confirm its keys within the lease, or has none that is active. */
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
  /** Its lease, in seconds, is how long a confirmation of the keys is good for. */
  readonly delays: Delays
  readonly ledger: KeyLedger
  /** How to wait while another node decides, once the ring is open. */
  readonly wait?: LockWait
  /** The same while the ring is being opened, and the pool to use until then. A start can wait longer than a request. */
  readonly opening?: { readonly db: Database; readonly wait: LockWait }
  readonly clocks?: MachineClocks
  /** Another way to generate keys, for tests. */
  readonly generateKey?: DecisionOptions['generateKey']
}

/**
 * The keys as this node knows them, read anew three times within the lease, and at once when PostgreSQL notifies it of a change (NOTIFY on
 * `signet_keys`, start.ts). Between readings states follow the time. While the database is away the last known set goes on being served,
 * but signing ends with the lease.
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
  /** Milliseconds by which the ring's time is ahead of the database's clock, where that was set back. */
  let ahead = 0
  let delay: NamedDelay
  let snapshot: Snapshot
  let longestLifetime = 0
  let lastAsked = momentOf(clocks)

  // A row that is no key of ours is told once, not three times a minute.
  const refused = new Set<string>()
  const load = (record: KeyRecord): LoadedKey | undefined => {
    try {
      return loadKey(record, loaded.get(record.kid), masterKey)
    } catch (err) {
      if (!refused.has(record.kid) && refused.size < 100)
        log.error({ err, kid: record.kid }, 'A row of signing_keys is no key of ours: this node takes no notice of it.')
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
    // Taken before the question is asked: the answer may be as old as this.
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
    // Tokens are dated by the clock as it is; only the moments of keys go by a time that never goes back.
    clock.observe(ring.databaseClock, asked)
    lease.confirm(asked)
    ahead = known.now - ring.databaseClock
    if (ahead > allowedDifference(delays.clockSkew))
      log.warn(
        { seconds: ahead / 1000 },
        "The last decision about keys lies in the future: rotation stands still until the database's clock is there.",
      )
    loaded = new Map(ring.keys.flatMap((record) => load(record) ?? []).map((key) => [key.record.kid, key]))
    snapshot = takeSnapshot(loaded, ringTime())
    // A folder that hangs must not cost the lease: what is not written yet is tried again.
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
    // Where the time is in doubt all stays as it was: a clock that is ahead must not take keys out of the set, nor have others sign.
    if (lease.knowsTime() && (now >= snapshot.until || now < snapshot.at)) snapshot = takeSnapshot(loaded, now)
    return snapshot
  }

  const cover = oneAtATime(async () => {
    if (current().covered >= longestLifetime) return
    // Written before a token exists: the key must not retire under it.
    await decide(options(), { by: 'schedule' }, () => ({
      steps: [{ what: 'cover', longestLifetime }],
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

  return {
    refresh,
    decide: async (author, wanted) => {
      const result = await decide(options(), author, wanted)
      await refresh()
      return result
    },
    cover: async (lifetime) => {
      longestLifetime = Math.max(longestLifetime, lifetime)
      if (current().covered < lifetime) await cover()
    },
    revoke: async (author, kids) => {
      // Without what is about to be noted: else the schedule would be the author of it.
      const before = options()
      const remembered = { ...before.remembered, revokedAt: new Map(ledger.revokedAt) }
      const isNoted = await ledger.note(kids.map((kid) => ({ kid, what: 'revoked', at: ringTime() })))
      const revokedAt = await decide({ ...before, remembered }, author, ({ keys, now }) => ({
        steps: keys
          .filter((key) => kids.includes(key.kid) && key.revokedAt === undefined)
          .map(({ kid }) => ({ what: 'revoke', kid, revokedAt: now })),
        result: now,
      }))
      await refresh()
      return { revokedAt, isNoted }
    },
    delays: () => ({ ...delays, activationDelay: delayInForce(delay, delays.activationDelay, ringTime()) }),
    ledger,
    stop: () => {
      clearInterval(timer)
      stopping.abort()
      stopWatching()
    },
    keys: () => current().states,
    jwkSet: () => current().set,
    isReady: () => lease.fault() === undefined && signingAlgorithms.every((alg) => current().active.has(alg)),
    verificationKey: (kid, of) => {
      const key = loaded.get(kid)
      const state = key && current().states.get(key.record)
      if (!key || !state || state === 'revoked' || (of === 'published' && !isPublished(state))) return undefined
      return { alg: key.record.alg, key: key.publicKey }
    },
    sign: async (alg, typ, claims, lifetime) => {
      const fault = lease.fault()
      if (fault !== undefined) throw new KeysUnavailable(fault)
      const key = current().active.get(alg)
      if (!key?.privateKey) throw new KeysUnavailable(`No ${alg} key is active.`)
      if (lifetime > key.record.longestLifetime)
        throw new KeysUnavailable(`The key is not noted yet to sign what lives ${lifetime} s.`)
      return signJwt(headerOf(key, typ), claims, key.privateKey, alg)
    },
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
