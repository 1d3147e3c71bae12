import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId } from '../ids.ts'

/** How a client registered itself. */
export interface ClientRegistration {
  readonly registeredAt: Date
  /** The ID of the initial access token; undefined if it needed none. */
  readonly initialToken: number | undefined
  /** When somebody first gave it access. */
  readonly usedAt: Date | undefined
  /** When its client ID metadata document was fetched last; undefined if it has none. */
  readonly documentFetchedAt: Date | undefined
}

/**
 * Records that a client has registered itself, in the transaction that inserted it.
 *
 * @returns when it registered
 */
export async function insertRegistration(
  tx: Queryable,
  clientId: ClientId,
  tokenDigest: Buffer,
  initialToken: number | undefined,
): Promise<Date> {
  const { rows } = await tx.query<{ registered_at: Date }>({
    text: 'INSERT INTO client_registrations (client_id, token_digest, initial_token) VALUES ($1, $2, $3) RETURNING registered_at',
    values: [clientId, tokenDigest, initialToken ?? null],
  })
  return rows[0]!.registered_at
}

/** The digest of the registration access token, and when the client registered. Undefined if there is no such client, or if it has no such token. */
export async function findRegistrationToken(
  db: Queryable,
  clientId: string,
): Promise<{ readonly digest: Buffer; readonly registeredAt: Date } | undefined> {
  const { rows } = await db.query<{ token_digest: Buffer; registered_at: Date }>({
    name: 'find-registration-token',
    text: `SELECT token_digest, registered_at FROM client_registrations
           WHERE client_id = $1 AND token_digest IS NOT NULL AND EXISTS (SELECT FROM clients WHERE clients.client_id = $1 AND deleted_at IS NULL)`,
    values: [clientId],
  })
  return rows[0] && { digest: rows[0].token_digest, registeredAt: rows[0].registered_at }
}

/** How a client registered itself, or became known by its document; undefined if an operator registered or adopted it. */
export async function findRegistration(db: Queryable, clientId: ClientId): Promise<ClientRegistration | undefined> {
  const { rows } = await db.query<{
    registered_at: Date
    initial_token: number | null
    used_at: Date | null
    document_fetched_at: Date | null
  }>({
    text: 'SELECT registered_at, initial_token, used_at, document_fetched_at FROM client_registrations WHERE client_id = $1',
    values: [clientId],
  })
  const [row] = rows
  return (
    row && {
      registeredAt: row.registered_at,
      initialToken: row.initial_token ?? undefined,
      usedAt: row.used_at ?? undefined,
      documentFetchedAt: row.document_fetched_at ?? undefined,
    }
  )
}

/** Makes every consent outdated that was given before, so that people see what has changed. */
export async function markPresentedAnew(tx: Queryable, clientId: ClientId): Promise<void> {
  await tx.query({
    text: 'UPDATE client_registrations SET presented_at = clock_timestamp() WHERE client_id = $1',
    values: [clientId],
  })
}

/** Turns a client into one of the operator's. Its registration access token is void. False if it had not registered itself. The caller has locked it. */
export async function deleteRegistration(tx: Queryable, clientId: ClientId): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `WITH gone AS (
             DELETE FROM client_registrations WHERE client_id = $1 RETURNING client_id
           )
           UPDATE clients SET self_registered = false, updated_at = now() FROM gone WHERE clients.client_id = gone.client_id`,
    values: [clientId],
  })
  return rowCount === 1
}
