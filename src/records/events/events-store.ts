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
] as const
export type EventType = (typeof eventTypes)[number]

export interface NewEvent {
  readonly type: EventType
  /** Undefined for what an operator did by command. */
  readonly caller: Caller | undefined
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
      JSON.stringify(event.detail ?? {}),
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
  readonly requestId?: string | undefined
  readonly clientId?: string | undefined
  readonly sub?: string | undefined
  readonly grantId?: string | undefined
  readonly kid?: string | undefined
  /** Seconds: none that is older. */
  readonly since?: number | undefined
  /** None that was recorded before this one. */
  readonly afterId?: number | undefined
}

/** The newest events that are meant, the oldest of them first. */
export async function listEvents(db: Queryable, filter: EventFilter, most: number): Promise<RecordedEvent[]> {
  const { rows } = await db.query<RecordedEvent>({
    text: `SELECT id, at, type, request_id AS "requestId", network, client_id AS "clientId", sub, grant_id AS "grantId", kid, detail
           FROM events
           WHERE ($1::text[] IS NULL OR type = ANY ($1)) AND ($2::text IS NULL OR request_id = $2)
             AND ($3::text IS NULL OR client_id = $3) AND ($4::text IS NULL OR sub = $4)
             AND ($5::text IS NULL OR grant_id = $5) AND ($6::text IS NULL OR kid = $6)
             AND ($7::float8 IS NULL OR at >= now() - make_interval(secs => $7)) AND ($8::bigint IS NULL OR id > $8)
           ORDER BY id DESC LIMIT $9`,
    values: [
      filter.types ?? null,
      filter.requestId ?? null,
      filter.clientId ?? null,
      filter.sub ?? null,
      filter.grantId ?? null,
      filter.kid ?? null,
      filter.since ?? null,
      filter.afterId ?? null,
      most,
    ],
  })
  return rows.reverse().map((row) => withoutNulls(row))
}

function withoutNulls<T extends object>(row: T): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as T
}
