import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'
import type { StoredRecoveryCode } from './recovery-code-rule.ts'

/** The set of recovery codes of an account. */
export interface RecoveryCodeSet {
  /** The id of its credential (account-credentials-store.ts). */
  readonly id: number
  readonly createdAt: Date
  /** The codes that have not been used. Those whose version of the secret was revoked do not work (`usableRecoveryCodes`). */
  readonly unused: readonly StoredRecoveryCode[]
}

/** @returns undefined if the account has no recovery codes */
export async function findRecoveryCodes(db: Queryable, sub: Sub): Promise<RecoveryCodeSet | undefined> {
  const { rows } = await db.query<{ id: number; created_at: Date; mac: Buffer | null; version: number | null }>({
    name: 'find-recovery-codes',
    text: `SELECT recovery_code_sets.id, created_at, mac, version
           FROM recovery_code_sets JOIN account_credentials USING (id)
           LEFT JOIN recovery_codes ON recovery_codes.id = recovery_code_sets.id AND recovery_codes.used_at IS NULL
           WHERE recovery_code_sets.sub = $1`,
    values: [sub],
  })
  const [row] = rows
  if (!row) return undefined
  const unused = rows.flatMap(({ mac, version }) => (mac === null || version === null ? [] : [{ mac, version }]))
  return { id: row.id, createdAt: row.created_at, unused }
}

/**
 * Gives an account a new set of recovery codes. The previous set no longer works. The new one counts as vouched if there was a previous one: whoever replaces
 * codes has proven a factor of the account.
 *
 * @param tx a transaction that has locked the account
 */
export async function replaceRecoveryCodeSet(
  tx: Queryable,
  sub: Sub,
  codes: readonly StoredRecoveryCode[],
): Promise<void> {
  const { rowCount } = await tx.query({
    text: `DELETE FROM account_credentials WHERE sub = $1 AND kind = 'recovery_codes'`,
    values: [sub],
  })
  await tx.query({
    text: `WITH credential AS (
             INSERT INTO account_credentials (sub, kind, is_vouched) VALUES ($1, 'recovery_codes', $2) RETURNING id
           ), code_set AS (
             INSERT INTO recovery_code_sets (sub, id) SELECT $1, id FROM credential RETURNING id
           )
           INSERT INTO recovery_codes (id, mac, version)
           SELECT code_set.id, mac, version FROM code_set CROSS JOIN unnest($3::bytea[], $4::integer[]) AS codes (mac, version)`,
    values: [sub, rowCount !== 0, codes.map(({ mac }) => mac), codes.map(({ version }) => version)],
  })
}

/**
 * Uses a recovery code up. Of any number of concurrent callers with the same code, one gets true. False, too, if the set has been removed or replaced.
 *
 * @param id of the set
 */
export async function useRecoveryCode(db: Queryable, id: number, mac: Buffer): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'use-recovery-code',
    text: 'UPDATE recovery_codes SET used_at = now() WHERE id = $1 AND mac = $2 AND used_at IS NULL',
    values: [id, mac],
  })
  return rowCount === 1
}
