import type { Queryable } from '../../platform/database/queryable.ts'
import { type GrantTerms, grantTermsJson } from '../consents/consents-store.ts'
import { grantEndedAt, grantEndReason, grantStatusJoins } from '../endings/liveness-store.ts'
import type { ClientId, GrantId, Sub } from '../ids.ts'
import type { RequestedClaims } from './claims-of-request.ts'

interface AnyGrant {
  readonly id: GrantId
  readonly clientId: ClientId
  readonly scopes: readonly string[]
  /** Resources that the authorization request named (RFC 8707 §2.1). */
  readonly resources: readonly string[]
}

/** A person's grant, with everything that issuing and checking its tokens needs. */
export interface PersonsGrant extends AnyGrant {
  readonly sub: Sub
  /** Claims that the authorization request named, and that were allowed when the grant was opened. */
  readonly claims: RequestedClaims
  readonly terms: GrantTerms
  /** When the person proved who they are: milliseconds since 1970. */
  readonly authTime: number
  /** Authentication Context Class Reference. */
  readonly acr: string
  /** Authentication Method References (RFC 8176). */
  readonly amr: readonly string[]
}

/** The standing grant of a credential of a client (client_credentials). There is no person. */
export interface StandingGrant extends AnyGrant {
  readonly sub: undefined
  readonly terms: undefined
}

export type GrantContext = PersonsGrant | StandingGrant

/** SQL: the columns of a `GrantContextRow`, for statements that also read something else. */
export const grantContextColumns = `grants.id AS grant_id, grants.client_id AS grant_client_id, grants.sub AS grant_sub,
  grants.scopes AS grant_scopes, grants.resources AS grant_resources,
  grants.userinfo_claims AS grant_userinfo_claims, grants.id_token_claims AS grant_id_token_claims, ${grantTermsJson} AS grant_terms,
  grants.auth_time AS grant_auth_time, grants.acr AS grant_acr, grants.amr AS grant_amr`

export interface GrantContextRow {
  grant_id: GrantId
  grant_client_id: ClientId
  grant_scopes: string[]
  grant_resources: string[]
  grant_userinfo_claims: string[]
  grant_id_token_claims: string[]
  grant_terms: GrantTerms
  /**
   * These four are all null for the grant of a client that acts for itself, and never null otherwise. The table does not enforce this, but the
   * statements that open grants do: `insertCode` (tokens/authorization-codes-store.ts) and `allowDeviceRequest`
   * (tokens/device-requests-store.ts) set all four, `openStandingGrant` none.
   */
  grant_sub: Sub | null
  grant_auth_time: Date | null
  grant_acr: string | null
  grant_amr: string[] | null
}

export function grantContextFromRow(row: GrantContextRow): GrantContext {
  const { grant_id: id, grant_client_id: clientId, grant_scopes: scopes, grant_resources: resources } = row
  return row.grant_sub === null
    ? { id, clientId, sub: undefined, scopes, resources, terms: undefined }
    : personsGrantFromRow(row as PersonsGrantRow)
}

/** The row of a grant with a code or a refresh token. Only grants of people have them. */
export type PersonsGrantRow = { [Column in keyof GrantContextRow]: NonNullable<GrantContextRow[Column]> }

export function personsGrantFromRow(row: PersonsGrantRow): PersonsGrant {
  return {
    id: row.grant_id,
    clientId: row.grant_client_id,
    sub: row.grant_sub,
    scopes: row.grant_scopes,
    resources: row.grant_resources,
    claims: { userinfo: row.grant_userinfo_claims, idToken: row.grant_id_token_claims },
    terms: row.grant_terms,
    authTime: row.grant_auth_time.getTime(),
    acr: row.grant_acr,
    amr: row.grant_amr,
  }
}

/** A grant in a list. */
export interface Grant extends AnyGrant {
  /** Increases with each grant that is opened. */
  readonly statusIndex: number
  /** Undefined if the client acts for itself. */
  readonly sub: Sub | undefined
  readonly claims: RequestedClaims
  readonly createdAt: Date
  readonly endedAt: Date | undefined
  readonly endReason: string | undefined
}

interface NewStandingGrant {
  readonly id: GrantId
  readonly clientId: ClientId
  /** Undefined if the credential is the client's key. */
  readonly secretId: number | undefined
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
}

/**
 * Returns the open standing grant of a client's credential (client_credentials), or opens one. Concurrent callers get the same grant.
 * Undefined if the credential has just been revoked.
 */
export async function openStandingGrant(db: Queryable, grant: NewStandingGrant): Promise<GrantId | undefined> {
  const values = [grant.id, grant.clientId, grant.scopes, grant.resources]
  const { rows } =
    grant.secretId === undefined
      ? await db.query<{ id: GrantId }>({
          name: 'open-standing-grant-of-key',
          text: `INSERT INTO grants (id, client_id, scopes, resources, epoch, client_epoch)
                 SELECT $1, client_id, $3, $4, 0, grant_epoch FROM clients WHERE client_id = $2 AND deleted_at IS NULL FOR SHARE
                 ON CONFLICT (client_id) WHERE sub IS NULL AND client_secret_id IS NULL AND ended_at IS NULL
                 DO UPDATE SET client_id = excluded.client_id RETURNING id`,
          values,
        })
      : await db.query<{ id: GrantId }>({
          name: 'open-standing-grant',
          // The client is locked before its secret, in the same order as when secrets are deleted. A plain join would lock the secret first.
          text: `WITH client AS MATERIALIZED (
                   SELECT client_id, grant_epoch FROM clients WHERE client_id = $2 AND deleted_at IS NULL FOR SHARE
                 )
                 INSERT INTO grants (id, client_id, client_secret_id, scopes, resources, epoch, client_epoch)
                 SELECT $1, client_id, id, $3, $4, 0, grant_epoch FROM client JOIN client_secrets USING (client_id)
                 WHERE id = $5 FOR SHARE OF client_secrets
                 ON CONFLICT (client_secret_id) WHERE sub IS NULL AND ended_at IS NULL
                 DO UPDATE SET client_id = excluded.client_id RETURNING id`,
          values: [...values, grant.secretId],
        })
  return rows[0]?.id
}

interface GrantRow {
  id: GrantId
  status_index: number
  client_id: ClientId
  sub: Sub | null
  scopes: string[]
  resources: string[]
  userinfo_claims: string[]
  id_token_claims: string[]
  created_at: Date
  ended_at: Date | null
  end_reason: string | null
}

/** SQL: the columns of a grant. If a decision has ended the grant but its row has not been updated yet, they show the end nevertheless. */
const grantColumns = `grants.id, grants.status_index, grants.client_id, grants.sub, grants.scopes, grants.resources,
  grants.userinfo_claims, grants.id_token_claims, grants.created_at,
  ${grantEndedAt} AS ended_at, ${grantEndReason} AS end_reason`

function grantFromRow(row: GrantRow): Grant {
  return {
    id: row.id,
    statusIndex: row.status_index,
    clientId: row.client_id,
    sub: row.sub ?? undefined,
    scopes: row.scopes,
    resources: row.resources,
    claims: { userinfo: row.userinfo_claims, idToken: row.id_token_claims },
    createdAt: row.created_at,
    endedAt: row.ended_at ?? undefined,
    endReason: row.end_reason ?? undefined,
  }
}

export async function findGrant(db: Queryable, id: string): Promise<Grant | undefined> {
  const { rows } = await db.query<GrantRow>({
    text: `SELECT ${grantColumns} FROM grants ${grantStatusJoins} WHERE grants.id = $1`,
    values: [id],
  })
  return rows[0] && grantFromRow(rows[0])
}

/**
 * One page of grants, the newest first.
 *
 * @param only restricts the list to an account, a client, or both
 * @param before the `statusIndex` of the last grant of the previous page
 * @param limit the maximum number of grants
 */
export async function listGrants(
  db: Queryable,
  only: { readonly sub?: string | undefined; readonly clientId?: string | undefined },
  before: number | undefined,
  limit: number,
): Promise<Grant[]> {
  // Only the conditions that are needed: with `$1 IS NULL OR …`, a prepared statement cannot use an index.
  const values: unknown[] = [limit]
  const [index, ...others] = Object.entries({ sub: only.sub, client_id: only.clientId }).flatMap(([column, value]) =>
    value === undefined ? [] : [[column, `$${values.push(value)}`] as const],
  )
  const conditions = [
    // BETWEEN for the same reason as in listEvents.
    ...(index ? [`${index[0]} BETWEEN ${index[1]} AND ${index[1]}`] : []),
    ...others.map(([column, value]) => `${column} = ${value}`),
    ...(before !== undefined ? [`status_index < $${values.push(before)}`] : []),
  ]
  const { rows } = await db.query<GrantRow>({
    // The LIMIT applies before the joins.
    text: `SELECT ${grantColumns}
           FROM (SELECT * FROM grants ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
                 ORDER BY ${index ? `${index[0]} DESC, ` : ''}status_index DESC LIMIT $1) AS grants ${grantStatusJoins}
           ORDER BY grants.status_index DESC`,
    values,
  })
  return rows.map(grantFromRow)
}
