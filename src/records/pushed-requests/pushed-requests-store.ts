import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId, SessionId } from '../ids.ts'

/** A request to be stored. */
export interface NewPushedRequest {
  /** Of the random part of its `request_uri`. */
  readonly digest: Buffer
  readonly clientId: ClientId
  /** Its parameters, sealed (interaction/pushed-request.ts). */
  readonly parameters: string
  /** Whether they were in a request object whose signature was verified. */
  readonly isSigned: boolean
  /** Seconds within which a browser must arrive with it. */
  readonly ttl: number
}

export async function insertPushedRequest(db: Queryable, request: NewPushedRequest): Promise<void> {
  const { digest, clientId, parameters, isSigned, ttl } = request
  await db.query({
    name: 'insert-pushed-request',
    text: `INSERT INTO pushed_requests (digest, client_id, parameters, is_signed, expires_at)
           VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
    values: [digest, clientId, parameters, isSigned, ttl],
  })
}

export interface StoredPushedRequest {
  readonly parameters: string
  readonly isSigned: boolean
  /** Whether it is too late to begin with it. What has begun may still be completed. */
  readonly expired: boolean
  /** Whether it got its response. */
  readonly completed: boolean
  /** The session in which that was only just now, and in which what has begun may be completed again. */
  readonly repeatableIn: SessionId | undefined
}

/**
 * SQL: it was completed only just now. Somebody who presses a button twice sends its form twice, and the browser drops the first response. The second must not be
 * an error. It gets another code, as requests do that were not pushed. No other session can do this, and nobody can begin with such a request again.
 */
const justNow = "completed_at > now() - interval '10 seconds'"

/**
 * A part of the statement that stores a code: completes a request of a client in a session, unless it has been completed. Of two transactions that do so
 * at the same time, the second waits for the row and then finds it completed.
 *
 * @param sql the parameters of the statement, and a condition. `isContinued`: whether the browser continues what it began before
 */
export function completePushedRequestSql(sql: {
  readonly digest: string
  readonly clientId: string
  readonly sessionId: string
  readonly isContinued: string
  readonly condition: string
}): string {
  const isRepeatable = `${sql.isContinued} AND session_id = ${sql.sessionId} AND ${justNow}`
  return `UPDATE pushed_requests SET completed_at = coalesce(completed_at, now()), session_id = ${sql.sessionId}
             WHERE digest = ${sql.digest} AND client_id = ${sql.clientId} AND (completed_at IS NULL OR (${isRepeatable})) AND ${sql.condition}
             RETURNING digest`
}

/** `pushedRequestJson` */
export type PushedRequestJson = Omit<StoredPushedRequest, 'repeatableIn'> & { readonly repeatableIn: SessionId | null }

/** SQL: the `StoredPushedRequest` of the row in `pushed_requests` as JSON, for statements that also read something else. */
export const pushedRequestJson = `json_build_object('parameters', parameters, 'isSigned', is_signed, 'expired', pushed_requests.expires_at <= clock_timestamp(),
    'completed', completed_at IS NOT NULL, 'repeatableIn', CASE WHEN ${justNow} THEN pushed_requests.session_id END)`

export function pushedRequestFromJson({ repeatableIn, ...rest }: PushedRequestJson): StoredPushedRequest {
  return { ...rest, repeatableIn: repeatableIn ?? undefined }
}

/** The request with this digest that this client has pushed. */
export async function findPushedRequest(
  db: Queryable,
  digest: Buffer,
  clientId: string,
): Promise<StoredPushedRequest | undefined> {
  const { rows } = await db.query<{ json: PushedRequestJson }>({
    name: 'find-pushed-request',
    text: `SELECT ${pushedRequestJson} AS json FROM pushed_requests WHERE digest = $1 AND client_id = $2`,
    values: [digest, clientId],
  })
  return rows[0] && pushedRequestFromJson(rows[0].json)
}

/** Marks a request as answered without a code. The statement that stores a code does this itself (tokens/authorization-codes-store.ts). */
export async function completePushedRequest(db: Queryable, digest: Buffer): Promise<void> {
  await db.query({
    name: 'complete-pushed-request',
    text: 'UPDATE pushed_requests SET completed_at = now() WHERE digest = $1 AND completed_at IS NULL',
    values: [digest],
  })
}
