import { cachedOrRead } from '../records/clients/client-cache.ts'
import type { GrantId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { isUserinfoAllowed } from '../tokens/access-token-target.ts'
import { findPersonAndTerms } from '../tokens/granted-person-store.ts'
import { effectiveScopes } from '../tokens/issuable-scopes.ts'
import { personalClaims, personVisibleTo } from '../tokens/personal-claims.ts'
import { effectiveClaims } from '../tokens/requested-claims.ts'
import { subjectFor } from '../tokens/subject.ts'

/** The contents of a verified access token. */
interface VerifiedToken {
  readonly grantId: GrantId
  readonly clientId: string
  readonly sub: string
  /** The APIs that the token is also for. */
  readonly apis: readonly string[]
  readonly scopes: readonly string[]
}

type UserinfoClaims = { readonly sub: string } & ReturnType<typeof personalClaims>

/**
 * Returns the claims about the person of an access token (OpenID Connect Core §5.3.2). The token lists the scopes that were allowed when it was
 * issued; only claims that are still allowed are returned. Scopes that the grant has but the token does not are not counted. Claims that the
 * authorization request named for userinfo (§5.5) belong to the grant, not to the scopes of the token.
 *
 * @returns `grant_ended` if the grant has ended or the client no longer exists; `api_not_allowed` if the operator no longer allows tokens for the
 *   API at userinfo; `openid_taken` if the scope `openid` is no longer allowed
 */
export async function userinfo(
  signet: Pick<Signet, 'clients' | 'database' | 'subjectSalt'>,
  { grantId, clientId, sub, apis, scopes: issued }: VerifiedToken,
): Promise<UserinfoClaims | 'grant_ended' | 'api_not_allowed' | 'openid_taken'> {
  const client = await cachedOrRead(signet.clients, clientId)
  const granted = await findPersonAndTerms(signet.database, grantId)
  if (!client || !granted) return 'grant_ended'
  // §5.3.2: the `sub` must be that of the ID token. A token from before a change of the client's subjects has another one.
  const subject = subjectFor(signet, client, granted.person.account.sub)
  if (subject !== sub) return 'grant_ended'
  if (!isUserinfoAllowed(client, apis)) return 'api_not_allowed'
  const scopes = effectiveScopes(client, issued, granted.terms)
  if (!scopes.includes('openid')) return 'openid_taken'
  const named = effectiveClaims(client, granted.claims, granted.terms)
  return { sub: subject, ...personalClaims(personVisibleTo(client, granted.person), scopes, named) }
}
