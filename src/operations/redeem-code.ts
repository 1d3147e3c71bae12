import type { KeyObject } from 'node:crypto'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Client, isPublic } from '../records/clients/client.ts'
import { endGrant } from '../records/endings/end-rows-store.ts'
import { type Caller, recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { judgeCode } from '../tokens/authorization-code.ts'
import { lockCode, spendCode } from '../tokens/authorization-codes-store.ts'
import { type IssuedTokens, issueForPerson, type TokensRefused } from '../tokens/issue-for-person.ts'
import { startFamily } from './start-family.ts'

/**
 * Redeems an authorization code (RFC 6749 §4.1.3). The row of the code is locked, and every binding is checked. Only then is the code marked as
 * spent, in the transaction that issues the tokens. The tokens are signed before the commit, so a failure to sign does not spend the code.
 *
 * @param client the authenticated client
 * @param request the parameters of the token request: `code_verifier` of RFC 7636 §4.5, `resource` of RFC 8707 §2.2
 * @throws OAuthError if nothing may be issued on the grant (`issueForPerson`); KeysUnavailable, TooManyWaiting
 */
export async function redeemCode(
  signet: Signet,
  client: Client,
  caller: Caller,
  request: {
    readonly code: string
    readonly redirectUri: string
    readonly codeVerifier: string | undefined
    readonly resource: readonly string[]
    /** The secret with which this request was authenticated, for an ID token with HS256. */
    readonly hmacKey: KeyObject | undefined
  },
): Promise<IssuedTokens | TokensRefused> {
  const codeDigest = digest(request.code)
  const redeem = async (tx: Queryable): Promise<IssuedTokens | TokensRefused> => {
    const { redirectUri, codeVerifier, resource, hmacKey } = request
    const bindings = { clientId: client.client_id, redirectUri, codeVerifier }
    const verdict = judgeCode(await lockCode(tx, codeDigest), bindings)
    if (verdict.verdict === 'refused') return { refused: verdict.error, detail: verdict.detail }
    const { grant } = verdict.code
    const about = { caller, clientId: client.client_id, sub: grant.sub, grantId: grant.id }
    if (verdict.verdict === 'replayed') {
      const detail = `code: grant ${grant.id}, spent ${verdict.secondsAgo} seconds ago`
      // A browser that calls the redirect URI twice is not an attack: a public client that repeats the request within the grace keeps its grant.
      if (!isPublic(client) || verdict.secondsAgo > signet.settings.refreshGrace) {
        // RFC 6749 §4.1.2, §10.5. This must be committed although the response is an error, so the refusal is returned (`TokensRefused`).
        await endGrant(tx, grant.id, 'code_replayed')
        await recordEvent(tx, { type: 'code_replayed', ...about })
      }
      return { refused: 'code_replayed', detail }
    }
    const { code } = verdict
    await spendCode(tx, codeDigest)
    const asked = { scopes: undefined, resource, nonce: code.nonce, hmacKey }
    const { tokens, effective, access } = await issueForPerson(signet, client, code, asked)
    await recordEvent(tx, {
      ...{ type: 'tokens_issued', ...about },
      detail: { grant_type: 'authorization_code', ...access },
    })
    return effective.includes('offline_access') && client.grant_types.includes('refresh_token')
      ? { ...tokens, refreshToken: await startFamily(signet, tx, code) }
      : tokens
  }
  return signet.turns.take(`code ${codeDigest.toString('hex')}`, () => inTransaction(signet.database, redeem))
}
