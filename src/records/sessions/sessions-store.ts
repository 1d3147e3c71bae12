import type { Queryable } from '../../platform/database/queryable.ts'
import type { Account } from '../accounts/account.ts'
import { type AccountRow, accountFromRow, accountSelect } from '../accounts/accounts-store.ts'

/** A browser's sign-in, with the person it signs in. */
export interface Session {
  readonly id: number
  /** Milliseconds since 1970: when the person proved who they are. */
  readonly authTime: number
  /** Authentication Method References (RFC 8176). */
  readonly amr: readonly string[]
  readonly account: Account
}

/**
 * The session of a cookie, unless it has ended, run out or lain idle too long. Using it is noted once a minute at most, and not while
 * somebody holds the row: every page asks for the session, and none may wait.
 *
 * @param sessionDigest of the cookie
 * @param idleTtl seconds
 */
export async function findSession(db: Queryable, sessionDigest: Buffer, idleTtl: number): Promise<Session | undefined> {
  const { rows } = await db.query<AccountRow & { id: number; auth_time: Date; amr: string[] }>({
    name: 'find-session',
    text: `WITH session AS (
             SELECT id, sub, auth_time, amr, used_at FROM sessions
             WHERE digest = $1 AND ended_at IS NULL AND expires_at > now() AND used_at > now() - make_interval(secs => $2)
           ), used AS (
             UPDATE sessions SET used_at = now() WHERE id IN (
               SELECT sessions.id FROM session JOIN sessions ON sessions.id = session.id
               WHERE session.used_at < now() - interval '1 minute' FOR NO KEY UPDATE OF sessions SKIP LOCKED)
           )
           SELECT account.*, session.id, session.auth_time, session.amr
           FROM session JOIN LATERAL (${accountSelect} WHERE accounts.sub = session.sub AND accounts.deleted_at IS NULL) AS account
             ON NOT account.disabled`,
    values: [sessionDigest, idleTtl],
  })
  const row = rows[0]
  if (!row) return undefined
  const { id, auth_time, amr, ...account } = row
  return { id, authTime: auth_time.getTime(), amr, account: accountFromRow(account) }
}

/** What makes a new session. Lifetime in seconds; times in milliseconds since 1970. */
export interface NewSession {
  readonly digest: Buffer
  readonly browserDigest: Buffer
  readonly sub: string
  readonly authTime: number
  readonly amr: readonly string[]
  readonly ttl: number
  /** The session that this one takes the place of in the browser. */
  readonly replaces: Buffer | undefined
}

/**
 * Starts a session, and ends the one that the browser had: a cookie is renewed at every sign-in. Where the same person has signed in
 * anew, their grants go on under the new session; another person's end as if they had signed out. No sign-in is dated later than the
 * database's clock: one in the future would satisfy `prompt=login` and `max_age` without a password.
 */
export async function insertSession(db: Queryable, session: NewSession): Promise<void> {
  await db.query({
    name: 'insert-session',
    text: `WITH replaced AS (
             UPDATE sessions SET ended_at = now() WHERE digest = $7 AND ended_at IS NULL RETURNING id, sub = $3 AS same_person
           ), account AS (
             UPDATE accounts SET signed_in_at = now() WHERE sub = $3
           ), session AS (
             INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at)
             VALUES ($1, $2, $3, least($4, clock_timestamp()), $5, now() + make_interval(secs => $6)) RETURNING id
           )
           UPDATE grants SET session_id = CASE WHEN same_person THEN session.id ELSE session_id END,
             ended_at = CASE WHEN NOT same_person THEN now() END,
             end_reason = CASE WHEN NOT same_person THEN 'signed_out' END
           FROM replaced, session
           WHERE session_id = replaced.id AND grants.ended_at IS NULL AND (same_person OR NOT 'offline_access' = ANY (scopes))`,
    values: [
      session.digest,
      session.browserDigest,
      session.sub,
      new Date(session.authTime),
      session.amr,
      session.ttl,
      session.replaces ?? null,
    ],
  })
}

/** A sign-in as its own person may see it. */
export interface ListedSession {
  readonly id: number
  readonly authTime: Date
  /** To the minute. */
  readonly usedAt: Date
}

/**
 * The sign-ins of a person that are alive, the present one first, then those last used.
 *
 * @param idleTtl seconds
 * @param most how many are listed; `count` is of all
 */
export async function listSessions(
  db: Queryable,
  sub: string,
  presentId: number,
  idleTtl: number,
  most: number,
): Promise<{ sessions: ListedSession[]; count: number }> {
  const { rows } = await db.query<{ id: number; auth_time: Date; used_at: Date; count: number }>({
    text: `SELECT id, auth_time, used_at, count(*) OVER () AS count FROM sessions
           WHERE sub = $1 AND ended_at IS NULL AND expires_at > now() AND used_at > now() - make_interval(secs => $3)
           ORDER BY id = $2 DESC, used_at DESC, id DESC LIMIT $4`,
    values: [sub, presentId, idleTtl, most],
  })
  const sessions = rows.map((row) => ({ id: row.id, authTime: row.auth_time, usedAt: row.used_at }))
  return { sessions, count: rows[0]?.count ?? 0 }
}

/**
 * Locks the sessions of a person that have not ended until the transaction ends: of those who change something about one
 * person, one is first, and the others see it.
 *
 * @returns their ids: nobody else's is among them
 */
export async function lockSessions(tx: Queryable, sub: string): Promise<number[]> {
  const { rows } = await tx.query<{ id: number }>({
    // In order, so that two who lock them wait for each other one way only.
    text: 'SELECT id FROM sessions WHERE sub = $1 AND ended_at IS NULL ORDER BY id FOR NO KEY UPDATE',
    values: [sub],
  })
  return rows.map(({ id }) => id)
}

/**
 * Signs browsers out: their sessions end, and with them the grants that were to last no longer than the session. Those with
 * `offline_access` go on: that is what the scope is for (OpenID Connect Core §11).
 */
export async function endSessions(tx: Queryable, ids: readonly number[]): Promise<void> {
  await tx.query({
    text: 'UPDATE sessions SET ended_at = now() WHERE id = ANY ($1) AND ended_at IS NULL',
    values: [ids],
  })
  // A statement of its own: it sees the grants of those whom the first one had to wait for.
  await tx.query({
    text: `UPDATE grants SET ended_at = now(), end_reason = 'signed_out'
           WHERE session_id = ANY ($1) AND ended_at IS NULL AND NOT 'offline_access' = ANY (scopes)`,
    values: [ids],
  })
}

/**
 * Gives a session another cookie; the one before is worth nothing any more.
 *
 * @returns seconds that the session still has at the most
 */
export async function renewSession(db: Queryable, id: number, sessionDigest: Buffer): Promise<number> {
  const { rows } = await db.query<{ left: number }>({
    text: `UPDATE sessions SET digest = $2, used_at = now() WHERE id = $1
           RETURNING greatest(0, floor(extract(epoch FROM expires_at - now())))::float8 AS left`,
    values: [id, sessionDigest],
  })
  return rows[0]!.left
}
