import type { Queryable } from '../../platform/database/queryable.ts'
import type { SigningAlgorithm } from '../../platform/jwt/algorithms.ts'
import type { Resource } from './resource.ts'

interface Row {
  identifier: string
  name: string | null
  scopes: string[]
  access_token_ttl: number | null
  access_token_signing_alg: SigningAlgorithm
  served_by: string[]
}

export function resourceFromRow(row: Row): Resource {
  return {
    identifier: row.identifier,
    name: row.name ?? undefined,
    scopes: row.scopes,
    accessTokenTtl: row.access_token_ttl ?? undefined,
    accessTokenSigningAlg: row.access_token_signing_alg,
    servedBy: row.served_by,
  }
}

/** The columns of a resource with its scopes, as JSON: for statements that read resources along with something else. */
export const resourceJson = `jsonb_build_object(
  'identifier', resources.identifier, 'name', resources.name, 'access_token_ttl', resources.access_token_ttl,
  'access_token_signing_alg', resources.access_token_signing_alg, 'served_by', resources.served_by,
  'scopes', ARRAY(SELECT scope FROM resource_scopes WHERE resource = resources.identifier ORDER BY scope))`

/**
 * SQL for those of some scopes that have not come to another resource after a moment, in their order. Somebody who allowed a scope at one
 * API has not allowed what another API means by the same name.
 *
 * @param scopes SQL for a text[]
 * @param moment SQL for the timestamptz at which they were allowed
 */
export const scopesUnmovedSince = (scopes: string, moment: string): string => `ARRAY(
  SELECT allowed.scope FROM unnest(${scopes}) WITH ORDINALITY AS allowed (scope, place)
  WHERE NOT EXISTS (SELECT FROM resource_scopes WHERE resource_scopes.scope = allowed.scope AND since > ${moment})
  ORDER BY place)`

/**
 * Keeps the resources still until the transaction ends. Who builds on them (`reading`: a client's allow-list) shares the lock;
 * who changes them waits for all others, and what he reads afterwards is how things are. Tokens go on being issued meanwhile.
 */
export async function lockResources(tx: Queryable, purpose: 'reading' | 'changing'): Promise<void> {
  await tx.query({ text: `LOCK TABLE resources IN ${purpose === 'reading' ? 'SHARE' : 'SHARE ROW EXCLUSIVE'} MODE` })
}

export async function listResources(db: Queryable): Promise<Resource[]> {
  const { rows } = await db.query<{ resource: Row }>({
    text: `SELECT ${resourceJson} AS resource FROM resources ORDER BY identifier`,
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

/** Which resources own these scopes: scope → identifier. Scopes that no resource owns are left out. */
export async function ownersOfScopes(db: Queryable, scopes: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await db.query<{ scope: string; resource: string }>({
    text: 'SELECT scope, resource FROM resource_scopes WHERE scope = ANY($1)',
    values: [scopes],
  })
  return new Map(rows.map(({ scope, resource }) => [scope, resource]))
}

/** Makes or changes a resource with its scopes, in one statement; a scope that another resource owns fails it (23505). */
export async function saveResource(db: Queryable, resource: Resource): Promise<void> {
  await db.query({
    text: `WITH saved AS (
             INSERT INTO resources (identifier, name, access_token_ttl, access_token_signing_alg, served_by)
             VALUES ($1, $2, $3, $4, $6)
             ON CONFLICT (identifier) DO UPDATE
               SET name = $2, access_token_ttl = $3, access_token_signing_alg = $4, served_by = $6
             RETURNING identifier
           ), gone AS (
             DELETE FROM resource_scopes WHERE resource = $1 AND NOT scope = ANY($5)
           )
           INSERT INTO resource_scopes (scope, resource)
           SELECT scope, saved.identifier FROM saved, unnest($5::text[]) AS scope
           WHERE NOT EXISTS (SELECT FROM resource_scopes AS own WHERE own.scope = scope.scope AND own.resource = $1)`,
    values: [
      resource.identifier,
      resource.name ?? null,
      resource.accessTokenTtl ?? null,
      resource.accessTokenSigningAlg,
      resource.scopes,
      resource.servedBy,
    ],
  })
}

/** Deletes a resource and takes it off the allow-list of every client. False where there was none. */
export async function deleteResource(db: Queryable, identifier: string): Promise<boolean> {
  const { rows } = await db.query<{ deleted: boolean }>({
    text: `WITH deleted AS (DELETE FROM resources WHERE identifier = $1 RETURNING identifier), freed AS (
             UPDATE clients SET resources = array_remove(resources, $1) WHERE $1 = ANY(resources)
           )
           SELECT EXISTS (SELECT FROM deleted) AS deleted`,
    values: [identifier],
  })
  return rows[0]!.deleted
}

/**
 * Takes scopes that a resource has no longer off the clients that are registered for them: another resource may give a scope of
 * the same name another meaning, and no client shall have it by then.
 *
 * @returns the clients that had any of them
 */
export async function takeScopesOffClients(db: Queryable, scopes: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ client_id: string }>({
    text: `UPDATE clients SET updated_at = now(), scope = (
             SELECT coalesce(string_agg(kept.scope, ' ' ORDER BY kept.place), '')
             FROM string_to_table(clients.scope, ' ') WITH ORDINALITY AS kept (scope, place)
             WHERE NOT kept.scope = ANY ($1))
           WHERE string_to_array(scope, ' ') && $1::text[]
           RETURNING client_id`,
    values: [scopes],
  })
  return rows.map(({ client_id }) => client_id).sort()
}
