import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import type { ContextClass } from '../protocol/oidc-values.ts'
import { sessionTurn } from '../records/accounts/account.ts'
import type { Client } from '../records/clients/client.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { RequestedClaims } from '../records/grants/claims-of-request.ts'
import type { GrantId } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { acrOf, sessionIdFor } from '../tokens/authentication.ts'
import { authorizationCodeTtl } from '../tokens/authorization-code.ts'
import { insertCode, type PushedRequestReference } from '../tokens/authorization-codes-store.ts'
import { claimsBeyond } from '../tokens/requested-claims.ts'
import { originOf, type Person } from './actor.ts'

/** The parts of an authorization request that its code represents. All of them have been checked. */
export interface CodeRequest {
  readonly target: { readonly client: Client; readonly redirectUri: string }
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

/**
 * Opens a grant and issues its authorization code (RFC 6749 §4.1.2), for a request that needs no further interaction.
 *
 * @returns undefined if the session, the client or the consent has ended in the meantime, or if the pushed request already has a response
 * @throws TooManyWaiting
 */
export async function issueCode(
  signet: Pick<Signet, 'database' | 'secrets' | 'turns'>,
  actor: Person,
  request: CodeRequest,
  session: Session,
): Promise<string | undefined> {
  const issue = (tx: Queryable) => openGrantWithCode(signet, tx, actor, request, session)
  return signet.turns.take(sessionTurn(session.id), () => inTransaction(signet.database, issue))
}

/** For events: the claims that a request names beyond its scopes, if there are any. */
export function claimsDetail(
  scopes: readonly string[],
  claims: RequestedClaims,
): { readonly claims?: readonly string[] } {
  const beyond = claimsBeyond(scopes, claims)
  return beyond.length > 0 ? { claims: beyond } : {}
}

/** Does the same inside the caller's transaction. The code has 256 random bits; the database stores only its digest. */
export async function openGrantWithCode(
  { secrets }: Pick<Signet, 'secrets'>,
  tx: Queryable,
  actor: Person,
  { target, scopes, resources, claims, codeChallenge, nonce, acr, pushedRequest }: CodeRequest,
  session: Session,
): Promise<string | undefined> {
  const { client_id: clientId } = target.client
  const { sub } = session.account
  const code = randomText(32)
  const grantId = randomText(16) as GrantId
  const isOpened = await insertCode(tx, {
    digest: digest(code),
    ttl: authorizationCodeTtl,
    grant: {
      id: grantId,
      clientId,
      sub,
      sessionId: session.id,
      epoch: session.accountEpoch,
      scopes,
      resources,
      claims,
      authTime: session.authTime,
      acr: acrOf(session.amr, acr.classes),
      amr: session.amr,
    },
    redirectUri: target.redirectUri,
    codeChallenge,
    nonce,
    sid: await sessionIdFor(secrets, session, clientId),
    documentDigest: target.client.document?.digest,
    pushedRequest,
  })
  if (!isOpened) return undefined
  const detail = { scopes, ...claimsDetail(scopes, claims) }
  await recordEvent(tx, { type: 'grant_opened', ...originOf(actor), clientId, sub, grantId, detail })
  return code
}
