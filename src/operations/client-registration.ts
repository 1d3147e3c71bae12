import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { type Client, type ClientMetadata, scopesOf, usesSecret } from '../records/clients/client.ts'
import { changeMetadata, completeMetadata, type RegistrationContext } from '../records/clients/client-metadata.ts'
import { deleteRegistration } from '../records/clients/client-registrations-store.ts'
import { addClientSecret, deleteClientSecrets } from '../records/clients/client-secrets-store.ts'
import { findClient, insertClient, lockClient, updateClient } from '../records/clients/clients-store.ts'
import { invalid } from '../records/clients/metadata-members.ts'
import { beyondOwnMetadata } from '../records/clients/self-registration.ts'
import { decideDeletion } from '../records/endings/decide-ending.ts'
import { markClientDeleted } from '../records/endings/decisions-store.ts'
import { type EventOrigin, recordEvent } from '../records/events/events-store.ts'
import { existingGroupNames } from '../records/groups/groups-store.ts'
import type { ClientId } from '../records/ids.ts'
import { findOpenResources, findResources, lockResources } from '../records/resources/resources-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, type Operator, originOf } from './actor.ts'

export type RegisteredClient = ClientMetadata & {
  readonly client_id: ClientId
  /** Left out for a client that an operator has just registered. */
  readonly isSelfRegistered?: boolean
}

export interface ClientWithSecret {
  readonly client: RegisteredClient
  /** A new secret; only its digest is stored. Undefined if the client was not given one. */
  readonly secret: string | undefined
}

/**
 * Registers a client (RFC 7591 §2 has the names of the metadata).
 *
 * @param input the metadata, unchecked
 * @throws InvalidClientMetadata
 */
export async function registerClient(
  { database }: Pick<Signet, 'database'>,
  actor: Actor,
  input: Readonly<Record<string, unknown>>,
): Promise<ClientWithSecret> {
  return inTransaction(database, async (tx) => {
    await lockResources(tx, 'reading')
    const metadata = completeMetadata(input, await registrationContext(tx, input))
    return insertNewClient(tx, originOf(actor), metadata, { origin: 'by operator' })
  })
}

/**
 * Inserts a client with a new `client_id` and, if it uses one, a secret. Records the event.
 *
 * @param how.detail more for the event
 */
export async function insertNewClient(
  tx: Queryable,
  origin: EventOrigin,
  metadata: ClientMetadata,
  how: {
    readonly origin: 'by operator' | 'by itself'
    readonly detail?: Readonly<Record<string, string | number | boolean>>
  },
): Promise<ClientWithSecret> {
  // A `sub` never has this form, so a client that acts for itself cannot be mistaken for a person.
  const clientId = `client_${randomText(16)}` as ClientId
  const secret = usesSecret(metadata) ? randomText(32) : undefined
  await insertClient(tx, clientId, metadata, secret === undefined ? undefined : digest(secret), how.origin)
  const detail = { name: metadata.client_name, ...how.detail }
  await recordEvent(tx, { type: 'client_created', ...origin, clientId, detail })
  return { client: { ...metadata, client_id: clientId }, secret }
}

/**
 * Replaces some of a client's metadata. If the new authentication method needs a secret and the old one did not, a secret is created. If the
 * new method does not need one, all secrets are deleted.
 *
 * @param changes members of the metadata, unchecked; null removes a value
 * @throws InvalidClientMetadata
 */
export async function changeClient(
  { database }: Pick<Signet, 'database'>,
  actor: Actor,
  clientId: ClientId,
  changes: Readonly<Record<string, unknown>>,
): Promise<ClientWithSecret | 'no_such_client'> {
  return inTransaction(database, async (tx) => {
    await lockResources(tx, 'reading')
    const existing = (await lockClient(tx, clientId)) && (await findClient(tx, clientId))
    if (!existing) return 'no_such_client'
    const context = await registrationContext(tx, existing, changes)
    const metadata = changeMetadata(existing, changes, context)
    const beyond = existing.isSelfRegistered && beyondOwnMetadata(metadata, await findOpenResources(tx))
    if (beyond) throw invalid(beyond)
    return replaceMetadata(tx, actor, existing, metadata)
  })
}

/**
 * Saves all metadata of a client that the caller has locked, with what follows for its secrets. Records the event.
 *
 * @returns the client, and its secret if it was given one now
 */
export async function replaceMetadata(
  tx: Queryable,
  actor: Actor,
  existing: Client,
  metadata: ClientMetadata,
): Promise<ClientWithSecret> {
  const clientId = existing.client_id
  await updateClient(tx, clientId, metadata)
  const secret = usesSecret(metadata) && !usesSecret(existing) ? randomText(32) : undefined
  if (secret !== undefined) await addClientSecret(tx, clientId, digest(secret))
  if (!usesSecret(metadata)) await deleteClientSecrets(tx, clientId)
  const changed = (Object.keys(metadata) as (keyof ClientMetadata)[]).filter(
    (name) => JSON.stringify(metadata[name]) !== JSON.stringify(existing[name]),
  )
  await recordEvent(tx, { type: 'client_updated', ...originOf(actor), clientId, detail: { changed } })
  const { isSelfRegistered } = existing
  return { client: { ...metadata, client_id: clientId, isSelfRegistered }, secret }
}

/**
 * Makes a client that registered itself one of the operator's, who knows who is behind it. Pages no longer warn of it, it can be given what other clients
 * have, it is not deleted if nobody uses it, and it can no longer change or delete itself.
 */
export async function adoptClient(
  { database }: Pick<Signet, 'database'>,
  actor: Operator,
  clientId: ClientId,
): Promise<'adopted' | 'no_such_client' | 'not_self_registered'> {
  return inTransaction(database, async (tx) => {
    await lockResources(tx, 'reading')
    const existing = (await lockClient(tx, clientId)) && (await findClient(tx, clientId))
    if (!existing) return 'no_such_client'
    if (!(await deleteRegistration(tx, clientId))) return 'not_self_registered'
    // It keeps what it can request at this moment, and gets back nothing of an API that was closed before.
    await updateClient(tx, clientId, { ...existing, resources: existing.allowed.map(({ identifier }) => identifier) })
    await recordEvent(tx, { type: 'client_adopted', ...originOf(actor), clientId })
    return 'adopted'
  })
}

/**
 * Deletes a client with its secrets, consents and grants. The client no longer exists when this returns. Its rows are deleted later, in
 * batches; the row of the client itself is the last.
 */
export async function deleteClient(
  signet: Pick<Signet, 'database' | 'endings'>,
  actor: Actor,
  clientId: ClientId,
): Promise<'deleted' | 'no_such_client'> {
  const outcome = await inTransaction(signet.database, async (tx) => {
    if (!(await markClientDeleted(tx, clientId))) return 'no_such_client'
    await decideDeletion(tx, clientId)
    await recordEvent(tx, { type: 'client_deleted', ...originOf(actor), clientId })
    return 'deleted'
  })
  if (outcome === 'deleted') signet.endings.wake()
  return outcome
}

/**
 * Reads the resources and groups that the rules need. The caller has locked the resources, so neither of them changes before the client is
 * saved.
 *
 * @param metadata all metadata that the rules will see, unchecked
 */
export async function registrationContext(
  tx: Queryable,
  ...metadata: readonly { readonly scope?: unknown; readonly resources?: unknown; readonly groups?: unknown }[]
): Promise<RegistrationContext> {
  const scopes = metadata.flatMap(({ scope }) => (typeof scope === 'string' ? scopesOf(scope) : []))
  const identifiers = metadata.flatMap(({ resources }) => (Array.isArray(resources) ? resources.map(String) : []))
  const resources = await findResources(tx, { identifiers, scopes })
  const groups = metadata.flatMap(({ groups }) => (Array.isArray(groups) ? groups.map(String) : []))
  return { resources, groups: await existingGroupNames(tx, groups), byOperator: true }
}
