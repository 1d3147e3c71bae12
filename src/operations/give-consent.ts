import { addConsent } from '../records/consents/consents-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { completePushedRequest } from '../records/pushed-requests/pushed-requests-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { claimsBeyond } from '../tokens/requested-claims.ts'
import { originOf, type Person } from './actor.ts'
import { asSignedIn, signedOut } from './as-signed-in.ts'
import {
  claimsDetail,
  type GrantRequest,
  type OpenedGrant,
  openGrantIn,
  prepareFrontChannelTokens,
} from './open-grant.ts'

/**
 * Stores the consent that a person gives to a client, and opens the grant with its code, in one transaction (OpenID Connect Core §3.1.2.4). If the session
 * or the consent is ended at the same time, that happens entirely before or entirely after this transaction.
 *
 * @returns undefined if the session, the client or an earlier consent has ended in the meantime
 * @throws TooManyWaiting, KeysUnavailable
 */
export async function giveConsent(
  signet: Pick<Signet, 'database' | 'keyRing' | 'secrets' | 'settings' | 'turns'>,
  actor: Person,
  request: GrantRequest,
  session: Session,
): Promise<OpenedGrant | undefined> {
  await prepareFrontChannelTokens(signet, request)
  const { sub } = session.account
  const { client_id: clientId } = request.target.client
  const { scopes, resources, claims } = request
  const given = await asSignedIn(signet, session, async (tx) => {
    const opened = await openGrantIn(signet, tx, actor, request, session)
    if (!opened) return { opened }
    // The scopes include their own claims.
    await addConsent(tx, sub, clientId, { scopes, resources, claims: claimsBeyond(scopes, claims) })
    const detail = { scopes, ...claimsDetail(scopes, claims) }
    await recordEvent(tx, { type: 'consent_given', ...originOf(actor), clientId, sub, detail })
    return { opened }
  })
  return given === signedOut ? undefined : given.opened
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
