import { logoPath } from '../operations/client-logo.ts'
import { findAcceptedClient, resolveClient } from '../operations/resolve-client.ts'
import { isTooLongToReturn, maxReturnedLength } from '../platform/http/uri-query.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import { faultsIn, faultyParameter, type Parameters, sentValue, soundValue } from '../protocol/http/parameters.ts'
import type { ResponseMode } from '../protocol/oidc-values.ts'
import type { Client } from '../records/clients/client.ts'
import { documentHost } from '../records/clients/document-host.ts'
import type { Caller } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { isRegisteredRedirectUri } from './redirect-uri.ts'
import { asksForTokens, responseModeFor } from './response-mode.ts'

declare const verified: unique symbol

/** Where a response may be sent: client and redirect URI have been checked. Only `targetOf` creates one. */
export interface VerifiedTarget {
  readonly [verified]: true
  readonly client: Client
  readonly redirectUri: string
  readonly responseMode: ResponseMode
  /** Whether the request asks for tokens from the authorization endpoint. They must never get into a query. */
  readonly isFrontChannel: boolean
  readonly state: string | undefined
  /** Whether it is an authentication request: one with the scope `openid` (OpenID Connect Core §3.1.2.1). */
  readonly isOpenid: boolean
}

/** What is needed to find a client, and to fetch its document. */
export type FindsClients = Pick<
  Signet,
  'database' | 'settings' | 'clock' | 'outgoing' | 'limits' | 'metrics' | 'turns' | 'clients'
>

/**
 * Checks client and redirect URI before anything else. Until both are valid, nothing is sent there: redirecting to an address
 * that is not registered would be an open redirector (RFC 9700 §4.11).
 *
 * @param arrivedFrom as for `findRequestingClient`
 * @throws OAuthError, which is shown to the person on a page (RFC 6749 §4.1.2.1)
 */
export async function verifyTarget(
  signet: FindsClients,
  parameters: Parameters,
  arrivedFrom: Caller | undefined,
): Promise<VerifiedTarget> {
  return targetOf(await findRequestingClient(signet, parameters, arrivedFrom), parameters)
}

/**
 * The client that a request names.
 *
 * @param arrivedFrom who has just sent the request; undefined if it continues. Only for a request that has just arrived, the client ID metadata document of its client is fetched
 * @throws OAuthError, which is shown to the person on a page
 */
export async function findRequestingClient(
  signet: FindsClients,
  parameters: Parameters,
  arrivedFrom: Caller | undefined,
): Promise<Client> {
  const fault = faultsIn(parameters).find(({ name }) => ['', 'client_id', 'redirect_uri'].includes(name))
  if (fault) throw faultyParameter(fault)
  const clientId = soundValue(parameters, 'client_id')
  if (clientId === undefined) throw new OAuthError('parameter_missing', { param: 'client_id' })
  const client = arrivedFrom
    ? await resolveClient(signet, clientId, arrivedFrom)
    : await findAcceptedClient(signet, clientId)
  if (!client) throw new OAuthError('client_unknown', { detail: `client_id ${shortened(clientId, 255)}` })
  return client
}

/**
 * Does the rest of `verifyTarget` for a client that is already known.
 *
 * @param client the one that the parameters name, or that has authenticated
 */
export function targetOf(client: Client, parameters: Parameters): VerifiedTarget {
  const faultOf = (...names: string[]) => faultsIn(parameters).find(({ name }) => names.includes(name))
  const fault = faultOf('', 'client_id', 'redirect_uri')
  if (fault) throw faultyParameter(fault)
  const redirectUri = soundValue(parameters, 'redirect_uri')
  // Required even if only one is registered (OpenID Connect Core §3.1.2.1).
  if (redirectUri === undefined) throw new OAuthError('parameter_missing', { param: 'redirect_uri' })
  if (!isRegisteredRedirectUri(client, redirectUri))
    throw new OAuthError('redirect_uri_not_registered', {
      detail: `redirect_uri ${shortened(redirectUri, 500)}; client ${client.client_id} is registered for: ${shortened(client.redirect_uris.join(' '), 500)}`,
    })
  // A repeated state is ignored: it is unclear which one the client expects.
  const state = faultOf('state') ? undefined : soundValue(parameters, 'state')
  // RFC 6749 §4.1.2.1: it must be returned unchanged. Without it, the client could not match the error to its request.
  if (state !== undefined && isTooLongToReturn(state))
    throw new OAuthError('state_too_long', { param: String(maxReturnedLength) })
  return {
    client,
    redirectUri,
    responseMode: responseModeFor(parameters, redirectUri),
    isFrontChannel: asksForTokens(parameters),
    state,
    isOpenid: (sentValue(parameters, 'scope') ?? '').split(' ').includes('openid'),
  } as VerifiedTarget
}

/** What pages show about the client. */
export function clientOnPage({ client }: Pick<VerifiedTarget, 'client'>) {
  return {
    name: client.client_name,
    logo: logoPath(client),
    policyUri: client.policy_uri,
    tosUri: client.tos_uri,
    clientUri: client.client_uri,
    isSelfRegistered: client.isSelfRegistered,
    documentHost: documentHost(client),
  }
}
