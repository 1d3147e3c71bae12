import type { Queryable } from '../../platform/database/queryable.ts'

/** Where a request came from. */
export interface Caller {
  readonly requestId: string
  /** The address, as far as the trusted proxies tell. */
  readonly network: string
}

export const eventTypes = [
  'account_created',
  'account_disabled',
  'account_enabled',
  'account_deleted',
  'account_updated',
  'names_converted',
  'email_unverified',
  'password_set',
  'password_changed',
  'reauthentication_failed',
  'signed_in',
  'sign_in_failed',
  'signed_out',
  'sessions_ended',
  'consent_given',
  'consent_refused',
  'application_disconnected',
  'grant_opened',
  'grant_ended',
  'grant_revoked',
  'grants_revoked',
  'tokens_issued',
  'token_revoked',
  'code_replayed',
  'refresh_forgiven',
  'refresh_exhausted',
  'refresh_advanced',
  'refresh_reused',
  'client_created',
  'client_updated',
  'client_deleted',
  'client_secret_rotated',
  'client_secret_revoked',
  'resource_created',
  'resource_updated',
  'resource_deleted',
  'key_created',
  'key_imported',
  'key_scheduled',
  'key_superseded',
  'key_retired',
  'key_revoked',
  'key_restored',
  'keys_resealed',
  'secret_created',
  'secret_revoked',
  'secret_retired',
  'installation_recovered',
] as const
export type EventType = (typeof eventTypes)[number]

/** What an event comes from: a request, or else a command or the schedule, which `by` names. */
export type EventOrigin =
  | { readonly caller: Caller; readonly by?: undefined }
  | { readonly caller?: undefined; readonly by: string }

export type NewEvent = EventOrigin & {
  readonly type: EventType
  readonly clientId?: string | undefined
  readonly sub?: string | undefined
  readonly grantId?: string | undefined
  readonly kid?: string | undefined
  /** Never a secret, a token or a code. */
  readonly detail?: Readonly<Record<string, string | number | boolean | readonly string[]>>
}

/** Appends what happened. In the transaction of what it tells, where there is one: an event is as true as the change. */
export async function recordEvent(db: Queryable, event: NewEvent): Promise<void> {
  await db.query({
    name: 'record-event',
    text: `INSERT INTO events (type, request_id, network, client_id, sub, grant_id, kid, detail)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    values: [
      event.type,
      event.caller?.requestId ?? null,
      event.caller?.network ?? null,
      event.clientId ?? null,
      event.sub ?? null,
      event.grantId ?? null,
      event.kid ?? null,
      JSON.stringify({ ...(event.by !== undefined && { by: event.by }), ...event.detail }),
    ],
  })
}

/** Appends any number of events in one statement, which takes as long for none as for one. */
export async function recordEvents(db: Queryable, events: readonly NewEvent[]): Promise<void> {
  await db.query({
    name: 'record-events',
    text: `INSERT INTO events (type, request_id, network, client_id, sub, grant_id, kid, detail)
           SELECT type, request_id, network, client_id, sub, grant_id, kid, detail
           FROM jsonb_to_recordset($1::jsonb) AS event (type text, request_id text, network text, client_id text, sub text, grant_id text,
                                                        kid text, detail jsonb)`,
    values: [
      JSON.stringify(
        events.map(({ type, caller, by, clientId, sub, grantId, kid, detail }) => ({
          ...{ type, request_id: caller?.requestId, network: caller?.network },
          ...{
            client_id: clientId,
            sub,
            grant_id: grantId,
            kid,
            detail: { ...(by !== undefined && { by }), ...detail },
          },
        })),
      ),
    ],
  })
}

/** How many tokens a machine was given on one grant, for one audience. */
export interface Tally {
  readonly clientId: string
  readonly grantId: string
  readonly audience: string
  readonly tokens: number
}

/** Appends an event for each: all or none. */
export async function insertTallies(db: Queryable, tallies: readonly Tally[]): Promise<void> {
  await db.query({
    name: 'insert-tallies',
    text: `INSERT INTO events (type, client_id, grant_id, detail)
           SELECT 'tokens_issued', "clientId", "grantId",
             jsonb_build_object('grant_type', 'client_credentials', 'audience', audience, 'tokens', tokens)
           FROM jsonb_to_recordset($1) AS t("clientId" text, "grantId" text, audience text, tokens bigint)`,
    values: [JSON.stringify(tallies)],
  })
}

/** An event as it is on record. */
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

/** Which events are meant; what is left out excludes none. */
export interface EventFilter {
  readonly types?: readonly string[] | undefined
  readonly clientId?: string | undefined
  readonly sub?: string | undefined
  readonly grantId?: string | undefined
  readonly kid?: string | undefined
  /** Seconds: none that is older. */
  readonly since?: number | undefined
  /** The id of an event: only those before it. */
  readonly before?: number | undefined
}

const columns = `id, at, type, request_id AS "requestId", network, client_id AS "clientId", sub, grant_id AS "grantId", kid, detail`

/**
 * One page of events: the newest that pass the filter, the oldest of them first. They are ordered by time; the events of one
 * transaction have the same time, and are in the order in which they were written.
 *
 * @param limit the length of the page
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
      // planner may walk the index over `at` and drop what has another value: if the value is frequent it expects to find enough soon,
      // but where all events with that value are old, it walks through everything newer first.
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

/** How many numbers `listEventsAfter` looks through. */
export const idsAtATime = 10_000

/**
 * The events that pass the filter among the next `idsAtATime` numbers after `afterId`. Its cost does not depend on how many events there
 * are in all.
 *
 * @param filter `since` and `before` are ignored
 */
export async function listEventsAfter(db: Queryable, filter: EventFilter, afterId: number): Promise<RecordedEvent[]> {
  const values: unknown[] = [afterId]
  const about = conditionsOf(filter).map(([column, wanted]) => `${column} = ANY ($${values.push(wanted)})`)
  const { rows } = await db.query<RecordedEvent>({
    // The inner LIMIT keeps the planner from looking up all events about somebody first.
    text: `SELECT ${columns}
           FROM (SELECT * FROM events WHERE id > $1 AND id <= $1 + ${idsAtATime} ORDER BY id LIMIT ${idsAtATime}) AS recent
           ${about.length > 0 ? `WHERE ${about.join(' AND ')}` : ''} ORDER BY id`,
    values,
  })
  return rows.map(withoutNulls)
}

/** The number of the newest event, whatever it is about; 0 where there is none. */
export async function newestEventId(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ newest: number | null }>({ text: 'SELECT max(id) AS newest FROM events' })
  return rows[0]?.newest ?? 0
}

/** Whether there is an event with this number. */
export async function hasEvent(db: Queryable, id: number): Promise<boolean> {
  const { rowCount } = await db.query({ text: 'SELECT FROM events WHERE id = $1', values: [id] })
  return rowCount === 1
}

/**
 * What happened on one request, in order.
 *
 * @param limit how many events to return at most
 */
export async function findEventsOfRequest(db: Queryable, requestId: string, limit: number): Promise<RecordedEvent[]> {
  const { rows } = await db.query<RecordedEvent>({
    text: `SELECT ${columns} FROM (SELECT * FROM events WHERE request_id = $1 LIMIT $2) AS found ORDER BY at, id`,
    values: [requestId, limit],
  })
  return rows.map(withoutNulls)
}

/** The columns that a filter is about, each with the wanted values. The column with the fewest rows for a value comes first. */
function conditionsOf({ grantId, kid, sub, clientId, types }: EventFilter): [column: string, wanted: string[]][] {
  const given = { grant_id: grantId, kid, sub, client_id: clientId, type: types }
  return Object.entries(given).flatMap(([column, wanted]) =>
    wanted === undefined ? [] : [[column, typeof wanted === 'string' ? [wanted] : [...new Set(wanted)]]],
  )
}

/** @param place of the id among the values */
function isBefore(place: number): string {
  return `(at, id) < ((SELECT at FROM events WHERE id = $${place}), $${place}::bigint)`
}

function withoutNulls<T extends object>(row: T): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as T
}
