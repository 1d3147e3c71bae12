import type { KeyObject } from 'node:crypto'
import { untilUndisturbed } from '../platform/database/compare-and-swap.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Client, isPublic } from '../records/clients/client.ts'
import { endReplayedGrant } from '../records/endings/end-rows-store.ts'
import type { Caller } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { judgeCode } from '../tokens/authorization-code.ts'
import { findCode, spendCode } from '../tokens/authorization-codes-store.ts'
import { isGrantAlive } from '../tokens/granted-person-store.ts'
import { type IssuedTokens, issueForPerson, type TokensRefused } from '../tokens/issue-for-person.ts'
import { newFamily } from './new-family.ts'

/**
 * Redeems an authorization code (RFC 6749 §4.1.3). One statement reads the code, every binding is checked, and the tokens are signed. Then one
 * statement marks the code as spent, unless somebody else has, and starts the refresh family. Until then nothing is locked, and a failure to sign does
 * not spend the code. The tokens leave only after this call has spent the code; whoever was too late reads the code again and finds it spent.
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
  const { database } = signet
  const codeDigest = digest(request.code)
  const redeem = async (): Promise<IssuedTokens | TokensRefused | undefined> => {
    const { redirectUri, codeVerifier, resource, hmacKey } = request
    const bindings = { clientId: client.client_id, redirectUri, codeVerifier }
    const verdict = judgeCode(await findCode(database, codeDigest), bindings)
    if (verdict.verdict === 'refused') return { refused: verdict.error, detail: verdict.detail }
    const { grant } = verdict.code
    const about = { caller, clientId: client.client_id, sub: grant.sub, grantId: grant.id }
    if (verdict.verdict === 'replayed') {
      const detail = `code: grant ${grant.id}, spent ${verdict.secondsAgo} seconds ago`
      // A browser that calls the redirect URI twice is not an attack: a public client that repeats the request within the grace keeps its grant.
      if (!isPublic(client) || verdict.secondsAgo > signet.settings.refreshGrace)
        // RFC 6749 §4.1.2, §10.5. Committed before the error leaves. A code that is spent stays spent, so nothing needs to be compared.
        await endReplayedGrant(database, grant.id, { type: 'code_replayed', ...about })
      return { refused: 'code_replayed', detail }
    }
    const { code } = verdict
    const asked = { scopes: undefined, resource, nonce: code.nonce, hmacKey }
    const { tokens, effective, access } = await issueForPerson(signet, client, code, asked)
    const canRefresh = effective.includes('offline_access') && client.grant_types.includes('refresh_token')
    const first = canRefresh ? newFamily(signet) : undefined
    const detail = { grant_type: 'authorization_code', ...access }
    const spent = await spendCode(database, codeDigest, first?.family, { type: 'tokens_issued', ...about, detail })
    if (!spent) return undefined
    if (spent.waited && !(await isGrantAlive(database, grant.id)))
      return { refused: 'code_unknown', detail: `code: grant ${grant.id} has ended` }
    return first ? { ...tokens, refreshToken: first.refreshToken } : tokens
  }
  // Racers on one node wait for each other, so that they do not sign tokens that nobody gets.
  return signet.turns.take(`code ${codeDigest.toString('hex')}`, () => untilUndisturbed(redeem))
}
