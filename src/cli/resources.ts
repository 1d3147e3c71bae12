import type { Command } from 'commander'
import type { Installation } from '../installation.ts'
import { type Actor, originOf } from '../operations/actor.ts'
import { readSettings } from '../platform/config/settings.ts'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { type SigningAlgorithm, signingAlgorithms } from '../platform/jwt/algorithms.ts'
import { isPublic } from '../records/clients/client.ts'
import { findClient } from '../records/clients/clients-store.ts'
import { type EventType, recordEvent } from '../records/events/events-store.ts'
import { shown } from '../records/plain-text.ts'
import type { Resource, ScopeDescription } from '../records/resources/resource.ts'
import { checkResource } from '../records/resources/resource-rules.ts'
import {
  deleteResource,
  findResource,
  findResources,
  listResources,
  lockResources,
  saveResource,
  takeResourceOffClients,
  takeScopesOffClients,
} from '../records/resources/resources-store.ts'
import { CommandFailed, WrongUsage } from './failures.ts'
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
    const resource = changedBy(
      {
        ...{ identifier, name: undefined, scopes: [], scopeDescriptions: [], servedBy: [] },
        ...{ accessTokenTtl: undefined, accessTokenSigningAlg: 'ES256' },
      },
      flags,
    )
    // What is wrong by itself is told before a database is started for it.
    checkResource(resource, readSettings(terminal.environment, terminal.folder).issuer, [])
    await changing(terminal, (signet) =>
      inTransaction(signet.database, async (tx) => {
        await lockResources(tx, 'changing')
        if (await findResource(tx, identifier))
          throw new CommandFailed(`There is a resource ${identifier} already: signet resources update changes it.`)
        await saveChecked(tx, signet, operator(terminal), resource, 'resource_created')
      }),
    )
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
    const actor = operator(terminal)
    const { resource, clients } = await changing(terminal, (signet) =>
      inTransaction(signet.database, async (tx) => {
        await lockResources(tx, 'changing')
        const existing = await needResource(tx, identifier)
        const changed = changedBy(existing, flags)
        await saveChecked(tx, signet, actor, changed, 'resource_updated')
        const gone = existing.scopes.filter((scope) => !changed.scopes.includes(scope))
        return { resource: changed, clients: await takeScopesOffClients(tx, gone, identifier, actor.by) }
      }),
    )
    printOne(terminal, flags, documentOf(resource), notesOn(clients))
  })

  resources
    .command('delete')
    .description('Delete a resource, and take it and its scopes off the clients.')
    .argument('<identifier>')
    .addOption(json())
    .action(async (identifier: string, format: Format) => {
      const { by } = operator(terminal)
      const clients = await changing(terminal, ({ database }) =>
        inTransaction(database, async (tx) => {
          await lockResources(tx, 'changing')
          const { scopes } = await needResource(tx, identifier)
          const affected = await takeScopesOffClients(tx, scopes, identifier, by)
          await takeResourceOffClients(tx, identifier)
          await deleteResource(tx, identifier)
          // Each of the clients has an event of its own; this one must not grow with their number.
          const clients = affected.slice(0, mostNamed)
          await recordEvent(tx, {
            type: 'resource_deleted',
            by,
            detail: { identifier, clients, ...(affected.length > mostNamed && { clients_affected: affected.length }) },
          })
          return affected
        }),
      )
      printOne(terminal, format, { identifier, deleted: true }, notesOn(clients))
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

function changedBy(resource: Resource, flags: ResourceFlags): Resource {
  const { name, scope, scopeDescription, accessTokenTtl, accessTokenSigningAlg, servedBy } = flags
  const scopes = scope === undefined ? resource.scopes : [...new Set(scope)]
  return {
    identifier: resource.identifier,
    name: name === undefined ? resource.name : name || undefined,
    scopes,
    scopeDescriptions:
      scopeDescription === undefined
        ? // What a scope was said to allow goes with the scope.
          resource.scopeDescriptions.filter((description) => scopes.includes(description.scope))
        : scopeDescription.map((text) => readScopeDescription(text, scopes)),
    servedBy: servedBy === undefined ? resource.servedBy : [...new Set(servedBy)],
    accessTokenTtl: accessTokenTtl === undefined ? resource.accessTokenTtl : accessTokenTtl || undefined,
    accessTokenSigningAlg:
      accessTokenSigningAlg === undefined ? resource.accessTokenSigningAlg : readAlgorithm(accessTokenSigningAlg),
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

async function saveChecked(
  tx: Queryable,
  { settings }: Installation,
  actor: Actor,
  resource: Resource,
  type: EventType,
): Promise<void> {
  const owners = await findResources(tx, { scopes: resource.scopes })
  const others = owners.filter(({ identifier }) => identifier !== resource.identifier)
  checkResource(resource, settings.issuer, others)
  for (const clientId of resource.servedBy) await needServer(tx, clientId)
  await saveResource(tx, resource)
  await recordEvent(tx, {
    type,
    ...originOf(actor),
    detail: { identifier: resource.identifier, scopes: resource.scopes, served_by: resource.servedBy },
  })
}

/** Who asks about tokens must prove who it is (RFC 7662 §2.1). */
async function needServer(db: Queryable, clientId: string): Promise<void> {
  const client = await findClient(db, clientId)
  if (!client) throw new CommandFailed(`There is no client ${clientId.slice(0, 80)}: signet clients list shows them.`)
  if (isPublic(client))
    throw new CommandFailed(
      `The client ${clientId} is public: it cannot prove who it is, so it may not ask about tokens.`,
    )
}

async function needResource(db: Queryable, identifier: string): Promise<Resource> {
  const resource = await findResource(db, identifier)
  if (!resource)
    throw new CommandFailed(`There is no resource ${identifier.slice(0, 80)}: signet resources list shows them.`)
  return resource
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
