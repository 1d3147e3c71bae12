import { type Actor, originOf } from '../operations/actor.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { type Client, type ClientMetadata, scopesOf, usesSecret } from '../records/clients/client.ts'
import { changeMetadata, completeMetadata, type RegistrationTerms } from '../records/clients/client-metadata.ts'
import {
  addClientSecret,
  deleteClientSecrets,
  findClient,
  insertClient,
  lockClient,
  updateClient,
} from '../records/clients/clients-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { findResources, lockResources } from '../records/resources/resources-store.ts'
import { CommandFailed } from './failures.ts'

export type RegisteredClient = ClientMetadata & { readonly client_id: string }

interface ClientWithSecret {
  readonly client: RegisteredClient
  /** New, and nowhere else in clear. */
  readonly secret: string | undefined
}

/**
 * Registers a client.
 *
 * @throws InvalidClientMetadata
 */
export async function createClient(
  tx: Queryable,
  actor: Actor,
  input: Record<string, unknown>,
): Promise<ClientWithSecret> {
  await lockResources(tx, 'reading')
  const metadata = completeMetadata(input, await registrationTerms(tx, input))
  const clientId = `client_${randomText(16)}`
  const secret = usesSecret(metadata) ? randomText(32) : undefined
  await insertClient(tx, clientId, metadata, secret === undefined ? undefined : digest(secret))
  await recordEvent(tx, {
    type: 'client_created',
    ...originOf(actor),
    clientId,
    detail: { name: metadata.client_name },
  })
  return { client: { ...metadata, client_id: clientId }, secret }
}

/**
 * Replaces some of a client's metadata. Who comes to use a secret gets one; who no longer does loses all.
 *
 * @throws InvalidClientMetadata; CommandFailed where there is no such client
 */
export async function changeClient(
  tx: Queryable,
  actor: Actor,
  clientId: string,
  changes: Record<string, unknown>,
): Promise<ClientWithSecret> {
  await lockResources(tx, 'reading')
  if (!(await lockClient(tx, clientId))) throw noSuchClient(clientId)
  const existing = await needClient(tx, clientId)
  const terms = await registrationTerms(tx, existing, changes)
  const metadata = changeMetadata(metadataOf(existing), changes, terms)
  await updateClient(tx, clientId, metadata)
  const secret = usesSecret(metadata) && !usesSecret(existing) ? randomText(32) : undefined
  if (secret !== undefined) await addClientSecret(tx, clientId, digest(secret))
  if (!usesSecret(metadata)) await deleteClientSecrets(tx, clientId)
  const changed = (Object.keys(metadata) as (keyof ClientMetadata)[]).filter(
    (name) => JSON.stringify(metadata[name]) !== JSON.stringify(existing[name]),
  )
  await recordEvent(tx, { type: 'client_updated', ...originOf(actor), clientId, detail: { changed } })
  return { client: { ...metadata, client_id: clientId }, secret }
}

/**
 * What the rules need to know about resources. The caller has locked these, so that they stay as they are until the client is saved.
 *
 * @param metadata all metadata that the rules will see; it has not been checked
 */
async function registrationTerms(
  tx: Queryable,
  ...metadata: readonly { readonly scope?: unknown; readonly resources?: unknown }[]
): Promise<RegistrationTerms> {
  const scopes = metadata.flatMap(({ scope }) => (typeof scope === 'string' ? scopesOf(scope) : []))
  const identifiers = metadata.flatMap(({ resources }) => (Array.isArray(resources) ? resources.map(String) : []))
  const resources = await findResources(tx, { identifiers, scopes })
  return { resources, defaultIdTokenAlg: 'ES256', byOperator: true }
}

/** @throws CommandFailed where there is none */
export async function needClient(db: Queryable, clientId: string): Promise<Client> {
  const client = await findClient(db, clientId)
  if (!client) throw noSuchClient(clientId)
  return client
}

export function noSuchClient(clientId: string): CommandFailed {
  return new CommandFailed(`There is no client ${clientId.slice(0, 80)}: signet clients list shows them.`)
}

function metadataOf({
  client_id: _,
  secrets: __,
  allowed: ___,
  standingGrant: ____,
  ...metadata
}: Client): ClientMetadata {
  return metadata
}
