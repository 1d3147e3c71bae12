import type { Queryable } from '../../platform/database/queryable.ts'

export type GrantEndReason =
  | 'code_replayed'
  | 'refresh_reused'
  | 'refresh_exhausted'
  | 'revoked_by_operator'
  | 'revoked_by_client'
  | 'signed_out'
  | 'account_disabled'
  | 'password_set'
  | 'account_deleted'
  | 'client_secret_rotated'
  | 'disconnected'

export interface Grant {
  readonly id: string
  readonly clientId: string
  readonly sub: string | undefined
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  readonly createdAt: Date
  readonly endedAt: Date | undefined
  readonly endReason: string | undefined
}

/** Ends a grant, and with it its codes, refresh tokens and access tokens. Final. False where it had ended before. */
export async function endGrant(db: Queryable, id: string, reason: GrantEndReason): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'end-grant',
    text: 'UPDATE grants SET ended_at = now(), end_reason = $2 WHERE id = $1 AND ended_at IS NULL',
    values: [id, reason],
  })
  return rowCount === 1
}

interface NewStandingGrant {
  readonly id: string
  readonly clientId: string
  /** Undefined: the credential is the client's key. */
  readonly secretId: number | undefined
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
}

/**
 * The standing grant of a client's credential (client_credentials): the one that is open, or else a new one. However many ask
 * at once, there is one. Undefined where the credential was taken away in this very moment.
 */
export async function openStandingGrant(db: Queryable, grant: NewStandingGrant): Promise<string | undefined> {
  const values = [grant.id, grant.clientId, grant.scopes, grant.resources]
  const { rows } =
    grant.secretId === undefined
      ? await db.query<{ id: string }>({
          name: 'open-standing-grant-of-key',
          text: `INSERT INTO grants (id, client_id, scopes, resources)
                 SELECT $1, client_id, $3, $4 FROM clients WHERE client_id = $2 FOR SHARE
                 ON CONFLICT (client_id) WHERE sub IS NULL AND client_secret_id IS NULL AND ended_at IS NULL
                 DO UPDATE SET client_id = excluded.client_id RETURNING id`,
          values,
        })
      : await db.query<{ id: string }>({
          name: 'open-standing-grant',
          text: `INSERT INTO grants (id, client_id, client_secret_id, scopes, resources)
                 SELECT $1, client_id, id, $3, $4 FROM client_secrets WHERE client_id = $2 AND id = $5 FOR SHARE
                 ON CONFLICT (client_secret_id) WHERE sub IS NULL AND ended_at IS NULL
                 DO UPDATE SET client_id = excluded.client_id RETURNING id`,
          values: [...values, grant.secretId],
        })
  return rows[0]?.id
}

interface GrantRow {
  id: string
  client_id: string
  sub: string | null
  scopes: string[]
  resources: string[]
  created_at: Date
  ended_at: Date | null
  end_reason: string | null
}

const grantColumns = 'id, client_id, sub, scopes, resources, created_at, ended_at, end_reason'

function grantFromRow(row: GrantRow): Grant {
  return {
    id: row.id,
    clientId: row.client_id,
    sub: row.sub ?? undefined,
    scopes: row.scopes,
    resources: row.resources,
    createdAt: row.created_at,
    endedAt: row.ended_at ?? undefined,
    endReason: row.end_reason ?? undefined,
  }
}

export async function findGrant(db: Queryable, id: string): Promise<Grant | undefined> {
  const { rows } = await db.query<GrantRow>({
    text: `SELECT ${grantColumns} FROM grants WHERE id = $1`,
    values: [id],
  })
  return rows[0] && grantFromRow(rows[0])
}

/** The newest grants, of one person or client where one is named. */
export async function listGrants(
  db: Queryable,
  only: { sub?: string; clientId?: string },
  most: number,
): Promise<Grant[]> {
  const { rows } = await db.query<GrantRow>({
    text: `SELECT ${grantColumns} FROM grants
           WHERE ($1::text IS NULL OR sub = $1) AND ($2::text IS NULL OR client_id = $2)
           ORDER BY created_at DESC LIMIT $3`,
    values: [only.sub ?? null, only.clientId ?? null, most],
  })
  return rows.map(grantFromRow)
}
