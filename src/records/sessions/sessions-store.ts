import type { Queryable } from '../../platform/database/queryable.ts'
import type { Account } from '../accounts/account.ts'
import {
  type AccountJson,
  accountEmail,
  accountFromJson,
  accountJson,
  milliseconds,
} from '../accounts/accounts-store.ts'
import type { ProvenFactor } from '../accounts/factors.ts'
import { endSessionsSql } from '../endings/end-rows-store.ts'
import { sessionAlive } from '../endings/liveness-store.ts'
import type { SessionId, Sub } from '../ids.ts'

/** The sign-in of a browser, with the account that it is signed in to. */
export interface Session {
  readonly id: SessionId
  /** When the person authenticated, in milliseconds since 1970. */
  readonly authTime: number
  /** Authentication Method References (RFC 8176). */
  readonly amr: readonly string[]
  /** The strongest factor besides the password that was proven in this session. */
  readonly factor: ProvenFactor | undefined
  /** When that was, in milliseconds since 1970. */
  readonly factorTime: number | undefined
  readonly account: Account
  /** The version of the secret `session-id` that the session started with. */
  readonly sidVersion: number
  /** The epoch of the account, which counts the decisions to end its sessions or grants, when the session was read. A grant that is opened on the basis of that belongs to this epoch. */
  readonly accountEpoch: number
}

/** `sessionSql` */
export interface SessionJson extends Pick<Session, 'id' | 'authTime' | 'amr' | 'sidVersion' | 'accountEpoch'> {
  readonly factor: ProvenFactor | null
  readonly factorTime: number | null
  readonly account: AccountJson
}

/**
 * SQL: the CTE `session` with the session of a cookie and its account as JSON, unless it has ended, expired, or been idle for too long. Also updates the time of
 * last use at most once a minute, and not while the row is locked, because every page reads the session and must not wait.
 *
 * @param digest the parameter with the digest of the cookie
 * @param idleTtl the parameter with the idle timeout, in seconds
 */
export const sessionSql = (digest: string, idleTtl: string): string => `session AS (
    SELECT sessions.id, sessions.sub, sessions.used_at, json_build_object('id', sessions.id, 'authTime', ${milliseconds('sessions.auth_time')},
        'amr', sessions.amr, 'factor', sessions.factor, 'factorTime', ${milliseconds('sessions.factor_time')}, 'account', ${accountJson},
        'sidVersion', sessions.sid_version, 'accountEpoch', accounts.epoch) AS json
    FROM sessions JOIN accounts ON accounts.sub = sessions.sub ${accountEmail}
    WHERE digest = ${digest} AND ${sessionAlive} AND expires_at > now() AND used_at > now() - make_interval(secs => ${idleTtl})
  ), used AS (
    UPDATE sessions SET used_at = now() WHERE id IN (
      SELECT sessions.id FROM session JOIN sessions ON sessions.id = session.id
      WHERE session.used_at < now() - interval '1 minute' FOR NO KEY UPDATE OF sessions SKIP LOCKED)
  )`

export function sessionFromJson({ factor, factorTime, account, ...session }: SessionJson): Session {
  return {
    ...session,
    ...{ factor: factor ?? undefined, factorTime: factorTime ?? undefined, account: accountFromJson(account) },
  }
}

/**
 * The session of a cookie with its account (`sessionSql`).
 *
 * @param sessionDigest the digest of the cookie
 * @param idleTtl the idle timeout, in seconds
 */
export async function findSession(db: Queryable, sessionDigest: Buffer, idleTtl: number): Promise<Session | undefined> {
  const { rows } = await db.query<{ json: SessionJson }>({
    name: 'find-session',
    text: `WITH ${sessionSql('$1', '$2')} SELECT json FROM session`,
    values: [sessionDigest, idleTtl],
  })
  return rows[0] && sessionFromJson(rows[0].json)
}

/** A session to be started by a sign-in. The lifetime is in seconds, times are in milliseconds since 1970. */
export interface NewSession {
  readonly digest: Buffer
  readonly browserDigest: Buffer
  readonly sub: Sub
  readonly authTime: number
  readonly amr: readonly string[]
  /** The strongest factor besides the password that was proven now. */
  readonly factor?: ProvenFactor | undefined
  readonly ttl: number
  /** The current version of the secret `session-id`. A session that continues keeps its version. */
  readonly sidVersion: number
  /** The digest of the session cookie that the browser sent. */
  readonly replaces: Buffer | undefined
  /** Where the person signed in, for the list of sessions. */
  readonly caller?: SessionOrigin | undefined
}

/** Where a person signed in. */
export interface SessionOrigin {
  /** The address of the client. */
  readonly network?: string | undefined
  /** The User-Agent header, shortened. Anybody can send anything. */
  readonly userAgent?: string | undefined
}

export interface StartedSession {
  /** The browser's previous session of another account, which this sign-in has ended. */
  readonly replaced: { readonly id: SessionId; readonly sub: Sub } | undefined
  /** Whether it is not known yet who created the account (`decideSignedUp`). */
  readonly isOriginUnknown: boolean
  /** Whether nobody has signed in to the account in this browser before, but in another. */
  readonly isNewBrowser: boolean
}

/**
 * The maximum number of browsers that an account knows: the most recently used ones. No person has more, but a script that signs in without a cookie
 * appears as a new browser each time.
 */
const maxKnownBrowsers = 100

/**
 * Signs a browser in under a new cookie; the previous one becomes worthless. If the same person signs in again in the same browser, the session
 * continues, and so do the grants that are bound to it. A session of somebody else ends. The time of the sign-in is never later than the clock of
 * the database, because a time in the future would satisfy `prompt=login` and `max_age` without a password. From now on the account knows the
 * browser, even after the session has ended (known-browsers-store.ts).
 *
 * @returns undefined if the account has been disabled or deleted
 */
export async function insertSession(db: Queryable, session: NewSession): Promise<StartedSession | undefined> {
  const { rows } = await db.query<{
    id: SessionId | null
    sub: Sub | null
    is_origin_unknown: boolean
    is_new_browser: boolean
  }>({
    name: 'insert-session',
    // The row of the account is locked first, as everywhere else where both are locked.
    text: `WITH account AS (
             SELECT sub, epoch, session_epoch, signed_up IS NULL AS is_origin_unknown
             FROM accounts WHERE sub = $3 AND disabled_at IS NULL AND deleted_at IS NULL
             FOR NO KEY UPDATE
           ), renewed AS (
             UPDATE sessions SET digest = $1, browser_digest = $2, auth_time = least($4, clock_timestamp()), amr = $5, factor = $9,
               factor_time = CASE WHEN $9::text IS NOT NULL THEN least($4, clock_timestamp()) END, epoch = account.epoch, used_at = now(),
               expires_at = now() + make_interval(secs => $6), user_agent = $10, network = $11
             FROM account
             WHERE digest = $7 AND sessions.sub = account.sub AND ended_at IS NULL AND sessions.epoch >= account.session_epoch
             RETURNING id
           ), replaced AS (
             ${endSessionsSql('digest = $7 AND sessions.sub <> account.sub', { from: 'account' })} RETURNING sessions.id, sessions.sub
           ), started AS (
             INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, factor, factor_time, expires_at, epoch, sid_version, user_agent, network)
             SELECT $1, $2, account.sub, least($4, clock_timestamp()), $5, $9, CASE WHEN $9::text IS NOT NULL THEN least($4, clock_timestamp()) END,
               now() + make_interval(secs => $6), account.epoch, $8, $10, $11 FROM account
             WHERE NOT EXISTS (SELECT FROM renewed)
           ), known AS (
             INSERT INTO known_browsers (sub, browser_digest, used_at) SELECT account.sub, $2, now() FROM account
             ON CONFLICT (sub, browser_digest) DO UPDATE SET used_at = excluded.used_at
           ), forgotten AS (
             DELETE FROM known_browsers WHERE sub = (SELECT sub FROM account) AND browser_digest = ANY (ARRAY(
               SELECT browser_digest FROM known_browsers WHERE sub = (SELECT sub FROM account) AND browser_digest <> $2
               ORDER BY used_at DESC OFFSET ${maxKnownBrowsers - 1}))
           )
           SELECT replaced.id, replaced.sub, account.is_origin_unknown,
             -- As it was before this statement. An account whose sessions were all ended once has forgotten its browsers, but has had some.
             (account.epoch > 0 OR EXISTS (SELECT FROM known_browsers WHERE sub = account.sub))
               AND NOT EXISTS (SELECT FROM known_browsers WHERE sub = account.sub AND browser_digest = $2) AS is_new_browser
           FROM account LEFT JOIN replaced ON true`,
    values: [
      session.digest,
      session.browserDigest,
      session.sub,
      new Date(session.authTime),
      session.amr,
      session.ttl,
      session.replaces ?? null,
      session.sidVersion,
      session.factor ?? null,
      session.caller?.userAgent ?? null,
      session.caller?.network ?? null,
    ],
  })
  const [row] = rows
  if (!row) return undefined
  const { id, sub, is_origin_unknown: isOriginUnknown, is_new_browser: isNewBrowser } = row
  return { replaced: id === null || sub === null ? undefined : { id, sub }, isOriginUnknown, isNewBrowser }
}

/** A session in the list that its person sees. */
export interface ListedSession extends SessionOrigin {
  readonly id: SessionId
  readonly signedInAt: Date
  /** To the minute. */
  readonly usedAt: Date
}

/** The maximum number of sessions that are examined for a list. Someone who signs in with a script can have any number. */
const maxExamined = 1_000

/**
 * The live sessions of a person, the current one first, then by last use. If there are too many, only the newest are examined.
 *
 * @param idleTtl the idle timeout, in seconds
 * @param maxListed the maximum number of sessions in the list
 * @returns the list; `count`, the number of all live sessions; `isTruncated` if there may be more than that
 */
export async function listSessions(
  db: Queryable,
  sub: Sub,
  currentId: SessionId,
  idleTtl: number,
  maxListed: number,
): Promise<{ sessions: ListedSession[]; count: number; isTruncated: boolean }> {
  const { rows } = await db.query<{
    id: SessionId
    auth_time: Date
    used_at: Date
    user_agent: string | null
    network: string | null
    count: number
    looked_at: number
  }>({
    // Bounds rather than equality, so that the planner uses no other index for a person with a large number of sessions.
    text: `WITH newest AS (
             SELECT id, auth_time, used_at, user_agent, network, expires_at, epoch FROM sessions
             WHERE sub >= $1 AND (sub, id) <= ($1, ${Number.MAX_SAFE_INTEGER}) AND ended_at IS NULL AND id <> $2
             ORDER BY sub DESC, id DESC LIMIT $5
           ), alive AS (
             SELECT newest.* FROM (SELECT * FROM newest
                                   UNION ALL SELECT id, auth_time, used_at, user_agent, network, expires_at, epoch FROM sessions
                                   WHERE id = $2 AND sub = $1 AND ended_at IS NULL) AS newest
             JOIN accounts ON accounts.sub = $1 AND newest.epoch >= accounts.session_epoch
             WHERE expires_at > now() AND used_at > now() - make_interval(secs => $3)
           )
           SELECT id, auth_time, used_at, user_agent, network, (SELECT count(*) FROM alive) AS count,
             (SELECT count(*) FROM newest) AS looked_at
           FROM alive ORDER BY id = $2 DESC, used_at DESC, id DESC LIMIT $4`,
    values: [sub, currentId, idleTtl, maxListed, maxExamined],
  })
  const sessions = rows.map((row) => ({
    ...{ id: row.id, signedInAt: row.auth_time, usedAt: row.used_at },
    ...{ userAgent: row.user_agent ?? undefined, network: row.network ?? undefined },
  }))
  return { sessions, count: rows[0]?.count ?? 0, isTruncated: rows[0]?.looked_at === maxExamined }
}

/**
 * Locks an account and one of its sessions until the transaction ends, if the session is alive. Concurrent changes of one account are
 * handled one after another and see each other's results.
 *
 * @returns false if the session has ended
 */
export async function lockSession(tx: Queryable, sub: Sub, id: SessionId): Promise<boolean> {
  const { rowCount } = await tx.query({
    // After waiting for a lock, PostgreSQL checks the condition again on the new version of the rows.
    text: `SELECT FROM accounts JOIN sessions ON sessions.sub = accounts.sub
           WHERE accounts.sub = $1 AND sessions.id = $2 AND ${sessionAlive} FOR NO KEY UPDATE OF accounts, sessions`,
    values: [sub, id],
  })
  return rowCount === 1
}

/**
 * Gives a session a new cookie; the previous one becomes worthless.
 *
 * @returns the maximum remaining lifetime of the session, in seconds
 */
export async function renewSession(db: Queryable, id: SessionId, sessionDigest: Buffer): Promise<number> {
  const { rows } = await db.query<{ left: number }>({
    text: `UPDATE sessions SET digest = $2, used_at = now() WHERE id = $1
           RETURNING greatest(0, floor(extract(epoch FROM expires_at - now())))::float8 AS left`,
    values: [id, sessionDigest],
  })
  return rows[0]!.left
}

/** What a person has proven in a session that they had already. Times are in milliseconds since 1970. */
export interface RaisedSession {
  /** The digest of the new session cookie. */
  readonly digest: Buffer
  /** Authentication Method References of what was proven now (RFC 8176). */
  readonly amr: readonly string[]
  /** The strongest factor besides the password that was proven now. */
  readonly factor?: ProvenFactor | undefined
  /** When the password or a passkey was proven; undefined if only a code was: then the time of the sign-in stays. */
  readonly authTime: number | undefined
  /** When it was proven. Never later than the clock of the database, like `authTime`. */
  readonly provenAt: number
}

/** SQL: whether the factor of a session stays a passkey although a one-time code (`$5`) is proven: if it is fresh (`freshFor` in accounts/factors.ts). */
const staysPasskey = `(factor = 'passkey' AND $5 = 'totp' AND factor_time > now() - interval '10 minutes')`

/**
 * Adds to a session what its person has proven in addition, under a new cookie; the previous one becomes worthless. What was proven before still counts. One
 * exception: if the time of the sign-in changes, but the new proof alone is weaker than what was proven before, only the new one counts. Otherwise a
 * password that was typed now would make an old passkey look fresh.
 *
 * A fresh passkey stays the factor of the session if a one-time code is proven after it.
 *
 * @param tx a transaction that has locked the session, so that it is still alive
 * @returns the maximum remaining lifetime of the session, in seconds
 */
export async function raiseSession(tx: Queryable, id: SessionId, raised: RaisedSession): Promise<number> {
  const { digest, amr, factor, authTime, provenAt } = raised
  const { rows } = await tx.query<{ left: number }>({
    text: `UPDATE sessions SET digest = $2, used_at = now(),
             amr = CASE WHEN $4::timestamptz IS NOT NULL AND NOT $3::text[] @> ARRAY(SELECT unnest(amr) INTERSECT SELECT unnest('{pop,mfa}'::text[]))
               THEN $3 ELSE amr || ARRAY(SELECT method FROM unnest($3) WITH ORDINALITY AS proven (method, place)
                                         WHERE NOT method = ANY (amr) ORDER BY place) END,
             auth_time = CASE WHEN $4 IS NULL THEN auth_time ELSE least($4, clock_timestamp()) END,
             factor = CASE WHEN $5::text IS NULL OR ${staysPasskey} THEN factor ELSE $5 END,
             factor_time = CASE WHEN $5 IS NULL OR ${staysPasskey} THEN factor_time ELSE least($6, clock_timestamp()) END
           WHERE id = $1 RETURNING greatest(0, floor(extract(epoch FROM expires_at - now())))::float8 AS left`,
    values: [id, digest, amr, authTime === undefined ? null : new Date(authTime), factor ?? null, new Date(provenAt)],
  })
  return rows[0]!.left
}
