import type { Queryable } from '../../platform/database/queryable.ts'
import { type Account, type Address, descriptiveClaims, type Profile } from './account.ts'

const profileColumns = ['username', ...descriptiveClaims, 'phone_number'] as const satisfies readonly (keyof Profile)[]

type AccountRow = { [C in (typeof profileColumns)[number]]: string | null } & {
  sub: string
  address: Address | null
  email: string | null
  email_verified: boolean
  phone_number_verified: boolean
  created_at: Date
  updated_at: Date
  disabled: boolean
}

/** The columns of an account with its primary address, for statements that read one along with something else. Needs `accountEmail`. */
export const accountColumns = `accounts.sub, ${profileColumns.map((column) => `accounts.${column}`).join(', ')}, accounts.address,
    accounts.phone_number_verified, accounts.created_at, accounts.updated_at, accounts.disabled_at IS NOT NULL AS disabled,
    account_emails.email, account_emails.verified_at IS NOT NULL AS email_verified`

/** Goes after `accounts`. */
export const accountEmail = `LEFT JOIN account_emails ON account_emails.sub = accounts.sub AND account_emails.is_primary`

const accountSelect = `SELECT ${accountColumns} FROM accounts ${accountEmail}`

export function accountFromRow(row: AccountRow): Account {
  const { email, address, ...rest } = row
  const present = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null))
  return { ...(present as unknown as Account), email: email ?? undefined, ...(address ? { address } : {}) }
}

export type { AccountRow }

export async function findAccount(db: Queryable, sub: string): Promise<Account | undefined> {
  const { rows } = await db.query<AccountRow>({
    name: 'find-account',
    text: `${accountSelect} WHERE accounts.sub = $1 AND accounts.deleted_at IS NULL`,
    values: [sub],
  })
  return rows[0] && accountFromRow(rows[0])
}

export async function listAccounts(db: Queryable): Promise<Account[]> {
  const { rows } = await db.query<AccountRow>({
    text: `${accountSelect} WHERE accounts.deleted_at IS NULL ORDER BY accounts.created_at, accounts.sub`,
  })
  return rows.map(accountFromRow)
}

/** Accounts by `sub`, user name or e-mail address: several people can have entered the same unverified address. */
export async function findAccountsByIdentifier(db: Queryable, identifier: string): Promise<Account[]> {
  const { rows } = await db.query<AccountRow>({
    text: `${accountSelect}
           WHERE accounts.deleted_at IS NULL
             AND (accounts.sub = $1 OR lower(accounts.username) = lower($1)
                  OR EXISTS (SELECT FROM account_emails AS any_email
                             WHERE any_email.sub = accounts.sub AND lower(any_email.email) = lower($1)))
           ORDER BY accounts.created_at`,
    values: [identifier],
  })
  return rows.map(accountFromRow)
}

/**
 * Makes an account with its address and password, in one statement. A user name that is taken, or an address that somebody has
 * verified, fails it (23505).
 */
export async function insertAccount(
  db: Queryable,
  account: { sub: string; profile: Profile; email: string | undefined; passwordHash: string | undefined },
): Promise<void> {
  const { sub, profile, email, passwordHash } = account
  const count = profileColumns.length
  await db.query({
    text: `WITH account AS (
             INSERT INTO accounts (sub, address, ${profileColumns.join(', ')})
             VALUES ($1, $2, ${profileColumns.map((_, index) => `$${index + 3}`).join(', ')}) RETURNING sub
           ), email AS (
             INSERT INTO account_emails (sub, email) SELECT sub, $${count + 3} FROM account WHERE $${count + 3}::text IS NOT NULL
           )
           INSERT INTO account_credentials (sub, kind, secret)
           SELECT sub, 'password', $${count + 4} FROM account WHERE $${count + 4}::text IS NOT NULL`,
    values: [
      sub,
      profile.address ? JSON.stringify(profile.address) : null,
      ...profileColumns.map((column) => profile[column] ?? null),
      email ?? null,
      passwordHash ?? null,
    ],
  })
}

export interface SignInCandidate {
  readonly sub: string
  readonly passwordHash: string | undefined
  readonly disabled: boolean
  /** Whether somebody has signed in to this account from the same browser before. */
  readonly knownHere: boolean
}

/**
 * Whom a user name or an e-mail address may mean. A user name means one account. Any number of people can have entered the same
 * unverified address; of these, whoever verified it comes first, then accounts this browser has signed in to, then the oldest, and
 * five at the most, for each costs a password hash. The oldest: accounts that somebody makes now with another's address, or signs
 * in to, must not push that one out.
 *
 * @param browserDigest of the browser's cookie
 */
export async function findSignInCandidates(
  db: Queryable,
  identifier: string,
  browserDigest: Buffer,
): Promise<SignInCandidate[]> {
  const { rows } = await db.query<{ sub: string; secret: string | null; disabled: boolean; known_here: boolean }>({
    name: 'find-sign-in-candidates',
    text: `WITH named AS (
             SELECT sub, NULL::timestamptz AS verified_at FROM accounts WHERE lower(username) = lower($1)
             UNION ALL
             SELECT sub, verified_at FROM account_emails WHERE lower(email) = lower($1)
           )
           SELECT accounts.sub, account_credentials.secret, accounts.disabled_at IS NOT NULL AS disabled,
             EXISTS (SELECT FROM sessions
                     WHERE sessions.sub = accounts.sub AND sessions.browser_digest = $2) AS known_here
           FROM named
           JOIN accounts USING (sub)
           LEFT JOIN account_credentials ON account_credentials.sub = accounts.sub AND account_credentials.kind = 'password'
           WHERE accounts.deleted_at IS NULL
           ORDER BY named.verified_at IS NULL, known_here DESC, accounts.created_at
           LIMIT 5`,
    values: [identifier, browserDigest],
  })
  return rows.map((row) => ({
    sub: row.sub,
    passwordHash: row.secret ?? undefined,
    disabled: row.disabled,
    knownHere: row.known_here,
  }))
}

/**
 * Keeps an account as it is until the transaction ends. Whoever changes its password, disables it or ends its sessions does this first,
 * and so does a sign-in: of these, one is first, and the others see it.
 *
 * @returns undefined where there is no such account
 */
export async function lockAccount(tx: Queryable, sub: string): Promise<{ readonly disabled: boolean } | undefined> {
  const { rows } = await tx.query<{ disabled: boolean }>({
    text: `SELECT disabled_at IS NOT NULL AS disabled FROM accounts
           WHERE sub = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
    values: [sub],
  })
  return rows[0]
}

/** Sets the password; where the account had none yet, this is its first. */
export async function setPasswordHash(db: Queryable, sub: string, passwordHash: string): Promise<void> {
  await db.query({
    text: `INSERT INTO account_credentials (sub, kind, secret) VALUES ($1, 'password', $2)
           ON CONFLICT (sub) WHERE kind = 'password' DO UPDATE SET secret = $2, updated_at = now()`,
    values: [sub, passwordHash],
  })
}

/** Notes that the account's address is its person's. An address that somebody else has verified fails it (23505). */
export async function setEmailVerified(db: Queryable, sub: string): Promise<void> {
  await db.query({
    text: 'UPDATE account_emails SET verified_at = coalesce(verified_at, now()) WHERE sub = $1 AND is_primary',
    values: [sub],
  })
}

/** Disables or enables an account. What it has open is ended by a decision of its own (`endAllAccess`). */
export async function setDisabled(db: Queryable, sub: string, disabled: boolean): Promise<void> {
  await db.query({
    text: `UPDATE accounts SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, now()) END WHERE sub = $1`,
    values: [sub, disabled],
  })
}

/**
 * Empties an account and leaves its `sub` as a tombstone, so that it is never given to anybody else. What it has open is ended by a
 * decision of its own (`endAllAccess`).
 */
export async function emptyAccount(db: Queryable, sub: string): Promise<void> {
  await db.query({
    text: `WITH emails AS (DELETE FROM account_emails WHERE sub = $1), credentials AS (DELETE FROM account_credentials WHERE sub = $1)
           UPDATE accounts SET deleted_at = now(), address = NULL, ${profileColumns.map((column) => `${column} = NULL`).join(', ')}
           WHERE sub = $1`,
    values: [sub],
  })
}
