import { addConsent } from '../records/consents/consents-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { completePushedRequest } from '../records/pushed-requests/pushed-requests-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { insertCode } from '../tokens/authorization-codes-store.ts'
import { claimsBeyond } from '../tokens/requested-claims.ts'
import { originOf, type Person } from './actor.ts'
import { asSignedIn } from './as-signed-in.ts'
import { claimsDetail, type GrantBasis, type GrantRequest, type Issued, issuedOf, prepareGrant } from './open-grant.ts'

/**
 * Stores the consent that a person gives to a client, and opens the grant with its code, in one transaction (OpenID Connect Core §3.1.2.4). If the session
 * or the consent is ended at the same time, that happens entirely before or entirely after this transaction. The tokens of the response are signed before it.
 *
 * @returns undefined if the session, the client or an earlier consent has ended or changed in the meantime
 * @throws OAuthError if the client has just lost what the request asks for; TooManyWaiting, KeysUnavailable
 */
export async function giveConsent(
  signet: Signet,
  actor: Person,
  request: GrantRequest,
  { session, groups }: Pick<GrantBasis, 'session' | 'groups'>,
): Promise<Issued | undefined> {
  const { sub } = session.account
  const { client } = request.target
  const { scopes, resources, claims } = request
  // The scopes include their own claims.
  const consent = { scopes, resources, claims: claimsBeyond(scopes, claims) }
  const prepared = await prepareGrant(signet, actor, request, { session, consent, groups })
  const given = await asSignedIn(signet, session, async (tx) => {
    if (!(await insertCode(tx, prepared.code, prepared.events))) return false
    await addConsent(tx, sub, client, consent)
    const detail = { scopes, ...claimsDetail(scopes, claims) }
    await recordEvent(tx, { type: 'consent_given', ...originOf(actor), clientId: client.client_id, sub, detail })
    return true
  })
  return given === true ? issuedOf(signet, prepared) : undefined
}

/** Records that a person refused consent. Only the event is kept. A pushed request has its response with that. */
export async function refuseConsent(
  { database }: Pick<Signet, 'database'>,
  actor: Person,
  { target, pushedRequest }: Pick<GrantRequest, 'target' | 'pushedRequest'>,
  { account: { sub } }: Session,
): Promise<void> {
  const clientId = target.client.client_id
  if (pushedRequest) await completePushedRequest(database, pushedRequest.digest)
  await recordEvent(database, { type: 'consent_refused', ...originOf(actor), clientId, sub })
}
