import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'
import type { SealedTotp } from './totp.ts'

/** What an account needs to check one-time codes. */
export interface StoredTotp extends SealedTotp {
  /** The id of its credential (account-credentials-store.ts). */
  readonly id: number
  /** The time step of the newest code that was accepted. */
  readonly lastStep: number
  readonly createdAt: Date
  /** When a code was last accepted after the set-up. */
  readonly usedAt: Date | undefined
}

export async function findTotp(db: Queryable, sub: Sub): Promise<StoredTotp | undefined> {
  const { rows } = await db.query<{
    id: number
    sealed: string
    version: number
    last_step: number
    created_at: Date
    used_at: Date | null
  }>({
    name: 'find-totp',
    text: `SELECT totp_secrets.id, sealed, version, last_step, created_at, used_at
           FROM totp_secrets JOIN account_credentials USING (id) WHERE totp_secrets.sub = $1`,
    values: [sub],
  })
  const [row] = rows
  if (!row) return undefined
  const { id, sealed, version, last_step: lastStep, created_at: createdAt, used_at } = row
  return { id, sealed, version, lastStep, createdAt, usedAt: used_at ?? undefined }
}

/**
 * Adds one-time codes to an account.
 *
 * @param tx a transaction that has locked the account
 * @param lastStep the time step of the code with which the person has shown that the app works
 * @param isVouched whether the account had a second factor before, which its person has proven
 * @returns the id of the credential; undefined if the account has one-time codes already
 */
export async function insertTotp(
  tx: Queryable,
  sub: Sub,
  { sealed, version }: SealedTotp,
  { lastStep, isVouched }: { readonly lastStep: number; readonly isVouched: boolean },
): Promise<number | undefined> {
  const { rows } = await tx.query<{ id: number }>({
    text: `WITH credential AS (
             INSERT INTO account_credentials (sub, kind, is_vouched)
             SELECT $1, 'totp', $2 WHERE NOT EXISTS (SELECT FROM totp_secrets WHERE sub = $1) RETURNING id
           )
           INSERT INTO totp_secrets (sub, id, sealed, version, last_step) SELECT $1, id, $3, $4, $5 FROM credential RETURNING id`,
    values: [sub, isVouched, sealed, version, lastStep],
  })
  return rows[0]?.id
}

/**
 * Marks the code of a time step as used, and with it all earlier ones. Of any number of callers with the same code, one gets true. False, too, if the
 * one-time codes have been removed or replaced.
 *
 * @param id of the credential
 * @param resealed the secret under the current version of the purpose secret, if it was sealed under an earlier one
 */
export async function useTotp(
  db: Queryable,
  id: number,
  step: number,
  resealed: SealedTotp | undefined,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'use-totp',
    text: `UPDATE totp_secrets
           SET last_step = $2, used_at = now(), sealed = coalesce($3, sealed), version = coalesce($4, version)
           WHERE id = $1 AND last_step < $2`,
    values: [id, step, resealed?.sealed ?? null, resealed?.version ?? null],
  })
  return rowCount === 1
}
