import { returningSwapped, type Swapped } from '../platform/database/compare-and-swap.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { endGrantsSql } from '../records/endings/end-rows-store.ts'
import { grantAlive, grantStatusJoins, sessionAlive } from '../records/endings/liveness-store.ts'
import { eventValues, insertEventSql, type NewEvent } from '../records/events/events-store.ts'
import type { RequestedClaims } from '../records/grants/claims-of-request.ts'
import { grantContextColumns, type PersonsGrantRow, personsGrantFromRow } from '../records/grants/grants-store.ts'
import type { ClientId, GrantId, SessionId, Sid, Sub } from '../records/ids.ts'
import { completePushedRequestSql } from '../records/pushed-requests/pushed-requests-store.ts'
import type { StoredCode } from './authorization-code.ts'
import {
  type GrantedPersonRow,
  grantedPersonColumns,
  grantedPersonFromRow,
  grantedPersonJoins,
} from './granted-person-store.ts'
import { familyParameters, familyValues, insertFamilySql, type NewFamily } from './refresh-families-store.ts'

/** A code to be issued, with the grant that it opens. Times are in milliseconds since 1970, the lifetime in seconds. */
export interface NewCode {
  readonly digest: Buffer
  readonly ttl: number
  readonly grant: {
    readonly id: GrantId
    readonly clientId: ClientId
    readonly sub: Sub
    readonly sessionId: SessionId
    /** The epoch of the account when session and consent were read (`Session.accountEpoch`). */
    readonly epoch: number
    readonly scopes: readonly string[]
    readonly resources: readonly string[]
    readonly claims: RequestedClaims
    readonly authTime: number
    readonly acr: string
    readonly amr: readonly string[]
  }
  readonly redirectUri: string
  readonly codeChallenge: string | undefined
  readonly nonce: string | undefined
  readonly sid: Sid
  /** The version of the client ID metadata document that the request was checked with, in hexadecimal; undefined: its client is registered. */
  readonly documentDigest?: string | undefined
  /** The version of the client's registration that the request was checked with (`Client.updatedAt`). */
  readonly clientUpdatedAt: string
  readonly pushedRequest?: PushedRequestReference | undefined
}

/** The events of a code, which are recorded in the same statement. */
export interface CodeEvents {
  /** That the grant was opened. */
  readonly opened: NewEvent
  /** That tokens were issued for the response beside the code, or instead of it. */
  readonly issued?: NewEvent | undefined
}

/** The pushed authorization request that a code answers. */
export interface PushedRequestReference {
  readonly digest: Buffer
  /** Whether the browser continues what it began with it before. It may then do so twice within seconds (records/pushed-requests/). */
  readonly isContinued: boolean
}

/**
 * The maximum number of open grants of one client per session, counted separately with and without `offline_access`. A browser could open any
 * number, and other statements have to read their rows. An application that signs in again and again leaves short-lived ones behind.
 */
const maxOpenPerSession = 100

/*
 * Above the maximum, each new grant ends the oldest one. Two grants that are opened at the same time may choose the same one to end, so every
 * sixteenth new grant searches further and ends up to 50 that are too many. Not every grant does so, because a search beyond the oldest open grant
 * has to skip the index entries of all ended grants until PostgreSQL has vacuumed them.
 */
const [fullSearchInterval, maxEndedTogether] = [16, 50]

/** @param events whether only the event of the grant is recorded, or another one as well */
function insertCodeSql(events: 1 | 2): string {
  return `WITH alive AS (
    SELECT sessions.id AS session_id, accounts.epoch, clients.grant_epoch
    FROM sessions JOIN accounts ON accounts.sub = sessions.sub JOIN clients ON clients.client_id = $2
    WHERE sessions.id = $4 AND accounts.sub = $3 AND ${sessionAlive} AND accounts.epoch = $16 AND clients.deleted_at IS NULL
      AND clients.updated_at = $22
  ), completed AS (
    ${completePushedRequestSql({
      ...{ digest: '$17', clientId: '$2', sessionId: '$4', isContinued: '$18' },
      condition: 'EXISTS (SELECT FROM alive)',
    })}
  ), opened AS (
    INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, userinfo_claims, id_token_claims, auth_time, acr, amr, epoch, client_epoch)
    SELECT $1, $2, $3, session_id, $5, $6, $19, $20, $7, $8, $9, epoch, grant_epoch FROM alive
    WHERE $17::bytea IS NULL OR EXISTS (SELECT FROM completed)
    RETURNING id, status_index
  ), oldest AS (
    -- The client by bounds rather than equality, so that no other index provides this order, however many grants a session has.
    SELECT id FROM grants
    WHERE session_id = $4 AND (session_id, client_id) >= ($4, $2) AND (session_id, client_id) <= ($4, $2) AND ended_at IS NULL
      AND ('offline_access' = ANY (scopes)) = ('offline_access' = ANY ($5)) AND EXISTS (SELECT FROM opened)
    ORDER BY session_id DESC, client_id DESC, status_index DESC
    OFFSET ${maxOpenPerSession - 1}
    LIMIT (SELECT CASE WHEN status_index % ${fullSearchInterval} = 0 THEN ${maxEndedTogether} ELSE 1 END FROM opened)
  ), held AS (
    SELECT id FROM grants WHERE id = ANY (ARRAY(SELECT id FROM oldest)) AND ended_at IS NULL FOR NO KEY UPDATE SKIP LOCKED
  ), ended AS (
    ${endGrantsSql('superseded', 'id = ANY (ARRAY(SELECT id FROM held))')}
  ), grant_event AS (
    ${insertEventSql('opened', 23)}
  )${events === 1 ? '' : `, tokens_event AS (${insertEventSql('opened', 32)})`}
  INSERT INTO authorization_codes (digest, grant_id, redirect_uri, code_challenge, nonce, sid, expires_at, document_digest)
  SELECT $10, opened.id, $11, $12, $13, $14, now() + make_interval(secs => $15), $21 FROM opened`
}

const insertCodeOnly = { name: 'insert-authorization-code', text: insertCodeSql(1) }
const insertCodeWithTokens = { name: 'insert-authorization-code-with-tokens', text: insertCodeSql(2) }

/**
 * Opens a grant and stores its code, unless the session, the client or the consent has ended since it was read, or the registration of the client has changed. If
 * the session already has the maximum number of open grants of this client, the oldest one ends.
 *
 * One statement does all of it, and records the events. So nothing has to hold a connection, or a lock, between two round trips, and what was opened
 * is committed when this function returns.
 *
 * Does not lock the session or the account: somebody who opens grants continuously must not prevent the person from ending them. A concurrent
 * decision that this statement does not see yet ends the new grant as well, because the grant belongs to an earlier epoch.
 *
 * A pushed authorization request is completed together with that. If it already is, the grant is not opened.
 *
 * @returns whether the grant was opened. Otherwise there is no event either, and tokens that were signed for the response must not be sent
 */
export async function insertCode(db: Queryable, code: NewCode, { opened, issued }: CodeEvents): Promise<boolean> {
  const { grant } = code
  const { rowCount } = await db.query({
    ...(issued ? insertCodeWithTokens : insertCodeOnly),
    values: [
      grant.id,
      grant.clientId,
      grant.sub,
      grant.sessionId,
      grant.scopes,
      grant.resources,
      new Date(grant.authTime),
      grant.acr,
      grant.amr,
      code.digest,
      code.redirectUri,
      code.codeChallenge ?? null,
      code.nonce ?? null,
      code.sid,
      code.ttl,
      grant.epoch,
      code.pushedRequest?.digest ?? null,
      code.pushedRequest?.isContinued ?? false,
      grant.claims.userinfo,
      grant.claims.idToken,
      code.documentDigest === undefined ? null : Buffer.from(code.documentDigest, 'hex'),
      code.clientUpdatedAt,
      ...eventValues(opened),
      ...(issued ? eventValues(issued) : []),
    ],
  })
  return rowCount === 1
}

/** SQL: the digest of the client ID metadata document that the client of a grant has now; null if it has none. */
const currentDocument = `(SELECT client_registrations.document_digest FROM client_registrations
  WHERE client_registrations.client_id = grants.client_id)`

/** Reads a code with its grant and its person. Locks nothing. */
export async function findCode(db: Queryable, digest: Buffer): Promise<StoredCode | undefined> {
  const { rows } = await db.query<
    PersonsGrantRow &
      GrantedPersonRow & {
        redirect_uri: string
        code_challenge: string | null
        nonce: string | null
        sid: Sid
        expired: boolean
        spent_ago: number | null
        document_changed: boolean
      }
  >({
    name: 'find-authorization-code',
    text: `SELECT ${grantContextColumns}, ${grantedPersonColumns}, redirect_uri, code_challenge, nonce, authorization_codes.sid,
             authorization_codes.expires_at <= clock_timestamp() AS expired,
             extract(epoch FROM clock_timestamp() - spent_at)::float8 AS spent_ago,
             authorization_codes.document_digest IS DISTINCT FROM ${currentDocument} AS document_changed
           FROM authorization_codes JOIN grants ON grants.id = authorization_codes.grant_id ${grantedPersonJoins}
           WHERE authorization_codes.digest = $1`,
    values: [digest],
  })
  const row = rows[0]
  return (
    row && {
      grant: personsGrantFromRow(row),
      redirectUri: row.redirect_uri,
      codeChallenge: row.code_challenge ?? undefined,
      nonce: row.nonce ?? undefined,
      sid: row.sid,
      expired: row.expired,
      person: grantedPersonFromRow(row),
      spentAgo: row.spent_ago ?? undefined,
      isDocumentChanged: row.document_changed,
    }
  )
}

/**
 * Marks a code as spent, starts the refresh family of its grant, and records the event, in one statement. Nothing happens if the code is spent, has
 * expired or belongs to a grant that has ended, or if the client's document has changed.
 *
 * Of any number of concurrent callers, one succeeds. The others wait for its commit, and then find `spent_at` set: PostgreSQL checks the condition
 * again on the new versions of the rows that are locked, of the code and of the grant. It does not do so for the others, such as that of the
 * account: if the statement has waited for long, the caller has to find out whether the grant is still alive (`isGrantAlive`).
 *
 * @param family undefined: there is no refresh token
 * @returns undefined if this call has not spent the code
 */
export async function spendCode(
  db: Queryable,
  digest: Buffer,
  family: NewFamily | undefined,
  event: NewEvent,
): Promise<Swapped | undefined> {
  const { rows } = await db.query<Swapped>({
    name: 'spend-authorization-code',
    text: `WITH held AS (
             SELECT true FROM authorization_codes JOIN grants ON grants.id = authorization_codes.grant_id ${grantStatusJoins}
             WHERE authorization_codes.digest = $1 AND authorization_codes.spent_at IS NULL
               AND authorization_codes.expires_at > clock_timestamp() AND ${grantAlive}
               AND authorization_codes.document_digest IS NOT DISTINCT FROM ${currentDocument}
             FOR NO KEY UPDATE OF authorization_codes, grants
           ), spent AS (
             UPDATE authorization_codes SET spent_at = clock_timestamp() FROM held WHERE authorization_codes.digest = $1
             RETURNING authorization_codes.grant_id, authorization_codes.sid
           ), family AS (${insertFamilySql('spent', 2)})
           ${insertEventSql('spent', 2 + familyParameters)} ${returningSwapped}`,
    values: [digest, ...familyValues(family), ...eventValues(event)],
  })
  return rows[0]
}
