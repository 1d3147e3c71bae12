import type { Queryable } from '../../platform/database/queryable.ts'
import { grantAlive, grantJudges, sessionAlive } from '../endings/judgement-store.ts'
import type { ClientId, Sub } from '../ids.ts'
import { scopesUnmovedSince } from '../resources/resources-store.ts'

/** A client that has access to an account, or may take it without asking. */
export interface ConnectedApplication {
  readonly clientId: ClientId
  readonly name: string
  /** What it was allowed, each once; without what has come to another resource since. */
  readonly scopes: readonly string[]
  readonly since: Date
}

/** Open grants of one client that are looked at, the newest first. A person can have any number. */
const lookedAt = 10

/**
 * The clients that a person has consented to, and those that hold a grant without it (first-party ones). A grant is held by a refresh
 * token that has not run out or by the session that it came from; what else is left of it lasts for minutes. Where a client has more open
 * grants than are looked at, one that is alive is enough.
 *
 * Each client is found by one step along an index, whatever it has collected, and only those that are listed are looked at more closely.
 *
 * @param idleTtl seconds that a session may lie idle
 * @param most how many are listed
 * @returns in order of their names; `isCut` where there may be more
 */
export async function listConnectedApplications(
  db: Queryable,
  sub: Sub,
  idleTtl: number,
  most: number,
): Promise<{ applications: ConnectedApplication[]; isCut: boolean }> {
  const { rows } = await db.query<{
    client_id: ClientId
    client_name: string
    scopes: string[]
    since: Date | null
    candidates: number
  }>({
    // Bounds and order by all columns of the index, rather than equality: else another index might be taken for a person who has very many.
    text: `WITH RECURSIVE granted AS (
             (SELECT sub, client_id FROM grants
              WHERE ended_at IS NULL AND (sub, client_id) >= ($1, '') ORDER BY sub, client_id LIMIT 1)
             UNION ALL
             SELECT following.sub, following.client_id FROM granted CROSS JOIN LATERAL (
               SELECT grants.sub, grants.client_id FROM grants
               WHERE ended_at IS NULL AND (grants.sub, grants.client_id) > (granted.sub, granted.client_id)
               ORDER BY grants.sub, grants.client_id LIMIT 1) AS following
             WHERE granted.sub = $1
           ), candidates AS (
             SELECT client_id FROM (
               (SELECT client_id FROM granted WHERE sub = $1 LIMIT $3 + 1)
               UNION
               (SELECT client_id FROM consents WHERE sub >= $1 AND sub <= $1 ORDER BY sub, client_id LIMIT $3 + 1)
             ) AS clients_of_both ORDER BY client_id LIMIT $3 + 1
           ), newest AS (
             SELECT grants.*, count(*) OVER (PARTITION BY candidates.client_id) AS looked_at
             FROM candidates CROSS JOIN LATERAL (
               SELECT * FROM grants
               WHERE ended_at IS NULL AND (sub, client_id) >= ($1, candidates.client_id) AND (sub, client_id) <= ($1, candidates.client_id)
               ORDER BY sub DESC, client_id DESC, status_index DESC LIMIT ${lookedAt}) AS grants
           ), held AS (
             SELECT grants.client_id, min(grants.created_at) AS since, array_agg(DISTINCT allowed.scope) AS scopes
             FROM newest AS grants
             -- One at a time, by keys: joined as a whole, other tables might be read from beginning to end.
             CROSS JOIN LATERAL (
               SELECT looked_at = ${lookedAt}
                 OR EXISTS (SELECT FROM refresh_families WHERE grant_id = grants.id AND refresh_families.expires_at > now())
                 OR (${sessionAlive} AND sessions.expires_at > now()
                     AND sessions.used_at > now() - make_interval(secs => $2)) AS is_held
               FROM (SELECT) AS one ${grantJudges} WHERE ${grantAlive} LIMIT 1) AS judged
             LEFT JOIN LATERAL unnest(${scopesUnmovedSince('grants.scopes', 'grants.created_at')}) AS allowed (scope) ON true
             WHERE is_held
             GROUP BY grants.client_id
           )
           SELECT candidates.client_id, client_name, least(consents.created_at, held.since) AS since,
             ARRAY(SELECT DISTINCT scope FROM unnest(${scopesUnmovedSince('consents.scopes', 'consents.updated_at')} || held.scopes) AS scope WHERE scope IS NOT NULL) AS scopes,
             (SELECT count(*) FROM candidates) AS candidates
           FROM candidates
           JOIN clients ON clients.client_id = candidates.client_id AND clients.deleted_at IS NULL
           LEFT JOIN consents ON consents.sub = $1 AND consents.client_id = candidates.client_id
           LEFT JOIN held ON held.client_id = candidates.client_id
           ORDER BY lower(client_name), client_id`,
    values: [sub, idleTtl, most],
  })
  const listed = rows.filter((row): row is typeof row & { since: Date } => row.since !== null)
  return {
    applications: listed
      .slice(0, most)
      .map(({ client_id, client_name, scopes, since }) => ({ clientId: client_id, name: client_name, scopes, since })),
    isCut: (rows[0]?.candidates ?? 0) > most,
  }
}
