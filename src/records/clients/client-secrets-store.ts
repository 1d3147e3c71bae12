import type { Queryable } from '../../platform/database/queryable.ts'
import { endGrantsSql, endStandingGrantsSql } from '../endings/end-rows-store.ts'
import type { ClientId } from '../ids.ts'

/** What went when secrets were taken away: they, and the grants that stood for them. */
export interface RevokedSecrets {
  readonly secrets: number
  readonly grants: number
}

/**
 * Adds a secret. By default the newest of those before it is kept, so that two are live while the client is moved over; the others go, and
 * with them the grants that stood for them. The caller has locked the client, so that no such grant is being opened.
 *
 * @param old `revoked`: all secrets before this one go
 */
export async function addClientSecret(
  db: Queryable,
  clientId: ClientId,
  secretDigest: Buffer,
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
             INSERT INTO client_secrets (client_id, digest) VALUES ($1, $2)
           )
           SELECT (SELECT count(*) FROM gone) AS secrets, (SELECT count(*) FROM ended) AS grants`,
    values: [clientId, secretDigest, kept, reason],
  })
  return rows[0]!
}

/** A client's secret as it is listed, without its value. */
export interface ListedSecret {
  readonly id: number
  readonly createdAt: Date
  /** The id of the open grant that stands for it, if it ever asked for a token (client_credentials). */
  readonly standingGrant: string | undefined
}

/** The live secrets of a client, the oldest first. */
export async function listClientSecrets(db: Queryable, clientId: ClientId): Promise<ListedSecret[]> {
  const { rows } = await db.query<{ id: number; created_at: Date; standing_grant: string | null }>({
    text: `SELECT client_secrets.id, client_secrets.created_at, grants.id AS standing_grant FROM client_secrets
           LEFT JOIN grants ON grants.client_secret_id = client_secrets.id AND grants.sub IS NULL AND grants.ended_at IS NULL
           WHERE client_secrets.client_id = $1 ORDER BY client_secrets.id`,
    values: [clientId],
  })
  return rows.map((row) => ({
    id: row.id,
    createdAt: row.created_at,
    standingGrant: row.standing_grant ?? undefined,
  }))
}

/** Takes one secret away, and ends the grant that stood for it. The caller has locked the client. */
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

/** Takes all secrets of a client that uses none, and ends the grants that stood for its credentials. */
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
