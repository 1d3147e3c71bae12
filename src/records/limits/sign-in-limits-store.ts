import type { Queryable } from '../../platform/database/queryable.ts'

/** A counter that starts again after each window of time. */
export interface Counter {
  readonly key: string
  /** The number that is allowed in a window. */
  readonly max: number
  /** The length of a window. */
  readonly seconds: number
}

/** The state of a window after the statement. */
export interface Window {
  readonly key: string
  /** The number counted in it. */
  readonly counted: number
  /** Whether this statement has counted in it. */
  readonly isNew: boolean
  /** Milliseconds until it ends. */
  readonly endsIn: number
}

/** Milliseconds since 1970, by the clock of the database, because the clocks of the nodes may disagree. */
const now = '(extract(epoch FROM now()) * 1000)::bigint'

/**
 * Counts one in each of several windows, and starts those that do not exist or are over. If one of them has already exceeded its limit,
 * nothing is written at all. So each window counts at most one more than it allows; only concurrent statements can add more. Atomic for each
 * window: of any number of concurrent statements, `max` get a number up to `max`.
 *
 * A window that ends later than possible was started while a clock was wrong, and counts as over. So nobody is locked out for longer than two
 * windows.
 *
 * @returns the windows that were counted in; if nothing was written, the windows that were full
 */
export async function countAll(db: Queryable, counters: readonly Counter[]): Promise<readonly Window[]> {
  const isOver = `(counted.expire IS NULL OR counted.expire <= ${now} OR counted.expire > 2 * EXCLUDED.expire - ${now})`
  const { rows } = await db.query<Window>({
    name: 'count-all',
    // Rows are locked in the order of their keys, as in `settleSuccess`, so that two statements cannot deadlock.
    text: `WITH asked AS (
             SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS asked (key, most, seconds)
           ), found AS MATERIALIZED (
             -- By key only: with a condition on the time here, the planner could use the index on the time.
             SELECT rate_limits.key, points, most, expire, seconds FROM asked JOIN rate_limits ON rate_limits.key = asked.key
           ), closed AS (
             SELECT * FROM found WHERE points > most AND expire > ${now} AND expire <= ${now} + 2 * seconds * 1000
           ), counted AS (
             INSERT INTO rate_limits AS counted (key, points, expire)
             SELECT key, 1, ${now} + seconds * 1000 FROM asked WHERE NOT EXISTS (SELECT FROM closed) ORDER BY key COLLATE "C"
             ON CONFLICT (key) DO UPDATE SET
               points = CASE WHEN ${isOver} THEN 1 ELSE counted.points + 1 END,
               expire = CASE WHEN ${isOver} THEN EXCLUDED.expire ELSE counted.expire END
             RETURNING key, points, expire
           )
           -- A statement that had to wait for a row may have started before the window did.
           SELECT key, points AS counted, is_new AS "isNew", least(seconds * 1000, greatest(0, expire - ${now})) AS "endsIn"
           FROM (SELECT counted.key, points, true AS is_new, expire, seconds FROM counted JOIN asked ON asked.key = counted.key
                 UNION ALL SELECT key, points, false, expire, seconds FROM closed) AS windows`,
    values: [counters.map(({ key }) => key), counters.map(({ max }) => max), counters.map(({ seconds }) => seconds)],
  })
  return rows
}

/** How long an account waits after many consecutive failures. */
export interface Backoff {
  /** The number of consecutive failures before the first wait. */
  readonly free: number
  /** The wait after the last of them, in seconds. It doubles after each further failure. */
  readonly firstWait: number
  /** The longest wait, in seconds. */
  readonly maxWait: number
}

/** An attempt that was claimed. `settleSuccess` identifies it by this. */
export interface Claim {
  readonly key: string
  /** The number of consecutive failures, including this attempt. */
  readonly failures: number
}

/**
 * Claims one attempt at an account, and counts it as a failure until it is settled. The password of the account must not be checked before
 * that. Atomic: of any number of concurrent attempts, `free` are allowed, then one for each wait. After a day without a failure the count starts
 * again. A wait that ends later than possible was set while a clock was wrong, and counts as over.
 *
 * @returns undefined while the account is waiting; nothing was counted then
 */
export async function claimAttempt(db: Queryable, key: string, backoff: Backoff): Promise<Claim | undefined> {
  const isForgotten = `counted.failed_at < now() - interval '1 day'`
  const { rows } = await db.query<Claim>({
    name: 'claim-attempt',
    text: `INSERT INTO failed_sign_ins AS counted (key, failures, failed_at, next_at) VALUES ($1, 1, now(), now())
           ON CONFLICT (key) DO UPDATE SET
             failures = CASE WHEN ${isForgotten} THEN 1 ELSE counted.failures + 1 END,
             failed_at = now(),
             next_at = CASE WHEN counted.failures + 1 < $2 OR ${isForgotten} THEN now()
                       ELSE now() + make_interval(secs => least($4, $3 * power(2, least(counted.failures + 1 - $2, 20)))) END
           WHERE counted.failures < $2 OR counted.next_at <= now() OR counted.next_at > now() + make_interval(secs => $4)
           RETURNING key, failures`,
    values: [key, backoff.free, backoff.firstWait, backoff.maxWait],
  })
  return rows[0]
}

/** The number of consecutive failures that a success always forgives. */
const alwaysForgiven = 10

/** How many failures of an account are undone per day because the password belonged to another account with the same address. */
const maxUndonePerDay = 10

/** What a correct password settles. */
export interface Success {
  /** Windows whose count is reduced by one, unless a failure at another account stays counted. */
  readonly undone: readonly string[]
  /** Windows that are reset. */
  readonly cleared: readonly string[]
  /** Claims at other accounts, for which the password was wrong. */
  readonly others: readonly Claim[]
  /** The claim at the account that the password belongs to. */
  readonly proven: Claim | undefined
}

/**
 * Undoes what was counted before a password turned out to be correct.
 *
 * - For the account that the password belongs to, up to ten failures are always forgiven, and any number once a day. Otherwise a patient
 *   attacker would gain a hundred guesses each time the owner signs in.
 * - For other accounts with the same address, up to ten failures a day are undone, so that people who share an address do not use up each
 *   other's attempts. It is limited because somebody can create accounts with the victim's address, and use each guess as the password of one.
 *   Above the limit the failure stays counted, and so does what was counted for network and name.
 *
 * @returns the keys of other accounts whose failure stays counted
 */
export async function settleSuccess(db: Queryable, success: Success): Promise<readonly string[]> {
  const { undone, cleared, others, proven } = success
  const claims = proven ? [...others, proven] : others
  const { rows } = await db.query<{ key: string; stays: boolean }>({
    name: 'settle-success',
    // Rows are locked in the order of their keys, and those of accounts first, so that two statements cannot deadlock.
    text: `WITH claims AS MATERIALIZED (
             SELECT held.key, claimed.failures AS claimed, held.key = $5 AS is_proven,
               held.key = $5 AND (held.failures <= ${alwaysForgiven}
                 OR coalesce(forgiven_at NOT BETWEEN now() - interval '1 day' AND now(), true)) AS forgives,
               coalesce(taken_back_since BETWEEN now() - interval '1 day' AND now(), false) AS is_same_day,
               coalesce(taken_back < ${maxUndonePerDay} OR taken_back_since NOT BETWEEN now() - interval '1 day' AND now(), true) AS is_free
             FROM unnest($3::text[], $4::integer[]) AS claimed (key, failures) JOIN failed_sign_ins AS held ON held.key = claimed.key
             ORDER BY held.key FOR UPDATE OF held
           ), windows AS (
             SELECT key FROM rate_limits
             WHERE key = ANY ($1) AND (key = ANY ($2) OR (SELECT coalesce(bool_and(is_proven OR is_free), true) FROM claims))
             ORDER BY key COLLATE "C" FOR UPDATE
           ), settled AS (
             UPDATE rate_limits
             SET points = CASE WHEN rate_limits.key = ANY ($2) THEN 0 WHEN points > 0 AND expire > ${now} THEN points - 1 ELSE points END
             FROM windows WHERE rate_limits.key = windows.key
           )
           UPDATE failed_sign_ins SET
             failures = CASE WHEN forgives THEN 0 WHEN is_proven OR is_free THEN greatest(0, failures - 1) ELSE failures END,
             -- The wait started with this claim, unless another attempt has been allowed since.
             next_at = CASE WHEN forgives OR ((is_proven OR is_free) AND failures = claimed) THEN now() ELSE next_at END,
             forgiven_at = CASE WHEN forgives AND failures > ${alwaysForgiven} THEN now() ELSE forgiven_at END,
             taken_back = CASE WHEN is_proven OR NOT is_free THEN taken_back WHEN is_same_day THEN taken_back + 1 ELSE 1 END,
             taken_back_since = CASE WHEN is_proven OR NOT is_free OR is_same_day THEN taken_back_since ELSE now() END
           FROM claims WHERE failed_sign_ins.key = claims.key
           RETURNING failed_sign_ins.key, NOT (is_proven OR is_free) AS stays`,
    values: [
      [...undone, ...cleared],
      cleared,
      claims.map(({ key }) => key),
      claims.map(({ failures }) => failures),
      proven?.key ?? null,
    ],
  })
  return rows.filter(({ stays }) => stays).map(({ key }) => key)
}

/** Undoes what was counted for an attempt whose password was not checked after all. */
export async function undoCounts(db: Queryable, windows: readonly string[], claim: Claim | undefined): Promise<void> {
  await db.query({
    name: 'take-back',
    // Locked in the same order as in `settleSuccess`.
    text: `WITH claimed AS MATERIALIZED (
             SELECT key FROM failed_sign_ins WHERE key = $2 FOR UPDATE
           ), windows AS (
             SELECT key FROM rate_limits WHERE key = ANY ($1) AND (SELECT count(*) FROM claimed) >= 0
             ORDER BY key COLLATE "C" FOR UPDATE
           ), settled AS (
             UPDATE rate_limits SET points = CASE WHEN points > 0 AND expire > ${now} THEN points - 1 ELSE points END
             FROM windows WHERE rate_limits.key = windows.key
           )
           UPDATE failed_sign_ins SET failures = greatest(0, failures - 1),
             next_at = CASE WHEN failures = $3 THEN now() ELSE next_at END
           FROM claimed WHERE failed_sign_ins.key = claimed.key`,
    values: [windows, claim?.key ?? null, claim?.failures ?? 0],
  })
}

/** Resets windows and the consecutive failures at an account, no matter how many there are. */
export async function forgetFailures(db: Queryable, windows: readonly string[], account: string): Promise<void> {
  await db.query({
    name: 'forget-failures',
    // Locked in the same order as in `settleSuccess`.
    text: `WITH held AS MATERIALIZED (
             SELECT key FROM failed_sign_ins WHERE key = $2 FOR UPDATE
           ), windows AS (
             SELECT key FROM rate_limits WHERE key = ANY ($1) AND (SELECT count(*) FROM held) >= 0
             ORDER BY key COLLATE "C" FOR UPDATE
           ), reset AS (
             UPDATE rate_limits SET points = 0 FROM windows WHERE rate_limits.key = windows.key
           )
           UPDATE failed_sign_ins SET failures = 0, next_at = now() FROM held WHERE failed_sign_ins.key = held.key`,
    values: [windows, account],
  })
}

/** Resets windows. */
export async function resetWindows(db: Queryable, windows: readonly string[]): Promise<void> {
  await db.query({
    name: 'reset-windows',
    // Locked in the same order as in `settleSuccess`.
    text: `WITH windows AS (
             SELECT key FROM rate_limits WHERE key = ANY ($1) ORDER BY key COLLATE "C" FOR UPDATE
           )
           UPDATE rate_limits SET points = 0 FROM windows WHERE rate_limits.key = windows.key`,
    values: [windows],
  })
}
