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
import { withRollBack } from './roll-back.ts'

const schedule: Actor = { kind: 'schedule' }

type RollBack = (reason: NotConverted) => never

/** Accounts of one batch. */
const batch = 100
/** How often an account is tried whose new name somebody else takes at the same moment. */
const attempts = 3
/** Another node that holds the lock is converting the same names. */
const brief: Omit<LockWait, 'signal'> = { timeoutMs: 5_000, report: () => {} }

/**
 * Brings names that an earlier release has stored into the canonical form, a batch of accounts at a time, each in a transaction with its
 * event. A user name that somebody else has by now stays as it is, and its person goes on signing in with it (canonical-names.ts). Of two
 * verified addresses that turn out to be the same one, the one that was verified first stays verified.
 *
 * It may be killed at any moment and run on any number of nodes. An account that cannot be converted keeps no other one waiting: it is
 * logged, and tried again in the next round.
 *
 * @param after where the batch before has ended; '' begins a round
 * @returns where the next batch begins; undefined at the end of the round
 * @throws DatabaseUnavailable, also where another node converts for longer than 5 s; the signal's reason
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
    inLockedTransaction(database, conversionLock, { ...brief, signal }, work)
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const reason = await withRollBack<NotConverted, void>((rollBack) => inTurn((tx) => convertOne(tx, sub, rollBack)))
    if (reason === undefined) return
    if (attempt === attempts) log.warn({ reason, sub }, 'The names of an account stay as they are.')
  }
  await inTurn(async (tx) => {
    await lockAccount(tx, sub)
    await forgetNameToConvert(tx, sub)
  })
}

async function convertOne(tx: Queryable, sub: Sub, rollBack: RollBack): Promise<void> {
  // Whoever changes a name locks the account first, too, and notes it to be converted after that.
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

/** @returns the names of the claims that are different now */
async function convertedUsername(
  tx: Queryable,
  sub: Sub,
  { username }: StoredNames,
  rollBack: RollBack,
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
  rollBack: RollBack,
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
interface Pace {
  /** Between two looks for names; drawn each time, half as much or half as much again. The first comes after as long. */
  readonly betweenLooks: number
  /** Between two batches. */
  readonly betweenBatches: number
}

const usual: Pace = { betweenLooks: 5 * 60_000, betweenBatches: 100 }

/**
 * Converts names for as long as the server runs. It does not begin at once: nodes of the previous release are usually still being
 * replaced, and would not find what has been converted. Nobody waits for it, since names that are still to be converted are found as before.
 *
 * @returns a function that ends it, once the account under way is done
 */
export function startConvertingNames(database: Database, log: DatabaseLog, pace: Pace = usual): () => Promise<void> {
  const ended = new AbortController()
  const { signal } = ended
  const convert = async () => {
    let failing = false
    for (let after: string | undefined; !signal.aborted; ) {
      const milliseconds = after === undefined ? pace.betweenLooks * (0.5 + Math.random()) : pace.betweenBatches
      await pause(milliseconds, undefined, { ref: false, signal }).catch(() => undefined)
      if (signal.aborted) return
      try {
        after = await convertNames(database, log, after, signal)
        failing = false
      } catch (err) {
        after = undefined
        // Once, until it works again.
        if (!failing && !signal.aborted) log.warn({ err }, 'Names of an earlier release could not be converted.')
        failing = true
      }
    }
  }
  const converting = convert()
  return () => {
    ended.abort()
    return converting
  }
}
