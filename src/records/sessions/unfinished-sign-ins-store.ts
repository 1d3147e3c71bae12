import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/*
 * Sign-ins with the right password for which the second factor is missing. Such a sign-in is not a session: only the second step reads it, in the browser in
 * which it began. It ends when it expires, and with a change of the password.
 */

/** Seconds within which the second step must follow. */
export const unfinishedTtl = 600

export interface NewUnfinishedSignIn {
  /** Of the cookie. */
  readonly digest: Buffer
  /** Of the cookie that identifies the browser. */
  readonly browserDigest: Buffer
  readonly sub: Sub
  /** The stored hash that the password matched. */
  readonly passwordHash: string
  /** When that was, in milliseconds since 1970. */
  readonly authTime: number
}

/** @param tx a transaction that has locked the account and its password */
export async function insertUnfinishedSignIn(tx: Queryable, signIn: NewUnfinishedSignIn): Promise<void> {
  const { digest, browserDigest, sub, passwordHash, authTime } = signIn
  await tx.query({
    text: `INSERT INTO unfinished_sign_ins (digest, browser_digest, sub, password_digest, auth_time, expires_at)
           VALUES ($1, $2, $3, sha256(convert_to($4, 'UTF8')), least($5, clock_timestamp()), now() + make_interval(secs => ${unfinishedTtl}))`,
    values: [digest, browserDigest, sub, passwordHash, new Date(authTime)],
  })
}

/** A browser's sign-in that lacks the second factor. */
export interface UnfinishedKey {
  /** Of the cookie. */
  readonly digest: Buffer
  /** Of the cookie that identifies the browser. */
  readonly browserDigest: Buffer
}

/** An unfinished sign-in whose password is still that of the account, and whose account is not disabled. The column of the condition is `unfinished`. */
const isOpen = `unfinished.digest = $1 AND unfinished.browser_digest = $2 AND unfinished.expires_at > now()
  AND accounts.disabled_at IS NULL AND accounts.deleted_at IS NULL
  AND account_credentials.kind = 'password' AND sha256(convert_to(account_credentials.secret, 'UTF8')) = unfinished.password_digest`

/** @returns whose sign-in it is; undefined if it does not exist in this browser, is over, or the account or its password has changed */
export async function findUnfinishedSignIn(
  db: Queryable,
  { digest, browserDigest }: UnfinishedKey,
): Promise<Sub | undefined> {
  const { rows } = await db.query<{ sub: Sub }>({
    name: 'find-unfinished-sign-in',
    text: `SELECT accounts.sub FROM unfinished_sign_ins AS unfinished JOIN accounts ON accounts.sub = unfinished.sub
           JOIN account_credentials ON account_credentials.sub = accounts.sub WHERE ${isOpen}`,
    values: [digest, browserDigest],
  })
  return rows[0]?.sub
}

/**
 * Locks the account of an unfinished sign-in and its password until the transaction ends, and uses the sign-in up. Of any number of concurrent callers, one
 * gets a result.
 *
 * @returns when the password was proven, in milliseconds since 1970; undefined under the conditions of `findUnfinishedSignIn`, or if another caller was first
 */
export async function spendUnfinishedSignIn(
  tx: Queryable,
  sub: Sub,
  { digest, browserDigest }: UnfinishedKey,
): Promise<number | undefined> {
  // In the order of `lockPassword`. After waiting for a lock, PostgreSQL checks the condition again on the new version of the rows.
  const { rowCount } = await tx.query({
    text: `SELECT FROM accounts JOIN account_credentials ON account_credentials.sub = accounts.sub
           JOIN unfinished_sign_ins AS unfinished ON unfinished.sub = accounts.sub
           WHERE accounts.sub = $3 AND ${isOpen} FOR NO KEY UPDATE OF accounts FOR SHARE OF account_credentials`,
    values: [digest, browserDigest, sub],
  })
  if (rowCount === 0) return undefined
  const { rows } = await tx.query<{ auth_time: Date }>({
    text: 'DELETE FROM unfinished_sign_ins WHERE digest = $1 RETURNING auth_time',
    values: [digest],
  })
  return rows[0]?.auth_time.getTime()
}
