import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import { type Client, scopesOf } from '../records/clients/client.ts'
import { isOpenidScope, openidScopes } from '../records/resources/resource.ts'
import type { Target } from './access-token.ts'

export { isOpenidScope, openidScopes }

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
  if (foreign !== undefined) throw new OAuthError('scope_not_registered', { about: shortened(foreign, 60) })
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

/**
 * For which resource an access token is: the requested one, else the one that owns the requested scopes, else the issuer itself.
 * A token is for one resource, so that no resource can use it at another (RFC 9068 §5, RFC 8707 §3).
 *
 * @param scopes all scopes of the grant, or those the request narrows it to
 * @param requested `resource` of the token request
 * @param granted the resources named in the authorization request; empty: any that own a scope of the grant
 * @returns the target, and those of the scopes that mean something there (RFC 8707 §2.2)
 * @throws OAuthError `invalid_target`
 */
export function chooseTarget(
  client: Client,
  scopes: readonly string[],
  requested: readonly string[],
  granted: readonly string[],
  issuer: string,
): { target: Target; scopes: string[] } {
  const resources = client.allowed.filter(({ identifier }) => granted.length === 0 || granted.includes(identifier))
  const forIssuer = { target: { kind: 'issuer' } as const, scopes: scopes.filter(isOpenidScope) }
  const [named, alsoNamed] = new Set(requested)
  if (alsoNamed !== undefined) throw new OAuthError('resource_doubled')
  if (named === issuer) return forIssuer
  const owners = resources.filter((resource) => resource.scopes.some((scope) => scopes.includes(scope)))
  const [resource, another] =
    named === undefined
      ? granted.length === 1 && owners.length === 0
        ? resources
        : owners
      : (granted.length === 0 ? owners : resources).filter(({ identifier }) => identifier === named)
  if (named !== undefined && !resource)
    throw new OAuthError('resource_not_granted', { detail: `resource ${shortened(named, 200)}` })
  if (!resource) return forIssuer
  if (another)
    throw new OAuthError('resource_ambiguous', { detail: owners.map(({ identifier }) => identifier).join(' ') })
  return { target: { kind: 'resource', resource }, scopes: scopes.filter((scope) => resource.scopes.includes(scope)) }
}
