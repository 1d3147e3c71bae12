import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/*
 * Changes of verified addresses that can still be undone. An account can have several: from A to B, then to C. Undoing one also closes those after
 * it, so the owner of the earliest address decides. All functions that write need a transaction that has locked the account.
 */

/**
 * Stores a change with the password hash that the account has at this moment, and with one that was replaced shortly before
 * (account-password-store.ts).
 *
 * @param change `digest` of the secret in the link; `newEmail` is undefined if the address was removed; `ttl` in seconds
 * @returns false if the account has no credential, so nobody could undo the change; nothing was stored
 */
export async function insertEmailChange(
  tx: Queryable,
  change: {
    readonly digest: Buffer
    readonly sub: Sub
    readonly previousEmail: string
    readonly newEmail: string | undefined
    readonly ttl: number
  },
): Promise<boolean> {
  const { digest, sub, previousEmail, newEmail, ttl } = change
  const { rowCount } = await tx.query({
    text: `INSERT INTO email_changes (digest, sub, previous_email, new_email, previous_password, earlier_password, changed_at, expires_at)
           SELECT $1, $2, $3, $4, (SELECT secret FROM account_credentials WHERE sub = $2 AND kind = 'password'),
             (SELECT secret FROM replaced_passwords WHERE sub = $2 AND expires_at > now()), now(), now() + make_interval(secs => $5)
           WHERE EXISTS (SELECT FROM account_credentials WHERE sub = $2)`,
    values: [digest, sub, previousEmail, newEmail ?? null, ttl],
  })
  return rowCount === 1
}

/** A change that can be undone. */
export interface OpenEmailChange {
  readonly sub: Sub
  readonly previousEmail: string
  /** Undefined if the address was removed. */
  readonly newEmail: string | undefined
  readonly changedAt: Date
  /** The hash that the account had before the change, in PHC form; undefined if it had no password. */
  readonly previousPassword: string | undefined
  /** A hash that was replaced shortly before the change. */
  readonly earlierPassword: string | undefined
}

/** The change that a link belongs to, unless it has expired or been undone, or the account is disabled or deleted. */
export async function findOpenEmailChange(db: Queryable, digest: Buffer): Promise<OpenEmailChange | undefined> {
  const { rows } = await db.query<{
    sub: Sub
    previous_email: string
    new_email: string | null
    changed_at: Date
    previous_password: string | null
    earlier_password: string | null
  }>({
    text: `SELECT email_changes.sub, previous_email, new_email, changed_at, previous_password, earlier_password
           FROM email_changes JOIN accounts ON accounts.sub = email_changes.sub
           WHERE digest = $1 AND undone_at IS NULL AND expires_at > now() AND disabled_at IS NULL AND deleted_at IS NULL`,
    values: [digest],
  })
  const [row] = rows
  return (
    row && {
      sub: row.sub,
      previousEmail: row.previous_email,
      newEmail: row.new_email ?? undefined,
      changedAt: row.changed_at,
      previousPassword: row.previous_password ?? undefined,
      earlierPassword: row.earlier_password ?? undefined,
    }
  )
}

/**
 * Closes a change because it is being undone, and all later changes of the account, whose previous addresses are not going to be the account's any
 * more. The password hashes are deleted. If several callers do this concurrently, one gets true.
 */
export async function closeEmailChange(tx: Queryable, digest: Buffer): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `WITH undone AS (
             SELECT sub, position FROM email_changes WHERE digest = $1 AND undone_at IS NULL AND expires_at > now()
           )
           UPDATE email_changes SET undone_at = now(), previous_password = NULL, earlier_password = NULL FROM undone
           WHERE email_changes.sub = undone.sub AND email_changes.position >= undone.position AND undone_at IS NULL`,
    values: [digest],
  })
  return (rowCount ?? 0) > 0
}

/**
 * Closes the change away from an address that the account now returns to, and all later changes. Otherwise a thief whose address is being replaced
 * by the person's own could undo that.
 *
 * @returns whether there was such a change
 */
export async function closeEmailChangesSince(tx: Queryable, sub: Sub, email: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `WITH first AS (
             SELECT min(position) AS position FROM email_changes
             WHERE sub = $1 AND undone_at IS NULL AND expires_at > now()
               AND lower(previous_email COLLATE "C") = lower($2 COLLATE "C")
           )
           UPDATE email_changes SET undone_at = now(), previous_password = NULL, earlier_password = NULL FROM first
           WHERE email_changes.sub = $1 AND email_changes.position >= first.position AND undone_at IS NULL`,
    values: [sub, email],
  })
  return (rowCount ?? 0) > 0
}

/** The verified address that an account had at a moment, if it was changed since and that can still be undone. */
export async function findEmailBefore(tx: Queryable, sub: Sub, at: Date): Promise<string | undefined> {
  const { rows } = await tx.query<{ previous_email: string }>({
    text: `SELECT previous_email FROM email_changes
           WHERE sub = $1 AND undone_at IS NULL AND expires_at > now() AND changed_at >= $2 ORDER BY position LIMIT 1`,
    values: [sub, at],
  })
  return rows[0]?.previous_email
}

/** Closes all changes of an account, because an operator has decided which address it has. */
export async function closeEmailChanges(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({
    text: `UPDATE email_changes SET undone_at = now(), previous_password = NULL, earlier_password = NULL WHERE sub = $1 AND undone_at IS NULL`,
    values: [sub],
  })
}
