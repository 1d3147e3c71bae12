import { setTimeout as pause } from 'node:timers/promises'
import { type Clock, type MachineClocks, machineClocks, momentOf } from '../platform/clock.ts'
import { installationLock } from '../platform/database/installation-store.ts'
import { briefWait, inLockedTransaction, type LockWait } from '../platform/database/locked-transaction.ts'
import type { Database } from '../platform/database/pool.ts'
import { DatabaseReadOnly } from '../platform/database/unavailable.ts'
import type { Log } from '../platform/log.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import {
  type LiveSecrets,
  openVersions,
  type Purpose,
  type PurposeSecret,
  type PurposeSecrets,
  purposes,
  type SecretVersion,
  type StoredPurposeSecret,
} from '../platform/secrets/purpose-secrets.ts'
import { loadStoredSecrets, type RevokedPurposeSecret } from '../platform/secrets/purpose-secrets-store.ts'
import { oneAtATime } from '../platform/shared-work.ts'
import type { KeyLedger } from './key-ledger.ts'
import { KeysUnavailable } from './key-ring.ts'
import { createLease, watchClocks } from './lease.ts'
import { isUnsettled, type Renewal, renewSecrets, revokeSecrets, settleSecrets } from './secret-decisions.ts'
import { nextChange, publicationTime, secretLease, secretStates } from './secret-schedule.ts'
import type { Author } from './write-step.ts'

/**
 * Purpose secrets as this node knows them, read three times within the lease and at once when PostgreSQL notifies it of a change (NOTIFY on
 * `signet_secrets`, start.ts). Reading one throws KeysUnavailable without a lease.
 */
export interface SecretRing extends LiveSecrets {
  /** Whether the lease holds. */
  isReady(): boolean
  /** Every version that is accepted, and those that were revoked, as they were last read. */
  known(): { readonly versions: readonly SecretVersion[]; readonly revoked: readonly RevokedPurposeSecret[] }
  /** Reads the secrets anew. */
  refresh(): Promise<void>
  /**
   * Publishes new versions, which are used once every node has read them.
   *
   * @throws EarlierReleaseRuns, MasterKeyError, and what `inLockedTransaction` throws
   */
  renew(author: Author, wanted: readonly Purpose[], wait: LockWait): Promise<Renewal[]>
  /**
   * Replaces secrets that have leaked, first in the keys directory and then in the database: if it is killed between the two, whoever
   * opens that directory next carries it out.
   *
   * @returns whether the keys directory could be written, and how many nodes of an earlier release run
   * @throws MasterKeyError, and what `inLockedTransaction` throws
   */
  revoke(
    author: Author,
    wanted: readonly Purpose[],
    wait: LockWait,
  ): Promise<{ readonly renewals: Renewal[]; readonly earlierNodes: number; readonly isNoted: boolean }>
  stop(): void
}

interface Options {
  readonly db: Database
  readonly masterKey: MasterKey
  readonly clock: Pick<Clock, 'now'>
  readonly log: Log
  /** Seconds. */
  readonly keyLease: number
  readonly clockSkew: number
  readonly ledger: KeyLedger
  /** The pool to use until the ring is open. */
  readonly opening?: { readonly db: Database; readonly wait: LockWait }
  readonly clocks?: MachineClocks
}

/** Questions that unknown versions may cost: so many at once, and so many a second in the long run. */
const [askedAtOnce, askedPerSecond] = [5, 1]

/**
 * @throws MasterKeyError when the master key does not open all versions of a purpose
 */
export async function openSecretRing({
  db,
  masterKey,
  clock,
  log,
  keyLease,
  clockSkew,
  ledger,
  opening = { db, wait: briefWait },
  clocks = machineClocks,
}: Options): Promise<SecretRing> {
  const leaseSeconds = secretLease(keyLease)
  const lease = createLease({ keyLease: leaseSeconds, clockSkew }, clocks)
  const stopping = new AbortController()
  const running = { db, wait: { ...briefWait, signal: stopping.signal } }
  let versions: readonly SecretVersion[] = []
  let revoked: readonly RevokedPurposeSecret[] = []
  let snapshot: Snapshot = { at: 0, until: 0, secrets: new Map() }
  let lastAsked = momentOf(clocks)
  // What an operator is about to revoke has been noted already; the schedule must not do it in their place.
  let revoking: ReadonlySet<string> = new Set()
  const remembered = () => new Map([...ledger.revokedSecrets].filter(([fingerprint]) => !revoking.has(fingerprint)))

  // A row that does not open is told once. The others go on: it may be sealed under a master key that this node is given later.
  const refused = new Set<string>()
  const openAll = (stored: readonly StoredPurposeSecret[]) =>
    stored.flatMap((row) => {
      try {
        return openVersions([row], masterKey)
      } catch (err) {
        const { purpose, version } = row
        if (!refused.has(`${purpose} ${version}`))
          log.error({ err, purpose, version }, 'A purpose secret cannot be opened with this master key. Ignoring it.')
        refused.add(`${purpose} ${version}`)
        if (!stored.some((other) => other.purpose === purpose && other !== row)) throw err
        return []
      }
    })

  const read = async (phase = running) => {
    let asked = momentOf(clocks)
    lastAsked = asked
    let stored = await loadStoredSecrets(phase.db)
    if (stored.isReadOnly)
      throw new DatabaseReadOnly('The purpose secrets were not read from the primary: this server accepts no writes.')
    let opened = openAll(stored.versions)
    const mustNotReturn = remembered()
    if (isUnsettled(opened, mustNotReturn)) {
      await inLockedTransaction(phase.db, installationLock, phase.wait, (tx) =>
        settleSecrets(tx, masterKey, mustNotReturn),
      )
      asked = momentOf(clocks)
      stored = await loadStoredSecrets(phase.db)
      opened = openAll(stored.versions)
    }
    versions = opened.filter(({ fingerprint }) => !mustNotReturn.has(fingerprint))
    revoked = stored.revoked
    snapshot = takeSnapshot(versions, clock.now())
    lease.confirm(asked)
    // A folder that hangs must not cost the lease: what is not written yet is tried again.
    const facts = revoked.map(({ fingerprint, revokedAt }) => ({
      ...{ kid: fingerprint, what: 'revoked-secret' as const, at: revokedAt },
    }))
    await Promise.race([ledger.note(facts), pause(1_000, undefined, { ref: false })])
  }
  const refresh = oneAtATime(() => read())

  const secretOf = (purpose: Purpose): PurposeSecret => {
    if (lease.fault() !== undefined)
      throw new KeysUnavailable('The secrets of this node could not be confirmed with the database within their lease.')
    const now = clock.now()
    if (now >= snapshot.until || now < snapshot.at) snapshot = takeSnapshot(versions, now)
    const secret = snapshot.secrets.get(purpose)
    if (!secret) throw new KeysUnavailable(`There is no secret for ${purpose}.`)
    return secret
  }

  const mayAsk = createAllowance(clocks)
  let asking: Promise<void> | undefined

  await read(opening)
  const confirm = () => {
    refresh().catch((err: unknown) => {
      if (!stopping.signal.aborted) log.warn({ err }, 'The purpose secrets could not be confirmed.')
    })
  }
  const timer = setInterval(confirm, (leaseSeconds * 1000) / 3)
  timer.unref()
  const stopWatching = watchClocks(() => lastAsked, confirm, Math.min(1_000, (leaseSeconds * 1000) / 3), clocks)

  return withGetters(secretOf, {
    isReady: () => lease.fault() === undefined,
    known: () => ({ versions, revoked }),
    refresh,
    reload: async () => {
      // Whoever comes while it is being asked needs no question of their own.
      if (!asking && mayAsk())
        asking = refresh().finally(() => {
          asking = undefined
        })
      await asking
    },
    renew: async (author, wanted, wait) => {
      const renewals = await inLockedTransaction(db, installationLock, wait, (tx) =>
        renewSecrets(tx, masterKey, wanted, publicationTime(clockSkew), author),
      )
      await refresh()
      return renewals
    },
    revoke: async (author, wanted, wait) => {
      await refresh()
      const leaked = versions.filter(({ purpose }) => wanted.includes(purpose)).map(({ fingerprint }) => fingerprint)
      revoking = new Set([...revoking, ...leaked])
      try {
        const isNoted = await ledger.note(
          leaked.map((fingerprint) => ({ kid: fingerprint, what: 'revoked-secret', at: clock.now() })),
        )
        const outcome = await inLockedTransaction(db, installationLock, wait, (tx) =>
          revokeSecrets(tx, masterKey, wanted, author),
        )
        // This also notes a version that was published in between.
        await refresh()
        return { ...outcome, isNoted }
      } finally {
        revoking = new Set([...revoking].filter((fingerprint) => !leaked.includes(fingerprint)))
      }
    },
    stop: () => {
      clearInterval(timer)
      stopping.abort()
      stopWatching()
    },
  })
}

/** What follows from the versions at one moment, and until the next one at which another becomes active. */
interface Snapshot {
  readonly at: number
  readonly until: number
  readonly secrets: ReadonlyMap<Purpose, PurposeSecret>
}

function takeSnapshot(versions: readonly SecretVersion[], now: number): Snapshot {
  const active = [...secretStates(versions, now)].filter(([, state]) => state === 'active').map(([version]) => version)
  return {
    at: now,
    until: nextChange(versions, now),
    secrets: new Map(
      active.map(({ purpose, version: current }) => {
        const own = versions.filter((version) => version.purpose === purpose)
        return [purpose, { current, versions: new Map(own.map(({ version, secret }) => [version, secret])) }]
      }),
    ),
  }
}

/** Adds a getter for each purpose: whoever reads one has it as it is at that moment. */
function withGetters(
  secretOf: (purpose: Purpose) => PurposeSecret,
  ring: Omit<SecretRing, keyof PurposeSecrets>,
): SecretRing {
  const getters = purposes.map((purpose) => [purpose, { enumerable: true, get: () => secretOf(purpose) }])
  return Object.defineProperties(ring, Object.fromEntries(getters)) as SecretRing
}

/** A bucket of questions, refilled by the monotonic clock. */
function createAllowance(clocks: MachineClocks): () => boolean {
  let left = askedAtOnce
  let counted = clocks.monotonic()
  return () => {
    const now = clocks.monotonic()
    left = Math.min(askedAtOnce, left + ((now - counted) / 1000) * askedPerSecond)
    counted = now
    if (left < 1) return false
    left -= 1
    return true
  }
}
