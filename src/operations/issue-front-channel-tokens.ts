import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { type FrontChannelTokens, issueForBrowser } from '../tokens/front-channel-tokens.ts'
import { findPersonAndTerms } from '../tokens/granted-person-store.ts'
import { originOf, type Person } from './actor.ts'
import type { GrantRequest, OpenedGrant } from './open-grant.ts'

/**
 * Issues the tokens that a response has beside a code or instead of one (OpenID Connect Core §3.2.2.5, §3.3.2.5), after the grant has been committed: nothing
 * is signed while a transaction is open. The person is read anew, so tokens are issued only on a grant that is alive, for what they still allow.
 *
 * @returns no tokens for the response type `code`, without a statement; undefined if the grant has ended in the meantime
 * @throws OAuthError if the client has just lost what the request asks for; KeysUnavailable
 */
export async function issueFrontChannelTokens(
  signet: Signet,
  actor: Person,
  request: Pick<GrantRequest, 'target' | 'responseType' | 'nonce'>,
  { grant, sid, code }: OpenedGrant,
): Promise<FrontChannelTokens | undefined> {
  const { target, responseType, nonce } = request
  if (responseType === 'code') return {}
  const granted = await findPersonAndTerms(signet.database, grant.id)
  if (!granted) return undefined
  const { person, terms } = granted
  const source = { grant: { ...grant, terms }, person, sid }
  const issued = await issueForBrowser(signet, target.client, source, { responseType, nonce, code })
  const { tokens, algorithms, access } = issued
  const { clientId, sub, id: grantId } = grant
  await recordEvent(signet.database, {
    ...{ type: 'tokens_issued', ...originOf(actor), clientId, sub, grantId },
    detail: { grant_type: 'implicit', response_type: responseType, ...access },
  })
  for (const token of ['access', 'id'] as const) {
    const alg = algorithms[token]
    if (alg) signet.metrics.count('signet_tokens_issued_total', { token, grant_type: 'implicit', alg })
  }
  return tokens
}
