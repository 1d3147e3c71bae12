import type { Queryable } from '../../platform/database/queryable.ts'

/** An initial access token (RFC 7591 §3), without its value. */
export interface RegistrationToken {
  readonly id: number
  readonly note: string | undefined
  readonly createdAt: Date
  readonly expiresAt: Date
  /** Undefined: any number. */
  readonly maxUses: number | undefined
  readonly uses: number
}

interface Row {
  id: number
  note: string | null
  created_at: Date
  expires_at: Date
  max_uses: number | null
  uses: number
}

const columns = 'id, note, created_at, expires_at, max_uses, uses'

const fromRow = (row: Row): RegistrationToken => ({
  id: row.id,
  note: row.note ?? undefined,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  maxUses: row.max_uses ?? undefined,
  uses: row.uses,
})

/** @param token.ttl seconds */
export async function insertRegistrationToken(
  db: Queryable,
  token: Pick<RegistrationToken, 'note' | 'maxUses'> & { readonly digest: Buffer; readonly ttl: number },
): Promise<RegistrationToken> {
  const { rows } = await db.query<Row>({
    text: `INSERT INTO registration_tokens (digest, note, expires_at, max_uses)
           VALUES ($1, $2, now() + make_interval(secs => $3), $4) RETURNING ${columns}`,
    values: [token.digest, token.note ?? null, token.ttl, token.maxUses ?? null],
  })
  return fromRow(rows[0]!)
}

const isUsable = 'expires_at > now() AND (max_uses IS NULL OR uses < max_uses)'

/** The ID of the initial access token with this digest, if it can be used. */
export async function findUsableToken(db: Queryable, digest: Buffer): Promise<number | undefined> {
  const { rows } = await db.query<{ id: number }>({
    name: 'find-usable-token',
    text: `SELECT id FROM registration_tokens WHERE digest = $1 AND ${isUsable}`,
    values: [digest],
  })
  return rows[0]?.id
}

/**
 * Counts one use of an initial access token, in the transaction that registers the client. Of any number of concurrent callers, as many succeed as there
 * are uses left.
 *
 * @returns false if it cannot be used any more
 */
export async function useToken(tx: Queryable, id: number): Promise<boolean> {
  const { rowCount } = await tx.query({
    text: `UPDATE registration_tokens SET uses = uses + 1 WHERE id = $1 AND ${isUsable}`,
    values: [id],
  })
  return rowCount === 1
}

/**
 * One page of initial access tokens, the oldest first. Those that have expired stay in the list for a week.
 *
 * @param after the last one of the previous page
 * @param limit the maximum number
 */
export async function listRegistrationTokens(
  db: Queryable,
  after: Pick<RegistrationToken, 'id'> | undefined,
  limit: number,
): Promise<RegistrationToken[]> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${columns} FROM registration_tokens WHERE id > $2 ORDER BY id LIMIT $1`,
    values: [limit, after?.id ?? 0],
  })
  return rows.map(fromRow)
}

export async function findRegistrationTokenById(db: Queryable, id: number): Promise<RegistrationToken | undefined> {
  const { rows } = await db.query<Row>({
    text: `SELECT ${columns} FROM registration_tokens WHERE id = $1`,
    values: [id],
  })
  return rows[0] && fromRow(rows[0])
}

/** False if there was none. Clients that it has registered stay. */
export async function deleteRegistrationToken(tx: Queryable, id: number): Promise<boolean> {
  const { rowCount } = await tx.query({ text: 'DELETE FROM registration_tokens WHERE id = $1', values: [id] })
  return rowCount === 1
}
