import type { Queryable } from '../../platform/database/queryable.ts'

/*
 * The logos of clients, as pages show them: fetched once from the `logo_uri`, and made anew. A client has at most one row.
 */

/** What is known about the logo of a client. */
export interface KnownLogo {
  /** Of the client, as it is registered now. */
  readonly logoUri: string
  /** WebP. Null: it was tried, and there was no usable picture. Undefined: it has not been tried with this `logo_uri`. */
  readonly image: Buffer | null | undefined
  /** Seconds since it was tried. */
  readonly triedAgo: number | undefined
}

/** Undefined if there is no such client, or if it has no logo. */
export async function findClientLogo(db: Queryable, clientId: string): Promise<KnownLogo | undefined> {
  const { rows } = await db.query<{
    logo_uri: string
    image: Buffer | null
    is_tried: boolean
    tried_ago: number | null
  }>({
    name: 'find-client-logo',
    text: `SELECT clients.logo_uri, image, client_logos.client_id IS NOT NULL AS is_tried,
                  extract(epoch FROM now() - tried_at)::float8 AS tried_ago
           FROM clients LEFT JOIN client_logos
             ON client_logos.client_id = clients.client_id AND client_logos.logo_uri = clients.logo_uri
           WHERE clients.client_id = $1 AND clients.deleted_at IS NULL AND clients.logo_uri IS NOT NULL`,
    values: [clientId],
  })
  const [row] = rows
  if (!row) return undefined
  return { logoUri: row.logo_uri, image: row.is_tried ? row.image : undefined, triedAgo: row.tried_ago ?? undefined }
}

/**
 * Stores what was found at the `logo_uri` of a client, in place of anything before it. Does nothing if the client has another `logo_uri` now, or has been deleted.
 * A failure never replaces a picture of the same `logo_uri`, which another node may have found.
 */
export async function storeClientLogo(
  db: Queryable,
  {
    clientId,
    logoUri,
    image,
  }: { readonly clientId: string; readonly logoUri: string; readonly image: Buffer | undefined },
): Promise<void> {
  await db.query({
    text: `INSERT INTO client_logos (client_id, logo_uri, image)
           SELECT client_id, logo_uri, $3 FROM clients WHERE client_id = $1 AND logo_uri = $2 AND deleted_at IS NULL
           ON CONFLICT (client_id) DO UPDATE SET logo_uri = excluded.logo_uri, image = excluded.image, tried_at = now()
           WHERE excluded.image IS NOT NULL OR client_logos.image IS NULL OR client_logos.logo_uri <> excluded.logo_uri`,
    values: [clientId, logoUri, image],
  })
}
