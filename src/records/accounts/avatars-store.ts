import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/*
 * The pictures that people have uploaded, one for each account. The claim `picture` of the account holds the URL, which ends with `/avatars/` and the id. If it
 * holds another one, the picture is not served: an operator, or an earlier release, may have replaced the claim.
 */

/** SQL: whether an account's claim is the URL of the picture in a row of account_avatars. */
const isInUse = `right(accounts.picture, length('/avatars/' || account_avatars.id)) = '/avatars/' || account_avatars.id`

/**
 * Stores a picture in place of the previous one, with its URL as the claim. Sets `updated_at` (OpenID Connect Core §5.1).
 *
 * @param id random, never used before: the picture of a URL never changes
 */
export async function replaceAvatar(
  db: Queryable,
  sub: Sub,
  { id, image, url }: { readonly id: string; readonly image: Buffer; readonly url: string },
): Promise<void> {
  await db.query({
    text: `WITH stored AS (
             INSERT INTO account_avatars (sub, id, image) VALUES ($1, $2, $3)
             ON CONFLICT (sub) DO UPDATE SET id = excluded.id, image = excluded.image, created_at = now()
           )
           UPDATE accounts SET picture = $4, updated_at = now() WHERE sub = $1`,
    values: [sub, id, image, url],
  })
}

/**
 * Removes the picture and the claim, wherever that leads.
 *
 * @returns false if there was no claim
 */
export async function deleteAvatar(db: Queryable, sub: Sub): Promise<boolean> {
  const { rowCount } = await db.query({
    text: `WITH gone AS (DELETE FROM account_avatars WHERE sub = $1)
           UPDATE accounts SET picture = NULL, updated_at = now() WHERE sub = $1 AND picture IS NOT NULL`,
    values: [sub],
  })
  return rowCount === 1
}

/** Removes the picture of an account whose claim leads elsewhere now. */
export async function deleteUnusedAvatar(db: Queryable, sub: Sub): Promise<void> {
  await db.query({
    text: `DELETE FROM account_avatars USING accounts
           WHERE account_avatars.sub = $1 AND accounts.sub = $1 AND (${isInUse}) IS NOT TRUE`,
    values: [sub],
  })
}

/** A picture by its id: WebP. Undefined if there is none, or if it is not in use any more. */
export async function findAvatar(db: Queryable, id: string): Promise<Buffer | undefined> {
  const { rows } = await db.query<{ image: Buffer }>({
    name: 'find-avatar',
    text: `SELECT image FROM account_avatars JOIN accounts ON accounts.sub = account_avatars.sub
           WHERE account_avatars.id = $1 AND ${isInUse}`,
    values: [id],
  })
  return rows[0]?.image
}
