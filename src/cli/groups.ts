import type { Command } from 'commander'
import { addToGroup, createGroup, deleteGroup, removeFromGroup } from '../operations/manage-groups.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { findGroupName, listGroups, listMembers } from '../records/groups/groups-store.ts'
import { CommandFailed } from './command-failures.ts'
import { findUser } from './find-user.ts'
import { json, notEmpty, oneValue } from './flags.ts'
import { operator } from './operator.ts'
import { type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import type { Terminal } from './terminal.ts'
import { changing } from './with-signet.ts'

const userArgument = 'sub, user name or e-mail address'

/** `signet groups`: groups of users, for the claims `groups` and `roles`. */
export function groupsCommand(program: Command, terminal: Terminal): void {
  const groups = program.command('groups').description('Manage groups of users, which applications receive as claims.')

  groups
    .command('create')
    .description('Create a group. A client sees it only if its metadata names it (signet clients update --group).')
    .argument('<group>', 'name, as applications receive it')
    .addOption(json())
    .action(async (name: string, format: Format) => {
      await changing(terminal, async (signet) => {
        if ((await createGroup(signet, operator(terminal), name)) === 'name_taken')
          throw await nameTaken(signet.database, name)
      })
      printOne(terminal, format, { group: name })
    })

  groups
    .command('add')
    .description('Add a user to a group. Userinfo returns it at once, and new tokens contain it.')
    .argument('<group>')
    .argument('<user>', userArgument)
    .addOption(json())
    .action(async (name: string, identifier: string, format: Format) => {
      const sub = await changing(terminal, async (signet) => {
        await requireGroup(signet.database, name)
        const { sub } = await findUser(signet.database, identifier)
        const outcome = await addToGroup(signet, operator(terminal), name, sub)
        if (outcome === 'no_such_group' || outcome === 'no_such_account')
          throw new CommandFailed('The group or the user has just been deleted.')
        return sub
      })
      printOne(terminal, format, { group: name, sub, member: true })
    })

  groups
    .command('remove')
    .description(
      'Remove a user from a group. Userinfo omits it at once. Tokens keep it until they expire; to end access: signet grants revoke-all.',
    )
    .argument('<group>')
    .argument('<user>', userArgument)
    .addOption(json())
    .action(async (name: string, identifier: string, format: Format) => {
      const sub = await changing(terminal, async (signet) => {
        await requireGroup(signet.database, name)
        const { sub } = await findUser(signet.database, identifier)
        await removeFromGroup(signet, operator(terminal), name, sub)
        return sub
      })
      printOne(terminal, format, { group: name, sub, member: false })
    })

  addPageFlags(
    groups
      .command('list')
      .description('List groups, sorted by name.')
      .addOption(notEmpty(oneValue('--user <user>', 'only groups of this user: sub, user name or e-mail address'))),
    'group',
  )
    .addOption(json())
    .action(async (flags: PageFlags & { readonly user?: string }) => {
      let only: { readonly sub: string } | undefined
      await printPages(terminal, flags, {
        find: async (_, name) => ({ name }),
        read: async ({ database }, after, limit) => {
          if (flags.user !== undefined) only ??= await findUser(database, flags.user)
          return listGroups(database, only, after?.name, limit)
        },
        idOf: ({ name }) => name,
        documentOf: ({ name, createdAt }) => ({ group: name, created_at: createdAt }),
        columns: ['group', 'created_at'],
        nothing: flags.user
          ? 'The user is in no group.'
          : 'There are no groups yet. To create one: signet groups create',
      })
    })

  addPageFlags(groups.command('show').description('List the members of a group.').argument('<group>'), 'sub')
    .addOption(json())
    .action(async (name: string, flags: PageFlags) => {
      let exists = false
      await printPages(terminal, flags, {
        find: async (_, sub) => ({ sub }),
        read: async ({ database }, after, limit) => {
          if (!exists) await requireGroup(database, name)
          exists = true
          return listMembers(database, name, after?.sub, limit)
        },
        idOf: ({ sub }) => sub,
        documentOf: ({ sub, username, email, addedAt }) => ({ sub, username, email, added_at: addedAt }),
        columns: ['sub', 'username', 'email', 'added_at'],
        nothing: 'The group has no members. To add one: signet groups add',
      })
    })

  groups
    .command('delete')
    .description('Delete a group with its memberships, and remove it from the clients that may see it.')
    .argument('<group>')
    .addOption(json())
    .action(async (name: string, format: Format) => {
      const deleted = await changing(terminal, async (signet) => {
        await requireGroup(signet.database, name)
        return deleteGroup(signet, operator(terminal), name)
      })
      if (deleted === 'no_such_group') throw new CommandFailed(`The group ${name} has just been deleted.`)
      printOne(terminal, format, { group: name, deleted: true, ...deleted })
    })
}

/** @throws CommandFailed if there is no group with exactly this name */
async function requireGroup(db: Queryable, name: string): Promise<void> {
  const found = await findGroupName(db, name)
  if (found === name) return
  const hint = found === undefined ? 'To list groups: signet groups list' : `Did you mean ${found}?`
  throw new CommandFailed(`There is no group ${name.slice(0, 80)}. ${hint}`)
}

async function nameTaken(db: Queryable, name: string): Promise<CommandFailed> {
  const found = await findGroupName(db, name)
  return new CommandFailed(
    found === undefined || found === name
      ? `There is already a group ${name}.`
      : `There is already a group ${found}. Two names must differ in more than upper and lower case.`,
  )
}
