import { digest, randomText } from '../platform/secrets/digest.ts'
import { type ContextClass, contentsOf, type ResponseType } from '../protocol/oidc-values.ts'
import { sessionTurn } from '../records/accounts/account.ts'
import type { Client } from '../records/clients/client.ts'
import type { Consent } from '../records/consents/consents-store.ts'
import type { RequestedClaims } from '../records/grants/claims-of-request.ts'
import type { GrantId } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { longestLifetime } from '../tokens/access-token.ts'
import { acrOf, sessionIdFor } from '../tokens/authentication.ts'
import { authorizationCodeTtl } from '../tokens/authorization-code.ts'
import {
  type CodeEvents,
  insertCode,
  type NewCode,
  type PushedRequestReference,
} from '../tokens/authorization-codes-store.ts'
import { type FrontChannelTokens, type IssuedForBrowser, issueForBrowser } from '../tokens/front-channel-tokens.ts'
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

/** On what a grant is opened. All of it was read in one statement, before the request was judged. */
export interface GrantBasis {
  readonly session: Session
  /** What the person allows the client; undefined: nothing, as for a first-party client. */
  readonly consent: Consent | undefined
  /** The names of all groups of the person, if the response type has tokens. */
  readonly groups: readonly string[]
}

/** What the response to an authorization request contains. */
export type Issued = FrontChannelTokens & {
  /** Undefined if the response type has none. */
  readonly code: string | undefined
}

/** A grant that can be opened now, with what the response will contain. Nothing of it may be sent before that. */
export interface PreparedGrant {
  readonly issued: Issued
  readonly code: NewCode
  readonly events: CodeEvents
  /** For the metrics. */
  readonly algorithms: IssuedForBrowser['algorithms']
}

/**
 * Opens a grant and issues its authorization code (RFC 6749 §4.1.2), the tokens of the response (OpenID Connect Core §3.2.2.5, §3.3.2.5) or both, for a request that
 * needs no further interaction. Takes one statement: nothing is signed while a transaction is open, and what is returned has been committed.
 *
 * @returns undefined if the session, the client or the consent has ended or changed since they were read, or if the pushed request already has a response. Nothing
 *   was opened: start again
 * @throws OAuthError if the client has just lost what the request asks for; TooManyWaiting, KeysUnavailable
 */
export async function openGrant(
  signet: Signet,
  actor: Person,
  request: GrantRequest,
  basis: GrantBasis,
): Promise<Issued | undefined> {
  const prepared = await prepareGrant(signet, actor, request, basis)
  const { code, events } = prepared
  const isOpened = await signet.turns.take(sessionTurn(basis.session.id), () =>
    insertCode(signet.database, code, events),
  )
  if (isOpened) return issuedOf(signet, prepared)
  // Its registration may be what has changed: it must not come from the cache again.
  await signet.clients.read(code.grant.clientId)
  return undefined
}

/** Counts the tokens of a grant that has been opened, and returns what the response contains. */
export function issuedOf({ metrics }: Pick<Signet, 'metrics'>, { issued, algorithms }: PreparedGrant): Issued {
  for (const token of ['access', 'id'] as const) {
    const alg = algorithms[token]
    if (alg) metrics.count('signet_tokens_issued_total', { token, grant_type: 'implicit', alg })
  }
  return issued
}

/**
 * Makes the code and signs the tokens of a response, but writes nothing: `insertCode` opens the grant, only if nothing that this is based on has changed. So a node
 * that cannot sign says so before a pushed request is used up.
 *
 * The code has 256 random bits; the database stores only its digest. A grant without a code gets the row of a code as well, which nobody knows and which has expired
 * from the beginning: a grant is deleted with the last row that refers to it (records/cleanup/), by nodes of the previous release too.
 *
 * @throws as `openGrant`
 */
export async function prepareGrant(
  signet: Signet,
  actor: Person,
  request: GrantRequest,
  basis: GrantBasis,
): Promise<PreparedGrant> {
  const { target, responseType, scopes, resources, claims, codeChallenge, nonce, acr, pushedRequest } = request
  const { client } = target
  const { session } = basis
  const { client_id: clientId } = client
  const { sub } = session.account
  const code = contentsOf(responseType).code ? randomText(32) : undefined
  const sid = await sessionIdFor(signet.secrets, session, clientId)
  const grant = {
    id: randomText(16) as GrantId,
    ...{ clientId, sub, scopes, resources, claims },
    authTime: session.authTime,
    acr: acrOf(session.amr, acr.classes),
    amr: session.amr,
  }
  const newCode = {
    digest: digest(code ?? randomText(32)),
    ttl: code === undefined ? 0 : authorizationCodeTtl,
    grant: { ...grant, sessionId: session.id, epoch: session.accountEpoch },
    redirectUri: target.redirectUri,
    ...{ codeChallenge, nonce, sid, pushedRequest },
    documentDigest: client.document?.digest,
    clientUpdatedAt: client.updatedAt,
  }
  const origin = { ...originOf(actor), clientId, sub, grantId: grant.id }
  const opened = { type: 'grant_opened', ...origin, detail: { scopes, ...claimsDetail(scopes, claims) } } as const
  if (responseType === 'code') return { issued: { code }, code: newCode, events: { opened }, algorithms: {} }

  // What may have to be written before tokens are signed must not wait for a second connection while a transaction holds one.
  await signet.keyRing.extendRetention(longestLifetime(client, signet.settings))
  const { consent = null, groups } = basis
  const source = { grant: { ...grant, terms: { scopes, consent } }, person: { account: session.account, groups }, sid }
  const { tokens, algorithms, access } = await issueForBrowser(signet, client, source, { responseType, nonce, code })
  const detail = { grant_type: 'implicit', response_type: responseType, ...access }
  return {
    issued: { code, ...tokens },
    code: newCode,
    events: { opened, issued: { type: 'tokens_issued', ...origin, detail } },
    algorithms,
  }
}

/** For events: the claims that a request names beyond its scopes, if there are any. */
export function claimsDetail(
  scopes: readonly string[],
  claims: RequestedClaims,
): { readonly claims?: readonly string[] } {
  const beyond = claimsBeyond(scopes, claims)
  return beyond.length > 0 ? { claims: beyond } : {}
}
