import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/** The password of somebody who is signed in, to be asked for once more. */
export interface StoredPassword {
  /** In PHC form; undefined where the account has none. */
  readonly passwordHash: string | undefined
  /** Whether the account knows the browser (known-browsers-store.ts). */
  readonly knownHere: boolean
}

/** @param browserDigest of the browser's cookie */
export async function findPassword(db: Queryable, sub: Sub, browserDigest: Buffer): Promise<StoredPassword> {
  const { rows } = await db.query<{ secret: string | null; known_here: boolean }>({
    text: `SELECT (SELECT secret FROM account_credentials WHERE sub = $1 AND kind = 'password') AS secret,
             EXISTS (SELECT FROM known_browsers WHERE sub = $1 AND browser_digest = $2) AS known_here`,
    values: [sub, browserDigest],
  })
  return { passwordHash: rows[0]?.secret ?? undefined, knownHere: rows[0]?.known_here ?? false }
}

/**
 * Keeps an account and its password as they are until the transaction ends. False where the password is another by now: what was proven
 * with the old one proves nothing any more.
 */
export async function holdPassword(tx: Queryable, sub: Sub, passwordHash: string): Promise<boolean> {
  const { rowCount } = await tx.query({
    name: 'hold-password',
    // The account first, as everybody does who changes a password: in another order two could wait for each other.
    text: `SELECT FROM accounts JOIN account_credentials ON account_credentials.sub = accounts.sub
           WHERE accounts.sub = $1 AND kind = 'password' AND secret = $2
           FOR NO KEY UPDATE OF accounts FOR SHARE OF account_credentials`,
    values: [sub, passwordHash],
  })
  return rowCount === 1
}

/** Puts one password hash in the place of another. Of any number who replace the same one, one does; false for the others. */
export async function replacePasswordHash(db: Queryable, sub: Sub, from: string, to: string): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `UPDATE account_credentials SET secret = $3, updated_at = now()
           WHERE sub = $1 AND kind = 'password' AND secret = $2`,
    values: [sub, from, to],
  })
  return rowCount === 1
}
