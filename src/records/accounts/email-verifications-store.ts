import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'
import { maxWrongCodes } from './email-codes.ts'

/*
 * Mails that ask somebody to prove that they can read mail at an address. An account verifies one address at a time: asking for another one makes
 * all earlier mails void, so a link that went to a mistyped address is worth nothing once the person has corrected it.
 */

export interface NewVerification {
  /** The digest of the secret in the link. */
  readonly digest: Buffer
  readonly sub: Sub
  /** In canonical form. */
  readonly email: string
  /** The digest of the cookie of the browser that asked, the only one in which the code works. */
  readonly browserDigest: Buffer
  readonly codeMac: Buffer
  readonly codeVersion: number
  /** The sealed `continue` value of the page that asked. */
  readonly continueTo: string | undefined
  readonly minutes: number
}

/** SQL: whether two addresses are the same (canonical-names.ts). */
const isSameAddress = (one: string, other: string) => `lower(${one} COLLATE "C") = lower(${other} COLLATE "C")`

/** SQL: whether a mail can still be used. IS TRUE keeps the planner from reading all that have not expired, by the index on the time. */
const isOpen = 'spent_at IS NULL AND (expires_at > now()) IS TRUE'

/** Adds a mail. In the same statement, open mails of the account to other addresses become void. */
export async function insertVerification(db: Queryable, verification: NewVerification): Promise<void> {
  await db.query({
    name: 'insert-email-verification',
    text: `WITH superseded AS (
             UPDATE email_verifications SET spent_at = now() WHERE sub = $2 AND spent_at IS NULL AND NOT ${isSameAddress('email', '$3')}
           )
           INSERT INTO email_verifications (digest, sub, email, browser_digest, code_mac, code_version, continue_to, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(mins => $8))`,
    values: [
      verification.digest,
      verification.sub,
      verification.email,
      verification.browserDigest,
      verification.codeMac,
      verification.codeVersion,
      verification.continueTo ?? null,
      verification.minutes,
    ],
  })
}

/** A mail as its link finds it. */
export interface FoundVerification {
  readonly sub: Sub
  readonly email: string
  readonly browserDigest: Buffer
  readonly continueTo: string | undefined
  /** `void`: used, superseded, or expired. */
  readonly state: 'open' | 'void'
}

interface Row {
  readonly sub: Sub
  readonly email: string
  readonly browser_digest: Buffer
  readonly continue_to: string | null
}

const fromRow = ({ sub, email, browser_digest, continue_to }: Row) => ({
  sub,
  email,
  browserDigest: browser_digest,
  continueTo: continue_to ?? undefined,
})

/** Reads the mail of a link, and changes nothing. */
export async function findVerification(db: Queryable, digest: Buffer): Promise<FoundVerification | undefined> {
  const { rows } = await db.query<Row & { open: boolean }>({
    name: 'find-email-verification',
    text: `SELECT sub, email, browser_digest, continue_to, ${isOpen} AS open FROM email_verifications WHERE digest = $1`,
    values: [digest],
  })
  const [row] = rows
  return row && { ...fromRow(row), state: row.open ? 'open' : 'void' }
}

/** The address that the account is verifying in a browser; undefined if no mail for it is open. */
export async function findWaitingEmail(db: Queryable, sub: Sub, browserDigest: Buffer): Promise<string | undefined> {
  const { rows } = await db.query<{ email: string }>({
    name: 'find-waiting-email',
    text: `SELECT email FROM email_verifications WHERE sub = $1 AND browser_digest = $2 AND ${isOpen}
           ORDER BY created_at DESC LIMIT 1`,
    values: [sub, browserDigest],
  })
  return rows[0]?.email
}

/** Whether a mail of the account is open, in whatever browser. */
export async function hasOpenVerification(db: Queryable, sub: Sub): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'has-open-verification',
    text: `SELECT FROM email_verifications WHERE sub = $1 AND ${isOpen} LIMIT 1`,
    values: [sub],
  })
  return rowCount === 1
}

/** Spends the link of a mail. Atomic: of any number of concurrent callers, one gets the mail; the others, and all after them, get undefined. */
export async function spendVerification(
  db: Queryable,
  sub: Sub,
  digest: Buffer,
): Promise<Omit<FoundVerification, 'state'> | undefined> {
  const { rows } = await db.query<Row>({
    name: 'spend-email-verification',
    text: `UPDATE email_verifications SET spent_at = now() WHERE digest = $1 AND sub = $2 AND ${isOpen}
           RETURNING sub, email, browser_digest, continue_to`,
    values: [digest, sub],
  })
  return rows[0] && fromRow(rows[0])
}

/** A mail whose code may be compared with what somebody has typed. */
export interface GuessableVerification extends Omit<FoundVerification, 'state'> {
  readonly digest: Buffer
  readonly codeMac: Buffer
  readonly codeVersion: number
}

/**
 * Counts a guess at each mail that waits in a browser, before anything is compared, and returns those mails. Atomic: however many guesses arrive at
 * once, each mail is returned to five of them. A right guess makes all of them void (`voidVerifications`), so only wrong ones are ever counted.
 */
export async function claimCodeGuess(
  db: Queryable,
  sub: Sub,
  browserDigest: Buffer,
): Promise<readonly GuessableVerification[]> {
  const { rows } = await db.query<Row & { digest: Buffer; code_mac: Buffer; code_version: number }>({
    name: 'claim-code-guess',
    text: `UPDATE email_verifications SET wrong_codes = wrong_codes + 1
           WHERE sub = $1 AND browser_digest = $2 AND ${isOpen} AND wrong_codes < ${maxWrongCodes}
           RETURNING digest, sub, email, browser_digest, continue_to, code_mac, code_version`,
    values: [sub, browserDigest],
  })
  return rows.map((row) => ({
    ...fromRow(row),
    digest: row.digest,
    codeMac: row.code_mac,
    codeVersion: row.code_version,
  }))
}

/** Makes all mails of an account void: their links and their codes. */
export async function voidVerifications(db: Queryable, sub: Sub): Promise<void> {
  await db.query({
    name: 'void-email-verifications',
    text: 'UPDATE email_verifications SET spent_at = now() WHERE sub = $1 AND spent_at IS NULL',
    values: [sub],
  })
}

/** The address that an account is going to change to, once somebody confirms that they read its mail; undefined if no change is pending. */
export async function findPendingEmail(db: Queryable, sub: Sub): Promise<string | undefined> {
  const { rows } = await db.query<{ email: string }>({
    name: 'find-pending-email',
    text: `SELECT email FROM email_verifications WHERE sub = $1 AND ${isOpen}
             AND NOT EXISTS (SELECT FROM account_emails AS own
                             WHERE own.sub = $1 AND own.is_primary AND ${isSameAddress('own.email', 'email_verifications.email')})
           ORDER BY created_at DESC LIMIT 1`,
    values: [sub],
  })
  return rows[0]?.email
}
