import { cachedOrRead } from '../records/clients/client-cache.ts'
import type { GrantId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { findGrantedAccount } from '../tokens/granted-account-store.ts'
import { effectiveScopes } from '../tokens/issuable-scopes.ts'
import { userinfoClaims } from '../tokens/userinfo-claims.ts'

/** The contents of a verified access token. */
interface VerifiedToken {
  readonly grantId: GrantId
  readonly clientId: string
  readonly sub: string
  readonly scopes: readonly string[]
}

/**
 * Returns the claims about the person of an access token (OpenID Connect Core §5.3.2). The token lists the scopes that were allowed when it was
 * issued; only claims that are still allowed are returned.
 *
 * @returns `grant_ended` if the grant has ended or the client no longer exists; `openid_taken` if the scope `openid` is no longer allowed
 */
export async function userinfo(
  { clients, database }: Pick<Signet, 'clients' | 'database'>,
  { grantId, clientId, sub, scopes: issued }: VerifiedToken,
): Promise<ReturnType<typeof userinfoClaims> | 'grant_ended' | 'openid_taken'> {
  const client = await cachedOrRead(clients, clientId)
  const granted = await findGrantedAccount(database, grantId, sub)
  if (!client || !granted) return 'grant_ended'
  const scopes = effectiveScopes(client, issued, granted.terms)
  return scopes.includes('openid') ? userinfoClaims(granted.account, scopes) : 'openid_taken'
}
