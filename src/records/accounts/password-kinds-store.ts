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
  readonly kinds: readonly ImportedKind[]
}

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
           )
           SELECT encode(key, 'hex') AS key, coalesce((SELECT others FROM raised), others) AS others,
             (SELECT coalesce(jsonb_agg(imported_passwords ORDER BY kind), '[]') FROM imported_passwords) AS kinds
           FROM password_dummies`,
  })
  return rows[0] ?? { key: '', others: 0, kinds: [] }
}
