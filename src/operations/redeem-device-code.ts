import type { KeyObject } from 'node:crypto'
import { untilUndisturbed } from '../platform/database/compare-and-swap.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Client, deviceCodeGrant } from '../records/clients/client.ts'
import { endGrant } from '../records/endings/end-rows-store.ts'
import type { Caller } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { judgePoll } from '../tokens/device-request.ts'
import { pollDeviceRequest, spendDeviceCode } from '../tokens/device-requests-store.ts'
import { isGrantAlive } from '../tokens/granted-person-store.ts'
import { type IssuedTokens, issueForPerson, type TokensRefused } from '../tokens/issue-for-person.ts'
import { newFamily } from './new-family.ts'

/**
 * Answers a device that asks for its tokens (RFC 8628 §3.4, §3.5). One statement reads the request and notes that the device asked. Only if a person has
 * allowed the request, the tokens are signed, and a second statement marks the device code as spent, as for an authorization code (`redeemCode`).
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
  const { database } = signet
  const codeDigest = digest(deviceCode)
  const clientId = client.client_id
  let polls = 0
  const redeem = async (): Promise<IssuedTokens | TokensRefused | undefined> => {
    const found = await pollDeviceRequest(database, codeDigest, clientId)
    // If it is not there the second time either, the row of the grant is gone.
    if (found?.isGrantUnseen && polls++ === 0) return undefined
    const verdict = judgePoll(found)
    if (verdict.verdict === 'refused') {
      const { error, detail, isRecorded } = verdict
      return { refused: error, detail, isRecorded }
    }
    const { source, sid } = verdict.request
    if (!source || sid === undefined) throw new Error('A device code was not refused, but its request has no grant.')
    const { grant, person } = source
    const about = { caller, clientId, sub: grant.sub, grantId: grant.id }
    const grantType = { grant_type: deviceCodeGrant }
    if (verdict.verdict === 'replayed') {
      // A device that repeats its request, because it did not wait for the response, is not an attack.
      if (verdict.secondsAgo > signet.settings.refreshGrace) {
        // RFC 6749 §10.5. Committed before the error leaves. A code that is spent stays spent, so nothing needs to be compared.
        const event = { type: 'code_replayed', ...about, detail: grantType } as const
        await endGrant(database, grant.id, 'code_replayed', event)
      }
      return { refused: 'device_code_used', detail: `grant ${grant.id}, spent ${verdict.secondsAgo} seconds ago` }
    }
    if (!person) throw new Error(`The grant ${grant.id} has ended, but its device code was not refused.`)
    const asked = { scopes: undefined, resource, nonce: undefined, hmacKey }
    const { tokens, effective, access } = await issueForPerson(signet, client, { grant, person, sid }, asked)
    const canRefresh = effective.includes('offline_access') && client.grant_types.includes('refresh_token')
    const first = canRefresh ? newFamily(signet) : undefined
    const event = { type: 'tokens_issued', ...about, detail: { ...grantType, ...access } } as const
    const spent = await spendDeviceCode(database, codeDigest, first?.family, event)
    if (!spent) return undefined
    if (spent.waited && !(await isGrantAlive(database, grant.id)))
      return { refused: 'device_code_unknown', detail: `device_code: grant ${grant.id} has ended` }
    return first ? { ...tokens, refreshToken: first.refreshToken } : tokens
  }
  return signet.turns.take(`device code ${codeDigest.toString('hex')}`, () => untilUndisturbed(redeem))
}
