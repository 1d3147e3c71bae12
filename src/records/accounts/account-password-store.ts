import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/** The stored password of a signed-in person, for checking it again. */
export interface StoredPassword {
  /** In PHC form; undefined if the account has no password. */
  readonly passwordHash: string | undefined
  /** Whether the account knows the browser (known-browsers-store.ts). */
  readonly isKnownBrowser: boolean
}

/** @param browserDigest the digest of the browser's cookie */
export async function findPassword(db: Queryable, sub: Sub, browserDigest: Buffer): Promise<StoredPassword> {
  const { rows } = await db.query<{ secret: string | null; known_here: boolean }>({
    text: `SELECT (SELECT secret FROM account_credentials WHERE sub = $1 AND kind = 'password') AS secret,
             EXISTS (SELECT FROM known_browsers WHERE sub = $1 AND browser_digest = $2) AS known_here`,
    values: [sub, browserDigest],
  })
  return { passwordHash: rows[0]?.secret ?? undefined, isKnownBrowser: rows[0]?.known_here ?? false }
}

/**
 * Locks an account and its password until the transaction ends. False if the password has changed in the meantime, so that a proof of the old
 * password is no longer valid.
 */
export async function lockPassword(tx: Queryable, sub: Sub, passwordHash: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'hold-password',
    // The account is locked first, as everywhere else where a password is changed. A different order could deadlock.
    text: `SELECT FROM accounts JOIN account_credentials ON account_credentials.sub = accounts.sub
           WHERE accounts.sub = $1 AND kind = 'password' AND secret = $2
           FOR NO KEY UPDATE OF accounts FOR SHARE OF account_credentials`,
    values: [sub, passwordHash],
  })
  return rowCount === 1
}

/**
 * Replaces a password hash. If several callers replace the same hash concurrently, one succeeds; the others get false.
 *
 * @param isShort see `isShortPassword`; undefined: the same password, hashed again
 */
export async function replacePasswordHash(
  db: Queryable,
  sub: Sub,
  from: string,
  to: string,
  isShort?: boolean,
): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE account_credentials SET secret = $3, is_short = coalesce($4, is_short), updated_at = now()
           WHERE sub = $1 AND kind = 'password' AND secret = $2`,
    values: [sub, from, to, isShort ?? null],
  })
  return rowCount === 1
}

/**
 * Removes the password of an account, if it has one.
 *
 * @param tx a transaction that has locked the account
 */
export async function removePassword(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({ text: `DELETE FROM account_credentials WHERE sub = $1 AND kind = 'password'`, values: [sub] })
}

/**
 * Keeps the current password for a while, because it is about to be replaced or removed (email-changes-store.ts). If one is kept already, that one
 * stays: a thief could otherwise change the password twice. It stays as long as the current one would: the person may have changed the password shortly before
 * the thief does, and must not be left with an hour to prove themselves.
 *
 * @param tx a transaction that has locked the account
 * @param ttl seconds
 */
export async function keepReplacedPassword(tx: Queryable, sub: Sub, ttl: number): Promise<void> {
  await tx.query({
    text: `INSERT INTO replaced_passwords (sub, secret, expires_at)
           SELECT sub, secret, now() + make_interval(secs => $2) FROM account_credentials
           WHERE sub = $1 AND kind = 'password' AND secret IS NOT NULL
           ON CONFLICT (sub) DO UPDATE SET expires_at = excluded.expires_at,
             secret = CASE WHEN replaced_passwords.expires_at <= now() THEN excluded.secret ELSE replaced_passwords.secret END`,
    values: [sub, ttl],
  })
}

/** Forgets the replaced password of an account, because an operator has decided which one it has. */
export async function forgetReplacedPassword(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({ text: 'DELETE FROM replaced_passwords WHERE sub = $1', values: [sub] })
}

/**
 * The hashes of the passwords that an account may have had before its factors: the current one, and the oldest that was replaced in the last days
 * (`keepReplacedPassword`).
 */
export async function listEarlierPasswords(db: Queryable, sub: Sub): Promise<readonly string[]> {
  const { rows } = await db.query<{ secret: string }>({
    text: `SELECT secret FROM account_credentials WHERE sub = $1 AND kind = 'password' AND secret IS NOT NULL
           UNION SELECT secret FROM replaced_passwords WHERE sub = $1 AND expires_at > now()`,
    values: [sub],
  })
  return rows.map(({ secret }) => secret)
}
