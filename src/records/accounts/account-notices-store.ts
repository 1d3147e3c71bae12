import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'
import { accountEmail } from './accounts-store.ts'

/*
 * The links "This was not me" in mails about an account. What an account had before something happened is stored with each of them, as the id of its
 * newest credential, because whoever did it may have added credentials since. All functions that write need a transaction that has locked the account.
 */

/** A link in a mail about something that has just happened, or, with `at`, about something earlier. */
export interface NewNotice {
  /** Of the secret in the link. */
  readonly digest: Buffer
  readonly sub: Sub
  /** The verified address that the mail goes to. */
  readonly email: string
  /** The kind of the mail. */
  readonly kind: string
  /** Whether the account had a second factor before that it has no more: it is removed in this transaction, or was removed since `at`. */
  readonly lacksSecondFactor: boolean
  /** The moment from which on credentials do not count. Undefined: that of this transaction. */
  readonly at?: Date | undefined
  /** Seconds for which the link works. */
  readonly ttl: number
}

/**
 * The maximum number of notices of one kind about one account within a day. Whoever knows the password could otherwise have any number sent, for example by
 * signing in without cookies again and again. By then the person has been told often enough.
 */
const maxPerDay = 20

/**
 * Stores a link. Credentials that were added in the same transaction do not count as what the account had before.
 *
 * @returns false if there were too many of the same kind today; nothing was stored
 */
export async function insertNotice(tx: Queryable, notice: NewNotice): Promise<boolean> {
  const { digest, sub, email, kind, lacksSecondFactor, at, ttl } = notice
  const { rowCount } = await tx.query({
    text: `INSERT INTO account_notices (digest, sub, email, kind, at, newest_credential, had_second_factor, expires_at)
           SELECT $1, $2, $3, $4, coalesce($6, now()), coalesce(max(id), 0), $5 OR coalesce(bool_or(kind IN ('passkey', 'totp')), false),
             now() + make_interval(secs => $7)
           FROM account_credentials WHERE sub = $2 AND created_at <> now() AND ($6::timestamptz IS NULL OR created_at < $6)
           HAVING (SELECT count(*) FROM account_notices WHERE sub = $2 AND kind = $4 AND at > now() - interval '1 day') < ${maxPerDay}`,
    values: [digest, sub, email, kind, lacksSecondFactor, at ?? null, ttl],
  })
  return rowCount === 1
}

/** A link that can be used now. */
export interface Notice {
  readonly sub: Sub
  /** The address that the mail went to. */
  readonly email: string
  /** The kind of the mail. */
  readonly kind: string
  /** When the event that the mail reports happened. */
  readonly at: Date
  /** The id of the newest credential that the account had before. */
  readonly newestCredential: number
  readonly hadSecondFactor: boolean
  /** Whether the address is still the verified address of the account. If not, it was changed since, and that can still be undone. */
  readonly isCurrentAddress: boolean
}

/**
 * The link with this digest. It proves that somebody reads mail at an address. So it is void once that is not the verified address of the account any more,
 * unless the change can still be undone from there: a thief could otherwise get rid of the link by changing the address.
 *
 * @returns undefined if there is no such link, it has expired or been used, or its account has been disabled or deleted
 */
export async function findNotice(db: Queryable, digest: Buffer): Promise<Notice | undefined> {
  const { rows } = await db.query<{
    sub: Sub
    email: string
    kind: string
    at: Date
    newest_credential: number
    had_second_factor: boolean
    is_current: boolean
  }>({
    text: `SELECT * FROM (
             SELECT notice.sub, notice.email, notice.kind, notice.at, newest_credential, had_second_factor,
               coalesce(account_emails.verified_at IS NOT NULL
                        AND lower(account_emails.email COLLATE "C") = lower(notice.email COLLATE "C"), false) AS is_current,
               EXISTS (SELECT FROM email_changes
                       WHERE email_changes.sub = notice.sub AND undone_at IS NULL AND email_changes.expires_at > now()
                         AND lower(previous_email COLLATE "C") = lower(notice.email COLLATE "C")) AS can_be_restored
             FROM account_notices AS notice JOIN accounts ON accounts.sub = notice.sub ${accountEmail}
             WHERE notice.digest = $1 AND notice.expires_at > now() AND accounts.disabled_at IS NULL AND accounts.deleted_at IS NULL
           ) AS found WHERE is_current OR can_be_restored`,
    values: [digest],
  })
  const [row] = rows
  if (!row) return undefined
  const { sub, email, kind, at, newest_credential, had_second_factor, is_current } = row
  const before = { newestCredential: newest_credential, hadSecondFactor: had_second_factor }
  return { sub, email, kind, at, ...before, isCurrentAddress: is_current }
}

/**
 * Makes the links of an account void: one was used, the account was recovered, or an operator decided. Changing the password does not do this, because a thief
 * who knows it could get rid of the links in that way.
 *
 * @param email only those that went to this address; undefined: all. A thief who has changed the address and recovers the account at theirs must not get rid of
 *   those that went to the person's own
 */
export async function voidNotices(tx: Queryable, sub: Sub, email?: string): Promise<void> {
  if (email === undefined) await tx.query({ text: 'DELETE FROM account_notices WHERE sub = $1', values: [sub] })
  else
    await tx.query({
      text: 'DELETE FROM account_notices WHERE sub = $1 AND lower(email COLLATE "C") = lower($2 COLLATE "C")',
      values: [sub, email],
    })
}
