import type { Command } from 'commander'
import {
  changeResource,
  deleteResource,
  type ResourceChanges,
  registerResource,
  type ServerRefusal,
} from '../operations/resource-registration.ts'
import { readSettings } from '../platform/config/settings.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { type AccessTokenAlgorithm, accessTokenAlgorithms } from '../platform/jwt/algorithms.ts'
import { shown } from '../records/plain-text.ts'
import type { Resource, ScopeDescription } from '../records/resources/resource.ts'
import { checkResource } from '../records/resources/resource-rules.ts'
import { findResource, listResources } from '../records/resources/resources-store.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { noSuchClient } from './find-client.ts'
import { addBooleanFlag, duration, json, manyValues, manyWords, notEmpty, oneValue } from './flags.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import type { Terminal } from './terminal.ts'
import { changing, reading } from './with-signet.ts'

interface ResourceFlags extends Format {
  readonly name?: string
  readonly scope?: readonly string[]
  readonly scopeDescription?: readonly string[]
  readonly accessTokenTtl?: number | ''
  readonly accessTokenSigningAlg?: string
  readonly servedBy?: readonly string[]
  readonly userinfoAudience?: boolean
  readonly groupsClaim?: boolean
  readonly selfRegisteredClients?: boolean
}

/** `signet resources`: the APIs that accept access tokens (RFC 8707). */
export function resourcesCommand(program: Command, terminal: Terminal): void {
  const resources = program.command('resources').description('Register and manage APIs that accept access tokens.')

  addResourceFlags(
    resources
      .command('create')
      .description('Register an API with its scopes.')
      .addOption(
        notEmpty(
          oneValue('--identifier <uri>', 'aud of its access tokens: an absolute URI, such as the address of the API'),
        ).makeOptionMandatory(),
      ),
  ).action(async (flags: ResourceFlags & { readonly identifier: string }) => {
    const { identifier } = flags
    const resource = newResource(identifier, flags)
    // Errors in the input are reported before a database is started for the command.
    checkResource(resource, readSettings(terminal.environment, terminal.folder).issuer, [])
    const registered = await changing(terminal, (signet) => registerResource(signet, operator(terminal), resource))
    if (registered.outcome === 'identifier_taken')
      throw new CommandFailed(`There is already a resource ${identifier}. To change it: signet resources update`)
    if (registered.outcome !== 'registered') throw cannotServe(registered)
    printOne(terminal, flags, documentOf(resource))
  })

  addPageFlags(resources.command('list').description('List resources, sorted by identifier.'), 'identifier')
    .addOption(json())
    .action(async (flags: PageFlags) =>
      printPages(terminal, flags, {
        find: async (_, identifier) => ({ identifier }),
        read: ({ database }, after, limit) => listResources(database, after?.identifier, limit),
        idOf: ({ identifier }) => identifier,
        documentOf,
        columns: ['identifier', 'name', 'scopes', 'access_token_ttl', 'access_token_signing_alg'],
        nothing: 'There are no resources yet. To register one: signet resources create',
      }),
    )

  resources
    .command('show')
    .description('Show a resource.')
    .argument('<identifier>')
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const resource = await reading(terminal, ({ database }) => requireResource(database, identifier))
      printOne(terminal, format, documentOf(resource))
    })

  addResourceFlags(
    resources
      .command('update')
      .description(
        'Replace the given values and leave the rest; an empty value removes one. Removed scopes are also removed from all clients.',
      )
      .argument('<identifier>'),
  ).action(async (identifier: string, flags: ResourceFlags) => {
    const { json: _, ...given } = flags
    if (Object.keys(given).length === 0)
      throw new WrongUsage('Nothing to change: give at least one flag with a new value.')
    const changed = await changing(terminal, (signet) =>
      changeResource(signet, operator(terminal), identifier, ({ scopes }) => changesOf(flags, scopes)),
    )
    if (changed.outcome === 'no_such_resource') throw noSuchResource(identifier)
    if (changed.outcome !== 'changed') throw cannotServe(changed)
    printOne(terminal, flags, documentOf(changed.resource), notesOn(changed.clients))
  })

  resources
    .command('delete')
    .description('Delete a resource, and remove it and its scopes from all clients.')
    .argument('<identifier>')
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const deleted = await changing(terminal, (signet) => deleteResource(signet, operator(terminal), identifier))
      if (deleted === 'no_such_resource') throw noSuchResource(identifier)
      printOne(terminal, format, { identifier, deleted: true }, notesOn(deleted.clients))
    })
}

function addResourceFlags(command: Command): Command {
  command
    .addOption(oneValue('--name <text>', 'name of the API'))
    .addOption(
      manyWords('--scope <scope>', 'scope that clients may request for this API; each scope belongs to one resource'),
    )
    .addOption(
      manyValues(
        '--scope-description <scope=text>',
        'what a scope allows, for the consent page; scope#de=text is the German text',
      ),
    )
    .addOption(
      duration('--access-token-ttl <duration>', 'lifetime of its access tokens (default SIGNET_ACCESS_TOKEN_TTL)'),
    )
    .addOption(oneValue('--access-token-signing-alg <alg>', `one of ${accessTokenAlgorithms.join(', ')}`))
    .addOption(
      manyValues('--served-by <client_id>', 'confidential client that serves the API and may introspect its tokens'),
    )
  addBooleanFlag(
    command,
    'userinfo-audience',
    'make tokens valid at userinfo too if openid and no resource was requested; the API can then read what userinfo returns',
  )
  addBooleanFlag(
    command,
    'groups-claim',
    "put the user's groups that the client may see into the access tokens, if groups or roles was requested",
  )
  addBooleanFlag(
    command,
    'self-registered-clients',
    'let clients that registered themselves request the API and its scopes, for example MCP clients (SIGNET_REGISTRATION)',
  )
  return command.addOption(json())
}

function newResource(identifier: string, flags: ResourceFlags): Resource {
  const { name, accessTokenTtl, ...given } = changesOf(flags, [])
  return {
    ...{ identifier, scopes: [], scopeDescriptions: [], servedBy: [], accessTokenSigningAlg: 'ES256' },
    ...{ userinfoAudience: false, groupsClaim: false, selfRegisteredClients: false, ...given },
    name: name ?? undefined,
    accessTokenTtl: accessTokenTtl ?? undefined,
  }
}

/** @param existingScopes the current scopes of the resource: descriptions may refer to these unless new scopes are given */
function changesOf(flags: ResourceFlags, existingScopes: readonly string[]): ResourceChanges {
  const { name, scope, scopeDescription, accessTokenTtl, accessTokenSigningAlg, servedBy } = flags
  const { userinfoAudience, groupsClaim, selfRegisteredClients } = flags
  const scopes = scope && [...new Set(scope)]
  return {
    ...(name !== undefined && { name: name || null }),
    ...(scopes && { scopes }),
    ...(scopeDescription && {
      scopeDescriptions: scopeDescription.map((text) => readScopeDescription(text, scopes ?? existingScopes)),
    }),
    ...(servedBy && { servedBy: [...new Set(servedBy)] }),
    ...(userinfoAudience !== undefined && { userinfoAudience }),
    ...(groupsClaim !== undefined && { groupsClaim }),
    ...(selfRegisteredClients !== undefined && { selfRegisteredClients }),
    ...(accessTokenTtl !== undefined && { accessTokenTtl: accessTokenTtl || null }),
    ...(accessTokenSigningAlg !== undefined && { accessTokenSigningAlg: readAlgorithm(accessTokenSigningAlg) }),
  }
}

function readAlgorithm(text: string): AccessTokenAlgorithm {
  const alg = accessTokenAlgorithms.find((known) => known === text)
  if (!alg) throw new WrongUsage(`--access-token-signing-alg must be one of ${accessTokenAlgorithms.join(', ')}.`)
  return alg
}

/**
 * Reads `scope=text` or `scope#de=text`; the language tag is written as in RFC 7591 §2.2. A scope may itself contain these two
 * characters, so the longest matching scope of the resource is used.
 */
function readScopeDescription(given: string, scopes: readonly string[]): ScopeDescription {
  const fitting = scopes.filter((scope) => given.startsWith(`${scope}=`) || given.startsWith(`${scope}#`))
  const scope = fitting.sort((one, other) => other.length - one.length)[0]
  const [, , language, text] = /^(#([^=]*))?=([\s\S]*)$/.exec(given.slice(scope?.length ?? 0)) ?? []
  if (scope === undefined || text === undefined)
    throw new WrongUsage(
      `--scope-description ${shown(given)}: must be scope=text, or scope#de=text for one language, with a scope of this resource.`,
    )
  return { scope, language, text }
}

function cannotServe({ outcome, clientId }: ServerRefusal): CommandFailed {
  if (outcome === 'no_such_client') return noSuchClient(clientId)
  return new CommandFailed(`The client ${clientId} is public. Only confidential clients can introspect tokens.`)
}

async function requireResource(db: Queryable, identifier: string): Promise<Resource> {
  const resource = await findResource(db, identifier)
  if (!resource) throw noSuchResource(identifier)
  return resource
}

function noSuchResource(identifier: string): CommandFailed {
  return new CommandFailed(`There is no resource ${identifier.slice(0, 80)}. To list resources: signet resources list`)
}

function documentOf(resource: Resource): Document {
  const { identifier, name, scopes, scopeDescriptions, accessTokenTtl, accessTokenSigningAlg, servedBy } = resource
  return {
    identifier,
    name,
    scopes,
    // In the format of the flag.
    scope_descriptions: scopeDescriptions.map(
      ({ scope, language, text }) => `${scope}${language === undefined ? '' : `#${language}`}=${text}`,
    ),
    access_token_ttl: accessTokenTtl,
    access_token_signing_alg: accessTokenSigningAlg,
    served_by: servedBy,
    userinfo_audience: resource.userinfoAudience,
    groups_claim: resource.groupsClaim,
    self_registered_clients: resource.selfRegisteredClients,
  }
}

/** Maximum number of affected clients to list. */
const maxListed = 100

function notesOn(clients: readonly string[]): string[] {
  if (clients.length === 0) return []
  const more =
    clients.length > maxListed ? ` ... (${clients.length} in all: signet events list --type client_updated)` : ''
  return [`These clients have lost the removed scopes: ${clients.slice(0, maxListed).join(' ')}${more}`]
}
