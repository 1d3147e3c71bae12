import { randomBytes } from 'node:crypto'
import { inTransaction, type Queryable } from '../../platform/database/queryable.ts'
import { digest } from '../../platform/secrets/digest.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { isPublic } from '../../records/clients/client.ts'
import type { AuthenticatedClient } from '../../records/clients/client-authentication.ts'
import { type Caller, recordEvent } from '../../records/events/events-store.ts'
import { endGrant } from '../../records/grants/grants-store.ts'
import type { Signet } from '../../signet.ts'
import { judgeCode, type StoredCode } from '../../tokens/authorization-code.ts'
import { lockCode, spendCode } from '../../tokens/authorization-codes-store.ts'
import { insertFamily } from '../../tokens/refresh-families-store.ts'
import { encodeRefreshToken, familyDigest } from '../../tokens/refresh-token.ts'
import { issueForPerson } from './issue-for-person.ts'
import type { Exchanged, TokenRequest } from './token-request.ts'

/**
 * grant_type=authorization_code (RFC 6749 §4.1.3). The code's row is locked, every binding checked, and only then is it spent, in
 * the transaction that issues. The tokens are signed before the commit, so that a failure to sign spends nothing.
 */
export async function authorizationCode(
  signet: Signet,
  { client }: AuthenticatedClient,
  request: TokenRequest,
  caller: Caller,
): Promise<Exchanged> {
  if (request.code === undefined) throw new OAuthError('parameter_missing', { about: 'code' })
  if (request.redirect_uri === undefined) throw new OAuthError('parameter_missing', { about: 'redirect_uri' })
  const codeDigest = digest(request.code)
  const redeem = async (tx: Queryable): Promise<Exchanged | OAuthError> => {
    const verdict = judgeCode(await lockCode(tx, codeDigest), {
      clientId: client.client_id,
      redirectUri: request.redirect_uri,
      codeVerifier: request.code_verifier,
    })
    if (verdict.verdict === 'refused') return new OAuthError(verdict.error, { detail: verdict.detail })
    const { code } = verdict
    if (verdict.verdict === 'replayed') {
      const replayed = new OAuthError('code_replayed', {
        detail: `code: of grant ${code.grantId}, spent ${verdict.secondsAgo} seconds ago`,
      })
      // A browser that calls the redirect URI twice is no thief; only a public client's second call within the grace is spared.
      if (isPublic(client) && verdict.secondsAgo <= signet.settings.refreshGrace) return replayed
      // RFC 6749 §4.1.2, §10.5. This commits although the answer is an error: it is returned, not thrown.
      await endGrant(tx, code.grantId, 'code_replayed')
      await recordEvent(tx, {
        type: 'code_replayed',
        caller,
        clientId: client.client_id,
        sub: code.sub,
        grantId: code.grantId,
      })
      return replayed
    }
    await spendCode(tx, codeDigest)
    const { response, scopes, access, algorithms } = await issueForPerson(signet, client, code, request)
    await recordEvent(tx, {
      ...{ type: 'tokens_issued', caller, clientId: client.client_id, sub: code.sub, grantId: code.grantId },
      detail: { grant_type: 'authorization_code', ...access },
    })
    return scopes.includes('offline_access') && client.grant_types.includes('refresh_token')
      ? { response: { ...response, refresh_token: await startFamily(signet, tx, code) }, algorithms }
      : { response, algorithms }
  }
  const outcome = await signet.turns.take(`code ${codeDigest.toString('hex')}`, () =>
    inTransaction(signet.database, redeem),
  )
  if (outcome instanceof OAuthError) throw outcome
  return outcome
}

async function startFamily({ settings, secrets }: Signet, tx: Queryable, code: StoredCode): Promise<string> {
  const token = { family: randomBytes(32), generation: 0 }
  // Held for both uses: it may be renewed while the row is written.
  const secret = secrets['refresh-mac']
  const secretVersion = secret.current
  await insertFamily(
    tx,
    { digest: familyDigest(token), grantId: code.grantId, secretVersion, sid: code.sid, nonce: code.nonce },
    { sliding: settings.refreshTokenTtl, absolute: settings.refreshTokenMaxTtl },
  )
  return encodeRefreshToken(secret, secretVersion, token)
}
