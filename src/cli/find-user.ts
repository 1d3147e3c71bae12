import type { Installation } from '../installation.ts'
import { findAccountBySubject } from '../operations/find-by-subject.ts'
import { readSubjectSalt } from '../platform/database/installation-store.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { reportIfSlow } from '../platform/progress.ts'
import type { Account } from '../records/accounts/account.ts'
import { findAccountsByIdentifier } from '../records/accounts/accounts-by-name-store.ts'
import { findAccount } from '../records/accounts/accounts-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import type { Subject } from '../records/ids.ts'
import { subjectFor } from '../tokens/subject.ts'
import { CommandFailed } from './command-failures.ts'
import { requireClient } from './find-client.ts'
import type { Terminal } from './terminal.ts'
import { reportTo, stopIfInterrupted } from './with-signet.ts'

/** How many accounts an error lists if an address is ambiguous. */
const maxListed = 20

/** A user, and the `sub` by which a client knows them. */
interface UserOfClient {
  readonly account: Account
  readonly subject: Subject
}

/**
 * Finds the user whom an application asks about, by the `sub` that the application sees, and otherwise as `findUser` does. The subject comes first: a user
 * can choose somebody else's as their user name.
 *
 * @throws CommandFailed if there is no such user or client; also if no server has been started yet, because then there are no pairwise subjects
 */
export async function findUserOfClient(
  { database, settings }: Pick<Installation, 'database' | 'settings'>,
  terminal: Terminal,
  identifier: string,
  clientId: string,
): Promise<UserOfClient> {
  const client = await requireClient(database, clientId)
  const subjectSalt = await readSubjectSalt(database)
  if (!subjectSalt)
    throw new CommandFailed(
      "No server has been started on this database yet. The first 'signet serve' creates what subs are made from.",
    )
  const wanted = identifier.trim()
  const own = await findAccount(database, wanted)
  const found =
    own ??
    (await reportIfSlow(reportTo(terminal, settings), searching, () =>
      findAccountBySubject({ database, subjectSalt }, client, wanted, () => stopIfInterrupted(terminal)),
    ))
  const account = found ?? (await findUser(database, identifier))
  return { account, subject: subjectFor({ subjectSalt }, client, account.sub) }
}

const searching = 'Searching all users for this sub'

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
