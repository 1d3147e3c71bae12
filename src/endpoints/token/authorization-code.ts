import { randomBytes } from 'node:crypto'
import { inTransaction, type Queryable } from '../../platform/database/queryable.ts'
import { OAuthError } from '../../platform/http/oauth-error.ts'
import { digest } from '../../platform/secrets/digest.ts'
import { isPublic } from '../../records/clients/client.ts'
import type { AuthenticatedClient } from '../../records/clients/client-authentication.ts'
import { type Caller, recordEvent } from '../../records/events/events-store.ts'
import { endGrant } from '../../records/grants/grants-store.ts'
import type { Signet } from '../../signet.ts'
import { type CodeVerdict, judgeCode, type StoredCode } from '../../tokens/authorization-code.ts'
import { lockCode, spendCode } from '../../tokens/authorization-codes-store.ts'
import { insertFamily } from '../../tokens/refresh-families-store.ts'
import { encodeRefreshToken, familyDigest } from '../../tokens/refresh-token.ts'
import { issueForPerson } from './issue-for-person.ts'
import type { TokenRequest, TokenResponse } from './token-request.ts'

/**
 * grant_type=authorization_code (RFC 6749 §4.1.3). The code's row is locked, every binding checked, and only then is it spent, in
 * the transaction that issues. The tokens are signed before the commit, so that a failure to sign spends nothing.
 */
export async function authorizationCode(
  signet: Signet,
  { client }: AuthenticatedClient,
  request: TokenRequest,
  caller: Caller,
): Promise<TokenResponse> {
  if (request.code === undefined) throw new OAuthError('invalid_request', 'The code is missing.')
  if (request.redirect_uri === undefined) throw new OAuthError('invalid_request', 'The redirect_uri is missing.')
  const codeDigest = digest(request.code)
  const outcome = await inTransaction(signet.database, async (tx): Promise<TokenResponse | OAuthError> => {
    const code = await lockCode(tx, codeDigest)
    const verdict = judgeCode(code, {
      clientId: client.client_id,
      redirectUri: request.redirect_uri,
      codeVerifier: request.code_verifier,
    })
    if (!code || verdict.verdict === 'refused') return refusal(verdict)
    if (verdict.verdict === 'replayed') {
      // A browser that calls the redirect URI twice is no thief; only a public client's second call within the grace is spared.
      if (isPublic(client) && verdict.secondsAgo <= signet.settings.refreshGrace) return refusal(verdict)
      // RFC 6749 §4.1.2, §10.5. This commits although the answer is an error: it is returned, not thrown.
      await endGrant(tx, code.grantId, 'code_replayed')
      await recordEvent(tx, {
        type: 'code_replayed',
        caller,
        clientId: client.client_id,
        sub: code.sub,
        grantId: code.grantId,
      })
      return refusal(verdict)
    }
    await spendCode(tx, codeDigest)
    const tokens = await issueForPerson(signet, client, code, request)
    return code.scopes.includes('offline_access') && client.grant_types.includes('refresh_token')
      ? { ...tokens, refresh_token: await startFamily(signet, tx, code) }
      : tokens
  })
  if (outcome instanceof OAuthError) throw outcome
  return outcome
}

function refusal(verdict: CodeVerdict): OAuthError {
  return new OAuthError(
    'invalid_grant',
    verdict.verdict === 'refused' ? verdict.description : 'The code was used before.',
  )
}

async function startFamily({ settings, secrets }: Signet, tx: Queryable, code: StoredCode): Promise<string> {
  const token = { family: randomBytes(32), generation: 0 }
  const secretVersion = secrets['refresh-mac'].newest
  await insertFamily(
    tx,
    { digest: familyDigest(token), grantId: code.grantId, secretVersion, sid: code.sid, nonce: code.nonce },
    { sliding: settings.refreshTokenTtl, absolute: settings.refreshTokenMaxTtl },
  )
  return encodeRefreshToken(secrets['refresh-mac'], secretVersion, token)
}
