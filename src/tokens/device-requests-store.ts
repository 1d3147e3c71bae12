import { returningSwapped, type Swapped } from '../platform/database/compare-and-swap.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { grantAlive, grantStatusJoins, sessionAlive } from '../records/endings/liveness-store.ts'
import { eventValues, insertEventSql, type NewEvent } from '../records/events/events-store.ts'
import {
  grantContextColumns,
  type PersonsGrant,
  type PersonsGrantRow,
  personsGrantFromRow,
} from '../records/grants/grants-store.ts'
import type { ClientId, GrantId, SessionId, Sid } from '../records/ids.ts'
import { deviceRequestTtl, type PolledRequest, slowDownStep, type UserCode } from './device-request.ts'
import {
  type GrantedPerson,
  type GrantedPersonRow,
  grantedPersonColumn,
  grantedPersonFromRow,
  grantedPersonJoins,
} from './granted-person-store.ts'
import { familyParameters, familyValues, insertFamilySql, type NewFamily } from './refresh-families-store.ts'

export interface NewDeviceRequest {
  /** The digest of the device code. */
  readonly digest: Buffer
  readonly userCode: UserCode
  readonly clientId: ClientId
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  /** Seconds. */
  readonly ttl: number
  /** Seconds. */
  readonly interval: number
}

/** Stores a request. False, and nothing is stored, if another one has the same user code. */
export async function insertDeviceRequest(db: Queryable, request: NewDeviceRequest): Promise<boolean> {
  const { digest, userCode, clientId, scopes, resources, ttl, interval } = request
  const { rowCount } = await db.query({
    name: 'insert-device-request',
    text: `INSERT INTO device_requests (digest, user_code, client_id, scopes, resources, expires_at, poll_interval)
           VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $7)
           ON CONFLICT (user_code) DO NOTHING`,
    values: [digest, userCode, clientId, scopes, resources, ttl, interval],
  })
  return rowCount === 1
}

/** A request that nobody has decided about yet. */
export interface PendingDeviceRequest {
  readonly digest: Buffer
  readonly clientId: ClientId
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  /** Milliseconds since 1970. */
  readonly createdAt: number
}

/** The request with this user code. Undefined if there is none, if it has expired, or if somebody has decided about it. */
export async function findPendingRequest(db: Queryable, code: UserCode): Promise<PendingDeviceRequest | undefined> {
  const { rows } = await db.query<{
    digest: Buffer
    client_id: ClientId
    scopes: string[]
    resources: string[]
    created_at: Date
  }>({
    name: 'find-pending-device-request',
    text: `SELECT digest, client_id, scopes, resources, created_at FROM device_requests
           WHERE user_code = $1 AND expires_at > clock_timestamp()`,
    values: [code],
  })
  const row = rows[0]
  return (
    row && {
      digest: row.digest,
      clientId: row.client_id,
      scopes: row.scopes,
      resources: row.resources,
      createdAt: row.created_at.getTime(),
    }
  )
}

export interface AllowedDevice {
  /** The digest of the device code. */
  readonly digest: Buffer
  readonly grant: Pick<PersonsGrant, 'id' | 'clientId' | 'sub' | 'scopes' | 'resources' | 'authTime' | 'acr' | 'amr'>
  /** The person's session and the epoch of their account when the session was read. */
  readonly sessionId: SessionId
  readonly epoch: number
  readonly sid: Sid
}

/**
 * Allows a request and opens its grant, unless somebody has decided about the request, it has expired, or the session or the client has ended.
 * Atomic: of any number of concurrent decisions about a request, one is made. The grant names no session, because the device keeps its access when
 * the person signs out of the browser in which they allowed it. Decisions that end the person's grants end this one too, through its epoch.
 *
 * @returns whether this call allowed it
 */
export async function allowDeviceRequest(db: Queryable, allowed: AllowedDevice): Promise<boolean> {
  const { grant } = allowed
  const { rowCount } = await db.query({
    name: 'allow-device-request',
    text: `WITH person AS (
             SELECT accounts.epoch, clients.grant_epoch
             FROM sessions JOIN accounts ON accounts.sub = sessions.sub JOIN clients ON clients.client_id = $4
             WHERE sessions.id = $2 AND accounts.sub = $5 AND ${sessionAlive} AND accounts.epoch = $11 AND clients.deleted_at IS NULL
           ), allowed AS (
             UPDATE device_requests SET grant_id = $3, sid = $12, user_code = NULL FROM person
             WHERE digest = $1 AND client_id = $4 AND user_code IS NOT NULL AND expires_at > clock_timestamp()
             RETURNING person.epoch, person.grant_epoch
           )
           INSERT INTO grants (id, client_id, sub, scopes, resources, auth_time, acr, amr, epoch, client_epoch)
           SELECT $3, $4, $5, $6, $7, $8, $9, $10, epoch, grant_epoch FROM allowed`,
    values: [
      allowed.digest,
      allowed.sessionId,
      grant.id,
      grant.clientId,
      grant.sub,
      grant.scopes,
      grant.resources,
      new Date(grant.authTime),
      grant.acr,
      grant.amr,
      allowed.epoch,
      allowed.sid,
    ],
  })
  return rowCount === 1
}

/** Denies a request. False if somebody has decided about it, or it has expired. Atomic, as `allowDeviceRequest` is. */
export async function denyDeviceRequest(db: Queryable, digest: Buffer): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'deny-device-request',
    text: `UPDATE device_requests SET denied_at = now(), user_code = NULL
           WHERE digest = $1 AND user_code IS NOT NULL AND expires_at > clock_timestamp()`,
    values: [digest],
  })
  return rowCount === 1
}

/** Seconds by which a device may be early, because the time that a request takes to arrive varies. */
const tolerance = 1

/** A request as its device finds it. */
export interface StoredDeviceRequest extends PolledRequest {
  /** With the person, if the grant is alive. Undefined until somebody has allowed the request. */
  readonly source: { readonly grant: PersonsGrant; readonly person: GrantedPerson | undefined } | undefined
  /** Undefined until somebody has allowed the request. */
  readonly sid: Sid | undefined
  /**
   * Somebody has allowed the request while this one waited for its row: it saw the new version of the row, but not the grant that was opened with
   * it. The request has to be read again.
   */
  readonly isGrantUnseen: boolean
}

/**
 * Reads a request for its device, with its grant, and notes that the device asked while nobody has decided yet. If it asked too soon, the interval
 * grows. One statement, because devices ask every few seconds, and the row is locked only for as long as it takes. Concurrent requests with one
 * device code are counted one after another, so all but the first of them are too soon.
 *
 * @returns undefined if there is no request with this device code for this client; nothing changes then
 */
export async function pollDeviceRequest(
  db: Queryable,
  digest: Buffer,
  clientId: ClientId,
): Promise<StoredDeviceRequest | undefined> {
  const { rows } = await db.query<
    (PersonsGrantRow | { grant_id: null }) &
      GrantedPersonRow & {
        expired: boolean
        denied: boolean
        allowed_grant: GrantId | null
        sid: Sid | null
        spent_ago: number | null
        poll_interval: number
        too_soon: boolean
      }
  >({
    name: 'poll-device-request',
    text: `WITH held AS (
             SELECT expires_at <= clock_timestamp() AS expired, denied_at IS NOT NULL AS denied, grant_id, sid, user_code, poll_interval,
               extract(epoch FROM clock_timestamp() - spent_at)::float8 AS spent_ago,
               coalesce(user_code IS NOT NULL AND polled_at > clock_timestamp() - make_interval(secs => poll_interval - ${tolerance}), false) AS too_soon
             FROM device_requests WHERE digest = $1 AND client_id = $2 FOR NO KEY UPDATE
           ), polled AS (
             UPDATE device_requests SET polled_at = clock_timestamp(), poll_interval = least(${deviceRequestTtl},
               device_requests.poll_interval + CASE WHEN too_soon THEN ${slowDownStep} ELSE 0 END)
             FROM held WHERE digest = $1 AND held.user_code IS NOT NULL AND NOT expired
             RETURNING device_requests.poll_interval
           )
           SELECT held.expired, held.denied, held.grant_id AS allowed_grant, held.sid, held.spent_ago, held.too_soon,
             coalesce((SELECT poll_interval FROM polled), held.poll_interval) AS poll_interval,
             ${grantContextColumns}, ${grantedPersonColumn}
           FROM held LEFT JOIN grants ON grants.id = held.grant_id ${grantedPersonJoins}`,
    values: [digest, clientId],
  })
  const row = rows[0]
  if (!row) return undefined
  const grant = row.grant_id === null ? undefined : personsGrantFromRow(row)
  const person = grant && grantedPersonFromRow(row)
  return {
    isTooSoon: row.too_soon,
    interval: row.poll_interval,
    expired: row.expired,
    denied: row.denied,
    grantId: row.allowed_grant ?? undefined,
    grantEnded: person === undefined,
    spentAgo: row.spent_ago ?? undefined,
    source: grant && { grant, person },
    sid: row.sid ?? undefined,
    isGrantUnseen: row.allowed_grant !== null && grant === undefined,
  }
}

/**
 * Marks a device code as spent, starts the refresh family of its grant, and records the event, in one statement. Nothing happens if the code is
 * spent or has expired, or if the grant has ended. What it guarantees when callers race is said at `spendCode`
 * (tokens/authorization-codes-store.ts).
 *
 * @param family undefined: there is no refresh token
 * @returns undefined if this call has not spent the code
 */
export async function spendDeviceCode(
  db: Queryable,
  digest: Buffer,
  family: NewFamily | undefined,
  event: NewEvent,
): Promise<Swapped | undefined> {
  const { rows } = await db.query<Swapped>({
    name: 'spend-device-code',
    text: `WITH held AS (
             SELECT true FROM device_requests JOIN grants ON grants.id = device_requests.grant_id ${grantStatusJoins}
             WHERE device_requests.digest = $1 AND device_requests.spent_at IS NULL AND device_requests.expires_at > clock_timestamp()
               AND ${grantAlive}
             FOR NO KEY UPDATE OF device_requests, grants
           ), spent AS (
             UPDATE device_requests SET spent_at = clock_timestamp() FROM held WHERE device_requests.digest = $1
             RETURNING device_requests.grant_id, device_requests.sid
           ), family AS (${insertFamilySql('spent', 2)})
           ${insertEventSql('spent', 2 + familyParameters)} ${returningSwapped}`,
    values: [digest, ...familyValues(family), ...eventValues(event)],
  })
  return rows[0]
}
