import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PageContext } from '../html/messages/messages.ts'
import { browserOf } from '../platform/http/cookies.ts'
import { secretFor } from '../platform/secrets/purpose-secrets.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { noteRefusal } from '../protocol/errors/refusal.ts'
import { sendRefusalPage } from '../protocol/errors/send-refusal.ts'
import { csrfToken } from '../protocol/http/csrf.ts'
import { faultyParameter, type Parameters } from '../protocol/http/parameters.ts'
import { pageContextOf } from '../protocol/http/ui-locales.ts'
import { type Consent, findConsent } from '../records/consents/consents-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { sessionIdFor } from '../tokens/authentication.ts'
import { readIdTokenHint } from '../tokens/id-token-hint.ts'
import { type AuthorizationRequest, readAuthorizationRequest } from './authorization-request.ts'
import { responseUrl, sendResponse } from './authorization-response.ts'
import { type VerifiedTarget, verifyTarget } from './authorization-target.ts'
import { currentSession, whyNoSession } from './browser-session.ts'
import { nextStep, type Step } from './next-step.ts'
import { openRequest, sealRequest, type TravellingRequest } from './sealed-request.ts'

/** An authorization request under way, checked anew for this step, and who is signed in. */
export interface Journey {
  readonly travelling: TravellingRequest
  readonly request: AuthorizationRequest
  readonly session: Session | undefined
  readonly consent: Consent | undefined
  readonly step: Step
}

/**
 * Checks a request from the beginning and finds its next step. The target is verified, then the parameters are read, and their
 * errors, like that of a silent request which needs the person, are sent to the target.
 *
 * @returns undefined when the answer has been sent
 * @throws OAuthError when there is nowhere to send it
 */
export async function takeUp(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  travelling: TravellingRequest,
): Promise<Journey | undefined> {
  const { database, settings, secrets } = signet
  // Both at once. The session comes first, because a page that says what is wrong with the target is in the person's language.
  const [session, target] = await inOrder(
    currentSession(database, settings, request),
    verifyTarget(database, travelling.parameters),
  )
  try {
    const authorization = readAuthorizationRequest(travelling.parameters, target, settings.issuer)
    const hintedSub = await readHint(signet, authorization)
    const consent = session && (await findConsent(database, session.account.sub, target.client.client_id))
    const step = nextStep(
      authorization,
      travelling.receivedAt,
      session && {
        sub: session.account.sub,
        authTime: session.authTime,
        selected: travelling.selected === (await sessionIdFor(secrets, session, target.client.client_id)),
      },
      consent,
      hintedSub,
    )
    if (step.step === 'refuse')
      throw new OAuthError(step.error, { detail: step.detail ?? whyNoSession(request, settings.issuer) })
    return { travelling, request: authorization, session, consent, step }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    noteRefusal(request, error)
    sendResponse(reply, target, settings.issuer, { error, requestId: request.id }, pageContext(request, travelling))
    return undefined
  }
}

/** Waits for two results. If the second fails, the first is still there before the error is thrown. */
async function inOrder<First, Second>(first: Promise<First>, second: Promise<Second>): Promise<[First, Second]> {
  // Its error is thrown below; nobody else handles it until then.
  second.catch(() => undefined)
  return [await first, await second]
}

/** OpenID Connect Core §3.1.2.1: a hint that is not our own ID token for this client is no hint but a mistake. */
async function readHint(signet: Signet, { idTokenHint, target }: AuthorizationRequest): Promise<string | undefined> {
  if (idTokenHint === undefined) return undefined
  const hint = await readIdTokenHint(signet, idTokenHint)
  if (!hint || hint.clientId !== target.client.client_id)
    throw new OAuthError('id_token_hint_refused', {
      detail: hint
        ? `id_token_hint: issued to client ${hint.clientId}, sent by client ${target.client.client_id}`
        : 'id_token_hint: no ID token that a key of this issuer signed',
    })
  return hint.sub
}

/**
 * The `continue` value of a page's query; undefined where there is none.
 *
 * @throws OAuthError `invalid_request` where there are two, or one that cannot be read: which is meant is not guessed
 */
export function continueOf({ values, faults }: Parameters): string | undefined {
  const fault = faults.find(({ name }) => name === 'continue')
  if (fault) throw faultyParameter(fault)
  return values.get('continue')
}

/** The `continue` value for a request: what forms and links carry to the next step. */
export function continueValue(signet: Signet, travelling: TravellingRequest): string {
  return sealRequest(signet.secrets['request-sealing'], travelling)
}

/** Back to the request, which finds its next step. Not to be stored: the address holds what the application sent. */
export function backToRequest(signet: Signet, reply: FastifyReply, travelling: TravellingRequest): FastifyReply {
  return reply
    .header('cache-control', 'no-store')
    .redirect(`/authorize?continue=${continueValue(signet, travelling)}`, 303)
}

/**
 * Takes up the request that a `continue` value holds.
 *
 * @returns undefined when an answer, such as the page for an expired request, has been sent
 */
export async function takeUpSealed(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  sealed: string,
): Promise<Journey | undefined> {
  const secret = await secretFor(signet.secrets, 'request-sealing', sealed)
  const travelling = openRequest(secret, sealed, signet.clock.now())
  if (!travelling) throw new OAuthError('continue_unreadable', { detail: 'continue: not sealed by this issuer' })
  if (!travelling.expired) return takeUp(signet, request, reply, travelling)
  const target = await verifyTarget(signet.database, travelling.parameters)
  const age = Math.round((signet.clock.now() - travelling.receivedAt) / 60_000)
  const error = new OAuthError('sign_in_expired', {
    detail: `continue: client ${target.client.client_id} asked ${age} minutes ago`,
  })
  const href = responseUrl(target, signet.settings.issuer, { error, requestId: request.id })
  noteRefusal(request, error)
  const page = pageContext(request, travelling)
  sendRefusalPage(request, reply, page, error, { href, clientName: target.client.client_name })
  return undefined
}

/** How the person leaves without signing in: back to the application, which is told so (RFC 6749 §4.1.2.1). */
export function cancelHref(signet: Signet, target: VerifiedTarget): string | undefined {
  if (target.responseMode === 'form_post') return undefined
  const error = new OAuthError('sign_in_cancelled')
  return responseUrl(target, signet.settings.issuer, { error, requestId: undefined })
}

/** What pages say of the client. */
export function clientOnPage({ client }: VerifiedTarget) {
  return {
    name: client.client_name,
    logoUri: client.logo_uri,
    policyUri: client.policy_uri,
    tosUri: client.tos_uri,
    clientUri: client.client_uri,
  }
}

export function pageContext(request: FastifyRequest, travelling?: TravellingRequest): PageContext {
  return pageContextOf(request, travelling?.parameters.values.get('ui_locales'))
}

/** The token for a form on a page that this reply carries; sets the browser's cookie where there is none yet. */
export function formToken(signet: Signet, request: FastifyRequest, reply: FastifyReply): string {
  return csrfToken(signet.secrets.csrf, browserOf(request, reply, signet.settings.issuer))
}
