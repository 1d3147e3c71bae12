import type { Queryable } from '../platform/database/queryable.ts'
import { grantAlive, grantStatusJoins } from '../records/endings/liveness-store.ts'
import {
  type GrantContext,
  type GrantContextRow,
  grantContextColumns,
  grantContextFromRow,
} from '../records/grants/grants-store.ts'
import type { GrantId } from '../records/ids.ts'

/** The status of the grant that a token belongs to. */
export interface TokenStatus {
  readonly grant: GrantContext
  /** The user name of the person, if they have one. */
  readonly username: string | undefined
  readonly alive: boolean
  /** The clients that serve the API that the token is for, and so may introspect it. */
  readonly servedBy: readonly string[]
}

/** The status of a family of refresh tokens. `generation` is the newest one. */
export interface RefreshTokenStatus extends TokenStatus {
  readonly generation: number
  readonly createdAt: Date
  readonly expiresAt: Date
}

interface Row extends GrantContextRow {
  username: string | null
  alive: boolean
  served_by: string[] | null
}

const columns = `${grantContextColumns}, accounts.username, ${grantAlive}`

function fromRow(row: Row | undefined): TokenStatus | undefined {
  return (
    row && {
      grant: grantContextFromRow(row),
      username: row.username ?? undefined,
      alive: row.alive,
      servedBy: row.served_by ?? [],
    }
  )
}

/** An access token whose status is read. */
export interface AskedToken {
  readonly grantId: GrantId
  /** The API that it is for; undefined if it is only for the issuer. */
  readonly api: string | undefined
}

/**
 * Reads the grants of access tokens, and the clients that serve the APIs that they are for. Takes one round trip.
 *
 * @returns in the order of the tokens; undefined for a grant that does not exist any more
 */
export async function accessTokenStatuses(
  db: Queryable,
  tokens: readonly AskedToken[],
): Promise<(TokenStatus | undefined)[]> {
  const { rows } = await db.query<Row & { place: number }>({
    name: 'access-token-statuses',
    // Without the inner SELECT the planner sees how many there are, and makes a new plan for each batch.
    text: `SELECT asked.place::int, ${columns} AS alive, resources.served_by
           FROM unnest((SELECT $1::text[]), (SELECT $2::text[])) WITH ORDINALITY AS asked (grant_id, api, place)
           JOIN grants ON grants.id = asked.grant_id ${grantStatusJoins}
           LEFT JOIN resources ON resources.identifier = asked.api`,
    values: [tokens.map(({ grantId }) => grantId), tokens.map(({ api }) => api)],
  })
  const byPlace = new Map(rows.map((row) => [row.place, row]))
  return tokens.map((_, index) => fromRow(byPlace.get(index + 1)))
}

/** Reads a family of refresh tokens and its grant: when it was created, when it expires, and its newest generation. */
export async function refreshTokenStatus(db: Queryable, familyDigest: Buffer): Promise<RefreshTokenStatus | undefined> {
  const { rows } = await db.query<Row & { generation: number; created_at: Date; expires_at: Date }>({
    name: 'refresh-token-status',
    text: `SELECT ${columns} AND refresh_families.expires_at > now() AND refresh_families.max_expires_at > now() AS alive,
             NULL::text[] AS served_by, refresh_families.generation, refresh_families.created_at,
             least(refresh_families.expires_at, refresh_families.max_expires_at) AS expires_at
           FROM refresh_families
           JOIN grants ON grants.id = refresh_families.grant_id ${grantStatusJoins}
           WHERE refresh_families.digest = $1`,
    values: [familyDigest],
  })
  const [row] = rows
  const status = fromRow(row)
  return (
    row && status && { ...status, generation: row.generation, createdAt: row.created_at, expiresAt: row.expires_at }
  )
}
