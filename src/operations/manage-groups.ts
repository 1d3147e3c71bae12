import { inTransaction } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { lockAccount } from '../records/accounts/accounts-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { checkGroupName, checkGroupsOfAccount } from '../records/groups/group-rules.ts'
import {
  deleteGroupRow,
  deleteMember,
  findGroupsOf,
  insertGroup,
  insertMember,
  lockGroup,
  removeGroupFromClients,
} from '../records/groups/groups-store.ts'
import type { Sub } from '../records/ids.ts'
import { lockResources } from '../records/resources/resources-store.ts'
import type { Signet } from '../signet.ts'
import { type Operator, originOf } from './actor.ts'

type Context = Pick<Signet, 'database' | 'turns'>

/**
 * Creates a group without members.
 *
 * @throws InvalidGroup
 */
export async function createGroup(
  { database }: Pick<Context, 'database'>,
  actor: Operator,
  name: string,
): Promise<'created' | 'name_taken'> {
  checkGroupName(name)
  return inTransaction(database, async (tx) => {
    if (!(await insertGroup(tx, name))) return 'name_taken'
    await recordEvent(tx, { type: 'group_created', ...originOf(actor), detail: { group: name } })
    return 'created'
  })
}

/**
 * Adds an account to a group. Its row is locked, so the limits hold for concurrent additions too.
 *
 * @throws InvalidGroup if the account would be in too many groups
 */
export async function addToGroup(
  { database, turns }: Context,
  actor: Operator,
  name: string,
  sub: Sub,
): Promise<'added' | 'member_already' | 'no_such_group' | 'no_such_account'> {
  return turns.take(accountTurn(sub), () =>
    inTransaction(database, async (tx) => {
      if (!(await lockAccount(tx, sub))) return 'no_such_account'
      if (!(await lockGroup(tx, name))) return 'no_such_group'
      if (!(await insertMember(tx, name, sub))) return 'member_already'
      checkGroupsOfAccount(await findGroupsOf(tx, sub))
      await recordEvent(tx, { type: 'group_member_added', ...originOf(actor), sub, detail: { group: name } })
      return 'added'
    }),
  )
}

/** Removes an account from a group. Tokens that were issued before keep what they say until they expire. */
export async function removeFromGroup(
  { database }: Pick<Context, 'database'>,
  actor: Operator,
  name: string,
  sub: Sub,
): Promise<'removed' | 'not_a_member'> {
  return inTransaction(database, async (tx) => {
    if (!(await deleteMember(tx, name, sub))) return 'not_a_member'
    await recordEvent(tx, { type: 'group_member_removed', ...originOf(actor), sub, detail: { group: name } })
    return 'removed'
  })
}

/** Deletes a group with its memberships, and removes it from the clients that may see it. A new group of this name starts without either. */
export async function deleteGroup(
  { database }: Pick<Context, 'database'>,
  actor: Operator,
  name: string,
): Promise<{ readonly members: number; readonly clients: readonly string[] } | 'no_such_group'> {
  return inTransaction(database, async (tx) => {
    // Clients are registered under the shared form of this lock, so that none is registered with a group that is being deleted.
    await lockResources(tx, 'changing')
    const members = await deleteGroupRow(tx, name)
    if (members === undefined) return 'no_such_group'
    const clients = await removeGroupFromClients(tx, name, actor.by)
    await recordEvent(tx, { type: 'group_deleted', ...originOf(actor), detail: { group: name, members } })
    return { members, clients }
  })
}
