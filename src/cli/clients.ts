import type { Command } from 'commander'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { type Client, type ClientMetadata, isPublic } from '../records/clients/client.ts'
import { changeMetadata, completeMetadata, type RegistrationTerms } from '../records/clients/client-metadata.ts'
import {
  addClientSecret,
  deleteClient,
  deleteClientSecrets,
  findClient,
  insertClient,
  listClients,
  lockClient,
  updateClient,
} from '../records/clients/clients-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { listResources, lockResources } from '../records/resources/resources-store.ts'
import { addClientFlags } from './client-flags.ts'
import { CommandFailed, WrongUsage } from './failures.ts'
import { json } from './flags.ts'
import { type Document, type Format, printMany, printOne } from './output.ts'
import type { Terminal } from './terminal.ts'
import { withSignet } from './with-signet.ts'

const keepIt = 'The secret is shown this once; Signet keeps only its digest.'

/** `signet clients`: the applications that may ask for tokens (RFC 7591 §2 has the names). */
export function clientsCommand(program: Command, terminal: Terminal): void {
  const clients = program.command('clients').description('Register applications, and look after them.')

  const create = clients.command('create').description('Register a client, and print its client_id and secret.')
  const metadataOfCreate = addClientFlags(create)
  create.addOption(json()).action(async (format: Format) => {
    const input = metadataOfCreate()
    if (input['client_name'] === undefined) throw new WrongUsage('--name is missing: what people call the application.')
    const { client, secret } = await withSignet(terminal, ({ database }) =>
      inTransaction(database, (tx) => createClient(tx, input)),
    )
    printOne(terminal, format, withSecret(client, secret), secret === undefined ? [] : [keepIt])
  })

  clients
    .command('list')
    .description('List all clients.')
    .addOption(json())
    .action(async (format: Format) => {
      const all = await withSignet(terminal, ({ database }) => listClients(database))
      const columns = ['client_id', 'client_name', 'token_endpoint_auth_method', 'grant_types']
      printMany(terminal, format, all.map(documentOf), columns, 'There are no clients yet: signet clients create.')
    })

  clients
    .command('show')
    .description('Show a client with all its metadata.')
    .argument('<client_id>')
    .addOption(json())
    .action(async (clientId: string, format: Format) => {
      const client = await withSignet(terminal, ({ database }) => needClient(database, clientId))
      printOne(terminal, format, documentOf(client))
    })

  const update = clients
    .command('update')
    .description('Replace the metadata that is given; an empty value takes it away. The rest stays.')
    .argument('<client_id>')
  const metadataOfUpdate = addClientFlags(update)
  update.addOption(json()).action(async (clientId: string, format: Format) => {
    const changes = metadataOfUpdate()
    if (Object.keys(changes).length === 0) throw new WrongUsage('Nothing to change is given.')
    const { client, secret } = await withSignet(terminal, ({ database }) =>
      inTransaction(database, (tx) => changeClient(tx, clientId, changes)),
    )
    printOne(terminal, format, secret === undefined ? documentOf(client) : withSecret(client, secret), secret === undefined ? [] : [keepIt])
  })

  clients
    .command('delete')
    .description('Delete a client with its secrets, consents and grants.')
    .argument('<client_id>')
    .addOption(json())
    .action(async (clientId: string, format: Format) => {
      await withSignet(terminal, ({ database }) =>
        inTransaction(database, async (tx) => {
          if (!(await deleteClient(tx, clientId))) throw noSuchClient(clientId)
          await recordEvent(tx, { type: 'client_deleted', caller: undefined, clientId })
        }),
      )
      printOne(terminal, format, { client_id: clientId, deleted: true })
    })

  clients
    .command('rotate-secret')
    .description('Give a client a new secret. The one before it goes on working until the next rotation.')
    .argument('<client_id>')
    .addOption(json())
    .action(async (clientId: string, format: Format) => {
      const { client, secret } = await withSignet(terminal, ({ database }) =>
        inTransaction(database, (tx) => rotateSecret(tx, clientId)),
      )
      const notes = [keepIt, 'The secret before it goes on working until the next rotation; older ones are gone.']
      printOne(terminal, format, withSecret(client, secret), notes)
    })
}

interface ClientWithSecret {
  readonly client: ClientMetadata & { readonly client_id: string }
  readonly secret: string | undefined
}

async function createClient(tx: Queryable, input: Record<string, unknown>): Promise<ClientWithSecret> {
  const metadata = completeMetadata(input, await registrationTerms(tx))
  const clientId = `client_${randomText(16)}`
  const secret = isPublic(metadata) ? undefined : randomText(32)
  await insertClient(tx, clientId, metadata, secret === undefined ? undefined : digest(secret))
  await recordEvent(tx, { type: 'client_created', caller: undefined, clientId, detail: { name: metadata.client_name } })
  return { client: { ...metadata, client_id: clientId }, secret }
}

/** Client metadata as a command changes it. Who stops being public gets a secret; who becomes public loses all. */
async function changeClient(tx: Queryable, clientId: string, changes: Record<string, unknown>): Promise<ClientWithSecret> {
  const terms = await registrationTerms(tx)
  if (!(await lockClient(tx, clientId))) throw noSuchClient(clientId)
  const existing = await needClient(tx, clientId)
  const metadata = changeMetadata(metadataOf(existing), changes, terms)
  await updateClient(tx, clientId, metadata)
  const secret = isPublic(existing) && !isPublic(metadata) ? randomText(32) : undefined
  if (secret !== undefined) await addClientSecret(tx, clientId, digest(secret))
  if (isPublic(metadata)) await deleteClientSecrets(tx, clientId)
  const changed = (Object.keys(metadata) as (keyof ClientMetadata)[]).filter(
    (name) => JSON.stringify(metadata[name]) !== JSON.stringify(existing[name]),
  )
  await recordEvent(tx, { type: 'client_updated', caller: undefined, clientId, detail: { changed } })
  return { client: { ...metadata, client_id: clientId }, secret }
}

async function rotateSecret(tx: Queryable, clientId: string): Promise<{ client: Client; secret: string }> {
  if (!(await lockClient(tx, clientId))) throw noSuchClient(clientId)
  const client = await needClient(tx, clientId)
  if (isPublic(client)) throw new CommandFailed(`The client ${clientId} is public: it has no secret.`)
  const secret = randomText(32)
  await addClientSecret(tx, clientId, digest(secret))
  await recordEvent(tx, { type: 'client_secret_rotated', caller: undefined, clientId })
  return { client, secret }
}

/** The resources stay as they are until the client that is built on them stands. */
async function registrationTerms(tx: Queryable): Promise<RegistrationTerms> {
  await lockResources(tx, 'reading')
  return { resources: await listResources(tx), defaultIdTokenAlg: 'ES256' }
}

async function needClient(db: Queryable, clientId: string): Promise<Client> {
  const client = await findClient(db, clientId)
  if (!client) throw noSuchClient(clientId)
  return client
}

function noSuchClient(clientId: string): CommandFailed {
  return new CommandFailed(`There is no client ${clientId.slice(0, 80)}: signet clients list shows all.`)
}

function metadataOf({ client_id: _, secrets: __, allowed: ___, ...metadata }: Client): ClientMetadata {
  return metadata
}

/** What is told of a client: the names of RFC 7591 §2, and no digest. */
function documentOf(client: ClientMetadata & { readonly client_id: string }): Document {
  const { client_id, ...rest } = client
  const { secrets: _, allowed: __, ...metadata } = rest as Client
  return { client_id, ...metadata }
}

/** RFC 7591 §3.2.1; 0: the secret does not expire. */
function withSecret(client: ClientMetadata & { readonly client_id: string }, secret: string | undefined): Document {
  const { client_id, ...metadata } = documentOf(client)
  return { client_id, ...(secret === undefined ? {} : { client_secret: secret, client_secret_expires_at: 0 }), ...metadata }
}
