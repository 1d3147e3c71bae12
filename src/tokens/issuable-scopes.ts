import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { type Client, scopesOf } from '../records/clients/client.ts'
import type { GrantTerms } from '../records/consents/consents-store.ts'
import { isOpenidScope } from '../records/resources/resource.ts'
import { chooseTarget, type Target } from './access-token-target.ts'

/*
 * A grant records what was allowed when it was opened. Hours or months later, tokens get only the scopes that all of these still allow: the
 * grant, the person's consent, the registration of the client, and the resources that own the scopes. Those are the effective scopes.
 */

/** What a token request may get. `terms` is undefined if the client acts for itself, because there is no person who gave consent. */
export interface Grantable {
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  readonly terms: GrantTerms | undefined
}

/** The scopes among these that are still allowed. */
export function effectiveScopes(client: Client, scopes: readonly string[], terms: GrantTerms | undefined): string[] {
  const registered = scopesOf(client.scope)
  return scopes.filter(
    (scope) =>
      registered.includes(scope) &&
      (isOpenidScope(scope) || client.allowed.some((resource) => resource.scopes.includes(scope))) &&
      (terms === undefined ||
        // First-party clients need no consent.
        (terms.scopes.includes(scope) && (client.first_party || terms.consent?.scopes.includes(scope) === true))),
  )
}

/**
 * Decides which resource an access token is for, and which scopes it has. All grant types use this. If the token gets fewer scopes than
 * requested, the `scope` of the response says so (RFC 6749 §3.3, §5.1).
 *
 * @param request `scopes` of the request; undefined if it has none, which means all scopes of the grant
 * @returns the target, its scopes, and all effective scopes of the request for any target
 * @throws OAuthError `invalid_scope` if no requested scope is still allowed (RFC 6749 §5.2), `invalid_grant` if no scope of the grant is,
 *   `invalid_target` (RFC 8707 §2)
 */
export function issuableScopes(
  client: Client,
  grant: Grantable,
  request: { readonly scopes: readonly string[] | undefined; readonly resource: readonly string[] },
  issuer: string,
): { readonly target: Target; readonly scopes: string[]; readonly effective: string[] } {
  const requested = request.scopes ?? grant.scopes
  const effective = effectiveScopes(client, requested, grant.terms)
  const lost = requested.filter((scope) => !effective.includes(scope))
  const name = request.scopes ? 'scope_taken' : 'grant_scopes_taken'
  const lostError = () => new OAuthError(name, { detail: `client ${client.client_id}: ${lost.join(' ')}` })
  if (effective.length === 0 && lost.length > 0) throw lostError()
  const { target, scopes } = chooseTarget(
    { allowed: effectiveResources(client, grant) },
    effective,
    request.resource,
    grant.resources,
    issuer,
  )
  // A token without scopes is issued only if none of the lost scopes could have belonged to the target.
  if (scopes.length === 0 && lost.some((scope) => mayBelongTo(target, scope))) throw lostError()
  return { target, scopes, effective }

  function mayBelongTo(target: Target, scope: string): boolean {
    if (target.kind === 'issuer') return isOpenidScope(scope)
    const owner = client.allowed.find((resource) => resource.scopes.includes(scope))
    // If no resource on the allow-list has the scope, it is unknown which resource it belonged to.
    return !isOpenidScope(scope) && (!owner || owner.identifier === target.resource.identifier)
  }
}

/** Resources that the grant names must also be covered by the consent. A grant that names none is for the owners of its scopes. */
function effectiveResources(client: Client, { resources, terms }: Grantable): Client['allowed'] {
  if (resources.length === 0 || client.first_party || terms === undefined) return client.allowed
  return client.allowed.filter(({ identifier }) => terms.consent?.resources.includes(identifier))
}

/**
 * The effective scopes of a token that has already been issued.
 *
 * @param token its scopes, and those of its audiences that matter: an API sees only what the token is good for at that API (RFC 7662 §2.2)
 * @returns undefined if the client may no longer have tokens for any of these audiences, or if the token has lost all of its scopes for them
 */
export function effectiveTokenScopes(
  client: Client,
  token: { readonly audience: readonly string[]; readonly scopes: readonly string[] },
  terms: GrantTerms | undefined,
  issuer: string,
): string[] | undefined {
  const { audience, scopes } = token
  const resources = client.allowed.filter(({ identifier }) => audience.includes(identifier))
  if (!audience.includes(issuer) && resources.length === 0) return undefined
  const effective = effectiveScopes(client, scopes, terms).filter((scope) =>
    isOpenidScope(scope) ? audience.includes(issuer) : resources.some((resource) => resource.scopes.includes(scope)),
  )
  return effective.length === 0 && scopes.length > 0 ? undefined : effective
}
