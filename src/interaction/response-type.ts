import type { Settings } from '../platform/config/settings.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import { type contentsOf, type ResponseType, responseTypeOf } from '../protocol/oidc-values.ts'
import type { Client } from '../records/clients/client.ts'
import { issuableScopes } from '../tokens/issuable-scopes.ts'

/**
 * The response type of a request. All but `code` return tokens from the authorization endpoint, so they need two decisions: one of the operator about
 * the server (SIGNET_LEGACY_RESPONSE_TYPES), and one about the client, by its registration. A client that is registered for `code` only gets nothing else,
 * so nobody can make its users' browsers carry tokens by changing a link.
 *
 * A node of the previous release knows only `code`, and does not look at the registered types. Beside it, a client that is registered for `code id_token` alone
 * can get a code by itself as well, bound to it like any other.
 *
 * @throws OAuthError `unsupported_response_type` if the server does not offer the type, `unauthorized_client` if it does, but not to this client (RFC 6749
 *   §4.1.2.1, §4.2.2.1); `invalid_request` if there is none
 */
export function readResponseType(
  text: string | undefined,
  client: Client,
  legacy: Settings['legacyResponseTypes'],
): ResponseType {
  if (text === undefined) throw new OAuthError('parameter_missing', { param: 'response_type' })
  const type = responseTypeOf(text)
  const isRegistered = type !== undefined && client.response_types.includes(type)
  if (type === 'code' && !client.grant_types.includes('authorization_code'))
    throw new OAuthError('authorization_code_not_registered', { detail: `client ${client.client_id}` })
  const isOffered = type === 'code' || (type !== undefined && legacy === 'on')
  if (!isOffered)
    throw new OAuthError(isRegistered ? 'response_type_turned_off' : 'response_type_unsupported', about(text, client))
  if (!isRegistered) throw new OAuthError('response_type_not_registered', about(text, client))
  return type
}

function about(text: string, { client_id: clientId, response_types: types }: Client) {
  return {
    detail: `response_type ${shortened(text, 80)}; client ${clientId} is registered for: ${types.join(', ') || 'none'}`,
  }
}

/**
 * What a request must have if it asks for tokens from the authorization endpoint.
 *
 * @throws OAuthError
 */
export function checkFrontChannel(
  values: ReadonlyMap<string, string>,
  client: Client,
  request: {
    readonly contents: ReturnType<typeof contentsOf>
    readonly scopes: readonly string[]
    readonly resources: readonly string[]
    readonly issuer: string
  },
): void {
  const { contents, scopes, resources, issuer } = request
  // OAuth 2.0 Multiple Response Type Encoding Practices §3, §5: the query must not be used.
  if (values.get('response_mode') === 'query') throw new OAuthError('response_mode_query_refused')
  // OpenID Connect Core §3.1.2.1. Signet offers these types for OpenID Connect only.
  if (!scopes.includes('openid')) throw new OAuthError('openid_missing', { detail: `scope: ${scopes.join(' ')}` })
  // OpenID Connect Core §3.2.2.1, §3.3.2.1.
  if (contents.idToken && !values.has('nonce')) throw new OAuthError('nonce_missing')
  // Here rather than when the token is issued: nobody should consent first. The person can only reduce what is issued.
  if (contents.accessToken)
    issuableScopes(client, { scopes, resources, terms: undefined }, { scopes, resource: [] }, issuer)
}
