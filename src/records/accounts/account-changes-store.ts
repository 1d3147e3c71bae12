import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'
import { descriptiveClaims, type Profile } from './account.ts'
import { type TakenName, unlessTaken } from './accounts-store.ts'

/** A profile without the user name, which the person signs in with. */
export type Description = Omit<Profile, 'username'>

/**
 * Replaces the description of a person; omitted members are deleted. A changed telephone number becomes unverified. Sets `updated_at` (OpenID
 * Connect Core §5.1).
 */
export async function replaceDescription(db: Queryable, sub: Sub, description: Description): Promise<void> {
  await db.query({
    text: `UPDATE accounts SET updated_at = now(), address = $2,
             phone_number_verified = phone_number_verified AND phone_number IS NOT DISTINCT FROM $3,
             phone_number = $3, ${descriptiveClaims.map((column, index) => `${column} = $${index + 4}`).join(', ')}
           WHERE sub = $1`,
    values: [
      sub,
      description.address ? JSON.stringify(description.address) : null,
      description.phone_number ?? null,
      ...descriptiveClaims.map((column) => description[column] ?? null),
    ],
  })
}

/**
 * Replaces the names that a person signs in with; undefined removes a name. A new address is unverified. An address that differs only in case
 * (A to Z) is the same address.
 *
 * @param tx a transaction, because this takes several statements
 * @param names in canonical form, or as they are stored
 * @returns the name that somebody else has, if any; then the transaction must be rolled back
 */
export async function replaceSignInNames(
  tx: Queryable,
  sub: Sub,
  names: { readonly username: string | undefined; readonly email: string | undefined },
): Promise<'done' | TakenName> {
  // This comes first because it locks the account, so concurrent changes of the address wait here.
  const renamed = tx.query({
    text: 'UPDATE accounts SET updated_at = now(), username = $2 WHERE sub = $1',
    values: [sub, names.username ?? null],
  })
  const outcome = await unlessTaken(renamed)
  if (outcome !== 'done') return outcome
  const email = names.email ?? null
  await tx.query({
    text: `DELETE FROM account_emails
           WHERE sub = $1 AND CASE WHEN is_primary THEN lower(email COLLATE "C") IS DISTINCT FROM lower($2 COLLATE "C")
                                   ELSE lower(email COLLATE "C") = lower($2 COLLATE "C") END`,
    values: [sub, email],
  })
  if (email === null) return 'done'
  const moved = tx.query({
    text: `INSERT INTO account_emails (sub, email) VALUES ($1, $2)
           ON CONFLICT (sub, lower(email COLLATE "C")) DO UPDATE SET email = excluded.email`,
    values: [sub, email],
  })
  return unlessTaken(moved)
}

/**
 * Marks the primary address as verified or unverified. If it is already verified, the time of verification stays the same.
 *
 * @returns `email_taken` if another account has verified the address; nothing was changed, and the transaction must be rolled back
 */
export async function markEmail(db: Queryable, sub: Sub, isVerified: boolean): Promise<'done' | TakenName> {
  const marked = db.query({
    text: `WITH marked AS (
             UPDATE account_emails SET verified_at = CASE WHEN $2 THEN now() END
             WHERE sub = $1 AND is_primary AND (verified_at IS NOT NULL) <> $2 RETURNING sub
           )
           UPDATE accounts SET updated_at = now() WHERE sub IN (SELECT sub FROM marked)`,
    values: [sub, isVerified],
  })
  return unlessTaken(marked)
}
