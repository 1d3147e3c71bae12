import type { Queryable } from '../../platform/database/queryable.ts'
import { endGrantsSql, endStandingGrantsSql } from '../endings/end-rows-store.ts'
import type { ClientId } from '../ids.ts'
import type { SealedSecret, StoredSecret } from './client.ts'

/** How many secrets were revoked, and how many standing grants ended with them. */
export interface RevokedSecrets {
  readonly secrets: number
  readonly grants: number
}

/**
 * Adds a secret. By default the newest existing secret is kept, so that two are active while the client is being switched over. The others are
 * deleted, and their standing grants end. The caller has locked the client, so that no standing grant is being opened.
 *
 * @param old `revoked`: all existing secrets are deleted
 */
export async function addClientSecret(
  db: Queryable,
  clientId: ClientId,
  { digest, sealed }: StoredSecret,
  old: 'newest kept' | 'revoked' = 'newest kept',
): Promise<RevokedSecrets> {
  const [kept, reason] = old === 'revoked' ? [0, 'client_secret_revoked'] : [1, 'client_secret_rotated']
  const { rows } = await db.query<RevokedSecrets>({
    text: `WITH kept AS (
             SELECT id FROM client_secrets WHERE client_id = $1 ORDER BY id DESC LIMIT $3
           ), gone AS (
             DELETE FROM client_secrets WHERE client_id = $1 AND id NOT IN (SELECT id FROM kept) RETURNING id
           ), ended AS (
             ${endStandingGrantsSql('$4', 'SELECT id FROM gone')} RETURNING 1
           ), added AS (
             INSERT INTO client_secrets (client_id, digest, sealed, sealed_version) VALUES ($1, $2, $5, $6)
           )
           SELECT (SELECT count(*) FROM gone) AS secrets, (SELECT count(*) FROM ended) AS grants`,
    values: [clientId, digest, kept, reason, sealed?.text ?? null, sealed?.version ?? null],
  })
  return rows[0]!
}

/**
 * Adds the secrets that a new client has had in another system, the oldest first.
 *
 * @param secrets `isShort`: it must never be the key of an HMAC
 */
export async function insertImportedSecrets(
  db: Queryable,
  clientId: ClientId,
  secrets: readonly (StoredSecret & { readonly isShort: boolean })[],
): Promise<void> {
  for (const { digest, isShort, sealed } of secrets)
    await db.query({
      text: 'INSERT INTO client_secrets (client_id, digest, is_short, sealed, sealed_version) VALUES ($1, $2, $3, $4, $5)',
      values: [clientId, digest, isShort, sealed?.text ?? null, sealed?.version ?? null],
    })
}

/** Replaces the sealed value of a secret. Nothing happens if somebody else has replaced it, or the secret was deleted. */
export async function resealClientSecret(
  db: Queryable,
  secretId: number,
  old: SealedSecret,
  resealed: SealedSecret,
): Promise<void> {
  await db.query({
    name: 'reseal-client-secret',
    text: 'UPDATE client_secrets SET sealed = $3, sealed_version = $4 WHERE id = $1 AND sealed = $2',
    values: [secretId, old.text, resealed.text, resealed.version],
  })
}

/** Deletes the sealed values of a client that no longer uses its secrets as keys. The secrets stay valid. */
export async function forgetSealedSecrets(db: Queryable, clientId: ClientId): Promise<void> {
  await db.query({
    text: 'UPDATE client_secrets SET sealed = NULL, sealed_version = NULL WHERE client_id = $1 AND sealed IS NOT NULL',
    values: [clientId],
  })
}

/** A secret in a list, without its value. */
export interface ListedSecret {
  readonly id: number
  readonly createdAt: Date
  /** Whether it was imported with fewer than 32 characters, so that it must never be the key of an HMAC. */
  readonly isShort: boolean
  /** Whether its value is stored, sealed, because the client uses it as a key. */
  readonly isSealed: boolean
  /** The ID of the open standing grant of this secret, if the client has ever used it to get a token (client_credentials). */
  readonly standingGrant: string | undefined
}

/** The active secrets of a client, the oldest first. */
export async function listClientSecrets(db: Queryable, clientId: ClientId): Promise<ListedSecret[]> {
  const { rows } = await db.query<{
    id: number
    created_at: Date
    is_short: boolean
    is_sealed: boolean
    standing_grant: string | null
  }>({
    text: `SELECT client_secrets.id, client_secrets.created_at, is_short, sealed IS NOT NULL AS is_sealed, grants.id AS standing_grant
           FROM client_secrets
           LEFT JOIN grants ON grants.client_secret_id = client_secrets.id AND grants.sub IS NULL AND grants.ended_at IS NULL
           WHERE client_secrets.client_id = $1 ORDER BY client_secrets.id`,
    values: [clientId],
  })
  return rows.map((row) => ({
    id: row.id,
    createdAt: row.created_at,
    isShort: row.is_short,
    isSealed: row.is_sealed,
    standingGrant: row.standing_grant ?? undefined,
  }))
}

/** Deletes one secret, and ends its standing grant. The caller has locked the client. */
export async function deleteClientSecret(db: Queryable, clientId: ClientId, secretId: number): Promise<RevokedSecrets> {
  const { rows } = await db.query<RevokedSecrets>({
    text: `WITH gone AS (
             DELETE FROM client_secrets WHERE client_id = $1 AND id = $2 RETURNING id
           ), ended AS (
             ${endStandingGrantsSql('client_secret_revoked', 'SELECT id FROM gone')} RETURNING 1
           )
           SELECT (SELECT count(*) FROM gone) AS secrets, (SELECT count(*) FROM ended) AS grants`,
    values: [clientId, secretId],
  })
  return rows[0]!
}

/** Deletes all secrets of a client that no longer uses any, and ends the standing grants of all its credentials. */
export async function deleteClientSecrets(db: Queryable, clientId: ClientId): Promise<void> {
  await db.query({
    text: `WITH gone AS (
             DELETE FROM client_secrets WHERE client_id = $1 RETURNING id
           ), ended_of_secrets AS (
             ${endStandingGrantsSql('client_secret_rotated', 'SELECT id FROM gone')}
           )
           ${endGrantsSql('client_secret_rotated', 'sub IS NULL AND client_secret_id IS NULL AND client_id = $1')}`,
    values: [clientId],
  })
}
