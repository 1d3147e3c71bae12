import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import { cancelHref } from '../../interaction/authorization-response.ts'
import { clientOnPage } from '../../interaction/authorization-target.ts'
import { browserDigestOf, newBrowserSession, setSessionCookie } from '../../interaction/browser-session.ts'
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
import { type OverLimit, refuseOverLimit } from '../../interaction/over-limit.ts'
import { toSecondFactor } from '../../interaction/unfinished-sign-in.ts'
import { isPasskeyOffered } from '../../operations/offer-passkey.ts'
import { passkeyRequestOptions } from '../../operations/passkey-options.ts'
import { type SignInOutcome, signIn } from '../../operations/sign-in.ts'
import { signInWithPasskey } from '../../operations/sign-in-with-passkey.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { displayName } from '../../records/accounts/account.ts'
import type { Signet } from '../../signet.ts'
import { sessionIdFor } from '../../tokens/authentication.ts'
import { isSignInNotice, SignInPage, type SignInPageProps } from './sign-in-page.tsx'

type Shown = Pick<SignInPageProps, 'fault' | 'retryAfterSeconds' | 'username' | 'notice'>

/** The sign-in page, on its own or for an authorization request. */
export function signInEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/sign-in', async (request, reply) => {
    const interaction = await loadInteraction(signet, request, reply, continueValueIn(request.query))
    if (!interaction) return reply
    const notice = sentValue(request.query, 'notice')
    const username = authorizationOf(interaction)?.loginHint
    const shown = { username, notice: isSignInNotice(notice) ? notice : undefined }
    return showPage(signet, request, reply, interaction, shown, 200)
  })

  app.post<{ Body: Parameters }>('/sign-in', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const interaction = await loadInteraction(signet, request, reply, values.get('continue'))
    if (!interaction) return reply
    if (values.has('select'))
      return reply.redirect(hrefAfterSignIn(signet, await withSession(signet, interaction)), 303)

    // Before there is a session, because sealing can fail.
    let href = hrefAfterSignIn(signet, interaction)
    const username = values.get('username')?.trim()
    const password = values.get('password')
    if (!takesPasswords(signet))
      return showPage(signet, request, reply, interaction, { fault: 'passwords_off', username }, 403)
    if (!username || !password)
      return showPage(signet, request, reply, interaction, { fault: 'missing', username }, 422)
    try {
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const { cookie, digests } = newBrowserSession(request, reply, signet.settings.issuer)
      const signedIn = await signIn(signet, visitor, digests, { username, password })
      countSignIn(signet, signedIn)
      if (signedIn.outcome === 'second_factor_needed')
        return toSecondFactor(reply, signet.settings.issuer, cookie, continueValueOf(signet, interaction))
      if (signedIn.outcome !== 'signed_in')
        return showPage(signet, request, reply, interaction, { fault: 'wrong_credentials', username }, 403)
      // The script of the page has found that this browser can create passkeys. Programs that fill in the form go straight on.
      if (values.has('passkeys') && (await isPasskeyOffered(signet, signedIn.sub)))
        href = ownHref('/passkey-offer', { continue: continueValueOf(signet, interaction) })
      setSessionCookie(reply, signet.settings, cookie)
    } catch (error) {
      const { status, ...fault } = overLimit(signet, request, reply, error)
      return showPage(signet, request, reply, interaction, { ...fault, username }, status)
    }
    return reply.redirect(href, 303)
  })

  app.post<{ Body: Parameters }>('/sign-in/passkey', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const interaction = await loadInteraction(signet, request, reply, values.get('continue'))
    if (!interaction) return reply
    const href = hrefAfterSignIn(signet, interaction)
    try {
      const { cookie, digests } = newBrowserSession(request, reply, signet.settings.issuer)
      const outcome = await signInWithPasskey(signet, callerOf(request), digests, values.get('credential'))
      const isSignedIn = outcome === 'signed_in'
      signet.metrics.count('signet_sign_ins_total', { outcome: isSignedIn ? 'success' : 'wrong_credentials' })
      if (!isSignedIn) return showPage(signet, request, reply, interaction, { fault: 'passkey_refused' }, 403)
      setSessionCookie(reply, signet.settings, cookie)
    } catch (error) {
      const { status, ...fault } = overLimit(signet, request, reply, error)
      return showPage(signet, request, reply, interaction, fault, status)
    }
    return reply.redirect(href, 303)
  })
}

/** @throws any error that is not about a limit */
function overLimit(signet: Signet, request: FastifyRequest, reply: FastifyReply, error: unknown): OverLimit {
  const refused = refuseOverLimit(signet, request, reply, error)
  signet.metrics.count('signet_sign_ins_total', { outcome: refused.fault === 'busy' ? 'busy' : 'limited' })
  return refused
}

const takesPasswords = ({ settings }: Signet) => settings.passwordSignIn === 'on'

function countSignIn({ metrics }: Signet, signedIn: SignInOutcome): void {
  const { outcome } = signedIn
  metrics.count('signet_sign_ins_total', { outcome: outcome === 'signed_in' ? 'success' : outcome })
  if (outcome === 'wrong_credentials' && signedIn.isWaiting)
    metrics.count('signet_limits_exceeded_total', { limit: 'sign-in-wait' })
}

/** The person continues with the account that is already signed in (`prompt=select_account`). */
async function withSession(signet: Signet, interaction: Interaction): Promise<Interaction> {
  if (interaction.kind !== 'authorization' || !interaction.session) return interaction
  const { session, pending, request } = interaction
  const selected = await sessionIdFor(signet.secrets, session, request.target.client.client_id)
  return { ...interaction, pending: { ...pending, selected } }
}

async function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  interaction: Interaction,
  shown: Shown,
  status: number,
): Promise<FastifyReply> {
  const session = await sessionOf(signet, request, interaction)
  const authorization = authorizationOf(interaction)
  // Offered only if continuing with it is enough, not if the request requires the password.
  const isOffered = authorization
    ? authorization.prompt.has('select_account')
    : // The page for devices leads here only if the person has to sign in, or wants to use another account.
      interaction.kind !== 'own_page' || interaction.destination?.page !== 'device'
  return sendPage(
    reply,
    SignInPage({
      page: pageContext(request, interaction),
      csrf: csrfToken(signet, request, reply),
      continueTo: continueValueOf(signet, interaction),
      client: authorization && clientOnPage(authorization.target),
      current: session && isOffered ? { name: displayName(session.account) } : undefined,
      takesPasswords: takesPasswords(signet),
      offersSignUp: signet.settings.signUp === 'open',
      offersRecovery: signet.settings.mail.delivery !== 'none',
      passkeyOptions: passkeyRequestOptions(signet, {
        browserDigest: browserDigestOf(request, reply, signet.settings.issuer),
        use: 'sign-in',
      }),
      cancelHref: authorization && cancelHref(authorization.target, signet.settings.issuer),
      ...shown,
    }),
    status,
  )
}
