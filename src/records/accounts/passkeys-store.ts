import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/** A public key credential, as its creation reports it (Web Authentication Level 3 §4). */
export interface NewPasskey {
  readonly credentialId: Buffer
  /** A COSE_Key (RFC 9052 §7). */
  readonly publicKey: Buffer
  /** How often it has signed, by its own count. Passkeys that are synchronized do not count: they always report 0. */
  readonly signCount: number
  /** How browsers reach it, such as `internal` or `usb`. */
  readonly transports: readonly string[]
  /** The model of the authenticator, a UUID; all zeros if it does not tell. Nothing proves it. */
  readonly aaguid: string
  /** Whether it can be synchronized. This never changes (Web Authentication Level 3 §6.1.3). */
  readonly isBackupEligible: boolean
  /** Whether it was synchronized when it was last used. */
  readonly isBackedUp: boolean
}

/** A passkey of an account. */
export interface Passkey extends NewPasskey {
  /** The id of its credential (account-credentials-store.ts). */
  readonly id: number
  readonly sub: Sub
  /** What its person calls it. */
  readonly name: string
  readonly createdAt: Date
  readonly usedAt: Date | undefined
}

/** The maximum number of passkeys of an account. Nobody has that many, and each is sent to the browser when another one is created. */
export const maxPasskeys = 20

interface PasskeyRow {
  id: number
  sub: Sub
  credential_id: Buffer
  public_key: Buffer
  sign_count: number
  transports: string[]
  aaguid: string
  is_backup_eligible: boolean
  is_backed_up: boolean
  name: string
  created_at: Date
  used_at: Date | null
}

const columns = `passkeys.id, passkeys.sub, credential_id, public_key, sign_count, transports, aaguid, is_backup_eligible, is_backed_up, passkeys.name,
  account_credentials.created_at, used_at`

function passkeyFromRow(row: PasskeyRow): Passkey {
  return {
    ...{ id: row.id, sub: row.sub, name: row.name, createdAt: row.created_at, usedAt: row.used_at ?? undefined },
    ...{ credentialId: row.credential_id, publicKey: row.public_key, signCount: row.sign_count },
    ...{ transports: row.transports, aaguid: row.aaguid },
    ...{ isBackupEligible: row.is_backup_eligible, isBackedUp: row.is_backed_up },
  }
}

/** The passkeys of an account, the oldest first. */
export async function listPasskeys(db: Queryable, sub: Sub): Promise<readonly Passkey[]> {
  const { rows } = await db.query<PasskeyRow>({
    text: `SELECT ${columns} FROM passkeys JOIN account_credentials USING (id) WHERE passkeys.sub = $1 ORDER BY passkeys.id`,
    values: [sub],
  })
  return rows.map(passkeyFromRow)
}

/** The passkey with a credential ID, whatever account it belongs to. */
export async function findPasskey(db: Queryable, credentialId: Buffer): Promise<Passkey | undefined> {
  const { rows } = await db.query<PasskeyRow>({
    name: 'find-passkey',
    text: `SELECT ${columns} FROM passkeys JOIN account_credentials USING (id) WHERE credential_id = $1`,
    values: [credentialId],
  })
  return rows[0] && passkeyFromRow(rows[0])
}

/**
 * Adds a passkey to an account.
 *
 * @param tx a transaction that has locked the account and checked that it has fewer than `maxPasskeys`
 * @param isVouched whether the account had a second factor before, which its person has proven
 * @returns the id of the credential; undefined if an account, whichever it is, has a passkey with this credential ID (Web Authentication Level 3 §7.1
 *   step 26)
 */
export async function insertPasskey(
  tx: Queryable,
  sub: Sub,
  passkey: NewPasskey,
  { name, isVouched }: { readonly name: string; readonly isVouched: boolean },
): Promise<number | undefined> {
  const { rows } = await tx.query<{ id: number; is_new: boolean }>({
    text: `WITH credential AS (
             INSERT INTO account_credentials (sub, kind, is_vouched) VALUES ($1, 'passkey', $2) RETURNING id
           ), passkey AS (
             INSERT INTO passkeys (id, sub, credential_id, public_key, sign_count, transports, aaguid, is_backup_eligible, is_backed_up, name)
             SELECT id, $1, $3, $4, $5, $6, $7, $8, $9, $10 FROM credential
             ON CONFLICT (credential_id) DO NOTHING RETURNING id
           )
           SELECT id, EXISTS (SELECT FROM passkey) AS is_new FROM credential`,
    values: [
      sub,
      isVouched,
      passkey.credentialId,
      passkey.publicKey,
      passkey.signCount,
      passkey.transports,
      passkey.aaguid,
      passkey.isBackupEligible,
      passkey.isBackedUp,
      name,
    ],
  })
  const { id, is_new: isNew } = rows[0]!
  if (isNew) return id
  await tx.query({ text: 'DELETE FROM account_credentials WHERE id = $1', values: [id] })
  return undefined
}

/**
 * Locks an account and one of its passkeys until the transaction ends. Call this before something that a passkey has proven is put into effect.
 *
 * @returns false if the passkey has been removed in the meantime, or the account disabled or deleted
 */
export async function lockPasskey(tx: Queryable, sub: Sub, id: number): Promise<boolean> {
  const { rowCount } = await tx.query({
    // The account is locked first, as everywhere else where a credential is changed. A different order could deadlock.
    text: `SELECT FROM accounts JOIN passkeys ON passkeys.sub = accounts.sub
           WHERE accounts.sub = $1 AND passkeys.id = $2 AND disabled_at IS NULL AND deleted_at IS NULL
           FOR NO KEY UPDATE OF accounts, passkeys`,
    values: [sub, id],
  })
  return rowCount === 1
}

/** The use of a passkey that has signed a challenge. */
export interface PasskeyUse {
  readonly id: number
  /** The digest of the challenge. */
  readonly challengeDigest: Buffer
  /** When the challenge expires, in milliseconds since 1970. */
  readonly expiresAt: number
  readonly signCount: number
  readonly isBackedUp: boolean
}

/**
 * Spends a challenge and updates the passkey that has signed it. Each challenge is accepted once (Web Authentication Level 3 §13.4.3), and the
 * counter of a passkey that counts must be greater every time (§6.1.1), whatever callers race.
 *
 * @returns `replayed`: the challenge was spent before; `refused`: it is spent now, but the counter is not greater, or the passkey has been removed
 */
export async function usePasskey(db: Queryable, use: PasskeyUse): Promise<'used' | 'replayed' | 'refused'> {
  const { rows } = await db.query<{ was_open: boolean; is_used: boolean }>({
    name: 'use-passkey',
    text: `WITH spent AS (
             INSERT INTO spent_challenges (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING RETURNING digest
           ), used AS (
             UPDATE passkeys SET sign_count = $4, is_backed_up = $5, used_at = now()
             WHERE id = $3 AND (sign_count < $4 OR (sign_count = 0 AND $4 = 0)) AND EXISTS (SELECT FROM spent)
             RETURNING id
           )
           SELECT EXISTS (SELECT FROM spent) AS was_open, EXISTS (SELECT FROM used) AS is_used`,
    values: [use.challengeDigest, new Date(use.expiresAt), use.id, use.signCount, use.isBackedUp],
  })
  if (!rows[0]!.was_open) return 'replayed'
  return rows[0]!.is_used ? 'used' : 'refused'
}

/**
 * Spends the challenge of a creation.
 *
 * @param expiresAt milliseconds since 1970
 * @returns false if it was spent before. If several callers spend the same one, one gets true
 */
export async function spendChallenge(db: Queryable, digest: Buffer, expiresAt: number): Promise<boolean> {
  const { rowCount } = await db.query({
    text: 'INSERT INTO spent_challenges (digest, expires_at) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING',
    values: [digest, new Date(expiresAt)],
  })
  return rowCount === 1
}

/** Renames a passkey. False if the account has no such passkey. */
export async function renamePasskey(db: Queryable, sub: Sub, id: number, name: string): Promise<boolean> {
  const { rowCount } = await db.query({
    text: 'UPDATE passkeys SET name = $3 WHERE sub = $1 AND id = $2',
    values: [sub, id, name],
  })
  return rowCount === 1
}

/**
 * Removes a passkey. False if the account has no such passkey.
 *
 * @param tx a transaction that has locked the account, and has checked that another way to sign in is left
 */
export async function removePasskey(tx: Queryable, sub: Sub, id: number): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `DELETE FROM account_credentials WHERE sub = $1 AND id = $2 AND kind = 'passkey'`,
    values: [sub, id],
  })
  return rowCount === 1
}

/**
 * Notes that a person is asked to create a passkey.
 *
 * @returns false if they have been asked before, or if the account has a passkey. If several callers race, one gets true
 */
export async function offerPasskey(db: Queryable, sub: Sub): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE accounts SET passkey_offered_at = now()
           WHERE sub = $1 AND passkey_offered_at IS NULL AND NOT EXISTS (SELECT FROM passkeys WHERE passkeys.sub = accounts.sub)`,
    values: [sub],
  })
  return rowCount === 1
}
