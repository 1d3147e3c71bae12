import type { Queryable } from '../../platform/database/queryable.ts'

/** How many passwords of a kind were imported, and how many of them have not been replaced yet. */
export interface ImportedKind {
  readonly kind: string
  readonly imported: number
  readonly remaining: number
}

export interface KindsOnRecord {
  readonly key: string
  /** About how many passwords were not imported. */
  readonly others: number
  /** At most `maxKinds`. */
  readonly kinds: readonly ImportedKind[]
}

/**
 * Some systems give every person another number of iterations. Each kind costs a hash of the name at each sign-in with a name that nobody has, so the
 * rarest count as the most frequent one, which keeps the proportion of imported passwords.
 */
const maxKinds = 64

/**
 * Reads how many passwords of which kind were imported. The number of others is estimated, from what PostgreSQL knows about the table: counting them
 * exactly would make sign-ups wait for each other. It is only ever raised, by a tenth or more at a time, because names that nobody has must not
 * change their kind back and forth with an estimate.
 */
export async function readPasswordKinds(db: Queryable): Promise<KindsOnRecord> {
  const { rows } = await db.query<KindsOnRecord>({
    name: 'read-password-kinds',
    text: `WITH estimate AS (
             SELECT reltuples - coalesce((SELECT sum(imported) FROM imported_passwords), 0) AS others
             FROM pg_class WHERE oid = 'account_credentials'::regclass
           ), raised AS (
             UPDATE password_dummies SET others = estimate.others FROM estimate
             WHERE estimate.others >= greatest(1, password_dummies.others * 1.1)
               AND EXISTS (SELECT FROM imported_passwords)
             RETURNING password_dummies.others
           ), ranked AS (
             SELECT *, row_number() OVER frequency AS place, first_value(kind) OVER frequency AS commonest FROM imported_passwords
             WINDOW frequency AS (ORDER BY imported DESC, kind)
           ), counted AS (
             SELECT CASE WHEN place <= $1 THEN kind ELSE commonest END AS kind, sum(imported) AS imported, sum(remaining) AS remaining
             FROM ranked GROUP BY 1
           )
           SELECT encode(key, 'hex') AS key, coalesce((SELECT others FROM raised), others) AS others,
             (SELECT coalesce(jsonb_agg(counted ORDER BY kind), '[]') FROM counted) AS kinds
           FROM password_dummies`,
    values: [maxKinds],
  })
  return rows[0] ?? { key: '', others: 0, kinds: [] }
}
