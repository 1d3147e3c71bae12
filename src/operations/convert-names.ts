import { setTimeout as pause } from 'node:timers/promises'
import { inLockedTransaction, type LockWait } from '../platform/database/locked-transaction.ts'
import type { Database } from '../platform/database/pool.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { isUnavailable } from '../platform/database/unavailable.ts'
import type { DatabaseLog } from '../platform/log.ts'
import { lockAccount } from '../records/accounts/accounts-store.ts'
import { canonicalEmail, foldUsername } from '../records/accounts/canonical-names.ts'
import {
  conversionLock,
  convertEmail,
  convertUsername,
  findVerifiedElsewhere,
  forgetNameToConvert,
  isUsernameTaken,
  listNamesToConvert,
  type NotConverted,
  readStoredNames,
  type StoredNames,
  setEmailUnverified,
} from '../records/accounts/names-to-convert-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { type Actor, originOf } from './actor.ts'
import { withRollback } from './with-rollback.ts'

const schedule: Actor = { kind: 'schedule' }

type Rollback = (reason: NotConverted) => never

/** Accounts per batch. */
const batch = 100
/** How often an account is tried if somebody else takes its new name at the same moment. */
const maxAttempts = 3
/** A short wait: a node that holds the lock is converting the same names. */
const shortWait: Omit<LockWait, 'signal'> = { timeoutMs: 5_000, report: () => {} }

/**
 * Converts names that an earlier release stored into the canonical form, one batch of accounts at a time. Each account has its own transaction,
 * which also records the event. If somebody else has the canonical user name by now, the stored name stays as it is, and its person continues
 * to sign in with it (canonical-names.ts). If two verified addresses turn out to be the same, the one that was verified first stays verified.
 *
 * It may be killed at any moment, and may run on any number of nodes. An account that cannot be converted does not hold up the others: it is
 * logged, and tried again in the next round.
 *
 * @param after where the previous batch ended; '' starts a round
 * @returns where the next batch starts; undefined at the end of the round
 * @throws DatabaseUnavailable, also if another node is still converting after 5 s; the signal's reason
 */
export async function convertNames(
  database: Database,
  log: DatabaseLog,
  after = '',
  signal: AbortSignal = new AbortController().signal,
): Promise<string | undefined> {
  const subs = await listNamesToConvert(database, after, batch)
  for (const sub of subs)
    try {
      await convertAccount(database, log, signal, sub)
    } catch (err) {
      if (signal.aborted || isUnavailable(err)) throw err
      log.warn({ err, sub }, 'The names of an account could not be converted; they will be tried again.')
    }
  return subs.length === batch ? subs.at(-1) : undefined
}

async function convertAccount(database: Database, log: DatabaseLog, signal: AbortSignal, sub: Sub): Promise<void> {
  const inTurn = (work: (tx: Queryable) => Promise<void>) =>
    inLockedTransaction(database, conversionLock, { ...shortWait, signal }, work)
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const reason = await withRollback<NotConverted, void>((rollBack) => inTurn((tx) => convertOne(tx, sub, rollBack)))
    if (reason === undefined) return
    if (attempt === maxAttempts)
      log.warn({ reason, sub }, 'The names of an account could not be converted and stay as they are.')
  }
  await inTurn(async (tx) => {
    await lockAccount(tx, sub)
    await forgetNameToConvert(tx, sub)
  })
}

async function convertOne(tx: Queryable, sub: Sub, rollBack: Rollback): Promise<void> {
  // Every change of a name also locks the account first, and marks it for conversion after that.
  await lockAccount(tx, sub)
  const stored = await readStoredNames(tx, sub)
  if (stored) {
    const claims = [
      ...(await convertedUsername(tx, sub, stored, rollBack)),
      ...(await convertedEmail(tx, sub, stored, rollBack)),
    ]
    if (claims.length > 0)
      await recordEvent(tx, { type: 'names_converted', ...originOf(schedule), sub, detail: { claims } })
  }
  await forgetNameToConvert(tx, sub)
}

/** @returns the names of the claims that have changed */
async function convertedUsername(
  tx: Queryable,
  sub: Sub,
  { username }: StoredNames,
  rollBack: Rollback,
): Promise<string[]> {
  const canonical = username === null ? undefined : foldUsername(username)
  if (canonical === undefined || canonical === username || (await isUsernameTaken(tx, sub, canonical))) return []
  const converted = await convertUsername(tx, sub, canonical)
  if (converted !== 'done') return rollBack(converted)
  return ['username']
}

async function convertedEmail(
  tx: Queryable,
  sub: Sub,
  { email, verifiedAt }: StoredNames,
  rollBack: Rollback,
): Promise<string[]> {
  const canonical = email === null ? undefined : canonicalEmail(email)
  if (canonical === undefined || canonical === email) return []
  const other = verifiedAt && (await findVerifiedElsewhere(tx, sub, canonical))
  if (other) {
    const loser = other.verifiedAt <= verifiedAt ? sub : other.sub
    await setEmailUnverified(tx, loser)
    const detail = { reason: 'same_address', verified_by: loser === sub ? other.sub : sub }
    await recordEvent(tx, { type: 'email_unverified', ...originOf(schedule), sub: loser, detail })
  }
  const converted = await convertEmail(tx, sub, canonical)
  if (converted !== 'done') return rollBack(converted)
  return ['email']
}

/** Milliseconds. */
interface Intervals {
  /** The average time between two rounds, and before the first. Each is drawn at random from 0.5 to 1.5 times this. */
  readonly betweenRounds: number
  /** Between two batches of a round. */
  readonly betweenBatches: number
}

const defaultIntervals: Intervals = { betweenRounds: 5 * 60_000, betweenBatches: 100 }

/**
 * Converts names for as long as the server runs. It does not start immediately: nodes of the previous release are usually still being
 * replaced, and would not find converted names. Nothing has to wait for it, because names that are not yet converted are found as before.
 *
 * @returns a function that stops it once the current account is done
 */
export function startConvertingNames(
  database: Database,
  log: DatabaseLog,
  intervals = defaultIntervals,
): () => Promise<void> {
  const stopping = new AbortController()
  const { signal } = stopping
  const convert = async () => {
    let failing = false
    for (let after: string | undefined; !signal.aborted; ) {
      const milliseconds =
        after === undefined ? intervals.betweenRounds * (0.5 + Math.random()) : intervals.betweenBatches
      await pause(milliseconds, undefined, { ref: false, signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        after = await convertNames(database, log, after, signal)
        failing = false
      } catch (err) {
        after = undefined
        // Logged once until it works again.
        if (!failing && !signal.aborted)
          log.warn({ err }, 'Names stored by an earlier release could not be converted; this will be retried.')
        failing = true
      }
    }
  }
  const converting = convert()
  return () => {
    stopping.abort()
    return converting
  }
}
