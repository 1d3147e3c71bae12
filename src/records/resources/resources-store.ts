import type { Queryable } from '../../platform/database/queryable.ts'
import type { AccessTokenAlgorithm } from '../../platform/jwt/algorithms.ts'
import type { Resource, ScopeDescription } from './resource.ts'

interface Row {
  identifier: string
  name: string | null
  scopes: string[]
  scope_descriptions: { scope: string; descriptions: { language?: string; text: string }[] }[]
  access_token_ttl: number | null
  access_token_signing_alg: AccessTokenAlgorithm
  served_by: string[]
  userinfo_audience: boolean
  groups_claim: boolean
  self_registered_clients: boolean
}

export function resourceFromRow(row: Row): Resource {
  return {
    identifier: row.identifier,
    name: row.name ?? undefined,
    scopes: row.scopes,
    scopeDescriptions: row.scope_descriptions.flatMap(descriptionsFromRow),
    accessTokenTtl: row.access_token_ttl ?? undefined,
    accessTokenSigningAlg: row.access_token_signing_alg,
    servedBy: row.served_by,
    userinfoAudience: row.userinfo_audience,
    groupsClaim: row.groups_claim,
    selfRegisteredClients: row.self_registered_clients,
  }
}

function descriptionsFromRow({ scope, descriptions }: Row['scope_descriptions'][number]): ScopeDescription[] {
  return descriptions.map(({ language, text }) => ({ scope, language, text }))
}

/** How many resources can be open to clients that registered themselves. Every such client is read with all of them. */
export const maxOpenResources = 50

/** SQL: the resources that are open to clients that registered themselves. The order makes the planner use the index that begins with both columns. */
export const openResources = `FROM resources AS open WHERE open.self_registered_clients >= true
  ORDER BY open.self_registered_clients, open.identifier LIMIT ${maxOpenResources}`

/** SQL: a resource with its scopes, as JSON, for statements that also read something else. */
export const resourceJson = `jsonb_build_object(
  'identifier', resources.identifier, 'name', resources.name, 'access_token_ttl', resources.access_token_ttl,
  'access_token_signing_alg', resources.access_token_signing_alg, 'served_by', resources.served_by,
  'userinfo_audience', resources.userinfo_audience, 'groups_claim', resources.groups_claim,
  'self_registered_clients', resources.self_registered_clients,
  'scopes', ARRAY(SELECT scope FROM resource_scopes WHERE resource = resources.identifier ORDER BY scope),
  'scope_descriptions', ARRAY(SELECT jsonb_build_object('scope', scope, 'descriptions', descriptions) FROM resource_scopes
                              WHERE resource = resources.identifier AND descriptions <> '[]' ORDER BY scope))`

/**
 * SQL: those of some scopes that have not moved to another resource since a given time, in their order. A person who allowed a scope of one
 * API has not allowed what another API means by the same name.
 *
 * @param scopes SQL: a text[]
 * @param moment SQL: the timestamptz at which they were allowed
 */
export const scopesUnmovedSince = (scopes: string, moment: string): string => `ARRAY(
  SELECT allowed.scope FROM unnest(${scopes}) WITH ORDINALITY AS allowed (scope, place)
  WHERE NOT EXISTS (SELECT FROM resource_scopes WHERE resource_scopes.scope = allowed.scope AND since > ${moment})
  ORDER BY place)`

/**
 * Locks the resources until the transaction ends. `reading` is a shared lock, for registering clients that refer to resources. `changing`
 * waits for all other holders, so what is read after that is current. Tokens can be issued in the meantime.
 */
export async function lockResources(tx: Queryable, purpose: 'reading' | 'changing'): Promise<void> {
  await tx.query({ text: `LOCK TABLE resources IN ${purpose === 'reading' ? 'SHARE' : 'SHARE ROW EXCLUSIVE'} MODE` })
}

/**
 * One page of resources, ordered by identifier.
 *
 * @param after the identifier of the last resource of the previous page
 * @param limit the maximum number of resources
 */
export async function listResources(db: Queryable, after: string | undefined, limit: number): Promise<Resource[]> {
  const { rows } = await db.query<{ resource: Row }>({
    // Every identifier sorts after the empty text.
    text: `SELECT ${resourceJson} AS resource FROM resources WHERE identifier > $2 ORDER BY identifier LIMIT $1`,
    values: [limit, after ?? ''],
  })
  return rows.map(({ resource }) => resourceFromRow(resource))
}

export async function findResource(db: Queryable, identifier: string): Promise<Resource | undefined> {
  const { rows } = await db.query<{ resource: Row }>({
    text: `SELECT ${resourceJson} AS resource FROM resources WHERE identifier = $1`,
    values: [identifier],
  })
  return rows[0] && resourceFromRow(rows[0].resource)
}

/** The resources that have one of these identifiers, or own one of these scopes. */
export async function findResources(
  db: Queryable,
  { identifiers = [], scopes }: { readonly identifiers?: readonly string[]; readonly scopes: readonly string[] },
): Promise<Resource[]> {
  const { rows } = await db.query<{ resource: Row }>({
    text: `SELECT ${resourceJson} AS resource FROM resources
           WHERE identifier = ANY ($1::text[] || ARRAY(SELECT resource FROM resource_scopes WHERE scope = ANY ($2::text[])))
           ORDER BY identifier`,
    values: [identifiers, scopes],
  })
  return rows.map(({ resource }) => resourceFromRow(resource))
}

/** The resources that clients which registered themselves may request. Operators mark them one by one, so there are few. */
export async function findOpenResources(db: Queryable): Promise<Resource[]> {
  const { rows } = await db.query<{ resource: Row }>({
    text: `SELECT ${resourceJson} AS resource FROM resources WHERE identifier = ANY (ARRAY(SELECT open.identifier ${openResources})) ORDER BY identifier`,
  })
  return rows.map(({ resource }) => resourceFromRow(resource))
}

/** The descriptions of these scopes. A scope belongs to one resource. */
export async function findScopeDescriptions(db: Queryable, scopes: readonly string[]): Promise<ScopeDescription[]> {
  const { rows } = await db.query<Row['scope_descriptions'][number]>({
    text: `SELECT scope, descriptions FROM resource_scopes WHERE scope = ANY ($1::text[]) AND descriptions <> '[]'`,
    values: [scopes],
  })
  return rows.flatMap(descriptionsFromRow)
}

/** The longest access token lifetime of all resources, in seconds; undefined if no resource sets one. */
export async function longestAccessTokenTtl(db: Queryable): Promise<number | undefined> {
  const { rows } = await db.query<{ longest: number | null }>({
    text: 'SELECT max(access_token_ttl) AS longest FROM resources',
  })
  return rows[0]?.longest ?? undefined
}

/**
 * Creates or changes a resource with its scopes, in one statement. The caller holds `lockResources`, and has checked that no other resource
 * owns a scope.
 */
export async function saveResource(db: Queryable, resource: Resource): Promise<void> {
  await db.query({
    text: `WITH saved AS (
             INSERT INTO resources (identifier, name, access_token_ttl, access_token_signing_alg, served_by, userinfo_audience, groups_claim,
                                    self_registered_clients)
             VALUES ($1, $2, $3, $4, $6, $10, $11, $12)
             ON CONFLICT (identifier) DO UPDATE
               SET name = $2, access_token_ttl = $3, access_token_signing_alg = $4, served_by = $6, userinfo_audience = $10, groups_claim = $11,
                   self_registered_clients = $12
             RETURNING identifier
           ), gone AS (
             DELETE FROM resource_scopes WHERE resource = $1 AND NOT scope = ANY($5)
           ), wanted AS (
             SELECT wanted.scope, coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object('language', said.language, 'text', said.text)))
                                           FILTER (WHERE said.text IS NOT NULL), '[]') AS descriptions
             FROM unnest($5::text[]) AS wanted (scope)
             LEFT JOIN unnest($7::text[], $8::text[], $9::text[]) AS said (scope, language, text) USING (scope)
             GROUP BY wanted.scope
           ), kept AS (
             UPDATE resource_scopes SET descriptions = wanted.descriptions FROM wanted
             WHERE resource_scopes.scope = wanted.scope AND resource = $1
           )
           INSERT INTO resource_scopes (scope, resource, descriptions)
           SELECT wanted.scope, saved.identifier, wanted.descriptions FROM saved, wanted
           WHERE NOT EXISTS (SELECT FROM resource_scopes AS own WHERE own.scope = wanted.scope AND own.resource = $1)`,
    values: [
      resource.identifier,
      resource.name ?? null,
      resource.accessTokenTtl ?? null,
      resource.accessTokenSigningAlg,
      resource.scopes,
      resource.servedBy,
      resource.scopeDescriptions.map(({ scope }) => scope),
      resource.scopeDescriptions.map(({ language }) => language ?? null),
      resource.scopeDescriptions.map(({ text }) => text),
      resource.userinfoAudience,
      resource.groupsClaim,
      resource.selfRegisteredClients,
    ],
  })
}

/** Deletes a resource that is no longer on the allow-list of any client. False if there was none. */
export async function deleteResource(tx: Queryable, identifier: string): Promise<boolean> {
  const { rowCount } = await tx.query({ text: 'DELETE FROM resources WHERE identifier = $1', values: [identifier] })
  return rowCount === 1
}

/** The maximum number of clients that one statement changes, so that no statement takes long. */
const batchSize = 500

/**
 * Removes a resource from the allow-list of every client.
 *
 * @param tx a transaction, because this takes several statements
 */
export async function removeResourceFromClients(tx: Queryable, identifier: string): Promise<void> {
  await repeatInBatches(tx, {
    text: `UPDATE clients SET updated_at = now(), resources = array_remove(resources, $1)
           WHERE client_id = ANY (ARRAY(SELECT client_id FROM clients WHERE resources @> ARRAY[$1] LIMIT ${batchSize}))
           RETURNING client_id`,
    values: [identifier],
  })
}

/**
 * Removes scopes that a resource no longer has from the clients that are registered for them. Another resource may later use the same name for
 * something else, and no client may have the scope by then. An event is recorded for each client.
 *
 * @param tx a transaction, because this takes several statements
 * @param resource the identifier of the resource that had the scopes
 * @param by the operator, for the events
 * @returns the clients that had any of them
 */
export async function removeScopesFromClients(
  tx: Queryable,
  scopes: readonly string[],
  resource: string,
  by: string,
): Promise<string[]> {
  const clients = await repeatInBatches(tx, {
    text: `WITH changed AS (
             UPDATE clients SET updated_at = now(), scope = (
               SELECT coalesce(string_agg(kept.scope, ' ' ORDER BY kept.place), '')
               FROM string_to_table(clients.scope, ' ') WITH ORDINALITY AS kept (scope, place)
               WHERE NOT kept.scope = ANY ($1))
             WHERE client_id = ANY (ARRAY(
               SELECT client_id FROM clients WHERE string_to_array(scope, ' ') && $1::text[] LIMIT ${batchSize}))
             RETURNING client_id
           ), recorded AS (
             INSERT INTO events (type, client_id, detail) SELECT 'client_updated', client_id, $2::jsonb FROM changed
           )
           SELECT client_id FROM changed`,
    values: [scopes, JSON.stringify({ by, changed: ['scope'], resource })],
  })
  return clients.sort()
}

async function repeatInBatches(tx: Queryable, statement: { text: string; values: unknown[] }): Promise<string[]> {
  const clients: string[] = []
  for (;;) {
    const { rows } = await tx.query<{ client_id: string }>(statement)
    clients.push(...rows.map(({ client_id }) => client_id))
    if (rows.length < batchSize) return clients
  }
}
