import type { Queryable } from './queryable.ts'

/**
 * Waits for the lock under which an installation is set up: of several nodes that start at once, one makes keys and secrets and
 * the others find them. It is let go of when the transaction ends.
 */
export async function lockInstallation(tx: Queryable): Promise<void> {
  await tx.query({ text: `SELECT pg_advisory_xact_lock(hashtext('signet-installation'), hashtext(current_schema()))` })
}

/** The issuer on record; `issuer` becomes it where there is none. */
export async function recordIssuer(tx: Queryable, issuer: string): Promise<string> {
  const { rows } = await tx.query<{ issuer: string }>({
    text: `WITH recorded AS (INSERT INTO installation (issuer) VALUES ($1) ON CONFLICT DO NOTHING RETURNING issuer)
           SELECT issuer FROM recorded UNION ALL SELECT issuer FROM installation LIMIT 1`,
    values: [issuer],
  })
  return rows[0]!.issuer
}
