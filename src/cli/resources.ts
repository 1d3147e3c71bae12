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
import { type SigningAlgorithm, signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { shown } from '../records/plain-text.ts'
import type { Resource, ScopeDescription } from '../records/resources/resource.ts'
import { checkResource } from '../records/resources/resource-rules.ts'
import { findResource, listResources } from '../records/resources/resources-store.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { noSuchClient } from './find-client.ts'
import { duration, json, manyValues, manyWords, notEmpty, oneValue } from './flags.ts'
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
}

/** `signet resources`: the APIs that take access tokens (RFC 8707). */
export function resourcesCommand(program: Command, terminal: Terminal): void {
  const resources = program
    .command('resources')
    .description('Register APIs that take access tokens, and look after them.')

  addResourceFlags(
    resources
      .command('create')
      .description('Register an API with its scopes.')
      .addOption(
        notEmpty(
          oneValue('--identifier <uri>', 'what its tokens are for (their aud): an absolute URI, such as its address'),
        ).makeOptionMandatory(),
      ),
  ).action(async (flags: ResourceFlags & { readonly identifier: string }) => {
    const { identifier } = flags
    const resource = newResource(identifier, flags)
    // What is wrong by itself is told before a database is started for it.
    checkResource(resource, readSettings(terminal.environment, terminal.folder).issuer, [])
    const registered = await changing(terminal, (signet) => registerResource(signet, operator(terminal), resource))
    if (registered.outcome === 'identifier_taken')
      throw new CommandFailed(`There is a resource ${identifier} already: signet resources update changes it.`)
    if (registered.outcome !== 'registered') throw cannotServe(registered)
    printOne(terminal, flags, documentOf(resource))
  })

  addPageFlags(resources.command('list').description('List resources by identifier.'), 'identifier')
    .addOption(json())
    .action(async (flags: PageFlags) =>
      printPages(terminal, flags, {
        find: async (_, identifier) => ({ identifier }),
        read: ({ database }, after, limit) => listResources(database, after?.identifier, limit),
        idOf: ({ identifier }) => identifier,
        documentOf,
        columns: ['identifier', 'name', 'scopes', 'access_token_ttl', 'access_token_signing_alg'],
        nothing: 'There are no resources yet: signet resources create.',
      }),
    )

  resources
    .command('show')
    .description('Show a resource.')
    .argument('<identifier>')
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const resource = await reading(terminal, ({ database }) => needResource(database, identifier))
      printOne(terminal, format, documentOf(resource))
    })

  addResourceFlags(
    resources
      .command('update')
      .description('Replace what is given; an empty value takes it away. Scopes that go are taken off the clients.')
      .argument('<identifier>'),
  ).action(async (identifier: string, flags: ResourceFlags) => {
    const { json: _, ...given } = flags
    if (Object.keys(given).length === 0) throw new WrongUsage('Nothing to change is given.')
    const changed = await changing(terminal, (signet) =>
      changeResource(signet, operator(terminal), identifier, ({ scopes }) => changesOf(flags, scopes)),
    )
    if (changed.outcome === 'no_such_resource') throw noSuchResource(identifier)
    if (changed.outcome !== 'changed') throw cannotServe(changed)
    printOne(terminal, flags, documentOf(changed.resource), notesOn(changed.clients))
  })

  resources
    .command('delete')
    .description('Delete a resource, and take it and its scopes off the clients.')
    .argument('<identifier>')
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const deleted = await changing(terminal, (signet) => deleteResource(signet, operator(terminal), identifier))
      if (deleted === 'no_such_resource') throw noSuchResource(identifier)
      printOne(terminal, format, { identifier, deleted: true }, notesOn(deleted.clients))
    })
}

function addResourceFlags(command: Command): Command {
  return command
    .addOption(oneValue('--name <text>', 'what people call the API'))
    .addOption(manyWords('--scope <scope>', 'what clients may ask for at this API; each scope belongs to one resource'))
    .addOption(
      manyValues(
        '--scope-description <scope=text>',
        'what the consent page says that a scope allows; scope#de=text says it to readers of German',
      ),
    )
    .addOption(
      duration('--access-token-ttl <duration>', 'how long its access tokens live; else SIGNET_ACCESS_TOKEN_TTL'),
    )
    .addOption(oneValue('--access-token-signing-alg <alg>', `one of ${signingAlgorithms.join(', ')}`))
    .addOption(
      manyValues('--served-by <client_id>', 'a confidential client that serves the API: it may ask about its tokens'),
    )
    .addOption(json())
}

function newResource(identifier: string, flags: ResourceFlags): Resource {
  const { name, accessTokenTtl, ...given } = changesOf(flags, [])
  return {
    ...{ identifier, scopes: [], scopeDescriptions: [], servedBy: [], accessTokenSigningAlg: 'ES256', ...given },
    name: name ?? undefined,
    accessTokenTtl: accessTokenTtl ?? undefined,
  }
}

/** @param existingScopes those that the resource has until now: descriptions may be of these, unless others are given */
function changesOf(flags: ResourceFlags, existingScopes: readonly string[]): ResourceChanges {
  const { name, scope, scopeDescription, accessTokenTtl, accessTokenSigningAlg, servedBy } = flags
  const scopes = scope && [...new Set(scope)]
  return {
    ...(name !== undefined && { name: name || null }),
    ...(scopes && { scopes }),
    ...(scopeDescription && {
      scopeDescriptions: scopeDescription.map((text) => readScopeDescription(text, scopes ?? existingScopes)),
    }),
    ...(servedBy && { servedBy: [...new Set(servedBy)] }),
    ...(accessTokenTtl !== undefined && { accessTokenTtl: accessTokenTtl || null }),
    ...(accessTokenSigningAlg !== undefined && { accessTokenSigningAlg: readAlgorithm(accessTokenSigningAlg) }),
  }
}

function readAlgorithm(text: string): SigningAlgorithm {
  const alg = signingAlgorithms.find((known) => known === text)
  if (!alg) throw new WrongUsage(`--access-token-signing-alg is one of ${signingAlgorithms.join(', ')}.`)
  return alg
}

/**
 * Reads `scope=text` or `scope#de=text`, in the way of RFC 7591 §2.2. A scope may itself hold these two characters, so the longest one that
 * the resource has is meant.
 */
function readScopeDescription(given: string, scopes: readonly string[]): ScopeDescription {
  const fitting = scopes.filter((scope) => given.startsWith(`${scope}=`) || given.startsWith(`${scope}#`))
  const scope = fitting.sort((one, other) => other.length - one.length)[0]
  const [, , language, text] = /^(#([^=]*))?=([\s\S]*)$/.exec(given.slice(scope?.length ?? 0)) ?? []
  if (scope === undefined || text === undefined)
    throw new WrongUsage(
      `--scope-description ${shown(given)}: it takes scope=text, or scope#de=text for one language, with a scope of this resource.`,
    )
  return { scope, language, text }
}

function cannotServe({ outcome, clientId }: ServerRefusal): CommandFailed {
  if (outcome === 'no_such_client') return noSuchClient(clientId)
  return new CommandFailed(
    `The client ${clientId} is public: it cannot prove who it is, so it may not ask about tokens.`,
  )
}

async function needResource(db: Queryable, identifier: string): Promise<Resource> {
  const resource = await findResource(db, identifier)
  if (!resource) throw noSuchResource(identifier)
  return resource
}

function noSuchResource(identifier: string): CommandFailed {
  return new CommandFailed(`There is no resource ${identifier.slice(0, 80)}: signet resources list shows them.`)
}

function documentOf(resource: Resource): Document {
  const { identifier, name, scopes, scopeDescriptions, accessTokenTtl, accessTokenSigningAlg, servedBy } = resource
  return {
    identifier,
    name,
    scopes,
    // As the flag takes them.
    scope_descriptions: scopeDescriptions.map(
      ({ scope, language, text }) => `${scope}${language === undefined ? '' : `#${language}`}=${text}`,
    ),
    access_token_ttl: accessTokenTtl,
    access_token_signing_alg: accessTokenSigningAlg,
    served_by: servedBy,
  }
}

/** Clients that are named where any number of them can be affected. */
const mostNamed = 100

function notesOn(clients: readonly string[]): string[] {
  if (clients.length === 0) return []
  const more =
    clients.length > mostNamed ? ` ... (${clients.length} in all: signet events list --type client_updated)` : ''
  return [`These clients lose scopes that are gone: ${clients.slice(0, mostNamed).join(' ')}${more}`]
}
