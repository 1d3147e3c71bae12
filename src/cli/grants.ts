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
import { noSuchClient, requireClient } from './find-client.ts'
import { findUser } from './find-user.ts'
import { json, notEmpty, oneValue } from './flags.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import type { Terminal } from './terminal.ts'
import { updateAndCountEnded } from './update-ended-records.ts'
import { changing, reading } from './with-signet.ts'

/** `signet grants`: authorizations by users, and grants that clients have for themselves. */
export function grantsCommand(program: Command, terminal: Terminal): void {
  const grants = program.command('grants').description('View and revoke grants (authorizations).')

  addPageFlags(
    grants
      .command('list')
      .description('List grants, newest first.')
      .addOption(notEmpty(oneValue('--user <user>', 'only grants of this user: sub, user name or e-mail address')))
      .addOption(notEmpty(oneValue('--client-id <client_id>', 'only grants of this client'))),
    'grant_id',
  )
    .addOption(json())
    .action(async (flags: PageFlags & { readonly user?: string; readonly clientId?: string }) => {
      let sub: string | undefined
      await printPages(terminal, flags, {
        find: ({ database }, id) => requireGrant(database, id),
        read: async ({ database }, after, limit) => {
          if (flags.user !== undefined) sub ??= (await findUser(database, flags.user)).sub
          return listGrants(database, { sub, clientId: flags.clientId }, after?.statusIndex, limit)
        },
        idOf: ({ id }) => id,
        documentOf,
        columns: ['grant_id', 'client_id', 'sub', 'scopes', 'created_at', 'ended_at'],
        nothing: 'No grants found.',
      })
    })

  grants
    .command('show')
    .description('Show a grant.')
    .argument('<grant_id>')
    .addOption(json())
    .action(async (id: string, format: Format) => {
      const grant = await reading(terminal, ({ database }) => requireGrant(database, id))
      printOne(terminal, format, documentOf(grant))
    })

  grants
    .command('revoke')
    .description('Revoke a grant permanently, with its codes and tokens.')
    .argument('<grant_id>')
    .addOption(json())
    .action(async (id: string, format: Format) => {
      const grant = await changing(terminal, async (signet) => {
        await revokeGrant(signet, operator(terminal), await requireGrant(signet.database, id))
        return requireGrant(signet.database, id)
      })
      printOne(terminal, format, documentOf(grant))
    })

  grants
    .command('revoke-all')
    .description(
      'Revoke all grants of a user, of a client, or of a user at a client permanently, including offline_access. Sessions and consents are kept.',
    )
    .addOption(notEmpty(oneValue('--user <user>', 'grants of this user: sub, user name or e-mail address')))
    .addOption(
      notEmpty(oneValue('--client-id <client_id>', 'grants of this client, including those that it has for itself')),
    )
    .option(
      '--forget-consent',
      'ask the user for consent again before the client gets another grant (requires --user and --client-id)',
    )
    .addOption(json())
    .action(async (flags: RevokeAllFlags) => {
      checkFlags(flags)
      const { sub, ended, notes, consentForgotten } = await changing(terminal, async (signet) => {
        const { sub, revoked } = await revokeAll(signet, operator(terminal), flags)
        return { sub, ...revoked, ...(await updateAndCountEnded(signet, terminal, revoked)) }
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

const missingOwner = 'Whose grants? Give --user, --client-id or both.'

/** @throws WrongUsage if the flags do not say whose grants to revoke */
function checkFlags({ user, clientId, forgetConsent }: RevokeAllFlags): void {
  if (user === undefined && clientId === undefined) throw new WrongUsage(missingOwner)
  if (forgetConsent && (user === undefined || clientId === undefined))
    throw new WrongUsage('--forget-consent requires both --user and --client-id.')
}

/** @throws CommandFailed if there is no such user or client */
async function revokeAll(
  signet: Installation,
  actor: Actor,
  { user, clientId, forgetConsent }: RevokeAllFlags,
): Promise<{ readonly sub: string | undefined; readonly revoked: RevokedGrants }> {
  const client = clientId === undefined ? undefined : await requireClient(signet.database, clientId)
  if (user === undefined) {
    if (client === undefined) throw new WrongUsage(missingOwner)
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

/** Says what has not ended, because an operator in a hurry might assume that it has. */
function whatStays(sub: string | undefined, { clientId, forgetConsent }: RevokeAllFlags): string[] {
  if (sub === undefined)
    return [
      'The client can get new grants immediately: from users who are signed in, and for itself with its secret or key.',
    ]
  const consent = forgetConsent ? '' : ' and consents'
  return [
    `Sessions${consent} are kept: ${clientId === undefined ? 'an application' : 'the client'} can get a new grant immediately. ` +
      `To end sessions too: signet users sign-out ${sub}`,
  ]
}

async function requireGrant(db: Queryable, id: string): Promise<Grant> {
  const grant = await findGrant(db, id)
  if (!grant) throw new CommandFailed(`There is no grant ${id.slice(0, 80)}. To list grants: signet grants list`)
  return grant
}

/** `sub` is absent if the client acts for itself (client_credentials), and `claims` if the authorization request named none. */
function documentOf(grant: Grant): Document {
  const { userinfo, idToken } = grant.claims
  return {
    grant_id: grant.id,
    client_id: grant.clientId,
    sub: grant.sub,
    scopes: grant.scopes,
    resources: grant.resources,
    claims: userinfo.length + idToken.length > 0 ? { userinfo, id_token: idToken } : undefined,
    created_at: grant.createdAt,
    ended_at: grant.endedAt,
    end_reason: grant.endReason,
  }
}
