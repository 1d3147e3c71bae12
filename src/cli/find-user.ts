import type { Queryable } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import { findAccountsByIdentifier } from '../records/accounts/accounts-store.ts'
import { CommandFailed } from './failures.ts'

/**
 * The person whom an operator names by `sub`, user name or e-mail address. Anybody can have entered an address, so one that nobody
 * has verified may mean several people: then none is chosen.
 *
 * @throws CommandFailed where nobody is meant, or more than one
 */
export async function findUser(db: Queryable, identifier: string): Promise<Account> {
  const accounts = await findAccountsByIdentifier(db, identifier)
  const only =
    accounts.find(({ sub }) => sub === identifier) ??
    accounts.find(({ email_verified }) => email_verified) ??
    (accounts.length === 1 ? accounts[0] : undefined)
  if (only) return only
  if (accounts.length === 0)
    throw new CommandFailed(`There is no user ${identifier.slice(0, 80)}: signet users list shows all.`)
  throw new CommandFailed(
    `${identifier.slice(0, 80)} is the address of ${accounts.length} users, none of whom has verified it. Name one by its sub: ` +
      `${accounts.map(({ sub }) => sub).join(', ')}.`,
  )
}
