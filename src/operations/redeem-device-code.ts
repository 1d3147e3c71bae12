import type { KeyObject } from 'node:crypto'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Client, deviceCodeGrant } from '../records/clients/client.ts'
import { endGrant } from '../records/endings/end-rows-store.ts'
import { type Caller, recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { judgePoll, type PollVerdict } from '../tokens/device-request.ts'
import { lockAllowedRequest, pollDeviceRequest, spendDeviceCode } from '../tokens/device-requests-store.ts'
import { type IssuedTokens, issueForPerson, type TokensRefused } from '../tokens/issue-for-person.ts'
import { startFamily } from './start-family.ts'

type Refused = Extract<PollVerdict<never>, { readonly verdict: 'refused' }>

/**
 * Answers a device that asks for its tokens (RFC 8628 §3.4, §3.5). While nobody has decided, that takes one statement. If a person has allowed
 * the request, the row is locked and everything is checked again, and the device code is marked as spent in the transaction that issues the tokens.
 *
 * @param client the authenticated client. The code of another one is unknown
 * @param request the parameters of the token request: `device_code`, and `resource` of RFC 8707 §2.2
 * @throws OAuthError if nothing may be issued on the grant (`issueForPerson`); KeysUnavailable, TooManyWaiting
 */
export async function redeemDeviceCode(
  signet: Signet,
  client: Client,
  caller: Caller,
  {
    deviceCode,
    resource,
    hmacKey,
  }: {
    readonly deviceCode: string
    readonly resource: readonly string[]
    /** The secret with which this request was authenticated, for an ID token with HS256. */
    readonly hmacKey: KeyObject | undefined
  },
): Promise<IssuedTokens | TokensRefused> {
  const codeDigest = digest(deviceCode)
  const clientId = client.client_id
  const redeem = async (tx: Queryable): Promise<IssuedTokens | TokensRefused> => {
    const locked = await lockAllowedRequest(tx, codeDigest)
    const verdict = judgePoll(locked?.grant.clientId === clientId ? locked : undefined)
    if (verdict.verdict === 'refused') return refusal(verdict)
    const { request } = verdict
    const about = { caller, clientId, sub: request.grant.sub, grantId: request.grant.id }
    const grantType = { grant_type: deviceCodeGrant }
    if (verdict.verdict === 'replayed') {
      // A device that repeats its request, because it did not wait for the response, is not an attack.
      if (verdict.secondsAgo > signet.settings.refreshGrace) {
        // RFC 6749 §10.5. This must be committed although the response is an error, so the refusal is returned (`TokensRefused`).
        const isEnded = await endGrant(tx, request.grant.id, 'code_replayed')
        if (isEnded) await recordEvent(tx, { type: 'code_replayed', ...about, detail: grantType })
      }
      return {
        refused: 'device_code_used',
        detail: `grant ${request.grant.id}, spent ${verdict.secondsAgo} seconds ago`,
      }
    }
    const { grant, person, sid } = request
    if (!person) throw new Error(`The grant ${grant.id} has ended, but its device code was not refused.`)
    await spendDeviceCode(tx, codeDigest)
    const asked = { scopes: undefined, resource, nonce: undefined, hmacKey }
    const { tokens, effective, access } = await issueForPerson(signet, client, { grant, person, sid }, asked)
    await recordEvent(tx, { type: 'tokens_issued', ...about, detail: { ...grantType, ...access } })
    return effective.includes('offline_access') && client.grant_types.includes('refresh_token')
      ? { ...tokens, refreshToken: await startFamily(signet, tx, request) }
      : tokens
  }
  return signet.turns.take(`device code ${codeDigest.toString('hex')}`, async () => {
    const verdict = judgePoll(await pollDeviceRequest(signet.database, codeDigest, clientId))
    return verdict.verdict === 'refused' ? refusal(verdict) : inTransaction(signet.database, redeem)
  })
}

function refusal({ error, detail, isRecorded }: Refused): TokensRefused {
  return { refused: error, detail, isRecorded }
}
