import type { Queryable } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import { findAccountsByIdentifier } from '../records/accounts/accounts-by-name-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { CommandFailed } from './command-failures.ts'

/** How many accounts are named where an address could mean several. */
const mostNamed = 20

/**
 * The account that an operator names by `sub`, user name or e-mail address. Anybody can enter any address, so one that nobody has
 * verified can belong to several accounts: then none of them is chosen.
 *
 * @throws CommandFailed where there is no such account, or more than one
 */
export async function findUser(db: Queryable, identifier: string): Promise<Account> {
  const found = await findAccountsByIdentifier(db, typedName(identifier.trim()), mostNamed + 1)
  const [first, second] = found
  if (!first) throw new CommandFailed(`There is no user ${identifier.slice(0, 80)}: signet users list shows them.`)
  if (first.unambiguous || !second) return first.account
  const named = found.slice(0, mostNamed).map(({ account }) => account.sub)
  const howMany = found.length > mostNamed ? `more than ${mostNamed}` : found.length
  const shared = identifier.includes('@') ? 'is the address of' : 'is the user name of'
  const unproven = identifier.includes('@') ? ', none of whom has verified it' : ''
  throw new CommandFailed(
    `${identifier.slice(0, 80)} ${shared} ${howMany} users${unproven}. Name one by its sub: ` +
      `${named.join(', ')}${found.length > mostNamed ? ', ...' : '.'}`,
  )
}
