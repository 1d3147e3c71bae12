import { isDeepStrictEqual } from 'node:util'
import type { Settings } from '../platform/config/settings.ts'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { violatedUniqueConstraint } from '../platform/database/unique-violation.ts'
import type { FetchedDocument } from '../platform/outgoing/document-cache.ts'
import { cooldown } from '../platform/outgoing/outgoing.ts'
import { OutgoingRequestFailed } from '../platform/outgoing-request.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import { type Client, type ClientMetadata, metadataMembers } from '../records/clients/client.ts'
import {
  documentDigestOf,
  documentTypes,
  maxDocumentLength,
  readClientDocument,
  UnusableDocument,
} from '../records/clients/client-document.ts'
import { insertDocument, lockDocumentClient, updateDocument } from '../records/clients/client-documents-store.ts'
import { findClient, insertClient, updateClient } from '../records/clients/clients-store.ts'
import { documentUrlFault, isAllowedDocumentHost, looksLikeDocumentUrl } from '../records/clients/document-url.ts'
import { type Caller, type EventOrigin, recordEvent } from '../records/events/events-store.ts'
import type { ClientId } from '../records/ids.ts'
import { findOpenResources, lockResources } from '../records/resources/resources-store.ts'
import type { Signet } from '../signet.ts'
import { withinLimit } from './within-limit.ts'

/*
 * Clients that identify themselves by the URL of a client ID metadata document (draft-ietf-oauth-client-id-metadata-document). The row of such a client is the
 * document as it was fetched last. A request that arrives fetches it again if its headers do not let it be kept any longer; what continues uses the row.
 */

type HostSettings = Pick<Settings, 'clientIdMetadataHosts'>

type Storing = Pick<Signet, 'database' | 'turns' | 'clients'> & {
  readonly settings: Pick<Settings, 'name' | 'issuer'>
}

/**
 * The client, unless it comes from the document of a host that the operator does not accept, or no longer. Such a client is unknown everywhere.
 */
export function acceptedClient(settings: HostSettings, client: Client | undefined): Client | undefined {
  if (!client?.document) return client
  return isAllowedDocumentHost(settings.clientIdMetadataHosts, client.client_id) ? client : undefined
}

/** The client of a request that continues or ends something. Nothing is fetched for it. */
export async function findAcceptedClient(
  { database, settings }: { readonly database: Queryable; readonly settings: HostSettings },
  clientId: string,
): Promise<Client | undefined> {
  return acceptedClient(settings, clientId.length <= 255 ? await findClient(database, clientId) : undefined)
}

/**
 * The client of an authorization request, if it can be had without the database. It may be slightly out of date, so nothing is refused because of it, and
 * `insertCode` (tokens/authorization-codes-store.ts) opens no grant if the registration has changed.
 *
 * @param isArrival whether the request has just arrived. Its document must then not have to be fetched again
 */
export function cachedClient(
  { clients, clock, settings }: Pick<Signet, 'clients' | 'clock'> & { readonly settings: HostSettings },
  clientId: string,
  isArrival: boolean,
): Client | undefined {
  const client = acceptedClient(settings, clients.cached(clientId))
  return isArrival && client?.document && client.document.expiresAt <= clock.now() ? undefined : client
}

/**
 * The client of a request that has just arrived. A registered client takes one statement, as ever, and nothing is fetched for its `client_id`, whatever that looks like.
 *
 * @returns undefined if there is no such client
 * @throws OAuthError if the `client_id` is the URL of a document that cannot be used, or not now. It must never be sent to a redirect URI; TooManyWaiting
 */
export async function resolveClient(
  signet: Storing & Pick<Signet, 'settings' | 'clock' | 'outgoing' | 'limits' | 'metrics'>,
  clientId: string,
  caller: Caller,
): Promise<Client | undefined> {
  const { database, settings, clock, outgoing, limits, clients } = signet
  const known = clientId.length <= 255 ? await clients.read(clientId) : undefined
  if (known && !known.document) return known
  const hosts = settings.clientIdMetadataHosts
  if (hosts.length === 0 || !looksLikeDocumentUrl(clientId)) return undefined
  const fault = documentUrlFault(clientId)
  if (fault)
    throw new OAuthError('client_document_url_invalid', {
      param: fault,
      detail: `client_id ${shortened(clientId, 255)}`,
    })
  const { hostname } = new URL(clientId)
  if (!isAllowedDocumentHost(hosts, clientId))
    throw new OAuthError('client_document_host_refused', {
      detail: `SIGNET_CLIENT_ID_METADATA_HOSTS does not have ${hostname}`,
    })
  if (known?.document && clock.now() < known.document.expiresAt) return known
  await withinLimit(signet, 'too_many_documents', () =>
    limits.beforeDocument(caller.network, hostname, known?.client_id),
  )
  return fetchTogether(signet, clientId, async () => {
    // Another request may just have stored it.
    const newer = await findClient(database, clientId)
    if (newer && (!newer.document || clock.now() < newer.document.expiresAt)) return newer
    // Errors and unusable documents are not kept (§5.2), so the next request tries again.
    const options = {
      accept: documentTypes,
      maxBytes: maxDocumentLength,
      isUncached: true,
      ...lane(settings, clientId),
    }
    return store(signet, { caller }, clientId, await outgoing.get(clientId, options))
  })
}

/** A host that the operator named does not have to wait for those that anybody names. */
function lane({ clientIdMetadataHosts }: HostSettings, clientId: string) {
  return { isVouchedFor: clientIdMetadataHosts.includes(new URL(clientId).hostname) }
}

/**
 * The same for a client that authenticates with its authorization request (RFC 9126 §2).
 *
 * @returns undefined if nothing has to be fetched: authentication then reads the client as it always does
 */
export async function resolveAuthenticating(
  signet: Parameters<typeof resolveClient>[0],
  clientId: string,
  caller: Caller,
): Promise<Client | undefined> {
  const cached = signet.clients.cached(clientId)
  if (!looksLikeDocumentUrl(clientId) || (cached && !cached.document)) return undefined
  return resolveClient(signet, clientId, caller)
}

/** Those that are being fetched and stored, for each database. */
const running = new WeakMap<object, Map<string, Promise<Client | undefined>>>()

/** Requests that arrive while a document is being fetched share the result. */
function fetchTogether({ database }: Storing, clientId: string, work: () => Promise<Client | undefined>) {
  const ofDatabase = running.get(database) ?? new Map<string, Promise<Client | undefined>>()
  running.set(database, ofDatabase)
  const shared = ofDatabase.get(clientId)
  if (shared) return shared
  const fetching = fetchWith(clientId, work).finally(() => ofDatabase.delete(clientId))
  ofDatabase.set(clientId, fetching)
  return fetching
}

/** What was stored already, for each database. */
const stored = new WeakMap<object, WeakSet<FetchedDocument>>()

/**
 * The same client with what its document says now, for an assertion that is not signed with a key that is known. Anybody can send assertions that claim to be of this client, so
 * how often the document is fetched is limited as for a `jwks_uri` (client-keys.ts).
 *
 * @returns undefined if it no longer exists
 * @throws OAuthError if the document cannot be used, or not now. No `invalid_client` if it might work later: clients forget their tokens then
 */
export async function refreshClient(
  signet: Storing & Pick<Signet, 'outgoing'> & { readonly settings: HostSettings },
  { client_id: clientId }: Client,
): Promise<Client | undefined> {
  const { database, outgoing, clients, settings } = signet
  return fetchWith(clientId, async () => {
    const options = { accept: documentTypes, maxBytes: maxDocumentLength, fresh: true, keepFor: cooldown }
    const document = await outgoing.get(clientId, { ...options, ...lane(settings, clientId) })
    const done = stored.get(database) ?? new WeakSet()
    stored.set(database, done)
    if (done.has(document)) return clients.read(clientId)
    const client = await store(signet, { by: 'schedule' }, clientId, document)
    done.add(document)
    return client
  })
}

async function fetchWith<T>(clientId: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const detail = error instanceof Error ? `client ID metadata document ${clientId}: ${error.message}` : undefined
    // What went wrong would tell anybody what this server can reach.
    if (error instanceof OutgoingRequestFailed) throw unavailable(detail)
    if (!(error instanceof UnusableDocument)) throw error
    if (error.fault === 'no_common_method') throw new OAuthError('client_document_method_unsupported', { detail })
    const param = error.fault === 'invalid' ? error.message : 'There is no JSON document with this client_id.'
    throw new OAuthError('client_document_invalid', { param, detail })
  }
}

function unavailable(detail: string | undefined): OAuthError {
  return new OAuthError('client_document_unavailable', { headers: { 'retry-after': String(cooldown) }, detail })
}

/** Stores a document if it can be used, one at a time for each client. A client that is being deleted does not come back before its rows are gone. */
async function store(
  signet: Storing,
  origin: EventOrigin,
  clientId: string,
  document: FetchedDocument,
): Promise<Client | undefined> {
  const save = async (tx: Queryable) => storeUnderLock(tx, signet, origin, clientId as ClientId, document)
  const saveOnce = () => inTransaction(signet.database, save)
  return signet.turns.take(`client document ${clientId}`, () =>
    saveOnce().catch((error: unknown) => {
      // Another node has just inserted the client.
      if (violatedUniqueConstraint(error) === undefined) throw error
      return saveOnce()
    }),
  )
}

async function storeUnderLock(
  tx: Queryable,
  { settings, clients }: Storing,
  origin: EventOrigin,
  clientId: ClientId,
  document: FetchedDocument,
): Promise<Client | undefined> {
  await lockResources(tx, 'reading')
  const found = await lockDocumentClient(tx, clientId)
  if (found === 'deleted') throw unavailable(`client ${clientId} is being deleted`)
  // An operator has imported it in the meantime.
  if (found === 'registered') return findClient(tx, clientId)
  const { name: providerName, issuer } = settings
  const openResources = await findOpenResources(tx)
  const metadata = readClientDocument(clientId, document, { openResources, providerName, issuer })
  const row = { digest: documentDigestOf(metadata), freshness: document.freshness }
  const existing = await findClient(tx, clientId)
  if (!existing) {
    await insertClient(tx, clientId, metadata, undefined, 'by itself')
    await insertDocument(tx, clientId, row)
    const detail = { name: metadata.client_name, self_registered: true, document: true }
    await recordEvent(tx, { type: 'client_created', ...origin, clientId, detail })
  } else {
    await updateDocument(tx, clientId, row)
    const changed = changedMembers(existing, metadata)
    // An update makes every node drop its clients, so only if there is something to update.
    if (changed.length > 0 || existing.document?.digest !== row.digest.toString('hex')) {
      await updateClient(tx, clientId, metadata)
      await recordEvent(tx, { type: 'client_updated', ...origin, clientId, detail: { changed } })
      clients.clear()
    }
  }
  return findClient(tx, clientId)
}

function changedMembers(existing: ClientMetadata, metadata: ClientMetadata): string[] {
  return metadataMembers.filter((name) => !isDeepStrictEqual(existing[name], metadata[name]))
}
