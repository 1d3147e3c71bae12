import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import { type AskedCode, askedCode, wrongCodeFault } from '../../interaction/asked-code.ts'
import { cancelHref } from '../../interaction/authorization-response.ts'
import { clientOnPage } from '../../interaction/authorization-target.ts'
import { browserDigestOf, newBrowserSession, personOf, renewSessionCookie } from '../../interaction/browser-session.ts'
import { continueValueIn } from '../../interaction/continue-value.ts'
import { sendToVerification } from '../../interaction/email-gate.ts'
import {
  authorizationOf,
  continueValueOf,
  hrefAfterSignIn,
  type Interaction,
  loadInteraction,
  pageContext,
  sessionOf,
} from '../../interaction/interaction.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { type StepUpNeed, type StepUpWays, stepUpFor, stepUpNeed } from '../../interaction/step-up-rule.ts'
import {
  credentialKinds,
  type StepUpOutcome,
  stepUp,
  stepUpPasskeyOptions,
  stepUpWithPasskey,
} from '../../operations/step-up.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { requesterOf } from '../../platform/http/request-context.ts'
import { csrfCheckedForm, csrfToken, formSubjectProof, isFormAbout } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { displayName } from '../../records/accounts/account.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { SetUpPage } from './set-up-page.tsx'
import { type StepUpFaults, StepUpPage, type StepUpPageProps } from './step-up-page.tsx'

/** A request for the page by somebody who is signed in and has to prove more. */
interface Visit {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly interaction: Interaction
  readonly session: Session
  readonly need: StepUpNeed
  readonly ways: StepUpWays
}

type Shown = Pick<StepUpPageProps, 'faults' | 'retryAfterSeconds'> & {
  /** The kind of code that the person wants to enter. */
  readonly use: string | undefined
}

/**
 * The page on which a person who is signed in proves more: because a client wants a stronger sign-in (`acr`), because everybody needs two factors here, or
 * because the last proof is too old for what they want to change (fresh-proof.ts). If the account has no factor that is strong enough, the page leads to
 * setting one up.
 */
export function stepUpEndpoint(app: App, signet: Signet): void {
  const { issuer } = signet.settings

  app.get<{ Querystring: Parameters }>('/step-up', async (request, reply) => {
    const visit = await entered(signet, request, reply, continueValueIn(request.query))
    return visit ? showPage(signet, visit, { use: sentValue(request.query, 'use'), faults: {} }, 200) : reply
  })

  app.post<{ Body: Parameters }>('/step-up', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const visit = await entered(signet, request, reply, values.get('continue'))
    if (!visit) return reply
    const { session, ways } = visit
    if (!isAbout(signet, session, values)) return toPage(signet, visit)
    const use = values.get('use')
    const typedCode = values.get('code')?.trim()
    const typedPassword = values.get('password')
    const faults: StepUpFaults = {
      ...(ways.password && !typedPassword && { password: 'account_password_missing' }),
      ...(ways.codes.length > 0 && !typedCode && { code: 'code_missing' }),
    }
    // A form of a page that asked for something else, or of an account that has only passkeys.
    if (Object.keys(faults).length > 0 || (!ways.password && ways.codes.length === 0))
      return showPage(signet, visit, { use, faults }, 422)
    const attempt = {
      password: ways.password ? typedPassword : undefined,
      code:
        typedCode && ways.codes.length > 0
          ? { typed: typedCode, mustBeRecoveryCode: !ways.codes.includes('one-time-code') }
          : undefined,
    }
    const browserDigest = browserDigestOf(request, reply, issuer)
    return prove(signet, visit, use, (sessionDigest) =>
      stepUp(
        signet,
        personOf(request, session),
        session,
        { browserDigest, sessionDigest, requester: requesterOf(request, reply) },
        attempt,
      ),
    )
  })

  app.post<{ Body: Parameters }>('/step-up/passkey', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const visit = await entered(signet, request, reply, values.get('continue'))
    if (!visit) return reply
    const { session } = visit
    if (!isAbout(signet, session, values)) return toPage(signet, visit)
    const browserDigest = browserDigestOf(request, reply, issuer)
    return prove(signet, visit, undefined, (sessionDigest) =>
      stepUpWithPasskey(
        signet,
        personOf(request, session),
        session,
        { browserDigest, sessionDigest },
        values.get('credential'),
      ),
    )
  })
}

/**
 * What the person has to prove. Everything is found out again for each request: what was needed a moment ago may be proven, or removed, in another tab.
 *
 * @returns undefined if a response has been sent: nothing is missing, or the account has nothing to prove it with
 */
async function entered(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  sealed: string | undefined,
): Promise<Visit | undefined> {
  const { settings, clock } = signet
  const interaction = await loadInteraction(signet, request, reply, sealed)
  if (!interaction) return undefined
  const continueTo = continueValueOf(signet, interaction)
  const session = await sessionOf(signet, request, interaction)
  if (!session) {
    redirect(reply, ownHref('/sign-in', { continue: continueTo }))
    return undefined
  }
  // For an authorization request, the next step has it.
  if (interaction.kind === 'own_page' && sendToVerification(signet, reply, session, continueTo)) return undefined
  const kinds = await credentialKinds(signet, session.account.sub)
  const need = stepUpNeed(interaction, session, settings)
  const next = stepUpFor(need, session, kinds, settings, clock.now())
  if (need === undefined || next.kind === 'done') {
    redirect(reply, hrefAfterSignIn(signet, interaction))
    return undefined
  }
  if (next.kind === 'prove') return { request, reply, interaction, session, need, ways: next.ways }
  sendPage(
    reply,
    SetUpPage({
      ...commonOf(signet, { request, reply, interaction, session }),
      need,
      factors: next.factors,
    }),
  )
  return undefined
}

async function prove(
  signet: Signet,
  visit: Visit,
  use: string | undefined,
  check: (sessionDigest: Buffer) => Promise<StepUpOutcome>,
): Promise<FastifyReply> {
  const { request, reply, interaction } = visit
  const { issuer } = signet.settings
  // Before the session changes, because sealing can fail.
  const [href, continueTo] = [hrefAfterSignIn(signet, interaction), continueValueOf(signet, interaction)]
  const { cookie, digests } = newBrowserSession(request, reply, issuer)
  const fail = (faults: StepUpFaults) => showPage(signet, visit, { use, faults }, 403)
  try {
    const proven = await check(digests.sessionDigest)
    switch (proven.outcome) {
      case 'raised':
        renewSessionCookie(reply, issuer, cookie, proven.secondsLeft)
        return redirect(reply, href)
      case 'wrong_password':
        return fail({ password: 'account_password_wrong' })
      case 'wrong_code':
        return fail({ code: wrongCodeFault(askedFor(visit.ways, use).asksFor) })
      case 'wrong_passkey':
        return fail({ form: 'passkey_refused' })
      default:
        return redirect(reply, ownHref('/sign-in', { continue: continueTo }))
    }
  } catch (error) {
    const { fault, status, retryAfterSeconds } = refuseOverLimit(signet, request, reply, error)
    return showPage(signet, visit, { use, faults: { form: fault }, retryAfterSeconds }, status)
  }
}

async function showPage(signet: Signet, visit: Visit, shown: Shown, status: number): Promise<FastifyReply> {
  const { request, reply, session, need, ways } = visit
  const browserDigest = browserDigestOf(request, reply, signet.settings.issuer)
  const { asksFor, alternative } = askedFor(ways, shown.use)
  return sendPage(
    reply,
    StepUpPage({
      ...commonOf(signet, visit),
      need,
      passkeyOptions: ways.passkey ? await stepUpPasskeyOptions(signet, session, browserDigest) : undefined,
      asksForPassword: ways.password && (asksFor !== undefined || !ways.passkey),
      ...{ asksFor, alternative },
      username: session.account.username ?? session.account.email,
      faults: shown.faults,
      retryAfterSeconds: shown.retryAfterSeconds,
    }),
    status,
  )
}

function askedFor({ passkey, codes }: StepUpWays, use: string | undefined): AskedCode {
  return askedCode(codes, passkey, use)
}

/** What both pages show: whose account it is, why more is needed, and the ways out. */
function commonOf(signet: Signet, { request, reply, interaction, session }: Omit<Visit, 'need' | 'ways'>) {
  const authorization = authorizationOf(interaction)
  return {
    page: pageContext(request, interaction),
    csrf: csrfToken(signet, request, reply),
    continueTo: continueValueOf(signet, interaction),
    account: { name: displayName(session.account), email: session.account.email },
    accountProof: formSubjectProof(signet.secrets.csrf, subjectOf(session)),
    client: authorization && clientOnPage(authorization.target),
    cancelHref: authorization && cancelHref(authorization.target, signet.settings.issuer, 'acr_not_reached'),
  }
}

/** Whom the page was shown to. Another tab may have signed in somebody else, whose session must not be raised by mistake. */
function subjectOf({ id, account }: Session): string {
  return `step-up:${account.sub}:${id}`
}

function isAbout({ secrets }: Signet, session: Session, values: ReadonlyMap<string, string>): boolean {
  return isFormAbout(secrets.csrf, subjectOf(session), values.get('account'))
}

function toPage(signet: Signet, { reply, interaction }: Visit): FastifyReply {
  return redirect(reply, ownHref('/step-up', { continue: continueValueOf(signet, interaction) }))
}

/** Must not be cached: the address contains what the application sent. */
function redirect(reply: FastifyReply, href: string): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(href, 303)
}
