import type { Command } from 'commander'
import type { Installation } from '../installation.ts'
import type { Actor } from '../operations/actor.ts'
import {
  type RevokedGrants,
  revokeGrant,
  revokeGrantsOfClient,
  revokeGrantsOfConnection,
  revokeGrantsOfPerson,
} from '../operations/revoke-grants.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { findGrant, type Grant, listGrants } from '../records/grants/grants-store.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { needClient, noSuchClient } from './find-client.ts'
import { findUser } from './find-user.ts'
import { json, notEmpty, oneValue } from './flags.ts'
import { countAsRowsFollow } from './let-rows-follow.ts'
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
      .addOption(
        notEmpty(oneValue('--user <user>', 'only those of this person: their sub, user name or e-mail address')),
      )
      .addOption(notEmpty(oneValue('--client-id <client_id>', 'only those of this client'))),
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

  grants
    .command('revoke-all')
    .description(
      'End all grants of a person, of a client, or of a person at a client, offline_access included. That is final. Sessions and consents stay.',
    )
    .addOption(notEmpty(oneValue('--user <user>', 'those of this person: their sub, user name or e-mail address')))
    .addOption(
      notEmpty(oneValue('--client-id <client_id>', 'those of this client, the ones it has for itself included')),
    )
    .option(
      '--forget-consent',
      'with --user and --client-id: the person is asked again before the client gets another grant',
    )
    .addOption(json())
    .action(async (flags: RevokeAllFlags) => {
      checkFlags(flags)
      const { sub, ended, notes, consentForgotten } = await changing(terminal, async (signet) => {
        const { sub, revoked } = await revokeAll(signet, operator(terminal), flags)
        return { sub, ...revoked, ...(await countAsRowsFollow(signet, terminal, revoked)) }
      })
      const document = {
        sub,
        client_id: flags.clientId,
        grants_ended: ended.grants,
        more: ended.left || undefined,
        consent_forgotten: flags.forgetConsent ? consentForgotten : undefined,
      }
      printOne(terminal, flags, document, [...notes, ...whatStays(sub, flags)])
    })
}

interface RevokeAllFlags extends Format {
  readonly user?: string
  readonly clientId?: string
  readonly forgetConsent?: true
}

const whose = 'Whose grants? Give --user, --client-id or both.'

/** @throws WrongUsage if the flags do not say whose grants are meant */
function checkFlags({ user, clientId, forgetConsent }: RevokeAllFlags): void {
  if (user === undefined && clientId === undefined) throw new WrongUsage(whose)
  if (forgetConsent && (user === undefined || clientId === undefined))
    throw new WrongUsage('--forget-consent goes with both --user and --client-id.')
}

/** @throws CommandFailed if there is no such person or client */
async function revokeAll(
  signet: Installation,
  actor: Actor,
  { user, clientId, forgetConsent }: RevokeAllFlags,
): Promise<{ readonly sub: string | undefined; readonly revoked: RevokedGrants }> {
  const client = clientId === undefined ? undefined : await needClient(signet.database, clientId)
  if (user === undefined) {
    if (client === undefined) throw new WrongUsage(whose)
    const revoked = await revokeGrantsOfClient(signet, actor, client.client_id)
    if (revoked === 'no_such_client') throw noSuchClient(client.client_id)
    return { sub: undefined, revoked }
  }
  const { sub } = await findUser(signet.database, user)
  const revoked =
    client === undefined
      ? await revokeGrantsOfPerson(signet, actor, sub)
      : await revokeGrantsOfConnection(
          signet,
          actor,
          { sub, clientId: client.client_id },
          forgetConsent ? 'forgotten' : 'kept',
        )
  if (revoked === 'no_such_account' || revoked === 'no_such_client')
    throw new CommandFailed('The user or the client has just been deleted.')
  return { sub, revoked }
}

/** What a person who ends grants in a hurry might take to have ended as well. */
function whatStays(sub: string | undefined, { clientId, forgetConsent }: RevokeAllFlags): string[] {
  if (sub === undefined)
    return ['The client can be granted access again at once, by people who are signed in and by its own secret or key.']
  const consent = forgetConsent ? '' : ' and consents'
  return [
    `Sessions${consent} stay: ${clientId === undefined ? 'an application' : 'the client'} can be granted access again at once. ` +
      `To end sessions as well: signet users sign-out ${sub}`,
  ]
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
