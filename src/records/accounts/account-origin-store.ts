import type { Queryable } from '../../platform/database/queryable.ts'
import type { Sub } from '../ids.ts'

/**
 * Decides who created an account of an earlier release, which did not store it: the person, on the sign-up page, or an operator. The event of the
 * creation tells which. If it has been deleted by now, the account counts as made by an operator.
 *
 * @param tx a transaction that has locked the account
 */
export async function decideSignedUp(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({
    name: 'decide-signed-up',
    // The account and its event were stored in one transaction. The period keeps this from reading all other events about the person.
    text: `UPDATE accounts SET signed_up = EXISTS (
             SELECT FROM events WHERE events.sub = accounts.sub
               AND events.at >= accounts.created_at AND events.at < accounts.created_at + interval '1 minute'
               AND events.type = 'account_created' AND NOT events.detail ? 'by')
           WHERE sub = $1 AND signed_up IS NULL`,
    values: [sub],
  })
}
