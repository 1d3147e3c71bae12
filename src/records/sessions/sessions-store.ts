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
 * The session of a cookie, unless it has ended, run out or lain idle too long. Using it is noted once a minute at the most.
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
             UPDATE sessions SET used_at = now() FROM session
             WHERE sessions.id = session.id AND session.used_at < now() - interval '1 minute'
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

/** Starts a session, and ends the one that the browser had: a cookie is renewed at every sign-in. */
export async function insertSession(db: Queryable, session: NewSession): Promise<void> {
  await db.query({
    name: 'insert-session',
    text: `WITH replaced AS (
             UPDATE sessions SET ended_at = now() WHERE digest = $7 AND ended_at IS NULL
           ), account AS (
             UPDATE accounts SET signed_in_at = now() WHERE sub = $3
           )
           INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at)
           VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
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

/**
 * Signs a browser out: its session ends, and with it the grants that were to last no longer than the session. Those with
 * `offline_access` go on: that is what the scope is for (OpenID Connect Core §11).
 */
export async function endSession(db: Queryable, id: number): Promise<void> {
  await db.query({
    text: `WITH session AS (UPDATE sessions SET ended_at = now() WHERE id = $1 AND ended_at IS NULL)
           UPDATE grants SET ended_at = now(), end_reason = 'signed_out'
           WHERE session_id = $1 AND ended_at IS NULL AND NOT 'offline_access' = ANY (scopes)`,
    values: [id],
  })
}
