import { type Command, Option } from 'commander'
import {
  adoptClient,
  changeClient,
  deleteClient,
  type RegisteredClient,
  registerClient,
} from '../operations/client-registration.ts'
import type { Settings } from '../platform/config/settings.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { type Client, isPublic, metadataMembers } from '../records/clients/client.ts'
import { findRegistration } from '../records/clients/client-registrations-store.ts'
import { listClients } from '../records/clients/clients-store.ts'
import { documentHost } from '../records/clients/document-host.ts'
import { mayUseSecretAsKey, usesSecretAsKey } from '../records/clients/hmac-secrets.ts'
import { listGrants } from '../records/grants/grants-store.ts'
import { addClientFlags } from './client-flags.ts'
import {
  type ForFlag,
  forOption,
  printInstructions,
  printWithConfiguration,
  recipeNamed,
  requireFit,
} from './client-instructions.ts'
import { type ClientKind, kindOption, metadataOfKind } from './client-kinds.ts'
import { clientSecretCommands, shownOnce } from './client-secret-commands.ts'
import { warnOfClaimableSchemes, warnOfSubjects, warnOfTypesTurnedOff } from './client-warnings.ts'
import { CommandFailed, WrongUsage } from './command-failures.ts'
import { noSuchClient, requireClient } from './find-client.ts'
import { json, notEmpty, oneValue } from './flags.ts'
import { importClientsCommand } from './import/import-command.ts'
import { operator } from './operator.ts'
import { type Document, type Format, printOne } from './output.ts'
import { addPageFlags, type PageFlags, printPages } from './paging.ts'
import type { Terminal } from './terminal.ts'
import { updateEndedRecords } from './update-ended-records.ts'
import { changing, reading, withSealing } from './with-signet.ts'

/** `signet clients`: the applications that may request tokens. The names are those of RFC 7591 §2. */
export function clientsCommand(program: Command, terminal: Terminal): void {
  const clients = program.command('clients').description('Register and manage applications (OAuth clients).')

  const create = clients.command('create').description('Register a client and print its client_id and secret.')
  const metadataOfCreate = addClientFlags(create, { nameIs: 'required' })
  create
    .addOption(kindOption())
    .addOption(forOption())
    .addOption(json())
    .action(async (flags: Format & ForFlag & { readonly kind?: ClientKind }) => {
      const recipe = recipeNamed(flags)
      const given = metadataOfCreate()
      const input = flags.kind === undefined ? given : metadataOfKind(flags.kind, given, recipe?.callback)
      requireFit(recipe, input)
      const registered = await changing(terminal, async (installation, wait) => ({
        ...(await withSealing(terminal, installation, wait, mayUseSecretAsKey(input), (registry) =>
          registerClient(registry, operator(terminal), input),
        )),
        ...shownSettings(installation.settings),
      }))
      const { client, secret } = registered
      warnOfClaimableSchemes(terminal, client, input)
      warnOfTypesTurnedOff(terminal, client, registered)
      const document = withSecret(client, secret, flags)
      if (flags.json) return printWithConfiguration(terminal, document, { ...registered, recipe })
      printOne(terminal, flags, document, secret === undefined ? [] : [shownOnce(client)])
      if (flags.kind === undefined && recipe === undefined) return
      terminal.writeOut('\n')
      printInstructions(terminal, { ...registered, recipe })
    })

  importClientsCommand(clients, terminal)

  addPageFlags(
    clients
      .command('list')
      .description('List clients, sorted by name.')
      .addOption(
        notEmpty(oneValue('--name <text>', 'only clients whose names begin with this text, in upper or lower case')),
      )
      .addOption(
        new Option('--self-registered', 'only clients that registered themselves or identify themselves by a document'),
      ),
    'client_id',
  )
    .addOption(json())
    .action(async (flags: PageFlags & { readonly name?: string; readonly selfRegistered?: true }) =>
      printPages(terminal, flags, {
        find: ({ database }, clientId) => requireClient(database, clientId),
        read: ({ database }, after, limit) =>
          listClients(database, { prefix: flags.name, selfRegistered: flags.selfRegistered }, after, limit),
        idOf: ({ client_id }) => client_id,
        documentOf: (client) => documentOf(client, flags),
        columns: [
          'client_id',
          'client_name',
          'token_endpoint_auth_method',
          'grant_types',
          'self_registered',
          'has_document',
        ],
        nothing:
          flags.name || flags.selfRegistered
            ? 'No clients found.'
            : 'There are no clients yet. To register one: signet clients create',
      }),
    )

  clients
    .command('show')
    .description('Show a client with all its metadata or, with --for, what its application needs.')
    .argument('<client_id>')
    .addOption(forOption())
    .addOption(json())
    .action(async (clientId: string, flags: Format & ForFlag) => {
      const recipe = recipeNamed(flags)
      const { client, issuer, registration } = await reading(terminal, async ({ database, settings }) => {
        const client = await requireClient(database, clientId)
        return { client, issuer: settings.issuer, registration: await registrationDocument(database, client) }
      })
      const document = { ...documentOf(client, flags), ...registration }
      if (recipe === undefined) printOne(terminal, flags, document)
      else if (flags.json) printWithConfiguration(terminal, document, { client, issuer, recipe })
      else printInstructions(terminal, { client, issuer, recipe })
    })

  const update = clients
    .command('update')
    .description('Change only the metadata given. An empty value removes that entry.')
    .argument('<client_id>')
  const metadataOfUpdate = addClientFlags(update, { nameIs: 'optional' })
  update.addOption(json()).action(async (clientId: string, format: Format) => {
    const changes = metadataOfUpdate()
    if (Object.keys(changes).length === 0)
      throw new WrongUsage('Nothing to change: give at least one flag with a new value.')
    const changed = await changing(terminal, async (installation, wait) => {
      const existing = await requireClient(installation.database, clientId)
      const mayBeKey = usesSecretAsKey(existing) || mayUseSecretAsKey(changes)
      const outcome = await withSealing(terminal, installation, wait, mayBeKey, (registry) =>
        changeClient(registry, operator(terminal), existing.client_id, changes),
      )
      return typeof outcome === 'string' ? outcome : { ...outcome, ...shownSettings(installation.settings) }
    })
    if (changed === 'no_such_client') throw noSuchClient(clientId)
    if (changed === 'has_document') throw describedByDocument(clientId)
    const { client, secret, subjectsChanged } = changed
    warnOfClaimableSchemes(terminal, client, changes)
    if (changes['response_types'] !== undefined) warnOfTypesTurnedOff(terminal, client, changed)
    if (subjectsChanged) warnOfSubjects(terminal)
    printOne(terminal, format, withSecret(client, secret, format), secret === undefined ? [] : [shownOnce(client)])
  })

  clients
    .command('adopt')
    .description(
      'Take over a client that registered itself, once you know who is behind it. Pages no longer warn about it, it can be given whatever other clients have, and it can no longer change or delete itself.',
    )
    .argument('<client_id>')
    .addOption(json())
    .action(async (clientId: string, format: Format) => {
      const outcome = await changing(terminal, async (signet) => {
        const { client_id } = await requireClient(signet.database, clientId)
        return adoptClient(signet, operator(terminal), client_id)
      })
      if (outcome === 'no_such_client') throw noSuchClient(clientId)
      if (outcome === 'has_document') throw describedByDocument(clientId)
      if (outcome === 'not_self_registered')
        throw new CommandFailed(
          `The client ${clientId.slice(0, 80)} did not register itself, or has been adopted already.`,
        )
      printOne(terminal, format, { client_id: clientId, adopted: true })
    })

  clients
    .command('delete')
    .description('Delete a client with its secrets, consents and grants.')
    .argument('<client_id>')
    .addOption(json())
    .action(async (clientId: string, format: Format) => {
      const notes = await changing(terminal, async (signet) => {
        const client = await requireClient(signet.database, clientId)
        const outcome = await deleteClient(signet, operator(terminal), client.client_id)
        if (outcome === 'no_such_client') throw noSuchClient(clientId)
        return [...(await updateEndedRecords(signet, terminal)), ...(client.document ? [comesBack(client)] : [])]
      })
      printOne(terminal, format, { client_id: clientId, deleted: true }, notes)
    })

  clientSecretCommands(clients, terminal, withSecret)
}

/** Refuses to change a client that its own document describes. */
function describedByDocument(clientId: string): CommandFailed {
  return new CommandFailed(
    `${clientId.slice(0, 300)} describes itself by the document at this address, so only its publisher can change it. To decide about its metadata yourself, ` +
      'delete it and register a client with the same client_id (signet clients import): Signet then never fetches the document.',
  )
}

/** For an operator who wants to be rid of a client with a document. */
function comesBack(client: Client): string {
  // Without the port, which the setting does not have.
  const { hostname } = new URL(client.client_id)
  return `When somebody signs in with it, Signet fetches its document, and it is back. To refuse it, take ${hostname} out of SIGNET_CLIENT_ID_METADATA_HOSTS.`
}

/** The settings that texts about a client depend on. */
function shownSettings({ issuer, legacyResponseTypes }: Settings) {
  return { issuer, legacyResponseTypes }
}

/**
 * The metadata of a client under the names of RFC 7591 §2. An allow-list, so that no digest is printed. As text it also says what applies where
 * nobody chose, or where a value means something else for this kind of client.
 */
function documentOf(client: RegisteredClient, { json }: Format): Document {
  const metadata = {
    client_id: client.client_id,
    self_registered: client.isSelfRegistered || undefined,
    has_document: documentHost(client) !== undefined || undefined,
    ...Object.fromEntries(metadataMembers.map((name) => [name, client[name]])),
  }
  if (json) return metadata
  return {
    ...metadata,
    token_endpoint_auth_method: client.token_endpoint_auth_method ?? 'client_secret_basic or client_secret_post',
    require_issuer_audience:
      client.token_endpoint_auth_method === 'private_key_jwt' ||
      client.token_endpoint_auth_method === 'client_secret_jwt'
        ? client.require_issuer_audience
        : undefined,
    require_pkce: shownPkce(client),
  }
}

/** How a client that registered itself did so, or when its document was fetched, and whether anybody uses it. `last_used_at` is when somebody last gave it access, or signed in with it. */
async function registrationDocument(database: Queryable, client: Client): Promise<Document> {
  const registration = client.isSelfRegistered ? await findRegistration(database, client.client_id) : undefined
  if (!registration) return {}
  const [newest] = await listGrants(database, { clientId: client.client_id }, undefined, 1)
  return {
    ...(client.document
      ? {
          document_fetched_at: registration.documentFetchedAt,
          document_expires_at: new Date(client.document.expiresAt),
        }
      : { registered_at: registration.registeredAt, registration_token_id: registration.initialToken }),
    first_used_at: registration.usedAt,
    last_used_at: newest?.createdAt,
  }
}

function shownPkce(client: RegisteredClient): boolean | string {
  if (isPublic(client)) return 'yes, because the client is public'
  return client.require_pkce === 'auto' ? 'auto: PKCE, or a nonce with the scope openid' : client.require_pkce
}

/** RFC 7591 §3.2.1: `client_secret_expires_at` is 0 if the secret does not expire. */
function withSecret(client: RegisteredClient, secret: string | undefined, format: Format): Document {
  const { client_id, ...metadata } = documentOf(client, format)
  const issued = secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }
  return { client_id, ...issued, ...metadata }
}
