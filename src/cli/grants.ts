import type { Command } from 'commander'
import { revokeGrant } from '../operations/revoke-grant.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { findGrant, type Grant, listGrants } from '../records/grants/grants-store.ts'
import { CommandFailed } from './failures.ts'
import { findUser } from './find-user.ts'
import { json, oneValue } from './flags.ts'
import { type Document, type Format, printMany, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'
import { withSignet } from './with-signet.ts'

/** Grants that a list shows at the most. */
const most = 1000

/** `signet grants`: what people, and clients for themselves, have authorized. */
export function grantsCommand(program: Command, terminal: Terminal): void {
  const grants = program.command('grants').description('Look at authorizations, and end them.')

  grants
    .command('list')
    .description(`List the newest grants, ${most} at the most.`)
    .addOption(oneValue('--user <user>', 'only those of this person: their sub, user name or e-mail address'))
    .addOption(oneValue('--client-id <client_id>', 'only those of this client'))
    .addOption(json())
    .action(async (flags: Format & { readonly user?: string; readonly clientId?: string }) => {
      const found = await withSignet(terminal, async ({ database }) => {
        const user = flags.user === undefined ? undefined : await findUser(database, flags.user)
        return listGrants(
          database,
          { ...(user && { sub: user.sub }), ...(flags.clientId !== undefined && { clientId: flags.clientId }) },
          most,
        )
      })
      const columns = ['grant_id', 'client_id', 'sub', 'scopes', 'created_at', 'ended_at']
      printMany(terminal, flags, found.map(documentOf), columns, 'There are no such grants.')
    })

  grants
    .command('show')
    .description('Show a grant.')
    .argument('<grant_id>')
    .addOption(json())
    .action(async (id: string, format: Format) => {
      const grant = await withSignet(terminal, ({ database }) => needGrant(database, id))
      printOne(terminal, format, documentOf(grant))
    })

  grants
    .command('revoke')
    .description('End a grant, and with it its codes and tokens. That is final.')
    .argument('<grant_id>')
    .addOption(json())
    .action(async (id: string, format: Format) => {
      const grant = await withSignet(terminal, async (signet) => {
        await revokeGrant(signet, { kind: 'operator' }, await needGrant(signet.database, id))
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
