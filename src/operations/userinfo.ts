import { knownOrRead } from '../records/clients/known-clients.ts'
import type { GrantId } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { findGrantedAccount } from '../tokens/granted-account-store.ts'
import { scopesThatHold } from '../tokens/issuable-scopes.ts'
import { userinfoClaims } from '../tokens/userinfo-claims.ts'

/** What an access token says, once it has been verified. */
interface VerifiedToken {
  readonly grantId: GrantId
  readonly clientId: string
  readonly sub: string
  readonly scopes: readonly string[]
}

/**
 * The claims about the person of an access token (OpenID Connect Core §5.3.2). The token says what was allowed when it was issued; the
 * claims follow what still is.
 *
 * @returns `grant_ended` if the grant has ended or the client no longer exists; `openid_taken` if the scope `openid` no longer holds
 */
export async function userinfo(
  { clients, database }: Pick<Signet, 'clients' | 'database'>,
  { grantId, clientId, sub, scopes: issued }: VerifiedToken,
): Promise<ReturnType<typeof userinfoClaims> | 'grant_ended' | 'openid_taken'> {
  const client = await knownOrRead(clients, clientId)
  const granted = await findGrantedAccount(database, grantId, sub)
  if (!client || !granted) return 'grant_ended'
  const scopes = scopesThatHold(client, issued, granted.terms)
  return scopes.includes('openid') ? userinfoClaims(granted.account, scopes) : 'openid_taken'
}
