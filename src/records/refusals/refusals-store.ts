import type { Queryable } from '../../platform/database/queryable.ts'

/** A refused request, including details that were not sent to the caller. */
export interface Refusal {
  readonly requestId: string
  readonly network: string
  readonly method: string
  /** The route, never the URL, which may contain a code. */
  readonly route: string
  /** As claimed by the request; not verified. */
  readonly clientId: string | undefined
  readonly status: number
  /** The anchor in docs/errors.md. */
  readonly entry: string
  readonly error: string
  readonly description: string
  readonly detail: string | undefined
}

/** Writes many in one statement. */
export async function insertRefusals(db: Queryable, refusals: readonly Refusal[]): Promise<void> {
  await db.query({
    name: 'insert-refusals',
    text: `INSERT INTO refusals (request_id, network, method, route, client_id, status, entry, error, description, detail)
           SELECT "requestId", network, method, route, "clientId", status, entry, error, description, detail
           FROM jsonb_to_recordset($1) AS r("requestId" text, network text, method text, route text, "clientId" text, status integer,
                                            entry text, error text, description text, detail text)`,
    values: [JSON.stringify(refusals)],
  })
}

/**
 * The refusals of one request, in order.
 *
 * @param limit maximum number of results
 */
export async function findRefusals(
  db: Queryable,
  requestId: string,
  limit: number,
): Promise<(Refusal & { readonly at: Date })[]> {
  const { rows } = await db.query<Refusal & { at: Date }>({
    name: 'find-refusals',
    text: `SELECT at, request_id AS "requestId", network, method, route, client_id AS "clientId", status, entry, error, description, detail
           FROM (SELECT * FROM refusals WHERE request_id = $1 LIMIT $2) AS refused ORDER BY id`,
    values: [requestId, limit],
  })
  return rows.map(({ detail, clientId, ...refusal }) => ({
    ...refusal,
    clientId: clientId ?? undefined,
    detail: detail ?? undefined,
  }))
}
