import { cachedOrRead } from '../records/clients/client-cache.ts'
import type { GrantId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { isUserinfoAllowed } from '../tokens/access-token-target.ts'
import { effectiveScopes } from '../tokens/issuable-scopes.ts'
import { personalClaims, personVisibleTo } from '../tokens/personal-claims.ts'
import { effectiveClaims } from '../tokens/requested-claims.ts'
import { subjectFor } from '../tokens/subject.ts'
import { acceptedClient } from './resolve-client.ts'

/** The contents of a verified access token. */
interface VerifiedToken {
  readonly grantId: GrantId
  readonly clientId: string
  readonly sub: string
  /** The APIs that the token is also for. */
  readonly apis: readonly string[]
  readonly scopes: readonly string[]
}

/** The claims, or a signed JWT that contains them. */
type UserinfoResponse = { readonly claims: UserinfoClaims } | { readonly jwt: string }

type UserinfoClaims = { readonly sub: string } & ReturnType<typeof personalClaims>

/**
 * Returns the claims about the person of an access token (OpenID Connect Core §5.3.2). The token lists the scopes that were allowed when it was
 * issued; only claims that are still allowed are returned. Scopes that the grant has but the token does not are not counted. Claims that the
 * authorization request named for userinfo (§5.5) belong to the grant, not to the scopes of the token.
 *
 * @throws KeysUnavailable, if the client wants it signed
 * @returns `grant_ended` if the grant has ended or the client no longer exists; `api_not_allowed` if the operator no longer allows tokens for the
 *   API at userinfo; `openid_taken` if the scope `openid` is no longer allowed
 */
export async function userinfo(
  signet: Pick<Signet, 'clients' | 'tokenReads' | 'subjectSalt' | 'keyRing' | 'settings'>,
  { grantId, clientId, sub, apis, scopes: issued }: VerifiedToken,
): Promise<UserinfoResponse | 'grant_ended' | 'api_not_allowed' | 'openid_taken'> {
  const client = acceptedClient(signet.settings, await cachedOrRead(signet.clients, clientId))
  const granted = await signet.tokenReads.personAndTerms(grantId)
  if (!client || !granted) return 'grant_ended'
  // §5.3.2: the `sub` must be that of the ID token. A token from before a change of the client's subjects has another one.
  const subject = subjectFor(signet, client, granted.person.account.sub)
  if (subject !== sub) return 'grant_ended'
  if (!isUserinfoAllowed(client, apis)) return 'api_not_allowed'
  const scopes = effectiveScopes(client, issued, granted.terms)
  if (!scopes.includes('openid')) return 'openid_taken'
  const named = effectiveClaims(client, granted.claims, granted.terms)
  const claims = { sub: subject, ...personalClaims(personVisibleTo(client, granted.person), scopes, named) }
  const alg = client.userinfo_signed_response_alg
  if (alg === undefined) return { claims }
  // OpenID Connect Core §5.3.2. It has no times and no nonce, so it never passes for an ID token, which has the same audience and keys; and its type is
  // not that of an access token. The lifetime is 0 because it is read at once.
  const about = { ...claims, iss: signet.settings.issuer, aud: client.client_id }
  return { jwt: await signet.keyRing.sign(alg, 'JWT', about, 0) }
}
