import type { Queryable } from '../../platform/database/queryable.ts'
import { violatedUniqueConstraint } from '../../platform/database/unique-violation.ts'
import type { Sub } from '../ids.ts'
import { type Account, type Address, descriptiveClaims, type Profile } from './account.ts'

const profileColumns = ['username', ...descriptiveClaims, 'phone_number'] as const satisfies readonly (keyof Profile)[]

type AccountRow = { [C in (typeof profileColumns)[number]]: string | null } & {
  sub: Sub
  address: Address | null
  email: string | null
  email_verified: boolean
  phone_number_verified: boolean
  created_at: Date
  updated_at: Date
  disabled: boolean
  signed_up: boolean | null
}

/** SQL: the columns of an account with its primary address, for statements that also read something else. Requires `accountEmail`. */
export const accountColumns = `accounts.sub, ${profileColumns.map((column) => `accounts.${column}`).join(', ')}, accounts.address,
    accounts.phone_number_verified, accounts.created_at, accounts.updated_at, accounts.disabled_at IS NOT NULL AS disabled, accounts.signed_up,
    account_emails.email, account_emails.verified_at IS NOT NULL AS email_verified`

/** SQL: joins the primary address. Goes after `accounts`. */
export const accountEmail = `LEFT JOIN account_emails ON account_emails.sub = accounts.sub AND account_emails.is_primary`

/** SQL: selects accounts with their primary addresses. */
export const accountSelect = `SELECT ${accountColumns} FROM accounts ${accountEmail}`

/** The columns that an account has as they are, unless they are null. */
const plainColumns = [
  ...(['sub', ...profileColumns, 'phone_number_verified', 'created_at', 'updated_at', 'disabled'] as const),
  'email_verified',
] as const satisfies readonly (keyof AccountRow)[]

/** @param row may have more columns, of a statement that also reads something else */
export function accountFromRow(row: AccountRow): Account {
  const account: Partial<Record<keyof AccountRow, unknown>> = {}
  for (const column of plainColumns) if (row[column] !== null) account[column] = row[column]
  account.email = row.email ?? undefined
  account.signed_up = row.signed_up ?? undefined
  if (row.address) account.address = row.address
  return account as unknown as Account
}

/** SQL: an account with its primary address as JSON. For the busiest statements: a column costs more to describe and to parse. Requires `accountEmail`. */
export const accountJson = `json_build_object('sub', accounts.sub, ${profileColumns.map((column) => `'${column}', accounts.${column}`).join(', ')},
    'address', accounts.address, 'phone_number_verified', accounts.phone_number_verified, 'created_at', accounts.created_at,
    'updated_at', accounts.updated_at, 'disabled', accounts.disabled_at IS NOT NULL, 'signed_up', accounts.signed_up,
    'email', account_emails.email, 'email_verified', account_emails.verified_at IS NOT NULL)`

/** What `accountJson` becomes. */
export type AccountJson = Omit<AccountRow, 'created_at' | 'updated_at'> & {
  readonly created_at: string
  readonly updated_at: string
}

export function accountFromJson(json: AccountJson): Account {
  return accountFromRow({ ...json, created_at: new Date(json.created_at), updated_at: new Date(json.updated_at) })
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
 * @param after the `sub` of the last account of the previous page, even if that account has been deleted since
 * @param limit the maximum number of accounts
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

/** One page of the `sub` of all accounts, in their order in the index. Those of deleted accounts are among them. */
export async function listSubs(db: Queryable, after: Sub | undefined, limit: number): Promise<Sub[]> {
  const { rows } = await db.query<{ sub: Sub }>({
    text: 'SELECT sub FROM accounts WHERE sub > $1 ORDER BY sub LIMIT $2',
    values: [after ?? '', limit],
  })
  return rows.map(({ sub }) => sub)
}

/** Whether an account has, or once had, this `sub`. */
export async function hasAccount(db: Queryable, sub: string): Promise<boolean> {
  const { rowCount } = await db.query({ text: 'SELECT FROM accounts WHERE sub = $1', values: [sub] })
  return rowCount === 1
}

/**
 * Creates an account with its address and password, in one statement.
 *
 * @param account the account, with user name and address in canonical form. `isPasswordShort`: see `isShortPassword`. `importedFrom`: the system that
 *   it and its password hash come from. `signedUp`: the person created it on the sign-up page
 * @returns `username_taken` if somebody else has the user name; nothing was created, and the transaction must be rolled back
 */
export async function insertAccount(
  db: Queryable,
  account: {
    sub: Sub
    profile: Profile
    email: string | undefined
    passwordHash: string | undefined
    isPasswordShort?: boolean
    importedFrom?: string
    signedUp?: boolean
  },
): Promise<'done' | TakenName> {
  const { sub, profile, email, passwordHash, isPasswordShort = false, importedFrom, signedUp = false } = account
  const count = profileColumns.length
  const inserted = db.query({
    text: `WITH account AS (
             INSERT INTO accounts (sub, address, imported_from, signed_up, ${profileColumns.join(', ')})
             VALUES ($1, $2, $${count + 5}, $${count + 6}, ${profileColumns.map((_, index) => `$${index + 3}`).join(', ')}) RETURNING sub
           ), email AS (
             INSERT INTO account_emails (sub, email) SELECT sub, $${count + 3} FROM account WHERE $${count + 3}::text IS NOT NULL
           )
           INSERT INTO account_credentials (sub, kind, secret, imported, is_short)
           SELECT sub, 'password', $${count + 4}, $${count + 5}::text IS NOT NULL, $${count + 7} FROM account WHERE $${count + 4}::text IS NOT NULL`,
    values: [
      sub,
      profile.address ? JSON.stringify(profile.address) : null,
      ...profileColumns.map((column) => profile[column] ?? null),
      email ?? null,
      passwordHash ?? null,
      importedFrom ?? null,
      signedUp,
      isPasswordShort,
    ],
  })
  return unlessTaken(inserted)
}

/** Somebody else has the user name, or has verified the address. */
export type TakenName = 'username_taken' | 'email_taken'

/** The unique indexes on names: those of this release, and those that the previous release needs (016.do.canonical-names.sql). */
export const nameIndexes: ReadonlyMap<string, TakenName> = new Map([
  ['accounts_username_key_idx', 'username_taken'],
  ['accounts_lower_idx', 'username_taken'],
  ['account_emails_verified_key_idx', 'email_taken'],
])

/**
 * Waits for a statement that writes a name, and returns `done` or which name is taken.
 *
 * @param others results for violations of further unique indexes
 * @throws any other error of the statement
 */
export async function unlessTaken<Other extends string = never>(
  statement: Promise<unknown>,
  others: ReadonlyMap<string, Other> = new Map(),
): Promise<'done' | TakenName | Other> {
  try {
    await statement
    return 'done'
  } catch (error) {
    const index = violatedUniqueConstraint(error) ?? ''
    const taken = nameIndexes.get(index) ?? others.get(index)
    if (taken === undefined) throw error
    return taken
  }
}

/**
 * Locks an address until the transaction ends, so that concurrent sign-ups with the same address are handled one after another.
 *
 * @param email in canonical form
 */
export async function lockAddress(tx: Queryable, email: string): Promise<void> {
  await tx.query({
    name: 'lock-address',
    // Includes the schema, because another issuer may use the same database.
    text: `SELECT pg_advisory_xact_lock(hashtextextended('address ' || current_schema() || ' ' || lower($1 COLLATE "C"), 0))`,
    values: [email],
  })
}

/**
 * Locks an account until the transaction ends. Changing its password, disabling it, ending its sessions and signing in all do this first, so
 * concurrent ones are handled one after another and see each other's changes.
 *
 * @returns undefined if there is no such account
 */
export async function lockAccount(tx: Queryable, sub: Sub): Promise<{ readonly disabled: boolean } | undefined> {
  const { rows } = await tx.query<{ disabled: boolean }>({
    text: `SELECT disabled_at IS NOT NULL AS disabled FROM accounts
           WHERE sub = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
    values: [sub],
  })
  return rows[0]
}

/** Sets the password, whether or not the account already has one. @param isShort see `isShortPassword` */
export async function setPasswordHash(
  db: Queryable,
  sub: Sub,
  { hash, isShort }: { readonly hash: string; readonly isShort: boolean },
): Promise<void> {
  await db.query({
    text: `INSERT INTO account_credentials (sub, kind, secret, is_short) VALUES ($1, 'password', $2, $3)
           ON CONFLICT (sub) WHERE kind = 'password' DO UPDATE SET secret = $2, is_short = $3, updated_at = now()`,
    values: [sub, hash, isShort],
  })
}

/**
 * Marks the address of the account as verified.
 *
 * @returns `email_taken` if somebody else has verified the address; nothing was changed, and the transaction must be rolled back
 */
export async function setEmailVerified(db: Queryable, sub: Sub): Promise<'done' | TakenName> {
  const marked = db.query({
    text: 'UPDATE account_emails SET verified_at = coalesce(verified_at, now()) WHERE sub = $1 AND is_primary',
    values: [sub],
  })
  return unlessTaken(marked)
}

/** Disables or enables an account. Its sessions and grants are ended separately (`endAllAccess`). */
export async function setDisabled(db: Queryable, sub: Sub, disabled: boolean): Promise<void> {
  await db.query({
    text: `UPDATE accounts SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, now()) END WHERE sub = $1`,
    values: [sub, disabled],
  })
}

/**
 * Deletes the data of an account and keeps its `sub` as a tombstone, so that it is never assigned again. Its sessions and grants are ended
 * separately (`endAllAccess`).
 */
export async function emptyAccount(db: Queryable, sub: Sub): Promise<void> {
  await db.query({
    text: `WITH emails AS (DELETE FROM account_emails WHERE sub = $1), credentials AS (DELETE FROM account_credentials WHERE sub = $1),
             browsers AS (DELETE FROM known_browsers WHERE sub = $1), verifications AS (DELETE FROM email_verifications WHERE sub = $1),
             changes AS (DELETE FROM email_changes WHERE sub = $1), recoveries AS (DELETE FROM account_recoveries WHERE sub = $1),
             replaced AS (DELETE FROM replaced_passwords WHERE sub = $1), notices AS (DELETE FROM account_notices WHERE sub = $1),
             unfinished AS (DELETE FROM unfinished_sign_ins WHERE sub = $1), avatars AS (DELETE FROM account_avatars WHERE sub = $1)
           UPDATE accounts SET deleted_at = now(), address = NULL, imported_from = NULL, passkey_offered_at = NULL,
             ${profileColumns.map((column) => `${column} = NULL`).join(', ')}
           WHERE sub = $1`,
    values: [sub],
  })
}
