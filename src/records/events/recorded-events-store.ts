import type { Queryable } from '../../platform/database/queryable.ts'

/** A stored event. */
export interface RecordedEvent {
  readonly id: number
  readonly at: Date
  readonly type: string
  readonly requestId?: string
  readonly network?: string
  readonly clientId?: string
  readonly sub?: string
  readonly grantId?: string
  readonly kid?: string
  readonly detail: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

/** Selects events. Omitted members exclude none. */
export interface EventFilter {
  readonly types?: readonly string[] | undefined
  readonly clientId?: string | undefined
  readonly sub?: string | undefined
  readonly grantId?: string | undefined
  readonly kid?: string | undefined
  /** The maximum age, in seconds. */
  readonly since?: number | undefined
  /** The ID of an event: only earlier ones. */
  readonly before?: number | undefined
}

const columns = `id, at, type, request_id AS "requestId", network, client_id AS "clientId", sub, grant_id AS "grantId", kid, detail`

/**
 * One page of events: the newest that match the filter, the oldest of them first. They are ordered by time. The events of one transaction have the
 * same time, and are in the order in which they were written.
 *
 * @param limit the maximum number of events
 */
export async function listEvents(db: Queryable, filter: EventFilter, limit: number): Promise<RecordedEvent[]> {
  const values: unknown[] = [limit]
  const [index, ...others] = conditionsOf(filter)
  const conditions = [
    ...others.map(([column, wanted]) => `${column} = ANY ($${values.push(wanted)})`),
    ...(filter.since !== undefined ? [`at >= now() - make_interval(secs => $${values.push(filter.since)})`] : []),
    ...(filter.before !== undefined ? [isBefore(values.push(filter.before))] : []),
  ]
  const where = (all: readonly string[]) => (all.length > 0 ? `WHERE ${all.join(' AND ')}` : '')
  const newest = index
    ? // Finds the newest events for each wanted value of one column, in the index over (column, at). With `=` instead of BETWEEN, the
      // planner may scan the index over `at` and filter by the value: if the value is frequent, it expects to find enough soon. But if all
      // events with that value are old, it reads all newer events first.
      `SELECT found.* FROM unnest($${values.push(index[1])}::text[]) AS wanted (value)
       CROSS JOIN LATERAL (
         SELECT * FROM events ${where([`events.${index[0]} BETWEEN wanted.value AND wanted.value`, ...conditions])}
         ORDER BY ${index[0]} DESC, at DESC, id DESC LIMIT $1
       ) AS found ORDER BY at DESC, id DESC LIMIT $1`
    : `SELECT * FROM events ${where(conditions)} ORDER BY at DESC, id DESC LIMIT $1`
  const { rows } = await db.query<RecordedEvent>({
    text: `SELECT ${columns} FROM (${newest}) AS found ORDER BY at, id`,
    values,
  })
  return rows.map(withoutNulls)
}

/** The number of IDs that one call of `listEventsAfter` covers. */
export const idsPerBatch = 10_000

/**
 * The events among the next `idsPerBatch` IDs after `afterId` that match the filter. Its cost does not depend on the total number of events.
 *
 * @param filter `since` and `before` are ignored
 */
export async function listEventsAfter(db: Queryable, filter: EventFilter, afterId: number): Promise<RecordedEvent[]> {
  const values: unknown[] = [afterId]
  const about = conditionsOf(filter).map(([column, wanted]) => `${column} = ANY ($${values.push(wanted)})`)
  const { rows } = await db.query<RecordedEvent>({
    // The inner LIMIT prevents the planner from looking up all events of a person or client first.
    text: `SELECT ${columns}
           FROM (SELECT * FROM events WHERE id > $1 AND id <= $1 + ${idsPerBatch} ORDER BY id LIMIT ${idsPerBatch}) AS recent
           ${about.length > 0 ? `WHERE ${about.join(' AND ')}` : ''} ORDER BY id`,
    values,
  })
  return rows.map(withoutNulls)
}

/** The ID of the newest event of any kind; 0 if there is none. */
export async function newestEventId(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ newest: number | null }>({ text: 'SELECT max(id) AS newest FROM events' })
  return rows[0]?.newest ?? 0
}

/** Whether there is an event with this ID. */
export async function hasEvent(db: Queryable, id: number): Promise<boolean> {
  const { rowCount } = await db.query({ text: 'SELECT FROM events WHERE id = $1', values: [id] })
  return rowCount === 1
}

/**
 * The events of one request, in order.
 *
 * @param limit the maximum number of events
 */
export async function findEventsOfRequest(db: Queryable, requestId: string, limit: number): Promise<RecordedEvent[]> {
  const { rows } = await db.query<RecordedEvent>({
    text: `SELECT ${columns} FROM (SELECT * FROM events WHERE request_id = $1 LIMIT $2) AS found ORDER BY at, id`,
    values: [requestId, limit],
  })
  return rows.map(withoutNulls)
}

/** The columns that a filter restricts, with the wanted values. The most selective column comes first. */
function conditionsOf({ grantId, kid, sub, clientId, types }: EventFilter): [column: string, wanted: string[]][] {
  const given = { grant_id: grantId, kid, sub, client_id: clientId, type: types }
  return Object.entries(given).flatMap(([column, wanted]) =>
    wanted === undefined ? [] : [[column, typeof wanted === 'string' ? [wanted] : [...new Set(wanted)]]],
  )
}

/** @param place the position of the ID among the values */
function isBefore(place: number): string {
  return `(at, id) < ((SELECT at FROM events WHERE id = $${place}), $${place}::bigint)`
}

function withoutNulls<T extends object>(row: T): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as T
}
