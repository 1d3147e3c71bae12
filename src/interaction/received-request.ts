import type { FastifyReply, FastifyRequest } from 'fastify'
import { cachedClient } from '../operations/resolve-client.ts'
import { callerOf } from '../platform/http/request-context.ts'
import { OutgoingRequestFailed } from '../platform/outgoing-request.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { noteRefusal, shortened } from '../protocol/errors/refusal.ts'
import { type Parameters, parametersOf, sentValue, soundValue, wasSent } from '../protocol/http/parameters.ts'
import { pageContextOf } from '../protocol/http/ui-locales.ts'
import { maxObjectLength, type RequestObjectRefused, readRequestObject } from '../protocol/request-object.ts'
import type { Client } from '../records/clients/client.ts'
import { ClientKeysUnavailable } from '../records/clients/client-keys.ts'
import type { Signet } from '../signet.ts'
import { findRequestingClient, type VerifiedTarget, verifyTarget } from './authorization-target.ts'
import { currentSession } from './browser-session.ts'
import { type PendingRequest, type ReceivedRequest, standIns } from './continue-value.ts'
import { idInRequestUri } from './pushed-request.ts'
import { respond } from './session-state.ts'

/**
 * The authorization request that has just arrived, with the parameters that count: those in its request object if it has one (RFC 9101 §6.3, OpenID Connect Core §6), those
 * that the client pushed if it names them (RFC 9126 §4), or else those that were sent. Nothing else has to know that there are request objects.
 *
 * @returns undefined if a response has been sent: the request object was refused, and what was sent beside it names a redirect URI of the client
 * @throws OAuthError for a page
 */
export async function receiveRequest(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  sent: Parameters,
): Promise<PendingRequest | undefined> {
  const { database, settings, clock } = signet
  const now = { receivedAt: clock.now(), selected: undefined }
  if (!wasSent(sent, 'request') && !wasSent(sent, 'request_uri')) return { ...now, parameters: sent, isSigned: false }
  try {
    return { ...now, ...(await resolve(signet, request, sent)) }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    // For the language of the page.
    const session = await currentSession(database, settings, request)
    const target = await targetBeside(signet, sent)
    if (target === undefined) throw error
    request.clientId = target.client.client_id
    noteRefusal(request, error)
    const page = () => pageContextOf(request, sentValue(sent, 'ui_locales'))
    await respond(signet, request, reply, { target, session }, { error, requestId: request.id }, page)
    return undefined
  }
}

/** Where the error may be sent if a request object is refused, according to what was sent beside it. Undefined if that is no redirect URI of the client. */
async function targetBeside(signet: Signet, sent: Parameters): Promise<VerifiedTarget | undefined> {
  // Nothing beside a pushed request counts (RFC 9126 §4).
  if (idInRequestUri(sentValue(sent, 'request_uri')) !== undefined) return undefined
  try {
    return await verifyTarget(signet, sent, undefined)
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return undefined
  }
}

async function resolve(signet: Signet, request: FastifyRequest, sent: Parameters): Promise<ReceivedRequest> {
  // RFC 9101 §5.
  if (wasSent(sent, 'request') && wasSent(sent, 'request_uri')) throw new OAuthError('request_twice')
  const uri = soundValue(sent, 'request_uri')
  const pushed = idInRequestUri(uri)
  if (pushed !== undefined) {
    if (soundValue(sent, 'client_id') === undefined) throw new OAuthError('parameter_missing', { param: 'client_id' })
    return { parameters: parametersOf(standIns(sent)), pushed }
  }
  const parametersOfObject = async (client: Client) => {
    const object = uri === undefined ? soundValue(sent, 'request') : await fetchObject(signet, client, uri)
    return { parameters: await parametersInObject(signet, client, object ?? ''), isSigned: true }
  }
  // As for every authorization request (`ClientSource`), nothing is refused because of a client in the cache. But nothing is fetched twice.
  const cached = uri === undefined ? cachedClient(signet, sentValue(sent, 'client_id') ?? '', true) : undefined
  if (cached) {
    try {
      return await parametersOfObject(cached)
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error
    }
  }
  return parametersOfObject(await findRequestingClient(signet, sent, callerOf(request)))
}

/**
 * Checks a request object and returns its parameters.
 *
 * @param client the one that sent it
 * @throws OAuthError `invalid_request_object`
 */
export async function parametersInObject(
  { clientKeys, clock, settings }: Pick<Signet, 'clientKeys' | 'clock' | 'settings'>,
  client: Client,
  object: string,
): Promise<Parameters> {
  const refused = (fault: string, entry: RequestObjectRefused['refused'] = 'request_object_refused') =>
    new OAuthError(entry, { detail: `request object of ${client.client_id}: ${fault}` })
  if (client.jwks === undefined && client.jwks_uri === undefined) throw refused('the client has registered no keys')
  try {
    const read = await readRequestObject(object, {
      clientId: client.client_id,
      issuer: settings.issuer,
      algorithm: client.request_object_signing_alg,
      keys: (kid, tried) => clientKeys.keysOf(client, kid, tried),
      now: clock.seconds(),
      clockSkew: settings.clockSkew,
    })
    if ('parameters' in read) return read.parameters
    throw refused(read.fault, read.refused)
  } catch (error) {
    if (error instanceof ClientKeysUnavailable) throw refused(error.message)
    throw error
  }
}

/**
 * Gets the request object at a `request_uri` (RFC 9101 §5.2, OpenID Connect Core §6.2). It must be one that the client registered, character by character. Its fragment may be
 * anything: it is not compared with the content, which the signature protects. A client that registers another one makes Signet forget the object that it has kept
 * (OpenID Connect Core §6.2).
 *
 * @throws OAuthError `invalid_request_uri`
 */
async function fetchObject({ outgoing }: Signet, client: Client, uri: string): Promise<string> {
  if (!client.request_uris.includes(uri))
    throw new OAuthError('request_uri_not_registered', {
      detail: `request_uri ${shortened(uri, 500)}; client ${client.client_id} is registered for: ${shortened(client.request_uris.join(' '), 500)}`,
    })
  try {
    const accept = 'application/oauth-authz-req+jwt, application/jwt'
    const isVouchedFor = !client.isSelfRegistered
    const { body } = await outgoing.get(uri, { accept, maxBytes: maxObjectLength, isVouchedFor })
    // A file often ends with a line break.
    return body.toString('latin1').trim()
  } catch (error) {
    if (!(error instanceof OutgoingRequestFailed)) throw error
    throw new OAuthError('request_uri_failed', { detail: `request_uri ${shortened(uri, 500)}: ${error.message}` })
  }
}
