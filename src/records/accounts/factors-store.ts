import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'
import type { SealedTotp } from './totp.ts'

/** A credential with what its person sees of it. Nothing here is secret. */
export interface Factor {
  readonly id: number
  /** A `CredentialKind`, or a kind that a later release adds. */
  readonly kind: string
  readonly createdAt: Date
  /** Of a password: when it was changed last. */
  readonly changedAt: Date
  /** Undefined: never, or not known. */
  readonly usedAt: Date | undefined
  /** Of a passkey. */
  readonly name: string | undefined
  /** Of a passkey: whether it was synchronized when it was last used. */
  readonly isBackedUp: boolean
  /** Of a password: see `isShortPassword`. */
  readonly isShort: boolean
  /** Of recovery codes: how many have not been used. Those whose version of the secret was revoked do not work (`recoveryCodesOf`). */
  readonly codesLeft: number | undefined
  /** Of one-time codes: the version of the purpose secret that seals their secret. If it has been revoked, the codes do not work. */
  readonly version: number | undefined
}

/** Everything that an account can be signed in to with, the oldest first. An account has few credentials. */
export async function listFactors(db: Queryable, sub: Sub): Promise<readonly Factor[]> {
  const { rows } = await db.query<{
    id: number
    kind: string
    created_at: Date
    updated_at: Date
    used_at: Date | null
    name: string | null
    is_backed_up: boolean | null
    is_short: boolean
    codes_left: number | null
    version: number | null
  }>({
    text: `SELECT credential.id, kind, credential.created_at, credential.updated_at, is_short, passkeys.name, passkeys.is_backed_up,
             coalesce(passkeys.used_at, totp_secrets.used_at, codes.used_at) AS used_at, codes.left AS codes_left,
             totp_secrets.version
           FROM account_credentials AS credential
           LEFT JOIN passkeys ON passkeys.id = credential.id
           LEFT JOIN totp_secrets ON totp_secrets.id = credential.id
           LEFT JOIN LATERAL (
             SELECT count(*) FILTER (WHERE recovery_codes.used_at IS NULL) AS left, max(recovery_codes.used_at) AS used_at
             FROM recovery_codes WHERE recovery_codes.id = credential.id
           ) AS codes ON kind = 'recovery_codes'
           WHERE credential.sub = $1 ORDER BY credential.id`,
    values: [sub],
  })
  return rows.map((row) => ({
    ...{ id: row.id, kind: row.kind, createdAt: row.created_at, changedAt: row.updated_at },
    ...{ usedAt: row.used_at ?? undefined, name: row.name ?? undefined, isBackedUp: row.is_backed_up ?? false },
    ...{ isShort: row.is_short, codesLeft: row.codes_left ?? undefined },
    version: row.version ?? undefined,
  }))
}

/**
 * Removes one credential of an account, with its details. False if the account has no such credential.
 *
 * @param tx a transaction that has locked the account
 */
export async function removeFactor(tx: Queryable, sub: Sub, id: number): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'DELETE FROM account_credentials WHERE sub = $1 AND id = $2',
    values: [sub, id],
  })
  return rowCount === 1
}

/**
 * Replaces the one-time codes of an account. The new ones count as vouched for, and are as old as the previous ones for the rule about planted factors: the
 * new credential exists before the previous one is removed.
 *
 * @param tx a transaction that has locked the account, and has checked that the person has proven a factor
 * @param replaced the id of the credential that the account has now
 * @param totp the new secret, sealed, and the time step of the code with which the person has shown that the app works
 */
export async function replaceTotp(
  tx: Queryable,
  sub: Sub,
  replaced: number,
  totp: SealedTotp & { readonly lastStep: number },
): Promise<void> {
  await tx.query({
    text: `WITH credential AS (
             INSERT INTO account_credentials (sub, kind, is_vouched) VALUES ($1, 'totp', true) RETURNING id
           )
           UPDATE totp_secrets SET id = credential.id, sealed = $3, version = $4, last_step = $5, used_at = NULL
           FROM credential WHERE totp_secrets.sub = $1 AND totp_secrets.id = $2`,
    values: [sub, replaced, totp.sealed, totp.version, totp.lastStep],
  })
  await removeFactor(tx, sub, replaced)
}
