import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId } from '../ids.ts'

/** What a document says about its freshness. */
export interface StoredDocument {
  /** SHA-256 of what consents and codes are bound to. */
  readonly digest: Buffer
  /** Seconds for which new requests use it without fetching it again. */
  readonly freshness: number
}

/**
 * Locks the row of a `client_id` until the transaction ends, also that of a client whose rows are still being deleted. Grants of the client can be opened meanwhile: many people
 * may sign in to an application while its document is fetched again.
 *
 * @returns `registered`: the client does not come from a document. Undefined: there is no row
 */
export async function lockDocumentClient(
  tx: Queryable,
  clientId: ClientId,
): Promise<'with document' | 'registered' | 'deleted' | undefined> {
  const { rows } = await tx.query<{ is_deleted: boolean; has_document: boolean }>({
    name: 'lock-document-client',
    text: `SELECT deleted_at IS NOT NULL AS is_deleted, self_registered AND EXISTS (
             SELECT FROM client_registrations
             WHERE client_registrations.client_id = clients.client_id AND document_digest IS NOT NULL) AS has_document
           FROM clients WHERE client_id = $1 FOR NO KEY UPDATE`,
    values: [clientId],
  })
  const [row] = rows
  if (!row) return undefined
  if (row.is_deleted) return 'deleted'
  return row.has_document ? 'with document' : 'registered'
}

/** Records the document of a client, in the transaction that inserted the client. */
export async function insertDocument(
  tx: Queryable,
  clientId: ClientId,
  { digest, freshness }: StoredDocument,
): Promise<void> {
  await tx.query({
    text: `INSERT INTO client_registrations (client_id, document_digest, document_fetched_at, document_expires_at)
           VALUES ($1, $2, now(), now() + make_interval(secs => $3))`,
    values: [clientId, digest, freshness],
  })
}

/**
 * Records that the document of a client was fetched again. The caller has locked the client. As long as nobody has used it, the cleaner counts from then, so that it is not
 * deleted while somebody signs in to it for the first time.
 */
export async function updateDocument(
  tx: Queryable,
  clientId: ClientId,
  { digest, freshness }: StoredDocument,
): Promise<void> {
  await tx.query({
    name: 'update-client-document',
    text: `UPDATE client_registrations SET document_digest = $2, document_fetched_at = now(), document_expires_at = now() + make_interval(secs => $3),
             registered_at = CASE WHEN used_at IS NULL THEN now() ELSE registered_at END
           WHERE client_id = $1 AND document_digest IS NOT NULL`,
    values: [clientId, digest, freshness],
  })
}
