import type { Queryable } from '../../platform/database/queryable.ts'

/** A window to count one in. */
export interface Counter {
  readonly key: string
  /** How many are allowed in a window. */
  readonly most: number
  /** That a window lasts. */
  readonly seconds: number
}

/** A window after the statement. */
export interface Window {
  readonly key: string
  /** How many were counted in it. */
  readonly counted: number
  /** Whether this statement counted one of them. */
  readonly isNew: boolean
  /** Milliseconds until it ends. */
  readonly endsIn: number
}

/** Milliseconds since 1970, by the database: the machines that count may disagree about the time. */
const now = '(extract(epoch FROM now()) * 1000)::bigint'

/**
 * Counts one in each of several windows, and begins those that are missing or over. If more than allowed were counted in one of them
 * already, nothing is written at all. So each window counts at most one more than it allows, whatever comes; only statements that race
 * can add more. Atomic for each window: of any number that race, `most` are told a number up to `most`.
 *
 * A window that ends later than any can was begun while a clock was wrong, and counts as over: nobody is locked out for longer than two
 * windows.
 *
 * @returns the windows that were counted in; or, if nothing was written, those that had no room
 */
export async function countAll(db: Queryable, counters: readonly Counter[]): Promise<readonly Window[]> {
  const isOver = `(counted.expire IS NULL OR counted.expire <= ${now} OR counted.expire > 2 * EXCLUDED.expire - ${now})`
  const { rows } = await db.query<Window>({
    name: 'count-all',
    // Rows are locked in the order of their keys, as in `settleSuccess`: two statements cannot wait for each other.
    text: `WITH asked AS (
             SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS asked (key, most, seconds)
           ), found AS MATERIALIZED (
             -- By the key alone: with a condition on the moment here, the planner could go through the index of that.
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
           -- A statement that had to wait for a row may have begun before the window did.
           SELECT key, points AS counted, is_new AS "isNew", least(seconds * 1000, greatest(0, expire - ${now})) AS "endsIn"
           FROM (SELECT counted.key, points, true AS is_new, expire, seconds FROM counted JOIN asked ON asked.key = counted.key
                 UNION ALL SELECT key, points, false, expire, seconds FROM closed) AS windows`,
    values: [counters.map(({ key }) => key), counters.map(({ most }) => most), counters.map(({ seconds }) => seconds)],
  })
  return rows
}

/** When an account that has failed very often is looked at again. */
export interface Pace {
  /** Failures in a row that are free of any wait. */
  readonly free: number
  /** Seconds to wait after the last of them; twice as long after each further one. */
  readonly firstWait: number
  /** Seconds that a wait lasts at most. */
  readonly longestWait: number
}

/** How many failures in a row there are, the one that was just claimed among them. It names the claim to `settleSuccess`. */
export interface Claim {
  readonly key: string
  readonly failures: number
}

/**
 * Claims one attempt at an account, and counts it as a failure until it is settled. Before that, nothing of the account's password may
 * be looked at. Atomic: of any number that race, `free` are let through, then one for each wait. After a day without a failure the count
 * starts again. A wait that ends later than any can was set while a clock was wrong, and counts as over.
 *
 * @returns undefined while the account waits; nothing was counted then
 */
export async function claimAttempt(db: Queryable, key: string, pace: Pace): Promise<Claim | undefined> {
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
    values: [key, pace.free, pace.firstWait, pace.longestWait],
  })
  return rows[0]
}

/** Failures in a row that a success forgives at any time. */
const few = 10

/** Failures of an account that are taken back in a day because the password was another account's with the same address. */
const othersADay = 10

/** What a right password settles. */
export interface Success {
  /** Windows in which one is taken back, unless a failure at another account stays. */
  readonly takenBack: readonly string[]
  /** Windows that start again. */
  readonly cleared: readonly string[]
  /** Claims at other accounts, which the password was wrong for. */
  readonly others: readonly Claim[]
  /** The claim at the account whose password it was: its failures are forgiven. */
  readonly proven: Claim | undefined
}

/**
 * Takes back what was counted before a password turned out to be right.
 *
 * - Of the account whose password it was, a few failures are forgiven at any time, and all of them once a day: somebody who guesses
 *   patiently must not gain a hundred guesses each time that the owner signs in.
 * - At other accounts with the same address, a few failures a day are taken back, so that people who share an address do not use up each
 *   other's. No more than a few: somebody can make accounts with the victim's address, and give them each guess as their password.
 *   Beyond that the failure stays, and so does what was counted for network and name.
 *
 * @returns the keys of other accounts whose failure stays
 */
export async function settleSuccess(db: Queryable, success: Success): Promise<readonly string[]> {
  const { takenBack, cleared, others, proven } = success
  const claims = proven ? [...others, proven] : others
  const { rows } = await db.query<{ key: string; stays: boolean }>({
    name: 'settle-success',
    // Rows are locked in the order of their keys, and those of accounts first: no two statements can wait for each other.
    text: `WITH claims AS MATERIALIZED (
             SELECT held.key, claimed.failures AS claimed, held.key = $5 AS is_proven,
               held.key = $5 AND (held.failures <= ${few}
                 OR coalesce(forgiven_at NOT BETWEEN now() - interval '1 day' AND now(), true)) AS forgives,
               coalesce(taken_back_since BETWEEN now() - interval '1 day' AND now(), false) AS is_same_day,
               coalesce(taken_back < ${othersADay} OR taken_back_since NOT BETWEEN now() - interval '1 day' AND now(), true) AS is_free
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
             -- The wait began with this claim, unless another attempt has been let through since.
             next_at = CASE WHEN forgives OR ((is_proven OR is_free) AND failures = claimed) THEN now() ELSE next_at END,
             forgiven_at = CASE WHEN forgives AND failures > ${few} THEN now() ELSE forgiven_at END,
             taken_back = CASE WHEN is_proven OR NOT is_free THEN taken_back WHEN is_same_day THEN taken_back + 1 ELSE 1 END,
             taken_back_since = CASE WHEN is_proven OR NOT is_free OR is_same_day THEN taken_back_since ELSE now() END
           FROM claims WHERE failed_sign_ins.key = claims.key
           RETURNING failed_sign_ins.key, NOT (is_proven OR is_free) AS stays`,
    values: [
      [...takenBack, ...cleared],
      cleared,
      claims.map(({ key }) => key),
      claims.map(({ failures }) => failures),
      proven?.key ?? null,
    ],
  })
  return rows.filter(({ stays }) => stays).map(({ key }) => key)
}

/** Takes back what was counted for an attempt whose password was not looked at after all. */
export async function takeBack(db: Queryable, windows: readonly string[], claim: Claim | undefined): Promise<void> {
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
