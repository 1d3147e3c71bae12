import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/** Something that a person can prove themselves with. */
export interface Credential {
  readonly id: number
  /** A `CredentialKind`, or a kind that a later release adds. */
  readonly kind: string
  readonly createdAt: Date
  /**
   * When the account got the first of the factors that have vouched for each other up to this one (sql/024.do.factors.sql). Undefined: it had no
   * password then, or this is the password.
   */
  readonly factorsSince: Date | undefined
}

/** The credentials of an account, the oldest first. */
export async function listCredentials(db: Queryable, sub: Sub): Promise<readonly Credential[]> {
  const { rows } = await db.query<{ id: number; kind: string; created_at: Date; factors_since: Date | null }>({
    text: `SELECT id, kind, created_at, nullif(factors_since, '-infinity') AS factors_since
           FROM account_credentials WHERE sub = $1 ORDER BY id`,
    values: [sub],
  })
  return rows.map(({ id, kind, created_at, factors_since }) => ({
    ...{ id, kind, createdAt: created_at },
    factorsSince: factors_since ?? undefined,
  }))
}

/** The id of the newest credential that an account had before a moment; 0 if it had none. */
export async function newestCredentialBefore(db: Queryable, sub: Sub, at: Date): Promise<number> {
  const { rows } = await db.query<{ newest: number }>({
    text: 'SELECT coalesce(max(id), 0)::bigint AS newest FROM account_credentials WHERE sub = $1 AND created_at < $2',
    values: [sub, at],
  })
  return rows[0]?.newest ?? 0
}

/**
 * Removes the password of an account and whatever was added after a credential.
 *
 * @param newest the id of the newest credential to keep
 * @returns the kinds of what was removed, the oldest first
 */
export async function removeCredentialsSince(tx: Queryable, sub: Sub, newest: number): Promise<readonly string[]> {
  const { rows } = await tx.query<{ kind: string }>({
    text: `WITH removed AS (
             DELETE FROM account_credentials WHERE sub = $1 AND (id > $2 OR kind = 'password') RETURNING id, kind
           )
           SELECT kind FROM removed ORDER BY id`,
    values: [sub, newest],
  })
  return rows.map(({ kind }) => kind)
}

/** Removes credentials of an account other than its password. Those of other accounts are not affected. */
export async function removeCredentials(tx: Queryable, sub: Sub, ids: readonly number[]): Promise<void> {
  await tx.query({
    text: `DELETE FROM account_credentials WHERE sub = $1 AND kind <> 'password' AND id = ANY ($2)`,
    values: [sub, ids],
  })
}
