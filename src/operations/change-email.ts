import type { Queryable } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import { markEmail, replaceSignInNames } from '../records/accounts/account-changes-store.ts'
import type { TakenName } from '../records/accounts/accounts-store.ts'
import type { Signet } from '../signet.ts'
import type { Actor } from './actor.ts'

/**
 * Gives an account an address that its person has just proven to read.
 *
 * @param tx a transaction that has locked the account
 * @param account the account as it is now
 * @param email in canonical form, and not the address that the account has
 * @returns `email_taken` if another account has verified the address; then the transaction must be rolled back
 */
export async function replaceVerifiedEmail(
  tx: Queryable,
  _signet: Pick<Signet, 'settings' | 'secrets'>,
  _actor: Actor,
  account: Account,
  email: string,
): Promise<'done' | TakenName> {
  const replaced = await replaceSignInNames(tx, account.sub, { username: account.username, email })
  return replaced === 'done' ? markEmail(tx, account.sub, true) : replaced
}
