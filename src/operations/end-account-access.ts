import type { Queryable } from '../platform/database/queryable.ts'
import { type Decided, decideEnding } from '../records/endings/decide-ending.ts'
import { endAllAccess } from '../records/endings/decisions-store.ts'
import type { AccountEndReason } from '../records/endings/ending.ts'
import type { Sub } from '../records/ids.ts'
import { forgetBrowsers } from '../records/sessions/known-browsers-store.ts'

/**
 * Ends all sessions and grants of an account, and forgets the browsers that it knows. Otherwise a thief's browser would keep its allowance of guesses
 * even after the password was changed because of the theft.
 *
 * @param tx a transaction that has locked the account
 */
export async function endAccountAccess(tx: Queryable, sub: Sub, reason: AccountEndReason): Promise<Decided> {
  await forgetBrowsers(tx, sub)
  return decideEnding(tx, { kind: 'account', reason, sub, epoch: await endAllAccess(tx, sub, reason) })
}
