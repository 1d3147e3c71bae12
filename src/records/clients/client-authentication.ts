import type { Queryable } from '../../platform/database/queryable.ts'
import { OAuthError } from '../../platform/http/oauth-error.ts'
import { digest, equalInConstantTime } from '../../platform/secrets/digest.ts'
import { type AuthenticationMethod, type Client, type ClientSecret, isPublic } from './client.ts'
import { findClient } from './clients-store.ts'

/** What a request shows to tell which client sent it. */
export interface PresentedCredentials {
  readonly clientId: string
  readonly secret: string | undefined
  readonly method: AuthenticationMethod
}

/** The client that sent a request, and the secret it proved itself with; a public client proves nothing. */
export interface AuthenticatedClient {
  readonly client: Client
  readonly secret: ClientSecret | undefined
}

/**
 * Reads client credentials from a request (RFC 6749 §2.3.1).
 *
 * @param authorization the Authorization header
 * @param body `client_id` and `client_secret` of the form
 * @throws OAuthError where there are none, or more than one kind (RFC 6749 §2.3: a client uses one method a request)
 */
export function presentedCredentials(
  authorization: string | undefined,
  body: { readonly client_id?: string; readonly client_secret?: string },
): PresentedCredentials {
  if (authorization !== undefined) {
    const credentials = parseBasic(authorization)
    if (!credentials) throw authenticationFailed('The Authorization header holds no well-formed Basic credentials.')
    if (body.client_secret !== undefined)
      throw new OAuthError('invalid_request', 'The client authenticates in two ways at once; use one.')
    if (body.client_id !== undefined && body.client_id !== credentials.clientId)
      throw new OAuthError('invalid_request', 'The client_id in the body is not the one that authenticates.')
    return { ...credentials, method: 'client_secret_basic' }
  }
  if (body.client_id === undefined)
    throw authenticationFailed('The request names no client: send client credentials or a client_id.')
  return body.client_secret === undefined
    ? { clientId: body.client_id, secret: undefined, method: 'none' }
    : { clientId: body.client_id, secret: body.client_secret, method: 'client_secret_post' }
}

/**
 * Finds the client and checks its secret. An unknown client and a wrong secret take the same way and get the same answer.
 *
 * @throws OAuthError `invalid_client`
 */
export async function authenticateClient(db: Queryable, presented: PresentedCredentials): Promise<AuthenticatedClient> {
  const client = await findClient(db, presented.clientId)
  const secret = matchingSecret(client, presented.secret)
  if (!client || (isPublic(client) ? presented.secret !== undefined : !secret))
    throw authenticationFailed('Client authentication failed: unknown client, or the wrong secret.', describe(client))
  // Told only to who knows the secret: which method a client uses is its own business.
  if (client.token_endpoint_auth_method !== presented.method)
    throw authenticationFailed(`This client is registered for ${client.token_endpoint_auth_method}.`)
  return { client, secret }
}

const nobodysDigest = digest('')

/** Compares with each live secret, without stopping at the first that fits, and with nobody's where there is no client. */
function matchingSecret(client: Client | undefined, presented: string | undefined): ClientSecret | undefined {
  const presentedDigest = digest(presented ?? '')
  const matches = (client?.secrets ?? []).filter((secret) => equalInConstantTime(secret.digest, presentedDigest))
  if (!client) equalInConstantTime(nobodysDigest, presentedDigest)
  return presented === undefined ? undefined : matches[0]
}

function describe(client: Client | undefined): string {
  return client ? `Wrong secret for client ${client.client_id}.` : 'There is no client of this id.'
}

/** RFC 6749 §5.2 allows 401 however the client authenticated, and RFC 9110 §15.5.2 asks for a challenge with every 401. */
function authenticationFailed(description: string, detail?: string): OAuthError {
  return new OAuthError('invalid_client', description, {
    headers: { 'www-authenticate': 'Basic realm="Signet", charset="UTF-8"' },
    ...(detail === undefined ? {} : { detail }),
  })
}

/** RFC 7617 §2, with id and secret form-encoded before (RFC 6749 §2.3.1, Appendix B). */
function parseBasic(authorization: string): { clientId: string; secret: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization)?.[1]
  if (encoded === undefined) return undefined
  const pair = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = pair.indexOf(':')
  if (colon < 1) return undefined
  try {
    const [clientId, secret] = [pair.slice(0, colon), pair.slice(colon + 1)].map((part) =>
      decodeURIComponent(part.replaceAll('+', ' ')),
    )
    return clientId !== undefined && secret !== undefined && !/\0/.test(clientId + secret)
      ? { clientId, secret }
      : undefined
  } catch {
    return undefined
  }
}
