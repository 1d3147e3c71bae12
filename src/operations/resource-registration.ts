import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { isPublic } from '../records/clients/client.ts'
import { findClient } from '../records/clients/clients-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Resource } from '../records/resources/resource.ts'
import { checkResource, InvalidResource } from '../records/resources/resource-rules.ts'
import {
  deleteResource as deleteRow,
  findOpenResources,
  findResource,
  findResources,
  lockResources,
  maxOpenResources,
  removeResourceFromClients,
  removeScopesFromClients,
  saveResource,
} from '../records/resources/resources-store.ts'
import type { Signet } from '../signet.ts'
import { type Operator, originOf } from './actor.ts'

type Context = Pick<Signet, 'database' | 'settings'>

/** Why a client may not serve a resource: it does not exist, or it cannot authenticate. */
export interface ServerRefusal {
  readonly outcome: 'no_such_client' | 'public_client'
  readonly clientId: string
}

/**
 * Registers a resource with its scopes.
 *
 * @throws InvalidResource
 */
export async function registerResource(
  signet: Context,
  actor: Operator,
  resource: Resource,
): Promise<{ readonly outcome: 'registered' } | { readonly outcome: 'identifier_taken' } | ServerRefusal> {
  return inTransaction(signet.database, async (tx) => {
    await lockResources(tx, 'changing')
    if (await findResource(tx, resource.identifier)) return { outcome: 'identifier_taken' }
    const refusal = await saveChecked(tx, signet, actor, resource, 'resource_created')
    return refusal ?? { outcome: 'registered' }
  })
}

/** The members of a resource to change. Omitted members stay as they are; null removes a value. */
export interface ResourceChanges extends Partial<Omit<Resource, 'identifier' | 'name' | 'accessTokenTtl'>> {
  readonly name?: string | null
  readonly accessTokenTtl?: number | null
}

export type ChangeResourceOutcome =
  | {
      readonly outcome: 'changed'
      readonly resource: Resource
      /** The clients that were registered for scopes that were removed. */
      readonly clients: readonly string[]
    }
  | { readonly outcome: 'no_such_resource' }
  | ServerRefusal

/**
 * Changes a resource. Scopes that it loses are removed from the clients. The descriptions of a removed scope are removed too, unless new
 * descriptions are given.
 *
 * @param changesOf returns the changes; it is called with the resource after that was locked
 * @throws InvalidResource; whatever `changesOf` throws
 */
export async function changeResource(
  signet: Context,
  actor: Operator,
  identifier: string,
  changesOf: (existing: Resource) => ResourceChanges,
): Promise<ChangeResourceOutcome> {
  return inTransaction(signet.database, async (tx) => {
    await lockResources(tx, 'changing')
    const existing = await findResource(tx, identifier)
    if (!existing) return { outcome: 'no_such_resource' }
    const resource = changed(existing, changesOf(existing))
    const refusal = await saveChecked(tx, signet, actor, resource, 'resource_updated')
    if (refusal) return refusal
    const removed = existing.scopes.filter((scope) => !resource.scopes.includes(scope))
    return { outcome: 'changed', resource, clients: await removeScopesFromClients(tx, removed, identifier, actor.by) }
  })
}

/** The maximum number of clients that one event names. Any number can be affected. */
const maxNamedClients = 100

/**
 * Deletes a resource, and removes it and its scopes from the clients.
 *
 * @returns the clients that were registered for its scopes
 */
export async function deleteResource(
  { database }: Pick<Signet, 'database'>,
  actor: Operator,
  identifier: string,
): Promise<{ readonly clients: readonly string[] } | 'no_such_resource'> {
  return inTransaction(database, async (tx) => {
    await lockResources(tx, 'changing')
    const existing = await findResource(tx, identifier)
    if (!existing) return 'no_such_resource'
    const clients = await removeScopesFromClients(tx, existing.scopes, identifier, actor.by)
    await removeResourceFromClients(tx, identifier)
    await deleteRow(tx, identifier)
    // Each client has its own event; this one must not grow with their number.
    const named = clients.slice(0, maxNamedClients)
    const detail = {
      ...{ identifier, clients: named },
      ...(clients.length > maxNamedClients && { clients_affected: clients.length }),
    }
    await recordEvent(tx, { type: 'resource_deleted', ...originOf(actor), detail })
    return { clients }
  })
}

function changed(existing: Resource, { name, accessTokenTtl, ...changes }: ResourceChanges): Resource {
  const scopes = changes.scopes ?? existing.scopes
  return {
    identifier: existing.identifier,
    name: name === undefined ? existing.name : (name ?? undefined),
    scopes,
    scopeDescriptions:
      changes.scopeDescriptions ?? existing.scopeDescriptions.filter(({ scope }) => scopes.includes(scope)),
    servedBy: changes.servedBy ?? existing.servedBy,
    accessTokenTtl: accessTokenTtl === undefined ? existing.accessTokenTtl : (accessTokenTtl ?? undefined),
    accessTokenSigningAlg: changes.accessTokenSigningAlg ?? existing.accessTokenSigningAlg,
    userinfoAudience: changes.userinfoAudience ?? existing.userinfoAudience,
    groupsClaim: changes.groupsClaim ?? existing.groupsClaim,
    selfRegisteredClients: changes.selfRegisteredClients ?? existing.selfRegisteredClients,
  }
}

/** @returns why nothing was saved; undefined if it was */
async function saveChecked(
  tx: Queryable,
  { settings }: Context,
  actor: Operator,
  resource: Resource,
  type: 'resource_created' | 'resource_updated',
): Promise<ServerRefusal | undefined> {
  const { identifier, scopes, servedBy, userinfoAudience, groupsClaim, selfRegisteredClients } = resource
  const owners = await findResources(tx, { scopes })
  const others = owners.filter((owner) => owner.identifier !== identifier)
  checkResource(resource, settings.issuer, others)
  // RFC 7662 §2.1: a client that asks about tokens must prove who it is.
  for (const clientId of servedBy) {
    const client = await findClient(tx, clientId)
    if (!client) return { outcome: 'no_such_client', clientId }
    if (isPublic(client)) return { outcome: 'public_client', clientId }
  }
  if (selfRegisteredClients) {
    const open = (await findOpenResources(tx)).filter((other) => other.identifier !== identifier)
    if (open.length >= maxOpenResources)
      throw new InvalidResource(
        `No more than ${maxOpenResources} resources can be open to clients that registered themselves.`,
      )
  }
  await saveResource(tx, resource)
  const detail = {
    ...{ identifier, scopes, served_by: servedBy },
    // What gives the API more than its own scopes.
    ...{ userinfo_audience: userinfoAudience, groups_claim: groupsClaim },
    // Who gets at it without an operator's decision.
    self_registered_clients: selfRegisteredClients,
  }
  await recordEvent(tx, { type, ...originOf(actor), detail })
  return undefined
}
