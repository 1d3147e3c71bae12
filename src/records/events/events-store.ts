import type { Queryable } from '../../platform/database/queryable.ts'

/** Where a request came from. */
export interface Caller {
  readonly requestId: string
  /** The network address, as far as trusted proxies report it. */
  readonly network: string
  /** The User-Agent header, shortened. Undefined if there was none. */
  readonly userAgent?: string | undefined
}

export const eventTypes = [
  'account_created',
  'account_disabled',
  'account_enabled',
  'account_deleted',
  'account_updated',
  'invitation_created',
  'invitation_accepted',
  'invitation_cancelled',
  'names_converted',
  'email_unverified',
  'email_verification_requested',
  'email_code_failed',
  'email_verified',
  'email_disowned',
  'email_change_requested',
  'email_change_cancelled',
  'email_changed',
  'email_change_undone',
  'password_set',
  'password_changed',
  'recovery_requested',
  'recovery_link_printed',
  'password_recovered',
  'passkey_added',
  'passkey_renamed',
  'passkey_removed',
  'passkey_refused',
  'passkey_counter_went_back',
  'totp_added',
  'totp_removed',
  'recovery_codes_created',
  'recovery_code_used',
  'second_factor_failed',
  'password_removed',
  'factors_reset',
  'account_report_requested',
  'account_reported',
  'data_downloaded',
  'session_raised',
  'reauthentication_failed',
  'signed_in',
  'sign_in_failed',
  'signed_out',
  'sessions_ended',
  'consent_given',
  'consent_refused',
  'device_authorized',
  'device_denied',
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
  'client_adopted',
  'client_secret_rotated',
  'client_secret_revoked',
  'registration_token_created',
  'registration_token_revoked',
  'resource_created',
  'resource_updated',
  'resource_deleted',
  'group_created',
  'group_deleted',
  'group_member_added',
  'group_member_removed',
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
  'mail_failed',
  'logout_token_failed',
  'installation_recovered',
] as const
export type EventType = (typeof eventTypes)[number]

/** What an event comes from: a request, or a command or scheduled work, which `by` names. */
export type EventOrigin =
  | { readonly caller: Caller; readonly by?: undefined }
  | { readonly caller?: undefined; readonly by: string }

export type NewEvent = EventOrigin & {
  readonly type: EventType
  readonly clientId?: string | undefined
  readonly sub?: string | undefined
  readonly grantId?: string | undefined
  readonly kid?: string | undefined
  /** Never a secret, a token or a code. `by` is stored there too, so no other member may have that name. */
  readonly detail?: Readonly<Record<string, string | number | boolean | readonly string[]>> & { readonly by?: never }
}

/** SQL: the columns of an event with their types, in the order of `eventValues`. */
const eventColumns = {
  ...{
    type: 'text',
    request_id: 'text',
    network: 'text',
    client_id: 'text',
    sub: 'text',
    grant_id: 'text',
    kid: 'text',
  },
  ...{ detail: 'jsonb', user_agent: 'text' },
}

/**
 * SQL: inserts an event for each row of `from`, as a part of a statement that makes the change in another part. So there is an event exactly if
 * there is a change, and neither needs a transaction.
 *
 * @param from the CTE whose rows are the change; of one row at most, if there is to be one event at most
 * @param first the number of the first of the parameters `eventValues`
 */
export function insertEventSql(from: string, first: number): string {
  const parameters = Object.values(eventColumns).map((type, index) => `$${first + index}::${type}`)
  return `INSERT INTO events (${Object.keys(eventColumns).join(', ')}) SELECT ${parameters.join(', ')} FROM ${from}`
}

/** The number of the parameters of `insertEventSql`. */
export const eventParameters = Object.keys(eventColumns).length

/** The parameters of `insertEventSql`. */
export function eventValues(event: NewEvent): unknown[] {
  return [
    event.type,
    event.caller?.requestId ?? null,
    event.caller?.network ?? null,
    event.clientId ?? null,
    event.sub ?? null,
    event.grantId ?? null,
    event.kid ?? null,
    JSON.stringify({ ...(event.by !== undefined && { by: event.by }), ...event.detail }),
    event.caller?.userAgent ?? null,
  ]
}

/** Records an event. If the change has a transaction, this must be part of it, so that there is an event exactly if there is a change. */
export async function recordEvent(db: Queryable, event: NewEvent): Promise<void> {
  await db.query({ name: 'record-event', text: insertEventSql('(SELECT) AS once', 1), values: eventValues(event) })
}

/** An event that is written after it happened. */
export type PastEvent = NewEvent & {
  /** When it happened, by the clock of the database: milliseconds since 1970. */
  readonly at: number
}

/**
 * Records any number of events in one statement, which takes the same time for none as for one.
 *
 * @param events those without `at` happen now
 */
export async function recordEvents(db: Queryable, events: readonly (NewEvent | PastEvent)[]): Promise<void> {
  await db.query({
    name: 'record-events',
    text: `INSERT INTO events (at, type, request_id, network, user_agent, client_id, sub, grant_id, kid, detail)
           SELECT coalesce(to_timestamp(at / 1000.0), now()), type, request_id, network, user_agent, client_id, sub, grant_id, kid, detail
           FROM jsonb_to_recordset($1::jsonb) AS event (at bigint, type text, request_id text, network text, user_agent text, client_id text,
                                                        sub text, grant_id text, kid text, detail jsonb)`,
    values: [
      JSON.stringify(
        events.map(({ type, caller, by, clientId, sub, grantId, kid, detail, ...more }) => ({
          ...{
            at: 'at' in more ? more.at : undefined,
            type,
            request_id: caller?.requestId,
            network: caller?.network,
            user_agent: caller?.userAgent,
          },
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

/** How many tokens a client was issued with client_credentials, by grant and audience. */
export interface TokenCount {
  readonly clientId: string
  readonly grantId: string
  readonly audience: string
  readonly tokens: number
}

/** Records one event for each count, all or none. */
export async function insertTokenCounts(db: Queryable, counts: readonly TokenCount[]): Promise<void> {
  await db.query({
    name: 'insert-tallies',
    text: `INSERT INTO events (type, client_id, grant_id, detail)
           SELECT 'tokens_issued', "clientId", "grantId",
             jsonb_build_object('grant_type', 'client_credentials', 'audience', audience, 'tokens', tokens)
           FROM jsonb_to_recordset($1) AS t("clientId" text, "grantId" text, audience text, tokens bigint)`,
    values: [JSON.stringify(counts)],
  })
}
