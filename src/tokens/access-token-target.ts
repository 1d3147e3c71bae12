import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import type { Client } from '../records/clients/client.ts'
import { isOpenidScope, type Resource } from '../records/resources/resource.ts'

/**
 * The audience of a token: a resource, or the issuer itself. `alsoIssuer`: the token is valid at userinfo too, which many libraries call with the
 * token that they got for an API.
 */
export type Target =
  | { readonly kind: 'issuer' }
  | { readonly kind: 'resource'; readonly resource: Resource; readonly alsoIssuer: boolean }

/**
 * Chooses the resource (RFC 8707) that an access token is for: the requested one, otherwise the one that owns the requested scopes, otherwise
 * the issuer itself. A token is for one resource, so that no resource can use it at another (RFC 9068 §5, RFC 8707 §3). The exception
 * is userinfo: the issuer is added if the request has `openid` and names no resource, and the operator allows it for this API. Whoever serves
 * the API can then read the person's claims, so it is off by default.
 *
 * @param scopes all scopes of the grant, or those that the request narrows it to
 * @param requested `resource` of the token request
 * @param granted the resources of the authorization request; empty: any that own a scope of the grant
 * @returns the target, and those of the scopes that belong to it (RFC 8707 §2.2)
 * @throws OAuthError `invalid_target`
 */
export function chooseTarget(
  client: Pick<Client, 'allowed'>,
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
  const namesNone = named === undefined && granted.length === 0
  const alsoIssuer = namesNone && resource.userinfoAudience && scopes.includes('openid')
  return {
    target: { kind: 'resource', resource, alsoIssuer },
    scopes: scopes.filter((scope) => resource.scopes.includes(scope) || (alsoIssuer && isOpenidScope(scope))),
  }
}

/**
 * Whether userinfo still accepts a token that is also for these APIs: the operator can take that back, and can take an API away from the client.
 *
 * @param apis the audience of the token, without the issuer
 */
export function isUserinfoAllowed({ allowed }: Pick<Client, 'allowed'>, apis: readonly string[]): boolean {
  return apis.every((api) => allowed.some(({ identifier, userinfoAudience }) => identifier === api && userinfoAudience))
}
