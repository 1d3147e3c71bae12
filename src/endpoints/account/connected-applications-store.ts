import type { Queryable } from '../../platform/database/queryable.ts'
import { grantAlive, grantJudges, sessionAlive } from '../../records/endings/judgement-store.ts'

/** A client that has access to an account, or may take it without asking. */
export interface ConnectedApplication {
  readonly clientId: string
  readonly name: string
  /** What it was allowed, each once. */
  readonly scopes: readonly string[]
  readonly since: Date
}

/** Open grants of one client that are looked at, the newest first. A person can have any number. */
const lookedAt = 20

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
  sub: string,
  idleTtl: number,
  most: number,
): Promise<{ applications: ConnectedApplication[]; isCut: boolean }> {
  const { rows } = await db.query<{
    client_id: string
    client_name: string
    scopes: string[]
    since: Date | null
    candidates: number
  }>({
    text: `WITH RECURSIVE granted AS (
             (SELECT client_id FROM grants WHERE sub = $1 AND ended_at IS NULL ORDER BY client_id LIMIT 1)
             UNION ALL
             SELECT (SELECT grants.client_id FROM grants
                     WHERE sub = $1 AND ended_at IS NULL AND grants.client_id > granted.client_id ORDER BY grants.client_id LIMIT 1)
             FROM granted WHERE granted.client_id IS NOT NULL
           ), candidates AS (
             SELECT client_id FROM (
               (SELECT client_id FROM granted WHERE client_id IS NOT NULL LIMIT $3 + 1)
               UNION
               (SELECT client_id FROM consents WHERE sub = $1 ORDER BY client_id LIMIT $3 + 1)
             ) AS clients_of_both ORDER BY client_id LIMIT $3 + 1
           )
           SELECT candidates.client_id, client_name, least(consents.created_at, held.since) AS since,
             ARRAY(SELECT DISTINCT scope FROM unnest(consents.scopes || held.scopes) AS scope) AS scopes,
             (SELECT count(*) FROM candidates) AS candidates
           FROM candidates
           JOIN clients ON clients.client_id = candidates.client_id AND clients.deleted_at IS NULL
           LEFT JOIN consents ON consents.sub = $1 AND consents.client_id = candidates.client_id
           CROSS JOIN LATERAL (
             WITH newest AS (
               SELECT * FROM grants WHERE sub = $1 AND client_id = candidates.client_id AND ended_at IS NULL
               ORDER BY status_index DESC LIMIT ${lookedAt}
             ), held AS (
               SELECT grants.created_at, grants.scopes FROM newest AS grants ${grantJudges}
               WHERE ${grantAlive}
                 AND ((SELECT count(*) FROM newest) = ${lookedAt}
                      OR EXISTS (SELECT FROM refresh_families WHERE grant_id = grants.id AND refresh_families.expires_at > now())
                      OR (${sessionAlive} AND sessions.expires_at > now()
                          AND sessions.used_at > now() - make_interval(secs => $2)))
             )
             SELECT (SELECT min(created_at) FROM held) AS since,
               ARRAY(SELECT DISTINCT scope FROM held, unnest(held.scopes) AS scope) AS scopes
           ) AS held
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
