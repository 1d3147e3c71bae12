import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import { type Client, scopesOf } from '../records/clients/client.ts'

/**
 * The scopes a request asks for; all of the client's where it names none (RFC 6749 §3.3 lets the server have a default).
 *
 * @throws OAuthError `invalid_scope` for one that the client is not registered for, or that is not well formed
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
 * The scopes of a `scope` parameter, each once.
 *
 * @throws OAuthError `invalid_scope` for what is not well formed
 */
export function readScopes(requested: string): string[] {
  // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ), delimited by single spaces.
  if (!/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(requested))
    throw new OAuthError('scope_malformed')
  return scopesOf(requested)
}

/**
 * The resources a request names (RFC 8707 §2), each of which the client must be allowed. The issuer may always be named: it is
 * the resource of the OpenID scopes.
 *
 * @throws OAuthError `invalid_target`
 */
export function requestedResources(client: Client, requested: readonly string[], issuer: string): string[] {
  for (const identifier of requested)
    if (identifier !== issuer && !client.allowed.some((resource) => resource.identifier === identifier))
      throw new OAuthError('resource_not_allowed', { detail: `resource ${shortened(identifier, 200)}` })
  return [...new Set(requested)]
}
