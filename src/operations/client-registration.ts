import { runsNodeWithoutPairwise } from '../platform/database/primary-store.ts'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import { type Client, type ClientMetadata, scopesOf, usesSecret } from '../records/clients/client.ts'
import { changeMetadata, completeMetadata, type RegistrationContext } from '../records/clients/client-metadata.ts'
import { deleteRegistration } from '../records/clients/client-registrations-store.ts'
import { addClientSecret, deleteClientSecrets, forgetSealedSecrets } from '../records/clients/client-secrets-store.ts'
import { findClient, insertClient, lockClient, updateClient } from '../records/clients/clients-store.ts'
import { type SecretSealing, storedSecret, usesSecretAsKey } from '../records/clients/hmac-secrets.ts'
import { invalid } from '../records/clients/metadata-members.ts'
import { changesSubjects } from '../records/clients/sector.ts'
import { beyondOwnMetadata } from '../records/clients/self-registration.ts'
import { decideDeletion } from '../records/endings/decide-ending.ts'
import { markClientDeleted } from '../records/endings/decisions-store.ts'
import { type EventOrigin, recordEvent } from '../records/events/events-store.ts'
import { existingGroupNames } from '../records/groups/groups-store.ts'
import type { ClientId } from '../records/ids.ts'
import { findOpenResources, findResources, lockResources } from '../records/resources/resources-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, type Operator, originOf } from './actor.ts'
import { endGrantsOf } from './revoke-grants.ts'

export type RegisteredClient = ClientMetadata & {
  readonly client_id: ClientId
  readonly isSelfRegistered: boolean
}

/** `secrets` may be missing if no client comes to use its secret as a key. */
export type Registry = Pick<Signet, 'database'> & { readonly secrets?: SecretSealing | undefined }

export interface ClientWithSecret {
  readonly client: RegisteredClient
  /** A new secret. Undefined if the client was not given one. */
  readonly secret: string | undefined
}

interface ChangedClient extends ClientWithSecret {
  /** Whether the client knows every person by another subject now. Its grants have ended then. */
  readonly subjectsChanged: boolean
}

/**
 * Registers a client (RFC 7591 §2 has the names of the metadata).
 *
 * @param input the metadata, unchecked
 * @throws InvalidClientMetadata
 */
export async function registerClient(
  { database, secrets }: Registry,
  actor: Actor,
  input: Readonly<Record<string, unknown>>,
): Promise<ClientWithSecret> {
  return inTransaction(database, async (tx) => {
    await lockResources(tx, 'reading')
    const metadata = completeMetadata(input, await registrationContext(tx, input))
    return insertNewClient(tx, secrets, originOf(actor), metadata, { registered: 'by operator' })
  })
}

/**
 * Inserts a client with a new `client_id` and, if it uses one, a secret. Records the event.
 *
 * @param how.detail more for the event
 */
export async function insertNewClient(
  tx: Queryable,
  secrets: Registry['secrets'],
  origin: EventOrigin,
  metadata: ClientMetadata,
  how: {
    readonly registered: 'by operator' | 'by itself'
    readonly detail?: Readonly<Record<string, string | number | boolean>>
  },
): Promise<ClientWithSecret> {
  await requirePairwiseEverywhere(tx, undefined, metadata)
  // A `sub` never has this form, so a client that acts for itself cannot be mistaken for a person.
  const clientId = `client_${randomText(16)}` as ClientId
  const secret = usesSecret(metadata) ? randomText(32) : undefined
  const stored = secret === undefined ? undefined : storedSecret(secrets, clientId, metadata, secret)
  await insertClient(tx, clientId, metadata, stored, how.registered)
  const detail = { name: metadata.client_name, ...how.detail }
  await recordEvent(tx, { type: 'client_created', ...origin, clientId, detail })
  const isSelfRegistered = how.registered === 'by itself'
  return { client: { ...metadata, client_id: clientId, isSelfRegistered }, secret }
}

/**
 * Replaces some of a client's metadata, with what follows for its secrets and grants (`replaceMetadata`).
 *
 * @param changes members of the metadata, unchecked; null removes a value
 * @throws InvalidClientMetadata
 */
export async function changeClient(
  signet: Registry & Pick<Signet, 'endings'>,
  actor: Actor,
  clientId: ClientId,
  changes: Readonly<Record<string, unknown>>,
): Promise<ChangedClient | 'no_such_client' | 'has_document'> {
  const changed = await inTransaction(signet.database, async (tx) => {
    await lockResources(tx, 'reading')
    const existing = (await lockClient(tx, clientId)) && (await findClient(tx, clientId))
    if (!existing) return 'no_such_client'
    // The next fetch would undo the change.
    if (existing.document) return 'has_document'
    const context = await registrationContext(tx, existing, changes)
    const metadata = changeMetadata(existing, changes, context)
    const beyond = existing.isSelfRegistered && beyondOwnMetadata(metadata, await findOpenResources(tx))
    if (beyond) throw invalid(beyond)
    return replaceMetadata(tx, signet.secrets, actor, existing, metadata)
  })
  if (typeof changed === 'object' && changed.subjectsChanged) signet.endings.wake()
  return changed
}

/**
 * Saves all metadata of a client that the caller has locked. Records the event.
 *
 * If the new authentication method needs a secret and the old one did not, a secret is created. So it is if the client's secrets are now used as keys,
 * which only a sealed secret can be; the previous secret stays valid for authentication. If the new method does not need a secret, all are deleted.
 *
 * If the client knows every person by another subject afterwards (`changesSubjects`), its grants end: tokens of one grant must all have the same `sub`
 * (OpenID Connect Core §5.3.2, §12.2). The caller then wakes `endings`.
 *
 * @returns the client, and its secret if it was given one now
 */
export async function replaceMetadata(
  tx: Queryable,
  secrets: Registry['secrets'],
  actor: Actor,
  existing: Client,
  metadata: ClientMetadata,
): Promise<ChangedClient> {
  const clientId = existing.client_id
  await requirePairwiseEverywhere(tx, existing, metadata)
  await updateClient(tx, clientId, metadata)
  const secret = needsNewSecret(metadata, existing) ? randomText(32) : undefined
  if (secret !== undefined) await addClientSecret(tx, clientId, storedSecret(secrets, clientId, metadata, secret))
  if (!usesSecret(metadata)) await deleteClientSecrets(tx, clientId)
  else if (!usesSecretAsKey(metadata)) await forgetSealedSecrets(tx, clientId)
  const changed = (Object.keys(metadata) as (keyof ClientMetadata)[]).filter(
    (name) => JSON.stringify(metadata[name]) !== JSON.stringify(existing[name]),
  )
  await recordEvent(tx, { type: 'client_updated', ...originOf(actor), clientId, detail: { changed } })
  const subjectsChanged = changesSubjects(existing, metadata)
  if (subjectsChanged) await endGrantsOf(tx, actor, clientId)
  const { isSelfRegistered } = existing
  return { client: { ...metadata, client_id: clientId, isSelfRegistered }, secret, subjectsChanged }
}

/**
 * During an upgrade, a node of the previous release would tell a pairwise client the account's own `sub`, which cannot be taken back. So no client becomes
 * pairwise before the last of these nodes is gone. None can start again, because it refuses the newer schema.
 *
 * @param existing undefined for a new client
 * @throws InvalidClientMetadata
 */
export async function requirePairwiseEverywhere(
  tx: Queryable,
  existing: Pick<ClientMetadata, 'subject_type'> | undefined,
  metadata: Pick<ClientMetadata, 'subject_type'>,
): Promise<void> {
  if (metadata.subject_type === 'public' || existing?.subject_type === 'pairwise') return
  if (await runsNodeWithoutPairwise(tx))
    throw invalid(
      "subject_type cannot be pairwise yet: a node of an earlier release ran within the last minute, and would tell the client the account's own sub. Upgrade all nodes first.",
    )
}

/**
 * Makes a client that registered itself one of the operator's, who knows who is behind it. Pages no longer warn of it, it can be given what other clients
 * have, it is not deleted if nobody uses it, and it can no longer change or delete itself.
 */
export async function adoptClient(
  { database }: Pick<Signet, 'database'>,
  actor: Operator,
  clientId: ClientId,
): Promise<'adopted' | 'no_such_client' | 'not_self_registered' | 'has_document'> {
  return inTransaction(database, async (tx) => {
    await lockResources(tx, 'reading')
    const existing = (await lockClient(tx, clientId)) && (await findClient(tx, clientId))
    if (!existing) return 'no_such_client'
    // Its metadata are those of its document. Nobody has decided about them, and people have not been told that somebody vouches for the host.
    if (existing.document) return 'has_document'
    if (!(await deleteRegistration(tx, clientId))) return 'not_self_registered'
    // It keeps what it can request at this moment, and gets back nothing of an API that was closed before.
    await updateClient(tx, clientId, { ...existing, resources: existing.allowed.map(({ identifier }) => identifier) })
    await recordEvent(tx, { type: 'client_adopted', ...originOf(actor), clientId })
    return 'adopted'
  })
}

/** Whether the client has no secret of the kind that it now needs. */
function needsNewSecret(metadata: ClientMetadata, existing: Client): boolean {
  if (!usesSecret(metadata)) return false
  if (!usesSecret(existing)) return true
  return usesSecretAsKey(metadata) && !existing.secrets.some(({ sealed }) => sealed)
}

/**
 * Deletes a client with its secrets, consents and grants. The client no longer exists when this returns. Its rows are deleted later, in
 * batches; the row of the client itself is the last.
 *
 * @param checkUnderLock throws if the actor must not delete the client
 */
export async function deleteClient(
  signet: Pick<Signet, 'database' | 'endings'>,
  actor: Actor,
  clientId: ClientId,
  checkUnderLock?: (tx: Queryable) => Promise<unknown>,
): Promise<'deleted' | 'no_such_client'> {
  const outcome = await inTransaction(signet.database, async (tx) => {
    // Only for the check: the lock would wait for grants that are being opened, and the decision does not have to.
    if (checkUnderLock && !(await lockClient(tx, clientId))) return 'no_such_client'
    await checkUnderLock?.(tx)
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
