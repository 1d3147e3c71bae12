import type { Queryable } from '../../platform/database/queryable.ts'

/** A client that has access to an account, or may take it without asking. */
export interface ConnectedApplication {
  readonly clientId: string
  readonly name: string
  /** All that it was ever allowed, each once. */
  readonly scopes: readonly string[]
  readonly since: Date
}

/**
 * The clients that a person has consented to, and those that hold a grant without it (first-party ones). A grant is held by a refresh
 * token that has not run out or by the session that it came from; what else is left of it lasts for minutes.
 *
 * @param idleTtl seconds that a session may lie idle
 */
export async function listConnectedApplications(
  db: Queryable,
  sub: string,
  idleTtl: number,
): Promise<ConnectedApplication[]> {
  const { rows } = await db.query<{ client_id: string; client_name: string; scopes: string[]; since: Date }>({
    text: `WITH connected AS (
             SELECT client_id, scopes, created_at FROM consents WHERE sub = $1
             UNION ALL
             SELECT client_id, scopes, created_at FROM grants
             WHERE sub = $1 AND ended_at IS NULL
               AND (EXISTS (SELECT FROM refresh_families WHERE grant_id = grants.id AND expires_at > now())
                    OR EXISTS (SELECT FROM sessions
                               WHERE sessions.id = grants.session_id AND sessions.ended_at IS NULL AND expires_at > now()
                                 AND used_at > now() - make_interval(secs => $2)))
           )
           SELECT client_id, client_name, min(connected.created_at) AS since,
             coalesce(array_agg(DISTINCT allowed.scope) FILTER (WHERE allowed.scope IS NOT NULL), '{}') AS scopes
           FROM connected
           JOIN clients USING (client_id)
           LEFT JOIN LATERAL unnest(connected.scopes) AS allowed (scope) ON true
           GROUP BY client_id, client_name
           ORDER BY lower(client_name), client_id`,
    values: [sub, idleTtl],
  })
  return rows.map((row) => ({ clientId: row.client_id, name: row.client_name, scopes: row.scopes, since: row.since }))
}

/**
 * Takes back what a person allowed a client: the consent is forgotten and all grants end, in one statement.
 *
 * @returns how many grants ended; undefined where there was neither a consent nor a grant
 */
export async function disconnect(db: Queryable, sub: string, clientId: string): Promise<number | undefined> {
  const { rows } = await db.query<{ consents: number; grants: number }>({
    text: `WITH consent AS (
             DELETE FROM consents WHERE sub = $1 AND client_id = $2 RETURNING client_id
           ), ended AS (
             UPDATE grants SET ended_at = now(), end_reason = 'disconnected'
             WHERE sub = $1 AND client_id = $2 AND ended_at IS NULL RETURNING id
           )
           SELECT (SELECT count(*) FROM consent) AS consents, (SELECT count(*) FROM ended) AS grants`,
    values: [sub, clientId],
  })
  const { consents, grants } = rows[0]!
  return consents + grants > 0 ? grants : undefined
}
