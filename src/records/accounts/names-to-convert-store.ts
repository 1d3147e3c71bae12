import type { Lock } from '../../platform/database/locked-transaction.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'
import { type TakenName, unlessTaken } from './accounts-store.ts'

/** Held for each account: only one node converts at a time, so that two nodes do not wait for each other's locks. */
export const conversionLock: Lock = {
  purpose: 'converting names',
  tryLock: async (tx) => {
    const { rows } = await tx.query<{ locked: boolean }>({
      text: `SELECT pg_try_advisory_xact_lock(hashtext('signet-names'), hashtext(current_schema())) AS locked`,
    })
    return rows[0]!.locked
  },
}

/**
 * Accounts whose names may not be in canonical form, ordered by `sub`.
 *
 * @param after the last `sub` of the previous batch; '' for the first batch
 */
export async function listNamesToConvert(db: Queryable, after: string, limit: number): Promise<Sub[]> {
  const { rows } = await db.query<{ sub: Sub }>({
    text: 'SELECT sub FROM names_to_convert WHERE sub > $1 ORDER BY sub LIMIT $2',
    values: [after, limit],
  })
  return rows.map(({ sub }) => sub)
}

/** Removes an account from the list. The caller must have locked the row of the account, as for every change of a name. */
export async function forgetNameToConvert(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({ text: 'DELETE FROM names_to_convert WHERE sub = $1', values: [sub] })
}

/** The names that a person signs in with, as they are stored. */
export interface StoredNames {
  readonly username: string | null
  readonly email: string | null
  readonly verifiedAt: Date | null
}

export async function readStoredNames(tx: Queryable, sub: Sub): Promise<StoredNames | undefined> {
  const { rows } = await tx.query<StoredNames>({
    text: `SELECT username, email, verified_at AS "verifiedAt"
           FROM accounts LEFT JOIN account_emails ON account_emails.sub = accounts.sub AND is_primary
           WHERE accounts.sub = $1`,
    values: [sub],
  })
  return rows[0]
}

/** Whether somebody else has a user name, by the indexes of this release and of the previous one. */
export async function isUsernameTaken(tx: Queryable, sub: Sub, username: string): Promise<boolean> {
  const { rows } = await tx.query<{ taken: boolean }>({
    text: `SELECT EXISTS (SELECT FROM accounts WHERE lower(username COLLATE "C") = lower($2 COLLATE "C") AND sub <> $1)
               OR EXISTS (SELECT FROM accounts WHERE lower(username) = lower($2) AND sub <> $1) AS taken`,
    values: [sub, username],
  })
  return rows[0]!.taken
}

/** @returns `username_taken` if somebody has just taken it; then the transaction must be rolled back */
export async function convertUsername(tx: Queryable, sub: Sub, username: string): Promise<'done' | TakenName> {
  const converted = tx.query({
    text: 'UPDATE accounts SET updated_at = now(), username = $2 WHERE sub = $1',
    values: [sub, username],
  })
  return unlessTaken(converted)
}

/** The other account that has verified an address; undefined if there is none. */
export async function findVerifiedElsewhere(
  tx: Queryable,
  sub: Sub,
  email: string,
): Promise<{ readonly sub: Sub; readonly verifiedAt: Date } | undefined> {
  const { rows } = await tx.query<{ sub: Sub; verifiedAt: Date }>({
    text: `SELECT sub, verified_at AS "verifiedAt" FROM account_emails
           WHERE lower(email COLLATE "C") = lower($2 COLLATE "C") AND verified_at IS NOT NULL AND sub <> $1 LIMIT 1`,
    values: [sub, email],
  })
  return rows[0]
}

export async function setEmailUnverified(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({
    text: `WITH account AS (UPDATE accounts SET updated_at = now() WHERE sub = $1)
           UPDATE account_emails SET verified_at = NULL WHERE sub = $1 AND is_primary`,
    values: [sub],
  })
}

/** Why a name was not converted. `email_twice`: the account has the same address in both forms. */
export type NotConverted = TakenName | 'email_twice'

/** The unique indexes on the addresses of one account: that of this release, and that of the previous one. */
export const ownAddressIndexes: ReadonlyMap<string, 'email_twice'> = new Map([
  ['account_emails_sub_key_idx', 'email_twice'],
  ['account_emails_sub_lower_idx', 'email_twice'],
])

/**
 * Stores the address of an account in another form. It stays verified or unverified.
 *
 * @returns `email_taken` if somebody has just verified the same address, `email_twice` if the account has it in both forms; then the transaction
 *   must be rolled back
 */
export async function convertEmail(tx: Queryable, sub: Sub, email: string): Promise<'done' | NotConverted> {
  const converted = tx.query({
    text: `WITH account AS (UPDATE accounts SET updated_at = now() WHERE sub = $1)
           UPDATE account_emails SET email = $2 WHERE sub = $1 AND is_primary`,
    values: [sub, email],
  })
  return unlessTaken(converted, ownAddressIndexes)
}
