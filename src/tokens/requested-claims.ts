import { shortened } from '../protocol/errors/refusal.ts'
import type { OperatorNote } from '../protocol/operator-notes.ts'
import { type Client, scopesOf } from '../records/clients/client.ts'
import type { GrantTerms } from '../records/consents/consents-store.ts'
import type { RequestedClaims } from '../records/grants/claims-of-request.ts'
import { scopeOfClaim } from './personal-claims.ts'

/*
 * Claims that a request names one by one (OpenID Connect Core §5.5), instead of all claims of a scope. Each belongs to a scope (personal-claims.ts), and a
 * client gets no claim of a scope for which it is not registered. The request need not have the scope.
 */

/** The claims of the protocol in an ID token and in userinfo. They need no scope: either they are always there, or the request decides. */
const protocolClaims = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'azp', 'at_hash', 'c_hash', 'sid'],
])

/** Whether one of the scopes is that of the claim. No scope covers what is no claim about a person. */
function isCovered(scopes: readonly string[], claim: string): boolean {
  const scope = scopeOfClaim(claim)
  return scope !== undefined && scopes.includes(scope)
}

/**
 * Divides the claims of a request into those that its client may have, and the others. The others are dropped: a claim that cannot be returned is never an
 * error, not even an essential one (§5.5.1). Names with a language tag (§5.2) are among the others, because no claim has variants here.
 *
 * @param requested names of any kind
 * @returns the claims in both places, and all others, without duplicates
 */
export function requestedClaims(
  client: Pick<Client, 'scope'>,
  requested: RequestedClaims,
): { readonly claims: RequestedClaims; readonly dropped: readonly string[] } {
  const registered = scopesOf(client.scope)
  const isAllowed = (claim: string) => isCovered(registered, claim)
  const all = [...requested.userinfo, ...requested.idToken]
  return {
    claims: { userinfo: requested.userinfo.filter(isAllowed), idToken: requested.idToken.filter(isAllowed) },
    dropped: [...new Set(all)].filter((claim) => !isAllowed(claim) && !protocolClaims.has(claim)),
  }
}

/** At most so many characters of a list of claims that a client sent. */
const maxShown = 300

/** What the operator is told about claims that were dropped from a request that is otherwise answered. The names are quoted: they can be any text. */
export function notesAboutDroppedClaims(
  client: Pick<Client, 'client_id' | 'scope'>,
  dropped: readonly string[],
): OperatorNote[] {
  if (dropped.length === 0) return []
  const names = shortened(dropped.map(quoted).join(' '), maxShown)
  const missing = new Set(dropped.map(scopeOfClaim).filter((scope) => scope !== undefined))
  const detail = [
    `claims: ${names}`,
    ...(missing.size > 0 ? [`client ${client.client_id} is not registered for: ${[...missing].join(' ')}`] : []),
  ].join('; ')
  return [{ entry: 'claims_dropped', detail }]
}

function quoted(name: string): string {
  const inAscii = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(name).replace(/[^\x20-\x7e]/g, inAscii)
}

/**
 * What a request names beyond its scopes, for either place: what a person must be asked about in addition to the scopes. In a fixed order, whatever the
 * order in the request.
 */
export function claimsBeyond(scopes: readonly string[], { userinfo, idToken }: RequestedClaims): readonly string[] {
  return [...new Set([...userinfo, ...idToken])].filter((claim) => !isCovered(scopes, claim)).sort()
}

/** Whether a person has allowed a claim: by its name, or with its scope. The claim alone does not allow the scope. */
export function isClaimAllowed(
  allowed: { readonly scopes: readonly string[]; readonly claims: readonly string[] },
  claim: string,
): boolean {
  return allowed.claims.includes(claim) || isCovered(allowed.scopes, claim)
}

/**
 * Those claims of a grant that are still allowed: the client is still registered for their scopes, and the person still consents. The same holds for scopes
 * (`effectiveScopes`).
 */
export function effectiveClaims(
  client: Pick<Client, 'scope' | 'first_party'>,
  claims: readonly string[],
  { consent }: Pick<GrantTerms, 'consent'>,
): string[] {
  const registered = scopesOf(client.scope)
  return claims.filter(
    (claim) =>
      isCovered(registered, claim) &&
      // First-party clients need no consent.
      (client.first_party || (consent !== null && isClaimAllowed(consent, claim))),
  )
}
