import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { type Client, scopesOf } from '../records/clients/client.ts'
import type { GrantTerms } from '../records/consents/consents-store.ts'
import { isOpenidScope } from '../records/resources/resource.ts'
import { chooseTarget, type Target } from './access-token-target.ts'

/*
 * A grant is a promise of its time. What is issued on it, hours or months later, is what all of these still allow: the grant, the
 * person's consent, the registration of the client, and the resources that own the scopes.
 */

/** What a token request may get. Undefined `terms`: the client acts for itself, and there is no person who could have allowed anything. */
export interface Grantable {
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  readonly terms: GrantTerms | undefined
}

/** The scopes among these that still hold. */
export function scopesThatHold(client: Client, scopes: readonly string[], terms: GrantTerms | undefined): string[] {
  const registered = scopesOf(client.scope)
  return scopes.filter(
    (scope) =>
      registered.includes(scope) &&
      (isOpenidScope(scope) || client.allowed.some((resource) => resource.scopes.includes(scope))) &&
      (terms === undefined ||
        // People are not asked about a first-party client.
        (terms.scopes.includes(scope) && (client.first_party || terms.consent?.scopes.includes(scope) === true))),
  )
}

/**
 * What an access token is issued for, and with which scopes. All grant types go through here. If it is less than what was asked for, the
 * `scope` of the response says so (RFC 6749 §3.3, §5.1).
 *
 * @param request `scopes`: those that the request names; undefined if it names none, which means all of the grant
 * @returns the target, the scopes for it, and all scopes asked for that hold, whatever their target
 * @throws OAuthError `invalid_scope` if nothing that the request names holds (RFC 6749 §5.2), `invalid_grant` if nothing of the grant does,
 *   `invalid_target` (RFC 8707 §2)
 */
export function issuableScopes(
  client: Client,
  grant: Grantable,
  request: { readonly scopes: readonly string[] | undefined; readonly resource: readonly string[] },
  issuer: string,
): { readonly target: Target; readonly scopes: string[]; readonly holding: string[] } {
  const asked = request.scopes ?? grant.scopes
  const holding = scopesThatHold(client, asked, grant.terms)
  const lost = asked.filter((scope) => !holding.includes(scope))
  const entry = request.scopes ? 'scope_taken' : 'grant_scopes_taken'
  const taken = () => new OAuthError(entry, { detail: `client ${client.client_id}: ${lost.join(' ')}` })
  if (holding.length === 0 && lost.length > 0) throw taken()
  const { target, scopes } = chooseTarget(
    { ...client, allowed: resourcesThatHold(client, grant) },
    holding,
    request.resource,
    grant.resources,
    issuer,
  )
  // A token without any scope is for those who never asked for one.
  if (scopes.length === 0 && lost.some((scope) => meansSomethingAt(target, scope))) throw taken()
  return { target, scopes, holding }

  function meansSomethingAt(target: Target, scope: string): boolean {
    if (target.kind === 'issuer') return isOpenidScope(scope)
    const owner = client.allowed.find((resource) => resource.scopes.includes(scope))
    // Whose it was that nobody on the list has is not known.
    return !isOpenidScope(scope) && (!owner || owner.identifier === target.resource.identifier)
  }
}

/** Resources that the grant names must have been allowed, too. A grant that names none is for the owners of its scopes. */
function resourcesThatHold(client: Client, { resources, terms }: Grantable): Client['allowed'] {
  if (resources.length === 0 || client.first_party || terms === undefined) return client.allowed
  return client.allowed.filter(({ identifier }) => terms.consent?.resources.includes(identifier))
}

/**
 * What of a token that is already out still holds at its audience.
 *
 * @returns undefined if nothing does: the client may not have tokens for this audience any more, or has lost every scope of this one
 */
export function heldByToken(
  client: Client,
  token: { readonly audience: string; readonly scopes: readonly string[] },
  terms: GrantTerms | undefined,
  issuer: string,
): string[] | undefined {
  const { audience, scopes } = token
  const resource = client.allowed.find(({ identifier }) => identifier === audience)
  if (audience !== issuer && !resource) return undefined
  const held = scopesThatHold(client, scopes, terms).filter((scope) =>
    resource ? resource.scopes.includes(scope) : isOpenidScope(scope),
  )
  return held.length === 0 && scopes.length > 0 ? undefined : held
}
