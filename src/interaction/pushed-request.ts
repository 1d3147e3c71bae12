import { withinLimit } from '../operations/within-limit.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { type PurposeSecret, sealText, secretFor, unsealText } from '../platform/secrets/purpose-secrets.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { type Parameters, parametersOf, soundParameters } from '../protocol/http/parameters.ts'
import { authorizationParameters } from '../protocol/oidc-values.ts'
import type { OperatorNote } from '../protocol/operator-notes.ts'
import { type Client, isPublic } from '../records/clients/client.ts'
import type { SessionId } from '../records/ids.ts'
import {
  findPushedRequest,
  insertPushedRequest,
  type StoredPushedRequest,
} from '../records/pushed-requests/pushed-requests-store.ts'
import type { Signet } from '../signet.ts'
import type { PushedRequestReference } from '../tokens/authorization-codes-store.ts'
import { notesAboutDroppedClaims } from '../tokens/requested-claims.ts'
import { notesAboutDropped } from '../tokens/requested-scopes.ts'
import { octetsOf, readAuthorizationRequest } from './authorization-request.ts'
import { targetOf } from './authorization-target.ts'

/** RFC 9126 §2.2. */
const uriPrefix = 'urn:ietf:params:oauth:request_uri:'

/** Seconds in which a browser must arrive. The client sends it on at once; the rest is for slow networks. */
const lifetime = 90

/** Octets of all parameters together, in JSON. */
const maxOctets = 32 * 1024

const carried: ReadonlySet<string> = new Set(authorizationParameters)

/** The random part of the `request_uri` of a pushed request, in whatever condition; undefined if it is another URI. */
export function idInRequestUri(uri: string | undefined): string | undefined {
  return uri?.startsWith(uriPrefix) ? uri.slice(uriPrefix.length) : undefined
}

/** The `request_uri` with this random part. */
export function requestUriOf(id: string): string {
  return `${uriPrefix}${id}`
}

/** What a client receives for a request that it has pushed (RFC 9126 §2.2). */
export interface PushedRequest {
  readonly requestUri: string
  /** Seconds. */
  readonly expiresIn: number
  readonly notes: readonly OperatorNote[]
}

/**
 * Checks a pushed request as the authorization endpoint does, and stores it (RFC 9126 §2). Everything is checked again when a browser arrives, because the registration of the
 * client may have changed. Its id has 256 random bits; the database stores only the digest. The parameters are stored sealed, because they can contain an ID token
 * (`id_token_hint`) or an address (`login_hint`).
 *
 * There is no event for it, because public clients can send any number, and events are kept.
 *
 * @param client the authenticated client
 * @param network the network address of the caller
 * @param isSigned whether the parameters were in a request object whose signature was verified
 * @throws OAuthError; TooManyWaiting
 */
export async function pushRequest(
  signet: Pick<Signet, 'database' | 'limits' | 'metrics' | 'secrets' | 'settings'>,
  client: Client,
  network: string,
  { parameters, isSigned }: { readonly parameters: Parameters; readonly isSigned: boolean },
): Promise<PushedRequest> {
  const { database, limits, secrets, settings } = signet
  const target = targetOf(client, parameters)
  const { droppedScopes, droppedClaims } = readAuthorizationRequest(
    parameters,
    target,
    { isSigned, pushed: 'now' },
    settings,
  )
  if (octetsOf(parameters) > maxOctets) throw new OAuthError('request_too_long', { param: String(maxOctets) })
  // A server that authenticates pushes the requests of all its users from one network. But anybody can register clients themselves.
  const ofNetwork = isPublic(client) || client.isSelfRegistered ? network : undefined
  await withinLimit(signet, 'too_many_pushed_requests', () => limits.beforePushedRequest(ofNetwork, client.client_id))
  const id = randomText(32)
  await insertPushedRequest(database, {
    ...{ digest: digest(id), clientId: client.client_id, isSigned, ttl: lifetime },
    parameters: sealParameters(secrets['request-sealing'], id, parameters),
  })
  return {
    requestUri: requestUriOf(id),
    expiresIn: lifetime,
    notes: [...notesAboutDropped(client, droppedScopes), ...notesAboutDroppedClaims(client, droppedClaims)],
  }
}

/** A pushed request that a browser has arrived with. */
export interface OpenedPushedRequest {
  readonly reference: PushedRequestReference
  readonly parameters: Parameters
  readonly isSigned: boolean
  /** Why it gets no response any more; undefined if it may. */
  readonly fault: OAuthError | undefined
  /** The session for which that is no fault, because it was completed there only just now. */
  readonly repeatableIn: SessionId | undefined
}

/** The digest by which a pushed request is found; undefined if its id is malformed, so that there is none. */
export function digestOfPushed(id: string): Buffer | undefined {
  return /^[A-Za-z0-9_-]{43}$/.test(id) ? digest(id) : undefined
}

/** Finds a pushed request and opens it (`openStored`). */
export async function openPushedRequest(
  { database, secrets }: Pick<Signet, 'database' | 'secrets'>,
  id: string,
  clientId: string,
  isArrival: boolean,
): Promise<OpenedPushedRequest> {
  const found = digestOfPushed(id)
  return openStored({ secrets }, id, found && (await findPushedRequest(database, found, clientId)), isArrival)
}

/**
 * Opens a pushed request, which is possible any number of times until it has its response (RFC 9126 §4), because people reload pages.
 *
 * @param id the random part of its `request_uri`
 * @param stored what the client of the request has pushed with this id
 * @param isArrival whether the browser begins with it, and does not continue what has begun
 * @throws OAuthError if there is none of this client. A client learns nothing about the requests of others
 */
export async function openStored(
  { secrets }: Pick<Signet, 'secrets'>,
  id: string,
  stored: StoredPushedRequest | undefined,
  isArrival: boolean,
): Promise<OpenedPushedRequest> {
  const unusable = (why: string) => new OAuthError('request_uri_unusable', { detail: `request_uri: ${why}` })
  const found = digestOfPushed(id)
  if (!found) throw unusable('its id is malformed')
  if (!stored) throw unusable('this client has pushed none with this id')
  const { isSigned, expired, completed, repeatableIn } = stored
  const secret = await secretFor(secrets, 'request-sealing', stored.parameters)
  const parameters = openParameters(secret, id, stored.parameters)
  if (!parameters) throw unusable('the secret that its parameters were sealed with has been revoked')
  const over = completed ? 'it has its response' : isArrival && expired ? 'it has expired' : undefined
  return {
    ...{ reference: { digest: found, isContinued: !isArrival }, parameters, isSigned },
    fault: over === undefined ? undefined : unusable(over),
    repeatableIn: isArrival ? undefined : repeatableIn,
  }
}

/** Binds the parameters to their request. */
const sealOf = (id: string) => `pushed-request ${id}`

function sealParameters(secret: PurposeSecret, id: string, parameters: Parameters): string {
  const { values, resource } = soundParameters(parameters)
  const taken = [...values].filter(([name]) => carried.has(name))
  return sealText(secret, JSON.stringify([taken, resource]), sealOf(id))
}

function openParameters(secret: PurposeSecret, id: string, sealed: string): Parameters | undefined {
  const text = unsealText(secret, sealed, sealOf(id))
  if (text === undefined) return undefined
  const [values, resource] = JSON.parse(text) as [[string, string][], string[]]
  return parametersOf({ values: new Map(values), resource })
}
