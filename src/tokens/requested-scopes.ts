import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import { type Client, scopesOf } from '../records/clients/client.ts'

/**
 * The requested scopes; by default all scopes of the client (RFC 6749 §3.3 allows a default).
 *
 * @throws OAuthError `invalid_scope` for a scope that the client is not registered for, or that is malformed
 */
export function requestedScopes(client: Pick<Client, 'scope'>, requested: string | undefined): string[] {
  const registered = scopesOf(client.scope)
  if (requested === undefined) return registered
  const scopes = readScopes(requested)
  const foreign = scopes.find((scope) => !registered.includes(scope))
  if (foreign !== undefined) throw new OAuthError('scope_not_registered', { param: shortened(foreign, 60) })
  return scopes
}

/**
 * The scopes of a `scope` parameter, without duplicates.
 *
 * @throws OAuthError `invalid_scope` if the parameter is malformed
 */
export function readScopes(requested: string): string[] {
  // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), delimited by single spaces.
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(requested))
    throw new OAuthError('scope_malformed')
  return scopesOf(requested)
}

/**
 * The requested resources (RFC 8707 §2). Each must be on the client's allow-list, except the issuer, which is always allowed as the resource of
 * the OpenID scopes.
 *
 * @throws OAuthError `invalid_target`
 */
export function requestedResources(client: Client, requested: readonly string[], issuer: string): string[] {
  for (const identifier of requested)
    if (identifier !== issuer && !client.allowed.some((resource) => resource.identifier === identifier))
      throw new OAuthError('resource_not_allowed', { detail: `resource ${shortened(identifier, 200)}` })
  return [...new Set(requested)]
}
