import type { Queryable } from '../../platform/database/queryable.ts'
import { grantEndedAt, grantEndReason, grantJudges } from '../endings/judgement-store.ts'

export interface Grant {
  readonly id: string
  /** Grows with each grant that is opened. */
  readonly statusIndex: number
  readonly clientId: string
  readonly sub: string | undefined
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  readonly createdAt: Date
  readonly endedAt: Date | undefined
  readonly endReason: string | undefined
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
          text: `INSERT INTO grants (id, client_id, scopes, resources, epoch, client_epoch)
                 SELECT $1, client_id, $3, $4, 0, grant_epoch FROM clients WHERE client_id = $2 AND deleted_at IS NULL FOR SHARE
                 ON CONFLICT (client_id) WHERE sub IS NULL AND client_secret_id IS NULL AND ended_at IS NULL
                 DO UPDATE SET client_id = excluded.client_id RETURNING id`,
          values,
        })
      : await db.query<{ id: string }>({
          name: 'open-standing-grant',
          // The client is locked before its secret, in the order of those who take secrets away. A plain join would lock the secret first.
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
  id: string
  status_index: number
  client_id: string
  sub: string | null
  scopes: string[]
  resources: string[]
  created_at: Date
  ended_at: Date | null
  end_reason: string | null
}

/** As it is judged: a grant whose row has not followed a decision yet shows the end that it is going to have. */
const grantColumns = `grants.id, grants.status_index, grants.client_id, grants.sub, grants.scopes, grants.resources, grants.created_at,
  ${grantEndedAt} AS ended_at, ${grantEndReason} AS end_reason`

function grantFromRow(row: GrantRow): Grant {
  return {
    id: row.id,
    statusIndex: row.status_index,
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
    text: `SELECT ${grantColumns} FROM grants ${grantJudges} WHERE grants.id = $1`,
    values: [id],
  })
  return rows[0] && grantFromRow(rows[0])
}

/**
 * One page of grants, the newest first.
 *
 * @param only the account and the client whose grants are meant
 * @param before the `statusIndex` of the last grant of the page before
 * @param limit the length of the page
 */
export async function listGrants(
  db: Queryable,
  only: { readonly sub?: string | undefined; readonly clientId?: string | undefined },
  before: number | undefined,
  limit: number,
): Promise<Grant[]> {
  // Only the conditions that are asked for: with `$1 IS NULL OR …` in it, a prepared statement cannot use an index.
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
    // Bounded before it is joined.
    text: `SELECT ${grantColumns}
           FROM (SELECT * FROM grants ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
                 ORDER BY ${index ? `${index[0]} DESC, ` : ''}status_index DESC LIMIT $1) AS grants ${grantJudges}
           ORDER BY grants.status_index DESC`,
    values,
  })
  return rows.map(grantFromRow)
}
