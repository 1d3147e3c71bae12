import type { Queryable } from '../../platform/database/queryable.ts'

/** What is left of an allowance. */
export interface Allowance {
  /** How many have been counted in this window, this one among them. */
  readonly counted: number
  /** Milliseconds until the window ends. */
  readonly endsIn: number
}

/** Milliseconds since 1970, by the database: the machines that count may disagree about the time. */
const now = '(extract(epoch FROM now()) * 1000)::bigint'

/**
 * Counts one more in the window of a key, and begins a window where there is none. Atomic, whoever races. A window that ends later than
 * any can was begun while a clock was wrong, and counts as over: nobody is locked out for longer than two windows.
 *
 * @param seconds that a window lasts
 */
export async function countOne(db: Queryable, key: string, seconds: number): Promise<Allowance> {
  const isOver = `(counted.expire IS NULL OR counted.expire <= ${now} OR counted.expire > EXCLUDED.expire + $2 * 1000)`
  const { rows } = await db.query<Allowance>({
    name: 'count-one',
    text: `INSERT INTO rate_limits AS counted (key, points, expire) VALUES ($1, 1, ${now} + $2::bigint * 1000)
           ON CONFLICT (key) DO UPDATE SET
             points = CASE WHEN ${isOver} THEN 1 ELSE counted.points + 1 END,
             expire = CASE WHEN ${isOver} THEN EXCLUDED.expire ELSE counted.expire END
           -- Whoever had to wait for the row may have begun before the window did.
           RETURNING points AS counted, least($2::bigint * 1000, greatest(0, expire - ${now})) AS "endsIn"`,
    values: [key, seconds],
  })
  return rows[0]!
}

/** Takes one back, in the window that is open. */
export async function takeOneBack(db: Queryable, key: string): Promise<void> {
  await db.query({
    name: 'take-one-back',
    // The key alone finds the row: a condition on `expire` could have the planner go through the index of that.
    text: `UPDATE rate_limits SET points = points - CASE WHEN points > 0 AND expire > ${now} THEN 1 ELSE 0 END WHERE key = $1`,
    values: [key],
  })
}

/** Takes all back. */
export async function forgetCount(db: Queryable, key: string): Promise<void> {
  await db.query({ name: 'forget-count', text: 'DELETE FROM rate_limits WHERE key = $1', values: [key] })
}
