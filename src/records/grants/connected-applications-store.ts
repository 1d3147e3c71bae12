import type { Queryable } from '../../platform/database/queryable.ts'
import { grantAlive, grantStatusJoins, sessionAlive } from '../endings/liveness-store.ts'
import type { ClientId, Sub } from '../ids.ts'
import { scopesUnmovedSince } from '../resources/resources-store.ts'

/** A client that has access to an account, or can get it without asking the person. */
export interface ConnectedApplication {
  readonly clientId: ClientId
  readonly name: string
  /** The scopes that it was allowed, without duplicates and without those that have moved to another resource since. */
  readonly scopes: readonly string[]
  /** The single claims that it was allowed, without duplicates. Some may belong to its scopes. */
  readonly claims: readonly string[]
  readonly since: Date
  /** Where a sign-in at the client can be started (OpenID Connect Core §4). */
  readonly initiateLoginUri: string | undefined
  /** Whether nobody has verified who is behind it. */
  readonly isSelfRegistered: boolean
}

/** The maximum number of open grants that are examined per client, the newest first. A person can have any number. */
const maxExamined = 10

/**
 * The clients that a person has consented to, and those with a grant that needs no consent (first-party clients). A grant counts if it has a refresh
 * token that has not expired, or if its session is alive; otherwise only access tokens are left, which expire within minutes. If a client has more
 * open grants than are examined, one that is alive is enough.
 *
 * Each client is found by one step in an index, no matter how many grants it has, and only the grants of listed clients are examined.
 *
 * @param idleTtl the idle timeout of sessions, in seconds
 * @param maxListed the maximum number of clients
 * @returns the clients, ordered by name; `isTruncated` if there may be more
 */
export async function listConnectedApplications(
  db: Queryable,
  sub: Sub,
  idleTtl: number,
  maxListed: number,
): Promise<{ applications: ConnectedApplication[]; isTruncated: boolean }> {
  const { rows } = await db.query<{
    client_id: ClientId
    client_name: string
    scopes: string[]
    claims: string[]
    since: Date | null
    candidates: number
    initiate_login_uri: string | null
    self_registered: boolean
  }>({
    // Bounds and order by all columns of the index rather than equality. Otherwise the planner might use another index for a person with a large
    // number of grants.
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
               ORDER BY sub DESC, client_id DESC, status_index DESC LIMIT ${maxExamined}) AS grants
           ), held AS (
             SELECT grants.client_id, min(grants.created_at) AS since, array_agg(DISTINCT allowed.scope) AS scopes, array_agg(DISTINCT named.claim) AS claims
             FROM newest AS grants
             -- One at a time, by keys: with a plain join, PostgreSQL might read whole tables.
             CROSS JOIN LATERAL (
               SELECT looked_at = ${maxExamined}
                 OR EXISTS (SELECT FROM refresh_families WHERE grant_id = grants.id AND refresh_families.expires_at > now())
                 OR (${sessionAlive} AND sessions.expires_at > now()
                     AND sessions.used_at > now() - make_interval(secs => $2)) AS is_held
               FROM (SELECT) AS one ${grantStatusJoins} WHERE ${grantAlive} LIMIT 1) AS judged
             LEFT JOIN LATERAL unnest(${scopesUnmovedSince('grants.scopes', 'grants.created_at')}) AS allowed (scope) ON true
             LEFT JOIN LATERAL unnest(grants.userinfo_claims || grants.id_token_claims) AS named (claim) ON true
             WHERE is_held
             GROUP BY grants.client_id
           )
           SELECT candidates.client_id, client_name, initiate_login_uri, self_registered, least(consents.created_at, held.since) AS since,
             ARRAY(SELECT DISTINCT scope FROM unnest(${scopesUnmovedSince('consents.scopes', 'consents.updated_at')} || held.scopes) AS scope WHERE scope IS NOT NULL) AS scopes,
             ARRAY(SELECT DISTINCT claim FROM unnest(consents.claims || held.claims) AS claim WHERE claim IS NOT NULL) AS claims,
             (SELECT count(*) FROM candidates) AS candidates
           FROM candidates
           JOIN clients ON clients.client_id = candidates.client_id AND clients.deleted_at IS NULL
           LEFT JOIN consents ON consents.sub = $1 AND consents.client_id = candidates.client_id
           LEFT JOIN held ON held.client_id = candidates.client_id
           ORDER BY lower(client_name), client_id`,
    values: [sub, idleTtl, maxListed],
  })
  const listed = rows.filter((row): row is typeof row & { since: Date } => row.since !== null)
  return {
    applications: listed.slice(0, maxListed).map((row) => ({
      ...{ clientId: row.client_id, name: row.client_name, scopes: row.scopes, claims: row.claims, since: row.since },
      initiateLoginUri: row.initiate_login_uri ?? undefined,
      isSelfRegistered: row.self_registered,
    })),
    isTruncated: (rows[0]?.candidates ?? 0) > maxListed,
  }
}
