import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

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
  /** Whether a second factor was removed in this transaction, so that the account had one before. */
  readonly removesSecondFactor: boolean
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
  const { digest, sub, email, kind, removesSecondFactor, at, ttl } = notice
  const { rowCount } = await tx.query({
    text: `INSERT INTO account_notices (digest, sub, email, kind, at, newest_credential, had_second_factor, expires_at)
           SELECT $1, $2, $3, $4, coalesce($6, now()), coalesce(max(id), 0), $5 OR coalesce(bool_or(kind IN ('passkey', 'totp')), false),
             now() + make_interval(secs => $7)
           FROM account_credentials WHERE sub = $2 AND created_at <> now() AND ($6::timestamptz IS NULL OR created_at < $6)
           HAVING (SELECT count(*) FROM account_notices WHERE sub = $2 AND kind = $4 AND at > now() - interval '1 day') < ${maxPerDay}`,
    values: [digest, sub, email, kind, removesSecondFactor, at ?? null, ttl],
  })
  return rowCount === 1
}
