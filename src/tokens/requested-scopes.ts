import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import type { OperatorNote } from '../protocol/operator-notes.ts'
import { type Client, scopesOf } from '../records/clients/client.ts'
import { isOpenidScope } from '../records/resources/resource.ts'

/** The scopes of a request that its client may have, and those that were dropped. Nothing after this may use the dropped ones. */
export interface RequestedScopes {
  readonly scopes: readonly string[]
  readonly dropped: readonly string[]
}

/**
 * The requested scopes; by default all scopes of the client (RFC 6749 §3.3 allows a default).
 *
 * Scopes that do not exist and scopes that the client may not have are treated alike, so that the response does not reveal which exist: they are
 * dropped (OpenID Connect Core §3.1.2.1, RFC 6749 §3.3). The response says which scopes the token has. `openid` is never dropped, because
 * without it the request would no longer be one for OpenID Connect.
 *
 * @throws OAuthError `invalid_scope` if nothing is left, `openid` is not registered, or the parameter is malformed
 */
export function requestedScopes(client: RegisteredScopes, requested: string | undefined): RequestedScopes {
  const available = scopesOf(client.scope)
  const { scopes, dropped } = divide(available, requested)
  if (dropped.includes('openid')) throw new OAuthError('openid_not_registered', { detail: about(client, dropped) })
  if (scopes.length === 0 && dropped.length > 0)
    throw new OAuthError('scope_not_registered', { detail: about(client, dropped) })
  return { scopes, dropped }
}

/**
 * The requested scopes of a client that acts for itself; by default all that it may have. It may not have OpenID scopes, which require a person.
 *
 * @throws OAuthError `invalid_scope` if nothing is left, `openid` is requested, or the parameter is malformed
 */
export function requestedScopesOfMachine(client: RegisteredScopes, requested: string | undefined): RequestedScopes {
  const available = scopesOf(client.scope).filter((scope) => !isOpenidScope(scope))
  const { scopes, dropped } = divide(available, requested)
  const isNothingLeft = scopes.length === 0 && dropped.length > 0
  if (dropped.includes('openid') || (isNothingLeft && dropped.some(isOpenidScope)))
    throw new OAuthError('scope_needs_a_person', { detail: about(client, dropped) })
  if (isNothingLeft) throw new OAuthError('scope_not_registered', { detail: about(client, dropped) })
  return { scopes, dropped }
}

type RegisteredScopes = Pick<Client, 'client_id' | 'scope'>

function divide(available: readonly string[], requested: string | undefined): RequestedScopes {
  if (requested === undefined) return { scopes: available, dropped: [] }
  const asked = readScopes(requested)
  return {
    scopes: asked.filter((scope) => available.includes(scope)),
    dropped: asked.filter((scope) => !available.includes(scope)),
  }
}

/** What the operator is told about scopes that were dropped from a request that is otherwise answered. */
export function notesAboutDropped(client: RegisteredScopes, dropped: readonly string[]): OperatorNote[] {
  return dropped.length === 0 ? [] : [{ entry: 'scopes_dropped', detail: about(client, dropped) }]
}

/** At most so many characters of a list of scopes that a client sent. */
const maxShown = 300

/**
 * For the operator only. The lists are cut: a request can name hundreds of scopes. The requested ones are quoted, so that they cannot be taken for
 * the words around them: scopes may contain any punctuation except quotes and backslashes (RFC 6749 §3.3).
 */
function about(client: RegisteredScopes, dropped: readonly string[]): string {
  const registered = scopesOf(client.scope)
  // Only a client that acts for itself loses scopes that it is registered for.
  const needPerson = dropped.filter((scope) => registered.includes(scope))
  return [
    `scope: "${listed(dropped)}"`,
    `client ${client.client_id} is registered for: ${listed(registered) || 'none'}`,
    ...(needPerson.length > 0 ? [`without a user it cannot have: ${listed(needPerson)}`] : []),
  ].join('; ')
}

function listed(scopes: readonly string[]): string {
  const list = scopes.join(' ')
  const short = shortened(list, maxShown)
  return short.length < list.length && !short.endsWith('...') ? `${short}...` : short
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
 * the OpenID scopes. Unlike a scope, a resource is never dropped: the token would be for another audience than the one requested, and §2
 * demands `invalid_target` for a resource that is not acceptable.
 *
 * @throws OAuthError `invalid_target`
 */
export function requestedResources(client: Client, requested: readonly string[], issuer: string): string[] {
  for (const identifier of requested)
    if (identifier !== issuer && !client.allowed.some((resource) => resource.identifier === identifier))
      throw new OAuthError('resource_not_allowed', { detail: `resource ${shortened(identifier, 200)}` })
  return [...new Set(requested)]
}
