import type { Queryable } from '../platform/database/queryable.ts'
import type { Sub } from './ids.ts'

/** What has an id that another system chose. */
export interface IdUse {
  /** `deleted`: the `sub` is never used again. */
  readonly account: 'present' | 'deleted' | null
  /** Also while a deleted client still has rows. */
  readonly client: 'present' | 'deleted' | null
}

/**
 * Locks an id until the transaction ends, and finds out what has it. So two imports cannot give one id to an account and a client at the same time.
 * Ids that Signet makes need no lock: an imported one never has their form.
 */
export async function lockImportedId(tx: Queryable, id: string): Promise<IdUse> {
  await tx.query({
    name: 'lock-imported-id',
    text: `SELECT pg_advisory_xact_lock(hashtextextended('id ' || current_schema() || ' ' || $1, 0))`,
    values: [id],
  })
  const { rows } = await tx.query<IdUse>({
    name: 'find-id-use',
    text: `SELECT (SELECT CASE WHEN deleted_at IS NULL THEN 'present' ELSE 'deleted' END FROM accounts WHERE sub = $1) AS account,
             (SELECT CASE WHEN deleted_at IS NULL THEN 'present' ELSE 'deleted' END FROM clients WHERE client_id = $1) AS client`,
    values: [id],
  })
  return rows[0]!
}

/**
 * Whether an account with exactly these names was imported before. For people whose old system gave them no `sub`.
 *
 * @param names in canonical form
 */
export async function findImportedAccount(
  tx: Queryable,
  { username, email }: { readonly username: string | undefined; readonly email: string | undefined },
): Promise<Sub | undefined> {
  const { rows } = await tx.query<{ sub: Sub }>(
    username === undefined
      ? {
          text: `SELECT accounts.sub FROM (
                   SELECT sub FROM account_emails WHERE lower(email COLLATE "C") = lower($1 COLLATE "C")
                   ORDER BY verified_at, created_at LIMIT 100) AS own
                 JOIN accounts ON accounts.sub = own.sub AND username IS NULL AND imported_from IS NOT NULL LIMIT 1`,
          values: [email ?? null],
        }
      : {
          text: `SELECT accounts.sub FROM accounts LEFT JOIN account_emails ON account_emails.sub = accounts.sub AND is_primary
                 WHERE lower(username COLLATE "C") = lower($1 COLLATE "C") AND imported_from IS NOT NULL
                   AND lower(email COLLATE "C") IS NOT DISTINCT FROM lower($2 COLLATE "C")`,
          values: [username, email ?? null],
        },
  )
  return rows[0]?.sub
}
