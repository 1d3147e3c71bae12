import type { Queryable } from '../../platform/database/queryable.ts'
import { violatedUniqueness } from '../../platform/database/unique-violation.ts'
import { type Account, type Address, descriptiveClaims, type Profile } from './account.ts'
import type { TypedName } from './typed-name.ts'

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

/**
 * One page of all accounts, the oldest first.
 *
 * @param after the `sub` of the last account of the page before, even if that account has been deleted since
 * @param limit the length of the page
 */
export async function listAccounts(db: Queryable, after: string | undefined, limit: number): Promise<Account[]> {
  const { rows } = await db.query<AccountRow>(
    after === undefined
      ? {
          text: `${accountSelect} WHERE accounts.deleted_at IS NULL ORDER BY accounts.created_at, accounts.sub LIMIT $1`,
          values: [limit],
        }
      : {
          text: `${accountSelect}
                 WHERE accounts.deleted_at IS NULL
                   AND (accounts.created_at, accounts.sub) > ((SELECT created_at FROM accounts WHERE sub = $2), $2)
                 ORDER BY accounts.created_at, accounts.sub LIMIT $1`,
          values: [limit, after],
        },
  )
  return rows.map(accountFromRow)
}

/** Whether an account has, or once had, this `sub`. */
export async function hasAccount(db: Queryable, sub: string): Promise<boolean> {
  const { rowCount } = await db.query({ text: 'SELECT FROM accounts WHERE sub = $1', values: [sub] })
  return rowCount === 1
}

/** An account that an identifier may mean. */
export interface IdentifiedAccount {
  readonly account: Account
  /** Whether the identifier can mean no other account: it is the `sub`, the user name, or an address that this account has verified. */
  readonly unambiguous: boolean
}

/** How an identifier may name an account, the most exact first. */
const places = { sub: 1, spelled: 2, username: 3, verified: 4, unverified: 5 }

/*
 * Names are compared by `lower(… COLLATE "C")`, which folds A to Z and nothing else whatever the locale of the database is: everything
 * else has been decided when a name was brought into its canonical form (canonical-email.ts, canonical-username.ts). Names that are
 * still to be converted are found in the way in which they were before, too.
 */

/** Whether the names of a row are still to be converted. As a value and not a join, it is looked up for the few rows found. */
const isToBeConverted = (table: string) =>
  `coalesce((SELECT true FROM names_to_convert WHERE names_to_convert.sub = ${table}.sub), false)`

/**
 * The accounts that have an identifier as their `sub`, user name or e-mail address. Any number of accounts can have the same unverified
 * address: the ones that entered it first are returned.
 *
 * @param limit the maximum number of accounts with the address
 */
export async function findAccountsByIdentifier(
  db: Queryable,
  { typed, key, spelled }: TypedName,
  limit: number,
): Promise<IdentifiedAccount[]> {
  const placeOfUsername = `CASE WHEN username = $1 THEN ${places.spelled} ELSE ${places.username} END`
  const placeOfEmail = `CASE WHEN verified_at IS NOT NULL THEN ${places.verified} ELSE ${places.unverified} END`
  const { rows } = await db.query<AccountRow & { place: number }>({
    // Each part is a look-up in an index of its own. With OR between them, PostgreSQL would read all accounts.
    text: `WITH named AS (
             SELECT sub, ${places.sub} AS place FROM accounts WHERE sub = $1
             UNION ALL
             SELECT own.* FROM (VALUES ($2::text), ($3)) AS name (key) CROSS JOIN LATERAL (
               SELECT sub, ${placeOfUsername} FROM accounts WHERE lower(username COLLATE "C") = key LIMIT $4) AS own
             UNION ALL
             SELECT own.* FROM (VALUES ($2::text), ($3)) AS name (key) CROSS JOIN LATERAL (
               SELECT sub, ${placeOfEmail} FROM account_emails
               WHERE lower(email COLLATE "C") = key ORDER BY verified_at, created_at LIMIT $4) AS own
             UNION ALL
             SELECT sub, ${placeOfUsername} FROM accounts WHERE lower(username) = lower($1) AND ${isToBeConverted('accounts')}
             UNION ALL
             SELECT first.* FROM (
               SELECT sub, ${placeOfEmail} FROM account_emails
               WHERE lower(email) = lower($1) ORDER BY verified_at, created_at LIMIT $4) AS first
             WHERE ${isToBeConverted('first')}
           )
           SELECT account.*, named.place
           FROM (SELECT sub, min(place) AS place FROM named GROUP BY sub) AS named
           JOIN LATERAL (${accountSelect} WHERE accounts.sub = named.sub AND accounts.deleted_at IS NULL) AS account ON true
           ORDER BY named.place, account.created_at`,
    values: [typed, key, spelled, limit],
  })
  const isAlone = (place: number) => rows.filter((row) => row.place === place).length === 1
  return rows.map(({ place, ...row }) => ({
    account: accountFromRow(row as AccountRow),
    unambiguous: place < places.unverified && isAlone(place),
  }))
}

/**
 * Makes an account with its address and password, in one statement.
 *
 * @param account with its user name and address in their canonical forms
 * @returns `username_taken` where somebody else has the user name: nothing was made, and the transaction must be rolled back
 */
export async function insertAccount(
  db: Queryable,
  account: { sub: string; profile: Profile; email: string | undefined; passwordHash: string | undefined },
): Promise<'done' | TakenName> {
  const { sub, profile, email, passwordHash } = account
  const count = profileColumns.length
  const inserted = db.query({
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
  return unlessTaken(inserted)
}

/** Somebody else has the user name, or has verified the address. */
export type TakenName = 'username_taken' | 'email_taken'

/** The unique indexes over names: those of this release, and those that the previous one needs (016.do.canonical-names.sql). */
const nameIndexes: ReadonlyMap<string | undefined, TakenName> = new Map([
  ['accounts_username_key_idx', 'username_taken'],
  ['accounts_lower_idx', 'username_taken'],
  ['account_emails_verified_key_idx', 'email_taken'],
])

/**
 * Says whether a statement that writes a name was done, or which name is taken.
 *
 * @param emailIndexes further unique indexes by which an address is taken
 * @throws what the statement throws otherwise
 */
export async function unlessTaken(
  statement: Promise<unknown>,
  emailIndexes: readonly string[] = [],
): Promise<'done' | TakenName> {
  try {
    await statement
    return 'done'
  } catch (error) {
    const index = violatedUniqueness(error)
    const taken = index !== undefined && emailIndexes.includes(index) ? 'email_taken' : nameIndexes.get(index)
    if (taken === undefined) throw error
    return taken
  }
}

/**
 * Lets sign-ups with one address come one after the other until the transaction ends.
 *
 * @param email in its canonical form
 */
export async function lockAddress(tx: Queryable, email: string): Promise<void> {
  await tx.query({
    name: 'lock-address',
    // With the schema, because another issuer may use the same database.
    text: `SELECT pg_advisory_xact_lock(hashtextextended('address ' || current_schema() || ' ' || lower($1 COLLATE "C"), 0))`,
    values: [email],
  })
}

export interface SignInCandidate {
  readonly sub: string
  readonly passwordHash: string | undefined
  readonly disabled: boolean
  /** Whether the account knows the browser (known-browsers-store.ts). */
  readonly knownHere: boolean
}

/**
 * The accounts that somebody who signs in may mean by a user name or an e-mail address. A user name means one account. Any number of
 * accounts can have the same unverified address; of these, the one that has verified it comes first, then accounts that this browser
 * has signed in to, then those that entered it first. There are five at most, because each costs a password hash: accounts that
 * somebody creates later with another person's address, or moves to it, must not push that person's own out.
 *
 * @param browserDigest of the browser's cookie
 */
export async function findSignInCandidates(
  db: Queryable,
  { typed, key, spelled }: TypedName,
  browserDigest: Buffer,
): Promise<SignInCandidate[]> {
  const { rows } = await db.query<{
    sub: string
    secret: string | null
    disabled: boolean
    known_here: boolean
  }>({
    name: 'find-sign-in-candidates',
    // Each part of `named` is bounded, however many accounts have the address: the first five of them, and those among the hundred
    // accounts that this browser last signed in to (OFFSET 0 makes PostgreSQL find these by account and not by address). Bounds
    // rather than equality, so that no other index is taken for a browser that has very many.
    text: `WITH named AS (
             SELECT sub, true AS proven, NULL::timestamptz AS entered_at FROM (VALUES ($1::text), ($2)) AS name (key)
             CROSS JOIN LATERAL (SELECT sub FROM accounts WHERE lower(username COLLATE "C") = key LIMIT 5) AS own
             UNION ALL
             SELECT first.* FROM (VALUES ($1::text), ($2)) AS name (key) CROSS JOIN LATERAL (
               SELECT sub, verified_at IS NOT NULL, created_at FROM account_emails
               WHERE lower(email COLLATE "C") = key ORDER BY verified_at, created_at LIMIT 5) AS first
             UNION ALL
             SELECT here.sub, false, own.created_at
             FROM (SELECT sub FROM known_browsers WHERE browser_digest BETWEEN $3 AND $3
                   ORDER BY browser_digest DESC, used_at DESC LIMIT 100) AS here
             JOIN LATERAL (SELECT * FROM account_emails WHERE account_emails.sub = here.sub OFFSET 0) AS own
               ON lower(own.email COLLATE "C") IN ($1, $2)
             UNION ALL
             SELECT sub, true, NULL FROM accounts WHERE lower(username) = lower($4) AND ${isToBeConverted('accounts')}
             UNION ALL
             SELECT first.* FROM (
               SELECT sub, verified_at IS NOT NULL, created_at FROM account_emails
               WHERE lower(email) = lower($4) ORDER BY verified_at, created_at LIMIT 5) AS first
             WHERE ${isToBeConverted('first')}
           ), candidates AS (
             SELECT sub, bool_or(proven) AS proven, min(entered_at) AS entered_at,
               coalesce((SELECT true FROM known_browsers
                         WHERE known_browsers.sub = named.sub AND known_browsers.browser_digest = $3), false) AS known_here
             FROM named GROUP BY sub
           )
           SELECT accounts.sub, account_credentials.secret, accounts.disabled_at IS NOT NULL AS disabled, known_here
           FROM candidates
           JOIN accounts USING (sub)
           LEFT JOIN account_credentials ON account_credentials.sub = accounts.sub AND account_credentials.kind = 'password'
           WHERE accounts.deleted_at IS NULL
           ORDER BY proven DESC, known_here DESC, entered_at
           LIMIT 5`,
    values: [key, spelled, browserDigest, typed],
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

/**
 * Notes that the account's address is its person's.
 *
 * @returns `email_taken` where somebody else has verified the address: nothing was noted, and the transaction must be rolled back
 */
export async function setEmailVerified(db: Queryable, sub: string): Promise<'done' | TakenName> {
  const noted = db.query({
    text: 'UPDATE account_emails SET verified_at = coalesce(verified_at, now()) WHERE sub = $1 AND is_primary',
    values: [sub],
  })
  return unlessTaken(noted)
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
    text: `WITH emails AS (DELETE FROM account_emails WHERE sub = $1), credentials AS (DELETE FROM account_credentials WHERE sub = $1),
             browsers AS (DELETE FROM known_browsers WHERE sub = $1)
           UPDATE accounts SET deleted_at = now(), address = NULL, ${profileColumns.map((column) => `${column} = NULL`).join(', ')}
           WHERE sub = $1`,
    values: [sub],
  })
}
