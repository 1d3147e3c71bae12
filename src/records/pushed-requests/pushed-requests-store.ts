import type { Queryable } from '../../platform/database/queryable.ts'
import type { ClientId } from '../ids.ts'

/** A request to be stored. */
export interface NewPushedRequest {
  /** Of the random part of its `request_uri`. */
  readonly digest: Buffer
  readonly clientId: ClientId
  /** Its parameters as JSON (interaction/pushed-request.ts). */
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
}

/** The request with this digest that this client has pushed. */
export async function findPushedRequest(
  db: Queryable,
  digest: Buffer,
  clientId: string,
): Promise<StoredPushedRequest | undefined> {
  const { rows } = await db.query<{ parameters: string; is_signed: boolean; expired: boolean; completed: boolean }>({
    name: 'find-pushed-request',
    text: `SELECT parameters, is_signed, expires_at <= clock_timestamp() AS expired, completed_at IS NOT NULL AS completed
           FROM pushed_requests WHERE digest = $1 AND client_id = $2`,
    values: [digest, clientId],
  })
  const row = rows[0]
  return row && { parameters: row.parameters, isSigned: row.is_signed, expired: row.expired, completed: row.completed }
}

/** Marks a request as answered without a code. The statement that stores a code does this itself (tokens/authorization-codes-store.ts). */
export async function completePushedRequest(db: Queryable, digest: Buffer): Promise<void> {
  await db.query({
    name: 'complete-pushed-request',
    text: 'UPDATE pushed_requests SET completed_at = now() WHERE digest = $1 AND completed_at IS NULL',
    values: [digest],
  })
}
