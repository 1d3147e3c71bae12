import type { Queryable } from '../../platform/database/queryable.ts'
import type { Client } from '../clients/client.ts'
import type { ClientId, Sub } from '../ids.ts'
import type { EventType } from './events-store.ts'

/** An event as the person sees it whom it is about. */
export interface Activity {
  readonly id: number
  readonly at: Date
  readonly type: string
  /** Undefined if the event comes from no request. */
  readonly network: string | undefined
  readonly userAgent: string | undefined
  /** The name of the application; undefined if there is none, or it was deleted. */
  readonly clientName: string | undefined
  /** The application, for its host (document-host.ts); undefined as the name is. */
  readonly client: Pick<Client, 'client_id' | 'isSelfRegistered'> | undefined
  readonly detail: Readonly<Record<string, unknown>>
}

interface ActivityRow {
  id: number
  at: Date
  type: string
  network: string | null
  user_agent: string | null
  client_name: string | null
  client_id: ClientId | null
  self_registered: boolean | null
  detail: Readonly<Record<string, unknown>>
}

/** The maximum number of events that one page examines. A person may have very many of types that they do not see. */
const maxExamined = 1_000

/**
 * The newest events about a person, newest first.
 *
 * @param types the only types that are listed
 * @param before the id of an event: only earlier ones
 * @param limit the maximum number of events in the list
 * @returns the list; `next`, the id from which the list continues, if there may be more. The list may be empty even so
 */
export async function listActivity(
  db: Queryable,
  sub: Sub,
  types: readonly string[],
  before: number | undefined,
  limit: number,
): Promise<{ readonly events: readonly Activity[]; readonly next: number | undefined }> {
  const values: unknown[] = [sub, types, limit]
  const isBefore =
    before === undefined
      ? ''
      : `AND (at, id) < ((SELECT at FROM events WHERE id = $${values.push(before)} AND sub = $1), $${values.length}::bigint)`
  const { rows } = await db.query<ActivityRow & { examined: number; oldest: number }>({
    // Bounds rather than equality, so that the planner uses no other index for a person with a large number of events.
    text: `WITH examined AS (
             SELECT id, at, type, network, user_agent, client_id, detail FROM events
             WHERE sub BETWEEN $1 AND $1 ${isBefore} ORDER BY sub DESC, at DESC, id DESC LIMIT ${maxExamined}
           ), found AS (
             SELECT * FROM examined WHERE type = ANY ($2) ORDER BY at DESC, id DESC LIMIT $3
           )
           SELECT found.id, found.at, found.type, found.network, found.user_agent, found.detail, clients.client_name,
             clients.client_id, clients.self_registered,
             (SELECT count(*) FROM examined) AS examined, (SELECT id FROM examined ORDER BY at, id LIMIT 1) AS oldest
           FROM (SELECT) AS one LEFT JOIN found ON true LEFT JOIN clients ON clients.client_id = found.client_id
           ORDER BY found.at DESC, found.id DESC`,
    values,
  })
  const events = rows.filter(({ id }) => id !== null).map(activityFromRow)
  const last = events.length === limit ? events.at(-1)?.id : undefined
  return { events, next: last ?? (rows[0]?.examined === maxExamined ? rows[0].oldest : undefined) }
}

/** An event about a person, if it is not older than this. */
export async function findActivity(db: Queryable, sub: Sub, id: number, days: number): Promise<Activity | undefined> {
  const { rows } = await db.query<ActivityRow>({
    text: `SELECT events.id, at, type, network, user_agent, detail, clients.client_name, clients.client_id, clients.self_registered
           FROM events LEFT JOIN clients ON clients.client_id = events.client_id
           WHERE events.id = $2 AND sub = $1 AND at > now() - make_interval(days => $3)`,
    values: [sub, id, days],
  })
  return rows[0] && activityFromRow(rows[0])
}

/**
 * Whether a second factor of a person may have been removed since a moment. True also if so much has happened since that not all of it is examined.
 */
export async function mayHaveLostFactor(db: Queryable, sub: Sub, since: Date): Promise<boolean> {
  const { rows } = await db.query<{ lost: boolean }>({
    text: `SELECT coalesce(bool_or(type = ANY ($3)), false) OR count(*) = ${maxExamined} AS lost
           FROM (SELECT type FROM events WHERE sub BETWEEN $1 AND $1 AND at >= $2 ORDER BY sub, at LIMIT ${maxExamined}) AS happened`,
    values: [sub, since, removing],
  })
  return rows[0]?.lost ?? true
}

/** The types of events with which factors may have been removed. */
const removing: readonly EventType[] = [
  'account_reported',
  'email_change_undone',
  'factors_reset',
  'passkey_removed',
  'password_recovered',
  'totp_removed',
]

function activityFromRow({ id, at, type, network, user_agent, client_name, detail, ...client }: ActivityRow): Activity {
  const { client_id, self_registered } = client
  return {
    ...{ id, at, type, detail },
    network: network ?? undefined,
    userAgent: user_agent ?? undefined,
    clientName: client_name ?? undefined,
    client: client_id === null ? undefined : { client_id, isSelfRegistered: self_registered === true },
  }
}
