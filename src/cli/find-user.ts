import type { Queryable } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import { findAccountsByIdentifier } from '../records/accounts/accounts-by-name-store.ts'
import { findAccount } from '../records/accounts/accounts-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { CommandFailed } from './command-failures.ts'

/** How many accounts an error lists if an address is ambiguous. */
const maxListed = 20

/**
 * Finds an account by `sub`, user name or e-mail address. Anybody can enter any address as their own, so an address that nobody has
 * verified can belong to several accounts. In that case none of them is chosen. The same applies to an imported `sub` that is also somebody's name:
 * `sub=` before it means the `sub`.
 *
 * @throws CommandFailed if there is no such account, or more than one
 */
export async function findUser(db: Queryable, identifier: string): Promise<Account> {
  const exact = identifier.startsWith('sub=') ? await findAccount(db, identifier.slice('sub='.length)) : undefined
  if (exact) return exact
  const found = await findAccountsByIdentifier(db, typedName(identifier.trim()), maxListed + 1)
  const [first, second] = found
  if (!first) throw new CommandFailed(`There is no user ${identifier.slice(0, 80)}. To list users: signet users list`)
  if (first.unambiguous || !second) return first.account
  const isSub = first.account.sub === identifier.trim()
  const named = found.slice(0, maxListed).map(({ account }) => (isSub ? `sub=${account.sub}` : account.sub))
  const howMany = found.length > maxListed ? `more than ${maxListed}` : found.length
  const shared = isSub
    ? 'is the sub or the name of'
    : identifier.includes('@')
      ? 'is the address of'
      : 'is the user name of'
  const unproven = identifier.includes('@') && !isSub ? ', none of whom has verified it' : ''
  throw new CommandFailed(
    `${identifier.slice(0, 80)} ${shared} ${howMany} users${unproven}. Use the sub of one of them: ` +
      `${named.join(', ')}${found.length > maxListed ? ', ...' : '.'}`,
  )
}
