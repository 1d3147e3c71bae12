import { inLockedTransaction, type LockWait } from '../platform/database/locked-transaction.ts'
import type { Database } from '../platform/database/pool.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { DatabaseReadOnly } from '../platform/database/unavailable.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import { reportIfSlow, slowSteps, untilAborted } from '../platform/progress.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { createKeyPool, KeysMissing, newKeysDue } from './key-pool.ts'
import { announceDelay, loadRing, recordDecision, ringLock, type StoredRing } from './key-ring-store.ts'
import { assertClocksAgree } from './lease.ts'
import { type Remembered, recoveries, retirementsAfterRecovery } from './recovery.ts'
import { type Delays, dueDecisions } from './rotation.ts'
import { delayInEffect, mustAnnounceDelay } from './schedule.ts'
import type { NewKey } from './sealed-key.ts'
import type { KeyRecord } from './signing-keys-store.ts'
import { type Author, type Step, type StepOptions, writeStep } from './write-step.ts'

export type { Author, Step } from './write-step.ts'

export interface DecisionOptions {
  readonly db: Database
  readonly masterKey: MasterKey
  readonly delays: Delays
  readonly remembered: Remembered<KeyRecord>
  /** Seconds: the longest lifetime of anything that this node signs. A key that is created now will sign it later. */
  readonly longestLifetime: number
  /** Generates a key pair; returns the private half sealed. */
  readonly generateKey: (alg: SigningAlgorithm) => Promise<NewKey>
  /** How to wait while another node decides, and how to report slow steps. */
  readonly wait: LockWait
  /** Whether a row is a valid key of this installation. */
  readonly isOurs: (record: KeyRecord) => boolean
  /** This machine's clock: milliseconds since 1970. */
  readonly wall: () => number
}

/**
 * Reads the ring: the rows that are valid keys, and the time, which is trusted only if this machine's clock agrees.
 *
 * @throws ClocksDisagree; DatabaseReadOnly if the server is not the primary, because its answer does not confirm anything
 */
export async function readRing(
  db: Queryable,
  { delays, isOurs, wall }: Pick<DecisionOptions, 'delays' | 'isOurs' | 'wall'>,
): Promise<StoredRing> {
  const from = wall()
  const ring = await loadRing(db)
  if (ring.isReadOnly)
    throw new DatabaseReadOnly('The signing keys were not read from the primary: this server accepts no writes.')
  assertClocksAgree(ring.databaseClock, { from, to: wall() }, delays.clockSkew)
  return { ...ring, keys: ring.keys.filter(isOurs) }
}

/** Attempts to decide, each with the keys that the previous one found missing. An operator's request takes up to three. */
const maxAttempts = 5

/**
 * Makes decisions, under the lock of the ring and in one transaction: first those that are due, then those that an operator wants, then those
 * that are due as a consequence. If several nodes do this at the same time, each decision is made once, and the others find it done.
 *
 * The number of new keys is known only under the lock, and generating them there would take too long. So the first attempt finds out the
 * number and rolls back, the keys are generated without the lock, and the next attempt uses them. Keys that are not used, because another
 * node was faster, are dropped.
 *
 * @param wanted gets the ring, read under the lock, and returns what an operator wants; called once for each attempt
 * @returns the `result` of `wanted`
 * @throws ClocksDisagree, what `wanted` throws, and what `inLockedTransaction` throws; in each case nothing is decided
 */
export async function decide<T>(
  options: DecisionOptions,
  author: Author,
  wanted: (ring: StoredRing, delays: Delays) => { readonly steps: readonly Step[]; readonly result: T },
): Promise<T> {
  const { db, wait } = options
  const generated: NewKey[] = []
  for (let attempt = 1; ; attempt++) {
    try {
      const withPool = { ...options, pool: createKeyPool(generated) }
      return await inLockedTransaction(db, ringLock, wait, (tx) => decideLocked(tx, withPool, author, wanted))
    } catch (error) {
      if (!(error instanceof KeysMissing) || attempt === maxAttempts) throw error
      generated.push(...(await generateKeys(error.algorithms, options)))
    }
  }
}

/** Generates all keys in parallel, in libuv's thread pool. */
async function generateKeys(
  algorithms: readonly SigningAlgorithm[],
  { generateKey, wait: { report, signal } }: DecisionOptions,
): Promise<NewKey[]> {
  return reportIfSlow(report, slowSteps.signingKeys, () =>
    untilAborted(signal, Promise.all(algorithms.map(generateKey))),
  )
}

type LockedOptions = DecisionOptions & StepOptions

async function decideLocked<T>(
  tx: Queryable,
  options: LockedOptions,
  author: Author,
  wanted: (ring: StoredRing, delays: Delays) => { readonly steps: readonly Step[]; readonly result: T },
): Promise<T> {
  const { delays, remembered } = options
  const stored = await readRing(tx, options)
  // No two decisions have the same moment, so that there is an order between an activated key and a revoked one.
  const ring = { ...stored, now: Math.max(stored.now, stored.latestEvent + 1, remembered.now) }
  const delaysInEffect = { ...delays, activationDelay: delayInEffect(ring.delay, delays.activationDelay, ring.now) }
  if (mustAnnounceDelay(ring.delay, delays.activationDelay, ring.now))
    await announceDelay(tx, { seconds: delays.activationDelay, announcedAt: ring.now })
  await recover(tx, options, ring, delaysInEffect)
  const { keys } = await settle(tx, options, ring.now, delaysInEffect)
  const { steps, result } = wanted({ ...ring, keys }, delaysInEffect)
  for (const step of steps) await writeStep(tx, step, options, author)
  if (steps.length > 0) await settle(tx, options, ring.now, delaysInEffect)
  await recordDecision(tx, ring.now, remembered.decisions)
  return result
}

const schedule: Author = { by: 'schedule' }

/** Restores what a database has lost because it was restored from a backup. */
async function recover(tx: Queryable, options: LockedOptions, ring: StoredRing, delays: Delays): Promise<void> {
  const forgotten = recoveries(ring, options.remembered, ring.now)
  if (forgotten.length === 0) return
  for (const step of forgotten) await writeStep(tx, step, options, schedule)
  const { keys } = await readRing(tx, options)
  for (const step of retirementsAfterRecovery(ring.keys, keys, ring.now, delays))
    await writeStep(tx, step, options, schedule)
}

/** Maximum rounds of decisions that lead to further ones; three occur in practice. */
const maxRounds = 10

/**
 * Makes the decisions that are due until none is.
 *
 * @throws KeysMissing, before anything is written, with all the keys that are needed
 */
async function settle(tx: Queryable, options: LockedOptions, now: number, delays: Delays): Promise<StoredRing> {
  for (let round = 0; ; round++) {
    const ring = await readRing(tx, options)
    if (round === 0) options.pool.require(newKeysDue(ring.keys, now, delays, maxRounds))
    const due = dueDecisions(ring.keys, now, delays)
    if (due.length === 0) return ring
    if (round === maxRounds) throw new Error(`The schedule of the keys does not settle: ${JSON.stringify(due)}`)
    for (const step of due) await writeStep(tx, step, options, schedule)
  }
}

/** Whether `decide` would change anything. */
export function isDue(
  ring: StoredRing,
  { delays, remembered }: Pick<DecisionOptions, 'delays' | 'remembered'>,
): boolean {
  const { keys, delay } = ring
  const now = Math.max(ring.now, remembered.now)
  const activationDelay = delayInEffect(delay, delays.activationDelay, now)
  return (
    mustAnnounceDelay(delay, delays.activationDelay, now) ||
    recoveries(ring, remembered, now).length > 0 ||
    dueDecisions(keys, now, { ...delays, activationDelay }).length > 0
  )
}
