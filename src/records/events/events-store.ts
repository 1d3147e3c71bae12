import type { Queryable } from '../../platform/database/queryable.ts'

/** Where a request came from. */
export interface Caller {
  readonly requestId: string
  /** The address, as far as the trusted proxies tell. */
  readonly network: string
}

export type EventType =
  | 'account_created'
  | 'account_disabled'
  | 'account_enabled'
  | 'account_deleted'
  | 'account_updated'
  | 'password_set'
  | 'password_changed'
  | 'reauthentication_failed'
  | 'reauthentication_limited'
  | 'signed_in'
  | 'sign_in_failed'
  | 'sign_in_limited'
  | 'signed_out'
  | 'sessions_ended'
  | 'consent_given'
  | 'consent_refused'
  | 'application_disconnected'
  | 'grant_opened'
  | 'grant_ended'
  | 'code_replayed'
  | 'refresh_forgiven'
  | 'refresh_exhausted'
  | 'refresh_advanced'
  | 'refresh_reused'
  | 'client_created'
  | 'client_updated'
  | 'client_deleted'
  | 'client_secret_rotated'
  | 'resource_created'
  | 'resource_updated'
  | 'resource_deleted'
  | 'key_created'

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
