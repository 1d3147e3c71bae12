import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/**
 * Makes the links and codes that were sent for an account useless: those that verify an address, its own or one that it was going to change to, and
 * those that recover the account. Somebody else may have asked for them. A change of address that an attacker began must not be confirmed after the
 * person has set a new password (Sudhodanan and Paverd, USENIX Security 2022: unexpired e-mail change).
 *
 * Links that undo a change of address stay valid: a thief could otherwise get rid of them.
 *
 * @param tx a transaction that has locked the account, so that no link is being used
 */
export async function voidOpenLinks(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({
    text: `WITH verifications AS (
             UPDATE email_verifications SET spent_at = now() WHERE sub = $1 AND spent_at IS NULL
           )
           UPDATE account_recoveries SET spent_at = now() WHERE sub = $1 AND spent_at IS NULL`,
    values: [sub],
  })
}
