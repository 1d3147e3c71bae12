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
import { needsRepair, type Renewal, renewSecrets, repairSecrets, revokeSecrets } from './secret-decisions.ts'
import { nextChange, publicationTime, secretLease, secretStates } from './secret-schedule.ts'
import type { Author } from './write-step.ts'

/**
 * Purpose secrets as this node knows them. They are reloaded three times within the lease, and immediately when PostgreSQL notifies this node
 * of a change (NOTIFY on `signet_secrets`, start.ts). Reading one throws KeysUnavailable if the lease has expired.
 */
export interface SecretRing extends LiveSecrets {
  /** Whether the lease has not expired. */
  isReady(): boolean
  /** All accepted versions, and the revoked ones, as last loaded. */
  known(): { readonly versions: readonly SecretVersion[]; readonly revoked: readonly RevokedPurposeSecret[] }
  /** Reloads the secrets. */
  refresh(): Promise<void>
  /**
   * Publishes new versions, which will be used when every node has loaded them.
   *
   * @throws EarlierReleaseRuns, MasterKeyError, and what `inLockedTransaction` throws
   */
  renew(author: Author, wanted: readonly Purpose[], wait: LockWait): Promise<Renewal[]>
  /**
   * Replaces secrets that have leaked, first in the keys directory and then in the database. If the process is killed in between, the next
   * process that opens the keys directory completes it.
   *
   * @returns also whether the keys directory could be written, and the number of running nodes of an earlier release
   * @throws MasterKeyError, and what `inLockedTransaction` throws
   */
  revoke(
    author: Author,
    wanted: readonly Purpose[],
    wait: LockWait,
  ): Promise<{ readonly renewals: Renewal[]; readonly earlierNodes: number; readonly isInLedger: boolean }>
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

/** The limit on reloads because of unknown versions: the burst, and the rate per second. */
const [maxBurst, reloadsPerSecond] = [5, 1]

/**
 * @throws MasterKeyError if the master key can open none of the versions of a purpose
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
  // Secrets that an operator is revoking are already in the ledger; the schedule must not revoke them instead.
  let revoking: ReadonlySet<string> = new Set()
  const remembered = () => new Map([...ledger.revokedSecrets].filter(([fingerprint]) => !revoking.has(fingerprint)))

  // A row that cannot be opened is logged once. The others are still used: the row may be sealed with a master key that this node gets later.
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
    if (needsRepair(opened, mustNotReturn)) {
      await inLockedTransaction(phase.db, installationLock, phase.wait, (tx) =>
        repairSecrets(tx, masterKey, mustNotReturn),
      )
      asked = momentOf(clocks)
      stored = await loadStoredSecrets(phase.db)
      opened = openAll(stored.versions)
    }
    versions = opened.filter(({ fingerprint }) => !mustNotReturn.has(fingerprint))
    revoked = stored.revoked
    snapshot = takeSnapshot(versions, clock.now())
    lease.confirm(asked)
    // A hanging file system must not make the lease expire; unwritten facts are retried.
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

  const mayReload = createRateLimit(clocks)
  let reloading: Promise<void> | undefined

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
      // Callers during a reload share it.
      if (!reloading && mayReload())
        reloading = refresh().finally(() => {
          reloading = undefined
        })
      await reloading
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
        const isInLedger = await ledger.note(
          leaked.map((fingerprint) => ({ kid: fingerprint, what: 'revoked-secret', at: clock.now() })),
        )
        const outcome = await inLockedTransaction(db, installationLock, wait, (tx) =>
          revokeSecrets(tx, masterKey, wanted, author),
        )
        // This also adds a version to the ledger that was published in between.
        await refresh()
        return { ...outcome, isInLedger }
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

/** The secrets at one moment, valid until the next version becomes active. */
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

/** Adds a getter for each purpose, so that each read returns the current secret. */
function withGetters(
  secretOf: (purpose: Purpose) => PurposeSecret,
  ring: Omit<SecretRing, keyof PurposeSecrets>,
): SecretRing {
  const getters = purposes.map((purpose) => [purpose, { enumerable: true, get: () => secretOf(purpose) }])
  return Object.defineProperties(ring, Object.fromEntries(getters)) as SecretRing
}

/** A token bucket, refilled by the monotonic clock. */
function createRateLimit(clocks: MachineClocks): () => boolean {
  let left = maxBurst
  let counted = clocks.monotonic()
  return () => {
    const now = clocks.monotonic()
    left = Math.min(maxBurst, left + ((now - counted) / 1000) * reloadsPerSecond)
    counted = now
    if (left < 1) return false
    left -= 1
    return true
  }
}
