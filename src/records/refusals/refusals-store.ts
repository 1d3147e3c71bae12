import type { Queryable } from '../../platform/database/queryable.ts'

/** A refused request, including details that were not sent to the caller; or a note about one that was answered. */
export interface Refusal {
  readonly requestId: string
  readonly network: string
  readonly method: string
  /** The route, never the URL, which may contain a code. */
  readonly route: string
  /** As claimed by the request; not verified. */
  readonly clientId: string | undefined
  readonly status: number
  /** The anchor in docs/errors.md, or the name of the note. */
  readonly entry: string
  /** The error that was sent, or `noteError`. */
  readonly error: string
  readonly description: string
  readonly detail: string | undefined
}

/**
 * What is stored as the `error` of a note. No specification has an error of this name. The previous release lists notes among the refusals of
 * their request.
 */
export const noteError = 'note'

/** A stored refusal or note. */
export interface RecordedRefusal extends Refusal {
  readonly id: number
  readonly at: Date
}

/** Selects refusals and notes. Omitted members exclude none. */
export interface RefusalFilter {
  /** As it is stored: `storedClientId`. */
  readonly clientId?: string | undefined
  /** The maximum age, in seconds. */
  readonly since?: number | undefined
}

const columns = `id, at, request_id AS "requestId", network, method, route, client_id AS "clientId", status, entry, error, description, detail`

/** Writes many in one statement. */
export async function insertRefusals(db: Queryable, refusals: readonly Refusal[]): Promise<void> {
  await db.query({
    name: 'insert-refusals',
    text: `INSERT INTO refusals (request_id, network, method, route, client_id, status, entry, error, description, detail)
           SELECT "requestId", network, method, route, "clientId", status, entry, error, description, detail
           FROM jsonb_to_recordset($1) AS r("requestId" text, network text, method text, route text, "clientId" text, status integer,
                                            entry text, error text, description text, detail text)`,
    values: [JSON.stringify(refusals)],
  })
}

/**
 * The refusals and notes of one request, in order.
 *
 * @param limit maximum number of results
 */
export async function findRefusals(db: Queryable, requestId: string, limit: number): Promise<RecordedRefusal[]> {
  const { rows } = await db.query<RecordedRefusal>({
    name: 'find-refusals',
    text: `SELECT ${columns} FROM (SELECT * FROM refusals WHERE request_id = $1 LIMIT $2) AS refused ORDER BY id`,
    values: [requestId, limit],
  })
  return rows.map(withoutNulls)
}

/**
 * One page of refusals and notes, newest first.
 *
 * @param before only those with a smaller ID; undefined for no limit
 * @param limit the maximum number of results
 */
export async function listRefusals(
  db: Queryable,
  { clientId, since }: RefusalFilter,
  before: number | undefined,
  limit: number,
): Promise<RecordedRefusal[]> {
  const values: unknown[] = [limit]
  const conditions = [
    // With `=` instead of BETWEEN, the planner may go through all refusals from the newest on and filter them. See `listEvents`.
    ...(clientId !== undefined ? [isOfClient(values.push(clientId))] : []),
    ...(before !== undefined ? [`id < $${values.push(before)}`] : []),
    // IDs grow with time, so the oldest one that is young enough is the limit, and the order needs only the ID.
    ...(since !== undefined
      ? [
          `id >= (SELECT id FROM refusals WHERE at >= now() - make_interval(secs => $${values.push(since)})
                  ORDER BY at, id LIMIT 1)`,
        ]
      : []),
  ]
  const { rows } = await db.query<RecordedRefusal>({
    text: `SELECT ${columns} FROM refusals ${conditions.length > 0 ? `WHERE ${conditions.join(' AND ')}` : ''}
           ORDER BY ${clientId !== undefined ? 'client_id DESC, ' : ''}id DESC LIMIT $1`,
    values,
  })
  return rows.map(withoutNulls)
}

/** @param place the position of the `client_id` among the values */
function isOfClient(place: number): string {
  return `client_id BETWEEN $${place} AND $${place}`
}

/** The number of IDs that one call of `listRefusalsAfter` covers. */
export const refusalIdsPerBatch = 10_000

/**
 * The refusals and notes among the next `refusalIdsPerBatch` IDs after `afterId` that match the filter, oldest first.
 *
 * @param filter `since` is ignored
 */
export async function listRefusalsAfter(
  db: Queryable,
  { clientId }: RefusalFilter,
  afterId: number,
): Promise<RecordedRefusal[]> {
  const { rows } = await db.query<RecordedRefusal>({
    // The inner LIMIT prevents the planner from looking up all refusals of a client first.
    text: `SELECT ${columns}
           FROM (SELECT * FROM refusals WHERE id > $1 AND id <= $1 + ${refusalIdsPerBatch} ORDER BY id LIMIT ${refusalIdsPerBatch}) AS recent
           ${clientId !== undefined ? 'WHERE client_id = $2' : ''} ORDER BY id`,
    values: clientId !== undefined ? [afterId, clientId] : [afterId],
  })
  return rows.map(withoutNulls)
}

/** The ID of the newest refusal or note; 0 if there is none. */
export async function newestRefusalId(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ newest: number | null }>({ text: 'SELECT max(id) AS newest FROM refusals' })
  return rows[0]?.newest ?? 0
}

function withoutNulls({ clientId, detail, ...refusal }: RecordedRefusal): RecordedRefusal {
  return { ...refusal, clientId: clientId ?? undefined, detail: detail ?? undefined }
}
