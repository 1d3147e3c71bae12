import { inLockedTransaction, type LockWait } from '../platform/database/locked-transaction.ts'
import type { Database } from '../platform/database/pool.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { DatabaseReadOnly } from '../platform/database/unavailable.ts'
import type { SigningAlgorithm } from '../platform/jwt/algorithms.ts'
import { reportIfSlow, slowSteps, untilAborted } from '../platform/progress.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { loadRing, nameDelay, noteDecision, ringLock, type StoredRing } from './key-ring-store.ts'
import { KeysMissing, newKeysDue, stockOf } from './key-stock.ts'
import { demandAgreement } from './lease.ts'
import { type Remembered, recoveries, retirementsAfterRecovery } from './remembered.ts'
import { type Delays, dueDecisions } from './rotation.ts'
import { delayInForce, mustNameDelay } from './schedule.ts'
import type { NewKey } from './sealed-key.ts'
import type { KeyRecord } from './signing-keys-store.ts'
import { type Author, type Step, type StepOptions, writeStep } from './write-step.ts'

export type { Author, Step } from './write-step.ts'

export interface DecisionOptions {
  readonly db: Database
  readonly masterKey: MasterKey
  readonly delays: Delays
  readonly remembered: Remembered<KeyRecord>
  /** Seconds: the longest lifetime of anything this node signs. A key that is created now will sign it one day. */
  readonly longestLifetime: number
  /** Generates a key pair; the private half leaves it sealed. */
  readonly generateKey: (alg: SigningAlgorithm) => Promise<NewKey>
  /** How to wait while another node decides, and whom to tell what takes long. */
  readonly wait: LockWait
  /** Whether a row is a key of ours. */
  readonly isOurs: (record: KeyRecord) => boolean
  /** This machine's clock: milliseconds since 1970. */
  readonly wall: () => number
}

/**
 * Reads the ring: the rows that are keys of ours, and the time, which is trusted only if this machine's clock agrees.
 *
 * @throws ClocksDisagree; DatabaseReadOnly where the server is not the primary, so that what it says confirms nothing
 */
export async function readRing(
  db: Queryable,
  { delays, isOurs, wall }: Pick<DecisionOptions, 'delays' | 'isOurs' | 'wall'>,
): Promise<StoredRing> {
  const from = wall()
  const ring = await loadRing(db)
  if (ring.isReadOnly)
    throw new DatabaseReadOnly('The signing keys were not read from the primary: this server accepts no writes.')
  demandAgreement(ring.databaseClock, { from, to: wall() }, delays.clockSkew)
  return { ...ring, keys: ring.keys.filter(isOurs) }
}

/** Attempts to decide, each with the keys that the one before found missing. What an operator wants takes three. */
const maxAttempts = 5

/**
 * Decides, under the lock of the ring and in one transaction: first whatever is due, then what an operator wants, then whatever is
 * due because of that. However many nodes ask at the same time, each thing is decided once; the others find it done.
 *
 * How many new keys that takes is known only under the lock, and generating them is too slow to be done there. So the first
 * attempt finds out and rolls back, the keys are generated while nobody is kept waiting, and the next attempt uses them. What
 * remains, because another node was faster, is dropped.
 *
 * @param wanted receives the ring as it is under the lock, and returns what an operator wants; called once for each attempt
 * @returns what `wanted` returned beside its steps
 * @throws ClocksDisagree, what `wanted` throws, and what `inLockedTransaction` throws; then nothing is decided
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
      const withStock = { ...options, stock: stockOf(generated) }
      return await inLockedTransaction(db, ringLock, wait, (tx) => decideLocked(tx, withStock, author, wanted))
    } catch (error) {
      if (!(error instanceof KeysMissing) || attempt === maxAttempts) throw error
      generated.push(...(await generateKeys(error.algorithms, options)))
    }
  }
}

/** Generates all of them at the same time, in libuv's thread pool. */
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
  // No two decisions at one moment: a key that was activated and one that was revoked have an order.
  const ring = { ...stored, now: Math.max(stored.now, stored.latestEvent + 1, remembered.now) }
  const inForce = { ...delays, activationDelay: delayInForce(ring.delay, delays.activationDelay, ring.now) }
  if (mustNameDelay(ring.delay, delays.activationDelay, ring.now))
    await nameDelay(tx, { seconds: delays.activationDelay, namedAt: ring.now })
  await recover(tx, options, ring, inForce)
  const { keys } = await settle(tx, options, ring.now, inForce)
  const { steps, result } = wanted({ ...ring, keys }, inForce)
  for (const step of steps) await writeStep(tx, step, options, author)
  if (steps.length > 0) await settle(tx, options, ring.now, inForce)
  await noteDecision(tx, ring.now, remembered.decisions)
  return result
}

const schedule: Author = { by: 'schedule' }

/** Tells a database that was set back what it has forgotten. */
async function recover(tx: Queryable, options: LockedOptions, ring: StoredRing, delays: Delays): Promise<void> {
  const forgotten = recoveries(ring, options.remembered, ring.now)
  if (forgotten.length === 0) return
  for (const step of forgotten) await writeStep(tx, step, options, schedule)
  const { keys } = await readRing(tx, options)
  for (const step of retirementsAfterRecovery(ring.keys, keys, ring.now, delays))
    await writeStep(tx, step, options, schedule)
}

/** Rounds after which decisions that lead to further ones must have come to rest; three are seen in practice. */
const maxRounds = 10

/**
 * Decides what is due until nothing is.
 *
 * @throws KeysMissing, before it has written anything, naming all the keys that this takes
 */
async function settle(tx: Queryable, options: LockedOptions, now: number, delays: Delays): Promise<StoredRing> {
  for (let round = 0; ; round++) {
    const ring = await readRing(tx, options)
    if (round === 0) options.stock.demand(newKeysDue(ring.keys, now, delays, maxRounds))
    const due = dueDecisions(ring.keys, now, delays)
    if (due.length === 0) return ring
    if (round === maxRounds) throw new Error(`The schedule of the keys does not come to rest: ${JSON.stringify(due)}`)
    for (const step of due) await writeStep(tx, step, options, schedule)
  }
}

/** Whether `decide` would find anything to do. */
export function isDue(
  ring: StoredRing,
  { delays, remembered }: Pick<DecisionOptions, 'delays' | 'remembered'>,
): boolean {
  const { keys, delay } = ring
  const now = Math.max(ring.now, remembered.now)
  const activationDelay = delayInForce(delay, delays.activationDelay, now)
  return (
    mustNameDelay(delay, delays.activationDelay, now) ||
    recoveries(ring, remembered, now).length > 0 ||
    dueDecisions(keys, now, { ...delays, activationDelay }).length > 0
  )
}
