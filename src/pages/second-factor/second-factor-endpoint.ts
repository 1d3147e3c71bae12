import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import { askedCode, type CodeKind, wrongCodeFault } from '../../interaction/asked-code.ts'
import { clientOnPage } from '../../interaction/authorization-target.ts'
import { newBrowserSession, setSessionCookie } from '../../interaction/browser-session.ts'
import { continueValueIn } from '../../interaction/continue-value.ts'
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
import { forgetUnfinishedSignIn, unfinishedSignInOf } from '../../interaction/unfinished-sign-in.ts'
import {
  type FinishOutcome,
  findSecondStep,
  finishWithCode,
  finishWithPasskey,
  type SecondStep,
} from '../../operations/finish-sign-in.ts'
import { isPasskeyOffered } from '../../operations/offer-passkey.ts'
import { passkeyRequestOptions } from '../../operations/passkey-options.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import type { BrowserDigests } from '../../records/sessions/start-session.ts'
import type { UnfinishedKey } from '../../records/sessions/unfinished-sign-ins-store.ts'
import type { Signet } from '../../signet.ts'
import { SecondFactorPage, type SecondFactorPageProps } from './second-factor-page.tsx'

type Shown = Pick<SecondFactorPageProps, 'fault' | 'retryAfterSeconds'> & {
  /** Which code the person wants to enter. */
  readonly use: string | undefined
}

/** The second step of a sign-in with a password (finish-sign-in.ts). Only a browser in which the first has just succeeded sees the page. */
export function secondFactorEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/second-factor', async (request, reply) => {
    const interaction = await loadInteraction(signet, request, reply, continueValueIn(request.query))
    if (!interaction) return reply
    return showPage(signet, request, reply, interaction, { use: sentValue(request.query, 'use') }, 200)
  })

  app.post<{ Body: Parameters }>('/second-factor', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const interaction = await loadInteraction(signet, request, reply, values.get('continue'))
    if (!interaction) return reply
    const use = values.get('use')
    const code = values.get('code')?.trim()
    if (!code) return showPage(signet, request, reply, interaction, { use, fault: 'code_missing' }, 422)
    const person = { caller: callerOf(request), language: pageContext(request, interaction).locale }
    return finish(signet, request, reply, {
      ...{ interaction, use, offersPasskey: values.has('passkeys') },
      prove: (browser, unfinished) => finishWithCode(signet, person, browser, unfinished, code),
    })
  })

  app.post<{ Body: Parameters }>('/second-factor/passkey', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const interaction = await loadInteraction(signet, request, reply, values.get('continue'))
    if (!interaction) return reply
    const person = { caller: callerOf(request), language: pageContext(request, interaction).locale }
    const answer = values.get('credential')
    return finish(signet, request, reply, {
      ...{ interaction, use: undefined, offersPasskey: false },
      prove: (browser, unfinished) => finishWithPasskey(signet, person, browser, unfinished, answer),
    })
  })
}

/** A form that completes a sign-in. */
interface Finishing {
  readonly interaction: Interaction
  readonly use: string | undefined
  /** Whether the browser can create passkeys. */
  readonly offersPasskey: boolean
  readonly prove: (browser: BrowserDigests, unfinished: UnfinishedKey) => Promise<FinishOutcome>
}

async function finish(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { interaction, use, offersPasskey, prove }: Finishing,
): Promise<FastifyReply> {
  const { settings, metrics } = signet
  // Before there is a session, because sealing can fail.
  let href = hrefAfterSignIn(signet, interaction)
  const unfinished = unfinishedSignInOf(request, reply, settings.issuer)
  const { cookie, digests } = newBrowserSession(request, reply, settings.issuer)
  try {
    const finished = unfinished ? await prove(digests, unfinished) : ({ outcome: 'over' } as const)
    if (finished.outcome === 'over')
      // By GET, with which the browser sends the cookie of a session that another tab or a second click may have started.
      return redirect(reply, ownHref('/second-factor', { continue: continueValueOf(signet, interaction) }))
    if (finished.outcome !== 'signed_in') {
      const isCode = finished.outcome === 'wrong_code'
      metrics.count('signet_sign_ins_total', { outcome: isCode ? 'wrong_code' : 'wrong_credentials' })
      const fault = isCode ? wrongCodeFault(use) : 'passkey_refused'
      return showPage(signet, request, reply, interaction, { use, fault }, 403)
    }
    metrics.count('signet_sign_ins_total', { outcome: 'success' })
    if (offersPasskey && (await isPasskeyOffered(signet, finished.sub)))
      href = ownHref('/passkey-offer', { continue: continueValueOf(signet, interaction) })
  } catch (error) {
    const { status, ...fault } = refuseOverLimit(signet, request, reply, error)
    metrics.count('signet_sign_ins_total', { outcome: fault.fault === 'busy' ? 'busy' : 'limited' })
    return showPage(signet, request, reply, interaction, { use, ...fault }, status)
  }
  forgetUnfinishedSignIn(reply, settings.issuer)
  setSessionCookie(reply, settings, cookie)
  return reply.redirect(href, 303)
}

async function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  interaction: Interaction,
  { use, ...fault }: Shown,
  status: number,
): Promise<FastifyReply> {
  const unfinished = unfinishedSignInOf(request, reply, signet.settings.issuer)
  const step = unfinished && (await findSecondStep(signet, unfinished))
  if (!unfinished || !step) return goOn(signet, request, reply, interaction, unfinished)
  const authorization = authorizationOf(interaction)
  const passkeyOptions = passkeyOptionsFor(signet, step, unfinished)
  return sendPage(
    reply,
    SecondFactorPage({
      page: pageContext(request, interaction),
      csrf: csrfToken(signet, request, reply),
      continueTo: continueValueOf(signet, interaction),
      client: authorization && clientOnPage(authorization.target),
      passkeyOptions,
      ...askedCode(codesOf(step), passkeyOptions !== undefined, use),
      ...fault,
    }),
    status,
  )
}

/** There is nothing to finish. Either the browser is signed in, such as by another tab, or the person has to start again. */
async function goOn(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  interaction: Interaction,
  unfinished: UnfinishedKey | undefined,
): Promise<FastifyReply> {
  if (unfinished) forgetUnfinishedSignIn(reply, signet.settings.issuer)
  if (await sessionOf(signet, request, interaction)) return redirect(reply, hrefAfterSignIn(signet, interaction))
  const continueTo = continueValueOf(signet, interaction)
  return redirect(reply, ownHref('/sign-in', { notice: unfinished && 'start-over', continue: continueTo }))
}

/** Must not be cached: the address contains what the application sent. */
function redirect(reply: FastifyReply, href: string): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(href, 303)
}

/** The codes that the account has. */
function codesOf({ hasOneTimeCodes, hasRecoveryCodes }: SecondStep): readonly CodeKind[] {
  return [
    ...(hasOneTimeCodes ? (['one-time-code'] as const) : []),
    ...(hasRecoveryCodes ? (['recovery-code'] as const) : []),
  ]
}

function passkeyOptionsFor(
  signet: Signet,
  { sub, passkeys }: SecondStep,
  { browserDigest }: UnfinishedKey,
): string | undefined {
  if (passkeys.length === 0) return undefined
  return passkeyRequestOptions(signet, { browserDigest, sub, allow: passkeys, use: 'second-factor' })
}
