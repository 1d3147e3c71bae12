import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PageContext } from '../html/messages/messages.ts'
import { cachedClient } from '../operations/resolve-client.ts'
import { callerOf } from '../platform/http/request-context.ts'
import { secretFor } from '../platform/secrets/purpose-secrets.ts'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { noteRefusal } from '../protocol/errors/refusal.ts'
import { sendRefusalPage } from '../protocol/errors/send-refusal.ts'
import { sentValue } from '../protocol/http/parameters.ts'
import { pageContextOf } from '../protocol/http/ui-locales.ts'
import { initiateLoginHref } from '../protocol/initiate-login.ts'
import { noteForOperator } from '../protocol/operator-notes.ts'
import { mustVerifyEmail } from '../records/accounts/email-verification-rule.ts'
import type { Client } from '../records/clients/client.ts'
import { documentHost } from '../records/clients/document-host.ts'
import { consentFromJson, type GivenConsent } from '../records/consents/consents-store.ts'
import type { Caller } from '../records/events/events-store.ts'
import type { SessionId, Subject } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { sessionIdFor } from '../tokens/authentication.ts'
import { readIdTokenHint } from '../tokens/id-token-hint.ts'
import { notesAboutDroppedClaims } from '../tokens/requested-claims.ts'
import { notesAboutDropped } from '../tokens/requested-scopes.ts'
import { subjectFor } from '../tokens/subject.ts'
import { type Arrival, type AuthorizationRequest, readAuthorizationRequest } from './authorization-request.ts'
import { responseUrl } from './authorization-response.ts'
import {
  type FindsClients,
  findRequestingClient,
  targetOf,
  type VerifiedTarget,
  verifyTarget,
} from './authorization-target.ts'
import { currentSession, currentSessionForClient, whyNoSession } from './browser-session.ts'
import {
  type Continued,
  type Destination,
  openContinueValue,
  type PendingRequest,
  pathOf,
  sealRequest,
} from './continue-value.ts'
import { nextStep, type OpenStep } from './next-step.ts'
import {
  digestOfPushed,
  type OpenedPushedRequest,
  openPushedRequest,
  openStored,
  requestUriOf,
} from './pushed-request.ts'
import { asksForTokens } from './response-mode.ts'
import { respond } from './session-state.ts'

/** A pending authorization request, checked again for this step, and what it needs next. */
export interface AuthorizationInteraction {
  readonly kind: 'authorization'
  readonly session: Session | undefined
  readonly pending: PendingRequest
  readonly request: AuthorizationRequest
  readonly step: OpenStep
  /** What the person has allowed the client so far. */
  readonly consent: GivenConsent | undefined
  /** The names of the groups of the person, if the response type has tokens. */
  readonly groups: readonly string[]
}

/** A sign-in that leads to one of our own pages. */
export interface OwnPageInteraction {
  readonly kind: 'own_page'
  /** Undefined means the start page. */
  readonly destination: (Destination & { readonly sealed: string }) | undefined
}

/** Why a person signs in or signs up: for an authorization request, or for one of our own pages. */
export type Interaction = AuthorizationInteraction | OwnPageInteraction

/**
 * Loads the interaction of a `continue` value.
 *
 * @param sealed the `continue` value; undefined for a sign-in that leads to the start page
 * @returns undefined if a response, such as the page for an expired request, has been sent
 * @throws OAuthError if Signet did not seal the value, or if there is no verified target for the response
 */
export async function loadInteraction(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  sealed: string | undefined,
): Promise<Interaction | undefined> {
  if (sealed === undefined) return { kind: 'own_page', destination: undefined }
  const continued = await openSealed(signet, sealed)
  if (continued.kind === 'authorization') return resumeOpened(signet, request, reply, continued)
  return { kind: 'own_page', destination: { ...continued.destination, sealed } }
}

/**
 * Resumes the authorization request in a `continue` value. Everything is checked again.
 *
 * @param client where its client comes from. A page about a client shows it as it is now, so it reads it from the database
 * @returns undefined if a response, such as the page for an expired request, has been sent
 * @throws OAuthError if the value is not an authorization request that Signet sealed, or if there is no verified target for the response
 */
export async function resumeAuthorization(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  sealed: string,
  client: ClientSource = 'database',
): Promise<AuthorizationInteraction | undefined> {
  const continued = await openSealed(signet, sealed)
  if (continued.kind !== 'authorization') throw notSealed()
  return resumeOpened(signet, request, reply, continued, client)
}

async function openSealed(signet: Signet, sealed: string): Promise<Continued> {
  const secret = await secretFor(signet.secrets, 'request-sealing', sealed)
  const continued = openContinueValue(secret, sealed, signet.clock.now())
  if (!continued) throw notSealed()
  return continued
}

/** Where a `continue` value leads, and the languages that its request asked for. Everything in it is checked there. */
export interface Continuation {
  readonly href: string
  readonly uiLocales: string | undefined
}

/**
 * What a page needs that only passes a `continue` value on. The request in it may have expired meanwhile: what follows says so.
 *
 * @param sealed undefined leads to the start page
 * @throws OAuthError if Signet did not seal it
 */
export async function continuationOf(signet: Signet, sealed: string | undefined): Promise<Continuation> {
  if (sealed === undefined) return { href: '/', uiLocales: undefined }
  const continued = await openSealed(signet, sealed)
  return continued.kind === 'own_page'
    ? { href: pathOf(continued.destination), uiLocales: undefined }
    : { href: `/authorize?continue=${sealed}`, uiLocales: sentValue(continued.pending.parameters, 'ui_locales') }
}

function notSealed(): OAuthError {
  return new OAuthError('continue_unreadable', { detail: 'continue: not sealed by this issuer' })
}

async function resumeOpened(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { pending, expired }: Extract<Continued, { kind: 'authorization' }>,
  client: ClientSource = 'database',
): Promise<AuthorizationInteraction | undefined> {
  if (!expired) return checkAuthorization(signet, request, reply, pending, { isArrival: false, client })
  const { target } = await openRequest(signet, pending, undefined)
  request.clientId = target.client.client_id
  const age = Math.round((signet.clock.now() - pending.receivedAt) / 60_000)
  const error = new OAuthError('sign_in_expired', {
    detail: `continue: client ${target.client.client_id} sent the request ${age} minutes ago`,
  })
  const { issuer } = signet.settings
  noteRefusal(request, error)
  sendRefusalPage(request, reply, pageOf(request, pending), error, {
    // The person wants to sign in, so the link starts a new sign-in if the application has an address for it. Otherwise the application gets the error.
    href: initiateLoginHref(target.client, issuer) ?? responseUrl(target, issuer, { error, requestId: request.id }),
    clientName: documentHost(target.client) ?? target.client.client_name,
  })
  return undefined
}

/**
 * Loads an authorization request that has just arrived: checks it, leaves notes for the operator, and finds its next step.
 *
 * @returns undefined if a response has been sent
 * @throws OAuthError if the target cannot be verified
 */
export async function loadAuthorization(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  pending: PendingRequest,
): Promise<AuthorizationInteraction | undefined> {
  return checkAuthorization(signet, request, reply, pending, { isArrival: true, client: 'cache' })
}

/** Leaves the notes about a request that has just arrived but continues elsewhere. What is wrong with it is reported there. */
export function noteContinued(
  { settings }: Signet,
  request: FastifyRequest,
  { pending: { parameters }, target, arrival }: OpenedRequest,
): void {
  try {
    leaveNotes(request, readAuthorizationRequest(parameters, target, arrival, settings))
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
  }
}

function leaveNotes(
  request: FastifyRequest,
  { target, droppedScopes, droppedClaims, pushedRequest }: AuthorizationRequest,
): void {
  // They were left when it was pushed.
  if (pushedRequest) return
  const { client } = target
  for (const note of [...notesAboutDropped(client, droppedScopes), ...notesAboutDroppedClaims(client, droppedClaims)])
    noteForOperator(request, note)
}

/** A pending request with its parameters, and where its response may be sent. */
export interface OpenedRequest {
  readonly pending: PendingRequest
  readonly target: VerifiedTarget
  readonly arrival: Arrival
  /** Why it gets no response but this error: a pushed request that has expired, or that already has its response. */
  readonly fault: OAuthError | undefined
  /** The session for which that is no fault. */
  readonly repeatableIn?: SessionId | undefined
}

/**
 * Verifies the target of a request. The parameters of a pushed request are read at the same time as its client.
 *
 * @param arrivedFrom who has just sent the request; undefined if it continues
 * @throws OAuthError if the target cannot be verified, or if the client has not pushed such a request
 */
export async function openRequest(
  signet: FindsClients & Pick<Signet, 'secrets'>,
  pending: PendingRequest,
  arrivedFrom: Caller | undefined,
): Promise<OpenedRequest> {
  const { parameters } = pending
  if (pending.pushed === undefined) {
    const target = await verifyTarget(signet, parameters, arrivedFrom)
    return { pending, target, arrival: { isSigned: pending.isSigned, pushed: undefined }, fault: undefined }
  }
  const clientId = sentValue(parameters, 'client_id') ?? ''
  const [client, opened] = await inOrder(
    findRequestingClient(signet, parameters, arrivedFrom),
    openPushedRequest(signet, pending.pushed, clientId, arrivedFrom !== undefined),
  )
  return openedWith(pending, client, opened)
}

/** @param opened the pushed request with its parameters; undefined if the request was not pushed */
function openedWith(pending: PendingRequest, client: Client, opened: OpenedPushedRequest | undefined): OpenedRequest {
  if (!opened) {
    const target = targetOf(client, pending.parameters)
    return { pending, target, arrival: { isSigned: pending.isSigned === true, pushed: undefined }, fault: undefined }
  }
  return {
    pending: { ...pending, parameters: opened.parameters },
    target: targetOf(client, opened.parameters),
    arrival: { isSigned: opened.isSigned, pushed: opened.reference },
    fault: opened.fault,
    repeatableIn: opened.repeatableIn,
  }
}

/**
 * Where the client of a request comes from. `cache`: it may be slightly out of date. That is good enough to open a grant, which fails if the registration has changed
 * (`openGrant`), and to lead to a page, which checks everything again. But nothing is refused with it: a new redirect URI or scope works at once.
 */
export type ClientSource = 'cache' | 'database'

/**
 * Checks an authorization request from the beginning and finds its next step. First the target is verified, then the parameters are
 * read. Errors in them are sent to the target, and so is the error if `prompt=none` allows no interaction but one is needed.
 *
 * Takes one statement if the client is in the cache: it reads the session, what its person has allowed the client, and the pushed request.
 *
 * @param how.isArrival whether the request has just arrived. Notes for the operator are then left
 * @returns undefined if a response has been sent
 * @throws OAuthError if the target cannot be verified
 */
async function checkAuthorization(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  received: PendingRequest,
  how: { readonly isArrival: boolean; readonly client: ClientSource },
): Promise<AuthorizationInteraction | undefined> {
  const { database, settings, secrets } = signet
  const { isArrival } = how
  const { parameters, pushed } = received
  const clientId = sentValue(parameters, 'client_id') ?? ''
  const cached = how.client === 'cache' ? cachedClient(signet, clientId, isArrival) : undefined
  // In parallel. The session is awaited first, so that an error page about the target is in the person's language.
  const [found, client] = await inOrder(
    currentSessionForClient(database, settings, request, clientId, {
      pushed: pushed === undefined ? undefined : digestOfPushed(pushed),
      // What a pushed request asks for is not known yet.
      withGroups: pushed !== undefined || asksForTokens(parameters),
    }),
    cached ?? findRequestingClient(signet, parameters, isArrival ? callerOf(request) : undefined),
  )
  const { session, groups } = found
  let opened: OpenedRequest
  let authorization: AuthorizationRequest | undefined
  try {
    const ofClient = pushed === undefined ? undefined : await openStored(signet, pushed, found.pushedRequest, isArrival)
    opened = openedWith(received, client, ofClient)
  } catch (error) {
    if (cached && error instanceof OAuthError)
      return checkAuthorization(signet, request, reply, received, { ...how, client: 'database' })
    throw error
  }
  const { pending, target, arrival, fault, repeatableIn } = opened
  request.clientId = target.client.client_id
  try {
    if (fault && (!session || session.id !== repeatableIn)) throw fault
    authorization = readAuthorizationRequest(pending.parameters, target, arrival, settings)
    const hinted = await readHint(signet, authorization, session)
    const consent = found.consent && consentFromJson(found.consent, target.client)
    const signedIn = session && {
      session,
      subject: subjectFor(signet, target.client, session.account.sub),
      isSelected:
        pending.selected !== undefined && pending.selected === (await sessionIdFor(secrets, session, client.client_id)),
      mustVerifyEmail: mustVerifyEmail(settings, session.account),
      needsTwoFactors: settings.secondFactor === 'required',
    }
    const step = nextStep(authorization, pending.receivedAt, signedIn, consent, hinted)
    if (step.step === 'refuse')
      throw new OAuthError(step.error, { detail: step.detail ?? whyNoSession(request, settings.issuer) })
    if (isArrival) leaveNotes(request, authorization)
    return { kind: 'authorization', session, pending, request: authorization, step, consent, groups }
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    if (cached) return checkAuthorization(signet, request, reply, received, { ...how, client: 'database' })
    if (isArrival && authorization) leaveNotes(request, authorization)
    noteRefusal(request, error)
    await respond(signet, request, reply, { target, session }, { error, requestId: request.id }, () =>
      pageOf(request, pending),
    )
    return undefined
  }
}

/** Waits for two results. If the second fails, its error is thrown only after the first has completed. */
async function inOrder<First, Second>(
  first: Promise<First>,
  second: Second | Promise<Second>,
): Promise<[First, Second]> {
  // The error is thrown below. This keeps it from counting as an unhandled rejection until then.
  if (second instanceof Promise) second.catch(() => undefined)
  return [await first, await second]
}

/** OpenID Connect Core §3.1.2.1: a hint must be an ID token that Signet issued to this client. */
async function readHint(
  signet: Signet,
  { idTokenHint, target, prompt }: AuthorizationRequest,
  session: Session | undefined,
): Promise<Subject | undefined> {
  if (idTokenHint === undefined) return undefined
  const hint = await readIdTokenHint(signet, idTokenHint)
  if (!hint || hint.clientId !== target.client.client_id)
    throw new OAuthError('id_token_hint_refused', {
      detail: hint
        ? `id_token_hint: issued to client ${hint.clientId}, sent by client ${target.client.client_id}`
        : 'id_token_hint: not an ID token signed by a key of this issuer',
    })
  // A client that signs its hints itself could ask in silence who somebody is, without their consent: consent_required would mean that the hint names
  // them. So such a hint counts only with the `sid` of the session. With a page, the person acts, and the response comes after their consent.
  if (!hint.isForgeable || !prompt.has('none') || !session) return hint.sub
  return hint.sid === (await sessionIdFor(signet.secrets, session, hint.clientId)) ? hint.sub : nobody
}

/** A `sub` that no account has. */
const nobody = '' as Subject

/** The authorization request of an interaction; undefined if there is none. */
export function authorizationOf(interaction: Interaction): AuthorizationRequest | undefined {
  return interaction.kind === 'authorization' ? interaction.request : undefined
}

/** The current session. For an authorization request it has already been looked up. */
export async function sessionOf(
  { database, settings }: Signet,
  request: FastifyRequest,
  interaction: Interaction,
): Promise<Session | undefined> {
  return interaction.kind === 'authorization' ? interaction.session : currentSession(database, settings, request)
}

/** The `continue` value for the forms and links of a page; undefined if they lead to the start page. */
export function continueValueOf({ secrets }: Signet, interaction: Interaction): string | undefined {
  return interaction.kind === 'authorization'
    ? sealRequest(secrets['request-sealing'], interaction.pending)
    : interaction.destination?.sealed
}

/**
 * Where the person goes after signing in: back to the authorization request, or to one of our own pages. Never an address that came
 * with the request.
 *
 * @throws KeysUnavailable if this node cannot confirm its secrets, so call it before anything is committed
 */
export function hrefAfterSignIn(signet: Signet, interaction: Interaction): string {
  if (interaction.kind === 'authorization') return authorizeHref(signet, interaction.pending)
  return interaction.destination ? pathOf(interaction.destination) : '/'
}

/**
 * A `continue` value that was stored a while ago, such as with a link in a mail.
 *
 * @returns undefined if it can no longer be used, so the person has to start again from the application
 */
export async function usableContinueValue(signet: Signet, sealed: string | undefined): Promise<string | undefined> {
  if (sealed === undefined) return undefined
  const secret = await secretFor(signet.secrets, 'request-sealing', sealed)
  const continued = openContinueValue(secret, sealed, signet.clock.now())
  const isOver = !continued || (continued.kind === 'authorization' && continued.expired)
  return isOver ? undefined : sealed
}

/** Redirects to /authorize, which finds the next step. Must not be cached: the address contains what the application sent. */
export function redirectToAuthorize(signet: Signet, reply: FastifyReply, pending: PendingRequest): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(authorizeHref(signet, pending), 303)
}

/**
 * Redirects to /authorize as the application did, because something has changed since the request arrived. A pushed request must not be continued then: only what a
 * page continues may be completed twice (records/pushed-requests/).
 */
export function redirectToArrival(signet: Signet, reply: FastifyReply, pending: PendingRequest): FastifyReply {
  const { pushed, parameters } = pending
  if (pushed === undefined) return redirectToAuthorize(signet, reply, pending)
  const query = { client_id: sentValue(parameters, 'client_id') ?? '', request_uri: requestUriOf(pushed) }
  return reply.header('cache-control', 'no-store').redirect(`/authorize?${new URLSearchParams(query)}`, 303)
}

function authorizeHref({ secrets }: Signet, pending: PendingRequest): string {
  return `/authorize?continue=${sealRequest(secrets['request-sealing'], pending)}`
}

/** The language and the texts of the pages of an interaction. */
export function pageContext(request: FastifyRequest, interaction: Interaction): PageContext {
  return interaction.kind === 'authorization' ? pageOf(request, interaction.pending) : pageContextOf(request)
}

function pageOf(request: FastifyRequest, { parameters }: PendingRequest): PageContext {
  return pageContextOf(request, sentValue(parameters, 'ui_locales'))
}
