import type { Database } from '../platform/database/pool.ts'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { DatabaseReadOnly } from '../platform/database/unavailable.ts'
import type { MasterKey } from '../platform/secrets/master-key.ts'
import { type EventType, recordEvent } from '../records/events/events-store.ts'
import { delayInForce, mustNameDelay } from './activation-delay.ts'
import { demandAgreement } from './clock-agreement.ts'
import { type Decision, type Delays, dueDecisions } from './decisions.ts'
import { type Recovery, type Remembered, recoveries, retirementsAfterRecovery } from './remembered.ts'
import { createSealedKey, type NewKey } from './sealed-key.ts'
import {
  destroyPrivateHalf,
  type KeyRecord,
  loadRing,
  lockRing,
  nameDelay,
  noteDecision,
  putSigningKey,
  raiseLongestLifetime,
  type StoredRing,
  setActivation,
  setRetirement,
  setRevocation,
} from './signing-keys-store.ts'

/** Who decides, for the events. */
export interface Author {
  /** `schedule`, or the user of the operating system that gave a command. */
  readonly by: string
  readonly reason?: string | undefined
}

/** What is decided: by the schedule, from what a node remembers, or by an operator. */
export type Step =
  | Decision
  | Recovery<KeyRecord>
  /** Keys come to sign what lives this many seconds. */
  | { readonly what: 'cover'; readonly longestLifetime: number }
  | { readonly what: 'import'; readonly key: NewKey; readonly at: number }

export interface DecisionOptions {
  readonly db: Database
  readonly masterKey: MasterKey
  readonly delays: Delays
  readonly remembered: Remembered<KeyRecord>
  /** Seconds: what this node signs lives so long at the most. A key that is made now will come to sign it. */
  readonly longestLifetime: number
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

/**
 * Decides, under the lock of the ring and in one transaction: whatever is due, then what an operator wants, then whatever is due
 * because of that. However many nodes ask at the same time, each thing is decided once, for all but the first find it done.
 *
 * @param wanted is handed the ring as it is under the lock, and says what an operator wants
 * @returns what `wanted` returned beside its steps
 * @throws ClocksDisagree, and what `wanted` throws; then nothing is decided
 */
export async function decide<T>(
  options: DecisionOptions,
  author: Author,
  wanted: (ring: StoredRing, delays: Delays) => { readonly steps: readonly Step[]; readonly result: T },
): Promise<T> {
  const { db, delays, remembered } = options
  return inTransaction(db, async (tx) => {
    await lockRing(tx)
    const stored = await readRing(tx, options)
    // No two decisions at one moment: a key that was activated and one that was revoked have an order.
    const ring = { ...stored, now: Math.max(stored.now, stored.latestEvent + 1, remembered.now) }
    const inForce = { ...delays, activationDelay: delayInForce(ring.delay, delays.activationDelay, ring.now) }
    if (mustNameDelay(ring.delay, delays.activationDelay, ring.now))
      await nameDelay(tx, { seconds: delays.activationDelay, namedAt: ring.now })
    await recover(tx, options, ring, inForce)
    const { keys } = await settle(tx, options, ring.now, inForce)
    const { steps, result } = wanted({ ...ring, keys }, inForce)
    for (const step of steps) await take(tx, step, options, author)
    if (steps.length > 0) await settle(tx, options, ring.now, inForce)
    await noteDecision(tx, ring.now, remembered.decisions)
    return result
  })
}

const schedule: Author = { by: 'schedule' }

/** Tells a database that was set back what it has forgotten. */
async function recover(tx: Queryable, options: DecisionOptions, ring: StoredRing, delays: Delays): Promise<void> {
  const forgotten = recoveries(ring, options.remembered, ring.now)
  if (forgotten.length === 0) return
  for (const step of forgotten) await take(tx, step, options, schedule)
  const { keys } = await readRing(tx, options)
  for (const step of retirementsAfterRecovery(ring.keys, keys, ring.now, delays))
    await take(tx, step, options, schedule)
}

/** Rounds after which decisions that lead to further ones must have come to rest; three are seen in practice. */
const mostRounds = 10

/** Decides what is due until nothing is. */
async function settle(tx: Queryable, options: DecisionOptions, now: number, delays: Delays): Promise<StoredRing> {
  for (let round = 0; ; round++) {
    const ring = await readRing(tx, options)
    const due = dueDecisions(ring.keys, now, delays)
    if (due.length === 0) return ring
    if (round === mostRounds) throw new Error(`The schedule of the keys does not come to rest: ${JSON.stringify(due)}`)
    for (const step of due) await take(tx, step, options, schedule)
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

async function take(tx: Queryable, step: Step, options: DecisionOptions, author: Author): Promise<void> {
  const unused = { longestLifetime: options.longestLifetime, retiresAt: undefined, revokedAt: undefined }
  const event = (type: EventType, kid: string, detail: Readonly<Record<string, string>> = {}) =>
    recordEvent(tx, {
      type,
      caller: undefined,
      kid,
      detail: { by: author.by, ...(author.reason !== undefined && { reason: author.reason }), ...detail },
    })
  switch (step.what) {
    case 'create': {
      const key = await createSealedKey(step.alg, options.masterKey)
      const { publishedAt, activatesAt } = step
      await putSigningKey(tx, { ...key, ...unused, publishedAt, activatesAt })
      return event('key_created', key.kid, { alg: key.alg, activates_at: text(activatesAt) })
    }
    case 'import':
      await putSigningKey(tx, { ...step.key, ...unused, publishedAt: step.at, activatesAt: step.at })
      return event('key_imported', step.key.kid, { alg: step.key.alg })
    case 'restore':
      await putSigningKey(tx, step.key)
      return event('key_restored', step.key.kid, { alg: step.key.alg })
    case 'postpone':
    case 'activate':
      await setActivation(tx, step.kid, step.activatesAt)
      return event('key_scheduled', step.kid, { activates_at: text(step.activatesAt) })
    case 'retire':
      await setRetirement(tx, step.kid, step.retiresAt)
      return event('key_superseded', step.kid, { retires_at: text(step.retiresAt) })
    case 'revoke':
      await setRevocation(tx, step.kid, step.revokedAt)
      return event('key_revoked', step.kid)
    case 'cover':
      return raiseLongestLifetime(tx, step.longestLifetime)
    case 'destroy':
      await destroyPrivateHalf(tx, step.kid)
      return event('key_retired', step.kid)
  }
}

function text(moment: number): string {
  return new Date(moment).toISOString()
}
