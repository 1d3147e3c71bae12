import type { Lock } from './locked-transaction.ts'
import type { Queryable } from './queryable.ts'

/**
 * Held while an installation is set up or its master key is replaced: if several nodes start at once, one creates the secrets and
 * the others find them.
 */
export const installationLock: Lock = {
  purpose: 'setting up this installation',
  tryLock: async (tx) => {
    const { rows } = await tx.query<{ locked: boolean }>({
      text: `SELECT pg_try_advisory_xact_lock(hashtext('signet-installation'), hashtext(current_schema())) AS locked`,
    })
    return rows[0]!.locked
  },
}

/** The recorded issuer; undefined before the first start. Read-only. */
export async function readIssuerOnRecord(db: Queryable): Promise<string | undefined> {
  const { rows } = await db.query<{ issuer: string }>({ text: 'SELECT issuer FROM installation' })
  return rows[0]?.issuer
}

/** The salt of pairwise subjects; undefined before the first start. Read-only. */
export async function readSubjectSalt(db: Queryable): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ subject_salt: Buffer }>({ text: 'SELECT subject_salt FROM installation' })
  return rows[0]?.subject_salt
}

/** Returns the recorded issuer; records `issuer` if there is none. */
export async function recordIssuer(tx: Queryable, issuer: string): Promise<string> {
  const { rows } = await tx.query<{ issuer: string }>({
    text: `WITH recorded AS (INSERT INTO installation (issuer) VALUES ($1) ON CONFLICT DO NOTHING RETURNING issuer)
           SELECT issuer FROM recorded UNION ALL SELECT issuer FROM installation LIMIT 1`,
    values: [issuer],
  })
  return rows[0]!.issuer
}
