import type { Queryable } from '../../platform/database/queryable.ts'
import type { Account } from '../accounts/account.ts'
import { type AccountRow, accountColumns, accountEmail, accountFromRow } from '../accounts/accounts-store.ts'
import { endSessionsSql } from '../endings/end-rows-store.ts'
import { sessionAlive } from '../endings/judgement-store.ts'
import type { SessionId, Sub } from '../ids.ts'

/** A browser's sign-in, with the person it signs in. */
export interface Session {
  readonly id: SessionId
  /** Milliseconds since 1970: when the person proved who they are. */
  readonly authTime: number
  /** Authentication Method References (RFC 8176). */
  readonly amr: readonly string[]
  readonly account: Account
  /** The version of the secret `session-id` that the session began with. */
  readonly sidVersion: number
  /** How many decisions have ended something of the account. A grant that is opened for what was read along with the session is of this epoch. */
  readonly accountEpoch: number
}

/**
 * The session of a cookie, unless it has ended, run out or lain idle too long. Using it is noted once a minute at most, and not while
 * somebody holds the row: every page asks for the session, and none may wait.
 *
 * @param sessionDigest of the cookie
 * @param idleTtl seconds
 */
export async function findSession(db: Queryable, sessionDigest: Buffer, idleTtl: number): Promise<Session | undefined> {
  const { rows } = await db.query<
    AccountRow & { id: SessionId; auth_time: Date; amr: string[]; used_at: Date; sid_version: number; epoch: number }
  >({
    name: 'find-session',
    text: `WITH session AS (
             SELECT ${accountColumns}, accounts.epoch, sessions.id, sessions.auth_time, sessions.amr, sessions.used_at, sessions.sid_version
             FROM sessions JOIN accounts ON accounts.sub = sessions.sub ${accountEmail}
             WHERE digest = $1 AND ${sessionAlive} AND expires_at > now() AND used_at > now() - make_interval(secs => $2)
           ), used AS (
             UPDATE sessions SET used_at = now() WHERE id IN (
               SELECT sessions.id FROM session JOIN sessions ON sessions.id = session.id
               WHERE session.used_at < now() - interval '1 minute' FOR NO KEY UPDATE OF sessions SKIP LOCKED)
           )
           SELECT * FROM session`,
    values: [sessionDigest, idleTtl],
  })
  const row = rows[0]
  if (!row) return undefined
  const { id, auth_time, amr, used_at: _, sid_version: sidVersion, epoch, ...account } = row
  return { id, authTime: auth_time.getTime(), amr, account: accountFromRow(account), sidVersion, accountEpoch: epoch }
}

/** What a sign-in makes of a browser. Lifetime in seconds; times in milliseconds since 1970. */
export interface NewSession {
  readonly digest: Buffer
  readonly browserDigest: Buffer
  readonly sub: Sub
  readonly authTime: number
  readonly amr: readonly string[]
  readonly ttl: number
  /** The current version of the secret `session-id`. A session that goes on keeps its own. */
  readonly sidVersion: number
  /** The cookie that the browser came with, as a digest. */
  readonly replaces: Buffer | undefined
}

/** `replaced`: the session of somebody else that the browser had, and that has ended with this sign-in. */
export type StartedSession = { readonly replaced: { readonly id: SessionId; readonly sub: Sub } | undefined }

/**
 * Browsers that an account knows at most: those last used. No person has more, but a program that signs in without a cookie is a new
 * browser each time.
 */
const mostKnownBrowsers = 100

/**
 * Signs a browser in under a new cookie; the one it had is worth nothing any more. A person who signs in again in the same browser goes on
 * with the same session, and so with the grants that are bound to it. Somebody else's session ends. No sign-in is dated later
 * than the database's clock: one in the future would satisfy `prompt=login` and `max_age` without a password. From now on the account
 * knows the browser, also when the session has ended (known-browsers-store.ts).
 *
 * @returns undefined where the account has been disabled or deleted
 */
export async function insertSession(db: Queryable, session: NewSession): Promise<StartedSession | undefined> {
  const { rows } = await db.query<{ id: SessionId | null; sub: Sub | null }>({
    name: 'insert-session',
    // The account's row first, as everybody does who locks both.
    text: `WITH account AS (
             SELECT sub, epoch, session_epoch FROM accounts WHERE sub = $3 AND disabled_at IS NULL AND deleted_at IS NULL
             FOR NO KEY UPDATE
           ), renewed AS (
             UPDATE sessions SET digest = $1, browser_digest = $2, auth_time = least($4, clock_timestamp()), amr = $5, epoch = account.epoch, used_at = now(),
               expires_at = now() + make_interval(secs => $6)
             FROM account
             WHERE digest = $7 AND sessions.sub = account.sub AND ended_at IS NULL AND sessions.epoch >= account.session_epoch
             RETURNING id
           ), replaced AS (
             ${endSessionsSql('digest = $7 AND sessions.sub <> account.sub', { from: 'account' })} RETURNING sessions.id, sessions.sub
           ), started AS (
             INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at, epoch, sid_version)
             SELECT $1, $2, account.sub, least($4, clock_timestamp()), $5, now() + make_interval(secs => $6), account.epoch, $8 FROM account
             WHERE NOT EXISTS (SELECT FROM renewed)
           ), known AS (
             INSERT INTO known_browsers (sub, browser_digest, used_at) SELECT account.sub, $2, now() FROM account
             ON CONFLICT (sub, browser_digest) DO UPDATE SET used_at = excluded.used_at
           ), forgotten AS (
             DELETE FROM known_browsers WHERE sub = (SELECT sub FROM account) AND browser_digest = ANY (ARRAY(
               SELECT browser_digest FROM known_browsers WHERE sub = (SELECT sub FROM account) AND browser_digest <> $2
               ORDER BY used_at DESC OFFSET ${mostKnownBrowsers - 1}))
           )
           SELECT replaced.id, replaced.sub FROM account LEFT JOIN replaced ON true`,
    values: [
      session.digest,
      session.browserDigest,
      session.sub,
      new Date(session.authTime),
      session.amr,
      session.ttl,
      session.replaces ?? null,
      session.sidVersion,
    ],
  })
  const [row] = rows
  return row && { replaced: row.id === null || row.sub === null ? undefined : { id: row.id, sub: row.sub } }
}

/** A sign-in as its own person may see it. */
export interface ListedSession {
  readonly id: SessionId
  readonly signedInAt: Date
  /** To the minute. */
  readonly usedAt: Date
}

/** Sessions that are looked at for a list. A person who signs in by a program can have any number. */
const lookedAt = 1_000

/**
 * The sign-ins of a person that are alive, the present one first, then those last used. Of very many, the newest are looked at.
 *
 * @param idleTtl seconds
 * @param most how many are listed
 * @returns `count` of all that are alive; `isCut` where there may be more than were counted
 */
export async function listSessions(
  db: Queryable,
  sub: Sub,
  presentId: SessionId,
  idleTtl: number,
  most: number,
): Promise<{ sessions: ListedSession[]; count: number; isCut: boolean }> {
  const { rows } = await db.query<{ id: SessionId; auth_time: Date; used_at: Date; count: number; looked_at: number }>({
    // Bounds rather than equality, so that no other index is taken for a person who has very many.
    text: `WITH newest AS (
             SELECT id, auth_time, used_at, expires_at, epoch FROM sessions
             WHERE sub >= $1 AND (sub, id) <= ($1, ${Number.MAX_SAFE_INTEGER}) AND ended_at IS NULL AND id <> $2
             ORDER BY sub DESC, id DESC LIMIT $5
           ), alive AS (
             SELECT newest.* FROM (SELECT * FROM newest
                                   UNION ALL SELECT id, auth_time, used_at, expires_at, epoch FROM sessions
                                   WHERE id = $2 AND sub = $1 AND ended_at IS NULL) AS newest
             JOIN accounts ON accounts.sub = $1 AND newest.epoch >= accounts.session_epoch
             WHERE expires_at > now() AND used_at > now() - make_interval(secs => $3)
           )
           SELECT id, auth_time, used_at, (SELECT count(*) FROM alive) AS count, (SELECT count(*) FROM newest) AS looked_at
           FROM alive ORDER BY id = $2 DESC, used_at DESC, id DESC LIMIT $4`,
    values: [sub, presentId, idleTtl, most, lookedAt],
  })
  const sessions = rows.map((row) => ({ id: row.id, signedInAt: row.auth_time, usedAt: row.used_at }))
  return { sessions, count: rows[0]?.count ?? 0, isCut: rows[0]?.looked_at === lookedAt }
}

/**
 * Locks a person and their session until the transaction ends, if the session is alive: of those who change something about one
 * person, one is first, and the others see it.
 *
 * @returns false where the session has ended
 */
export async function lockSession(tx: Queryable, sub: Sub, id: SessionId): Promise<boolean> {
  const { rowCount } = await tx.query({
    // Whoever waited for another one's lock judges by what that one left.
    text: `SELECT FROM accounts JOIN sessions ON sessions.sub = accounts.sub
           WHERE accounts.sub = $1 AND sessions.id = $2 AND ${sessionAlive} FOR NO KEY UPDATE OF accounts, sessions`,
    values: [sub, id],
  })
  return rowCount === 1
}

/**
 * Gives a session another cookie; the one before is worth nothing any more.
 *
 * @returns seconds that the session still has at the most
 */
export async function renewSession(db: Queryable, id: SessionId, sessionDigest: Buffer): Promise<number> {
  const { rows } = await db.query<{ left: number }>({
    text: `UPDATE sessions SET digest = $2, used_at = now() WHERE id = $1
           RETURNING greatest(0, floor(extract(epoch FROM expires_at - now())))::float8 AS left`,
    values: [id, sessionDigest],
  })
  return rows[0]!.left
}
