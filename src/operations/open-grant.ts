import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { type ContextClass, contentsOf, type ResponseType } from '../protocol/oidc-values.ts'
import { sessionTurn } from '../records/accounts/account.ts'
import type { Client } from '../records/clients/client.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { RequestedClaims } from '../records/grants/claims-of-request.ts'
import type { PersonsGrant } from '../records/grants/grants-store.ts'
import type { GrantId, Sid } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { longestLifetime } from '../tokens/access-token.ts'
import { acrOf, sessionIdFor } from '../tokens/authentication.ts'
import { authorizationCodeTtl } from '../tokens/authorization-code.ts'
import { insertCode, type PushedRequestReference } from '../tokens/authorization-codes-store.ts'
import { claimsBeyond } from '../tokens/requested-claims.ts'
import { originOf, type Person } from './actor.ts'

/** The parts of an authorization request that its grant and its code represent. All of them have been checked. */
export interface GrantRequest {
  readonly target: { readonly client: Client; readonly redirectUri: string }
  readonly responseType: ResponseType
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  readonly claims: RequestedClaims
  readonly codeChallenge: string | undefined
  readonly nonce: string | undefined
  /** The Authentication Context Classes that the request wanted, in order of preference. */
  readonly acr: { readonly classes: readonly ContextClass[] }
  /** Undefined if it was not pushed. */
  readonly pushedRequest?: PushedRequestReference | undefined
}

/** A grant that has just been opened. */
export interface OpenedGrant {
  readonly grant: Omit<PersonsGrant, 'terms'>
  readonly sid: Sid
  /** Undefined if the response type has none. */
  readonly code: string | undefined
}

/**
 * Opens a grant and issues its authorization code if the response has one (RFC 6749 §4.1.2), for a request that needs no further interaction. Tokens that
 * the response has are issued once this has been committed (issue-front-channel-tokens.ts).
 *
 * @returns undefined if the session, the client or the consent has ended in the meantime, or if the pushed request already has a response
 * @throws TooManyWaiting, KeysUnavailable
 */
export async function openGrant(
  signet: Pick<Signet, 'database' | 'keyRing' | 'secrets' | 'settings' | 'turns'>,
  actor: Person,
  request: GrantRequest,
  session: Session,
): Promise<OpenedGrant | undefined> {
  await prepareFrontChannelTokens(signet, request)
  const open = (tx: Queryable) => openGrantIn(signet, tx, actor, request, session)
  return signet.turns.take(sessionTurn(session.id), () => inTransaction(signet.database, open))
}

/**
 * To be called before the transaction that opens a grant whose response has tokens. What may have to be written before they are signed must not wait for a
 * second connection while a transaction holds one. And a node that cannot sign says so before a pushed request is used up.
 *
 * @throws KeysUnavailable
 */
export async function prepareFrontChannelTokens(
  { keyRing, settings }: Pick<Signet, 'keyRing' | 'settings'>,
  { target: { client }, responseType }: Pick<GrantRequest, 'target' | 'responseType'>,
): Promise<void> {
  if (responseType === 'code') return
  const { idToken } = contentsOf(responseType)
  const alg = client.id_token_signed_response_alg
  // Access tokens are signed with ES256 unless an API wants another algorithm. HS256 cannot be registered with these response types.
  keyRing.requireKey(idToken && alg !== 'HS256' ? alg : 'ES256')
  await keyRing.extendRetention(longestLifetime(client, settings))
}

/**
 * Opens a grant as `openGrant` does, inside the caller's transaction. The code has 256 random bits; the database stores only its digest.
 *
 * A grant without a code gets the row of a code as well, which nobody knows and which has expired from the beginning: a grant is deleted with the last row
 * that refers to it (records/cleanup/), by nodes of the previous release too.
 *
 * @param signet `prepareFrontChannelTokens` has been called with it, before the transaction
 */
export async function openGrantIn(
  { secrets }: Pick<Signet, 'secrets'>,
  tx: Queryable,
  actor: Person,
  { target, responseType, scopes, resources, claims, codeChallenge, nonce, acr, pushedRequest }: GrantRequest,
  session: Session,
): Promise<OpenedGrant | undefined> {
  const { client_id: clientId } = target.client
  const { sub } = session.account
  const code = contentsOf(responseType).code ? randomText(32) : undefined
  const sid = await sessionIdFor(secrets, session, clientId)
  const grant = {
    id: randomText(16) as GrantId,
    ...{ clientId, sub, scopes, resources, claims },
    authTime: session.authTime,
    acr: acrOf(session.amr, acr.classes),
    amr: session.amr,
  }
  const isOpened = await insertCode(tx, {
    digest: digest(code ?? randomText(32)),
    ttl: code === undefined ? 0 : authorizationCodeTtl,
    grant: { ...grant, sessionId: session.id, epoch: session.accountEpoch },
    redirectUri: target.redirectUri,
    codeChallenge,
    nonce,
    sid,
    documentDigest: target.client.document?.digest,
    pushedRequest,
  })
  if (!isOpened) return undefined
  const detail = { scopes, ...claimsDetail(scopes, claims) }
  await recordEvent(tx, { type: 'grant_opened', ...originOf(actor), clientId, sub, grantId: grant.id, detail })
  return { grant, sid, code }
}

/** For events: the claims that a request names beyond its scopes, if there are any. */
export function claimsDetail(
  scopes: readonly string[],
  claims: RequestedClaims,
): { readonly claims?: readonly string[] } {
  const beyond = claimsBeyond(scopes, claims)
  return beyond.length > 0 ? { claims: beyond } : {}
}
