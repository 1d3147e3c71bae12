import type { Command } from 'commander'
import { revokeGrant } from '../operations/revoke-grant.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { findGrant, type Grant, listGrants } from '../records/grants/grants-store.ts'
import { CommandFailed } from './failures.ts'
import { findUser } from './find-user.ts'
import { json, oneValue } from './flags.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import type { Terminal } from './terminal.ts'
import { changing, reading } from './with-signet.ts'

/** `signet grants`: what people, and clients for themselves, have authorized. */
export function grantsCommand(program: Command, terminal: Terminal): void {
  const grants = program.command('grants').description('Look at authorizations, and end them.')

  addPageFlags(
    grants
      .command('list')
      .description('List grants, the newest first.')
      .addOption(oneValue('--user <user>', 'only those of this person: their sub, user name or e-mail address'))
      .addOption(oneValue('--client-id <client_id>', 'only those of this client')),
    'grant_id',
  )
    .addOption(json())
    .action(async (flags: PageFlags & { readonly user?: string; readonly clientId?: string }) => {
      let sub: string | undefined
      await printPages(terminal, flags, {
        find: ({ database }, id) => needGrant(database, id),
        read: async ({ database }, after, limit) => {
          if (flags.user !== undefined) sub ??= (await findUser(database, flags.user)).sub
          return listGrants(database, { sub, clientId: flags.clientId }, after?.statusIndex, limit)
        },
        idOf: ({ id }) => id,
        documentOf,
        columns: ['grant_id', 'client_id', 'sub', 'scopes', 'created_at', 'ended_at'],
        nothing: 'There are no such grants.',
      })
    })

  grants
    .command('show')
    .description('Show a grant.')
    .argument('<grant_id>')
    .addOption(json())
    .action(async (id: string, format: Format) => {
      const grant = await reading(terminal, ({ database }) => needGrant(database, id))
      printOne(terminal, format, documentOf(grant))
    })

  grants
    .command('revoke')
    .description('End a grant, and with it its codes and tokens. That is final.')
    .argument('<grant_id>')
    .addOption(json())
    .action(async (id: string, format: Format) => {
      const grant = await changing(terminal, async (signet) => {
        await revokeGrant(signet, operator(terminal), await needGrant(signet.database, id))
        return needGrant(signet.database, id)
      })
      printOne(terminal, format, documentOf(grant))
    })
}

async function needGrant(db: Queryable, id: string): Promise<Grant> {
  const grant = await findGrant(db, id)
  if (!grant) throw new CommandFailed(`There is no grant ${id.slice(0, 80)}: signet grants list shows them.`)
  return grant
}

/** `sub` is absent where the client acts for itself (client_credentials). */
function documentOf(grant: Grant): Document {
  return {
    grant_id: grant.id,
    client_id: grant.clientId,
    sub: grant.sub,
    scopes: grant.scopes,
    resources: grant.resources,
    created_at: grant.createdAt,
    ended_at: grant.endedAt,
    end_reason: grant.endReason,
  }
}
