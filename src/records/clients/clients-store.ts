import type { Queryable } from '../../platform/database/queryable.ts'
import type { AssertionAlgorithm, ClientAssertionAlgorithm } from '../../platform/jwt/algorithms.ts'
import type { ClientId, GrantId } from '../ids.ts'
import { openResources, resourceFromRow, resourceJson } from '../resources/resources-store.ts'
import {
  type AuthenticationMethod,
  type Client,
  type ClientMetadata,
  type CommonMetadata,
  metadataMembers,
  noAssertions,
  openScopes,
  type StoredSecret,
} from './client.ts'

const nullable = [
  'jwks',
  'jwks_uri',
  'default_max_age',
  'sector_identifier_uri',
  'userinfo_signed_response_alg',
  'request_object_signing_alg',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'initiate_login_uri',
  'backchannel_logout_uri',
  'frontchannel_logout_uri',
  'software_id',
  'software_version',
] as const satisfies readonly (keyof CommonMetadata)[]
type Nullable = (typeof nullable)[number]

type ClientRow = Omit<CommonMetadata, Nullable | 'require_pkce'> & {
  [Member in Nullable]: Exclude<CommonMetadata[Member], undefined> | null
} & {
  client_id: ClientId
  updated_at: string
  require_pkce: boolean
  /** Whether `require_pkce` is `auto`. It counts only while the other column is true, because the previous release changes only that one. */
  require_pkce_auto: boolean
  token_endpoint_auth_method: AuthenticationMethod
  /** Whether nobody chose the method. It counts only beside `client_secret_basic`, for the same reason. */
  token_endpoint_auth_method_unset: boolean
  require_issuer_audience: boolean
  token_endpoint_auth_signing_alg: ClientAssertionAlgorithm | null
  self_registered: boolean
  document: { digest: string; expires_at: number } | null
  standing_grant: GrantId | null
  secrets: { id: number; digest: string; sealed: string | null; version: number | null; grant: GrantId | null }[]
  allowed: Parameters<typeof resourceFromRow>[0][]
}

/** SQL: the identifiers on the allow-list of a client. For those that registered themselves, the operator marks the resources instead. */
const allowedResources = `CASE WHEN clients.self_registered
  THEN ARRAY(SELECT open.identifier ${openResources}) ELSE clients.resources END`

/**
 * One column of JSON rather than one column per member, so that the server has less to describe and the driver less to parse. Clients that are
 * marked as deleted are left out.
 */
const select = `
  SELECT to_jsonb(clients) - '{created_at,deleted_at,grant_epoch,grants_ended_at}'::text[] || jsonb_build_object(
    'secrets', (SELECT coalesce(jsonb_agg(jsonb_build_object('id', client_secrets.id, 'digest', encode(digest, 'hex'),
                               'sealed', sealed, 'version', sealed_version, 'grant', grants.id)
                               ORDER BY client_secrets.id), '[]')
     FROM client_secrets
     LEFT JOIN grants ON grants.client_secret_id = client_secrets.id AND grants.sub IS NULL AND grants.ended_at IS NULL
     WHERE client_secrets.client_id = clients.client_id),
    'standing_grant', (SELECT id FROM grants WHERE grants.client_id = clients.client_id AND sub IS NULL
                       AND client_secret_id IS NULL AND ended_at IS NULL),
    'document', CASE WHEN clients.self_registered THEN (
       SELECT jsonb_build_object('digest', encode(document_digest, 'hex'), 'expires_at', extract(epoch FROM document_expires_at) * 1000)
       FROM client_registrations WHERE client_registrations.client_id = clients.client_id AND document_digest IS NOT NULL) END,
    'allowed', (SELECT coalesce(jsonb_agg(${resourceJson} ORDER BY resources.identifier), '[]')
     FROM resources WHERE resources.identifier = ANY (${allowedResources}))) AS client
  FROM clients WHERE clients.deleted_at IS NULL`

function clientFromRow(row: ClientRow): Client {
  const { token_endpoint_auth_signing_alg: alg, token_endpoint_auth_method: method, secrets, ...others } = row
  const { standing_grant: standingGrant, document, updated_at: updatedAt, ...rest } = others
  const { require_pkce_auto: isAuto, token_endpoint_auth_method_unset: isUnset, ...members } = rest
  const { self_registered: isSelfRegistered, require_issuer_audience: isPinned, ...plain } = members
  const absent = Object.fromEntries(nullable.map((member) => [member, row[member] ?? undefined]))
  const allowed = row.allowed.map(resourceFromRow)
  const common = {
    ...plain,
    updatedAt,
    scope: isSelfRegistered ? openScopes(row.scope, allowed) : row.scope,
    // Those that own one of its scopes, and are still open.
    resources: isSelfRegistered
      ? row.resources.filter((one) => allowed.some(({ identifier }) => identifier === one))
      : row.resources,
    ...(absent as Pick<CommonMetadata, Nullable>),
    require_pkce: row.require_pkce && isAuto ? ('auto' as const) : row.require_pkce,
    allowed,
    isSelfRegistered,
    document: document ? { digest: document.digest, expiresAt: Math.floor(document.expires_at) } : undefined,
  }
  const withSecrets = {
    ...common,
    secrets: secrets.map(({ id, digest, sealed, version, grant }) => ({
      id,
      digest: Buffer.from(digest, 'hex'),
      sealed: sealed === null || version === null ? undefined : { text: sealed, version },
      standingGrant: grant ?? undefined,
    })),
  }
  switch (method) {
    case 'none':
      return { ...common, token_endpoint_auth_method: method, ...noAssertions }
    case 'private_key_jwt':
      return {
        ...common,
        token_endpoint_auth_method: method,
        token_endpoint_auth_signing_alg: (alg as AssertionAlgorithm | null) ?? undefined,
        require_issuer_audience: isPinned,
        standingGrant: standingGrant ?? undefined,
      }
    case 'client_secret_jwt':
      return {
        ...withSecrets,
        token_endpoint_auth_method: method,
        token_endpoint_auth_signing_alg: alg === 'HS256' ? alg : undefined,
        require_issuer_audience: isPinned,
      }
    default:
      return {
        ...withSecrets,
        token_endpoint_auth_method: isUnset && method === 'client_secret_basic' ? undefined : method,
        ...noAssertions,
      }
  }
}

/** Reads a client with its secrets, their standing grants and its resources, in one round trip, because every hot path needs it. */
export async function findClient(db: Queryable, clientId: string): Promise<Client | undefined> {
  const { rows } = await db.query<{ client: ClientRow }>({
    name: 'find-client',
    text: `${select} AND client_id = $1`,
    values: [clientId],
  })
  return rows[0] && clientFromRow(rows[0].client)
}

/** Locks a client until the transaction ends, so that it does not change between reading and writing. False if there is no such client. */
export async function lockClient(tx: Queryable, clientId: ClientId): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: 'SELECT FROM clients WHERE client_id = $1 AND deleted_at IS NULL FOR UPDATE',
    values: [clientId],
  })
  return rowCount === 1
}

/**
 * One page of clients, ordered by name regardless of case, and by `client_id` if names are equal.
 *
 * @param filter.selfRegistered only clients that registered themselves
 * @param filter.prefix only clients whose names start with this, regardless of case; empty: all
 * @param after the last client of the previous page
 * @param limit the maximum number of clients
 */
export async function listClients(
  db: Queryable,
  {
    prefix = '',
    selfRegistered = false,
  }: { readonly prefix?: string | undefined; readonly selfRegistered?: boolean | undefined },
  after: Pick<Client, 'client_id' | 'client_name'> | undefined,
  limit: number,
): Promise<Client[]> {
  const values: unknown[] = [limit]
  // Both columns come first in an index of their own. With `self_registered = true` the planner might read the other one until enough clients pass. A row is
  // compared from left to right, so all conditions are bounds of the range.
  const [columns, leading] = selfRegistered ? (['self_registered, ', 'true, '] as const) : (['', ''] as const)
  const name = 'lower(client_name) COLLATE "C"'
  // COLLATE "C" compares bytes, so the names that start with the prefix are a range of the index. U+10FFFF is the last code point, and is
  // never used as a character.
  const conditions = [
    ...(selfRegistered ? ['self_registered >= true'] : []),
    ...(prefix !== ''
      ? [
          `(${columns}${name}) >= (${leading}lower($${values.push(prefix)}))`,
          `(${columns}${name}) < (${leading}lower($${values.length}) || chr(1114111))`,
        ]
      : []),
    ...(after
      ? [
          `(${columns}${name}, client_id) > (${leading}lower($${values.push(after.client_name)}), $${values.push(after.client_id)})`,
        ]
      : []),
  ]
  const { rows } = await db.query<{ client: ClientRow }>({
    text: `${select}${conditions.map((condition) => ` AND ${condition}`).join('')}
           ORDER BY ${columns}${name}, client_id LIMIT $1`,
    values,
  })
  return rows.map(({ client }) => clientFromRow(client))
}

/**
 * @param secret its first one; undefined if it uses none
 * @param registered who registers it
 */
export async function insertClient(
  db: Queryable,
  clientId: ClientId,
  metadata: ClientMetadata,
  secret: StoredSecret | undefined,
  registered: 'by operator' | 'by itself' = 'by operator',
): Promise<void> {
  const { names, values } = columnsOf(metadata)
  names.push('self_registered')
  values.push(registered === 'by itself')
  await db.query({
    text: `WITH client AS (
             INSERT INTO clients (client_id, ${names.join(', ')})
             VALUES ($1, ${names.map((_, index) => `$${index + 5}`).join(', ')}) RETURNING client_id
           )
           INSERT INTO client_secrets (client_id, digest, sealed, sealed_version)
           SELECT client_id, $2, $3, $4 FROM client WHERE $2::bytea IS NOT NULL`,
    values: [
      clientId,
      secret?.digest ?? null,
      secret?.sealed?.text ?? null,
      secret?.sealed?.version ?? null,
      ...values,
    ],
  })
}

/** False if there is no such client. */
export async function updateClient(db: Queryable, clientId: ClientId, metadata: ClientMetadata): Promise<boolean> {
  const { names, values } = columnsOf(metadata)
  const { rowCount } = await db.query({
    text: `UPDATE clients SET updated_at = now(), ${names.map((name, index) => `${name} = $${index + 2}`).join(', ')}
           WHERE client_id = $1 AND deleted_at IS NULL`,
    values: [clientId, ...values],
  })
  return rowCount === 1
}

/** The metadata as columns. Where the previous release does not know a value, its column has the strictest one that it knows. */
function columnsOf(metadata: ClientMetadata): { readonly names: string[]; readonly values: unknown[] } {
  const columns: Record<string, unknown> = {
    ...Object.fromEntries(metadataMembers.map((name) => [name, metadata[name] ?? null])),
    token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? 'client_secret_basic',
    token_endpoint_auth_method_unset: metadata.token_endpoint_auth_method === undefined,
    require_pkce: metadata.require_pkce !== false,
    require_pkce_auto: metadata.require_pkce === 'auto',
  }
  return { names: Object.keys(columns), values: Object.values(columns) }
}
