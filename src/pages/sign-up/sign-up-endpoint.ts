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
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { showNewCodes } from '../../interaction/show-new-codes.ts'
import { openTypedName, sealTypedName } from '../../interaction/typed-name.ts'
import { toSecondFactor } from '../../interaction/unfinished-sign-in.ts'
import { signUp, signUpWithPasskey } from '../../operations/sign-up.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { noteRefusal } from '../../protocol/errors/refusal.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue, soundValue } from '../../protocol/http/parameters.ts'
import { canonicalEmail } from '../../records/accounts/canonical-names.ts'
import { minLengthFor } from '../../records/accounts/password-rules.ts'
import { allowedEndings } from '../../records/accounts/sign-up-domains.ts'
import type { Signet } from '../../signet.ts'
import { firstCredential, sentPasskey } from './first-credential.ts'
import { showInvitation, submitInvitation } from './invitation-form.ts'
import { NoInvitationPage } from './invitation-page.tsx'
import { type SignUpFaults, SignUpPage } from './sign-up-page.tsx'

interface Shown {
  readonly values: { readonly name: string | undefined; readonly email: string | undefined }
  readonly faults: SignUpFaults
  readonly retryAfterSeconds?: number
}

/** The page on which people create accounts for themselves, on its own or for an authorization request. */
export function signUpEndpoint(app: App, signet: Signet): void {
  const { signUp: mode } = signet.settings

  app.get<{ Querystring: Parameters }>('/sign-up', async (request, reply) => {
    const sealed = continueValueIn(request.query)
    const invitation = soundValue(request.query, 'invitation')
    if (invitation !== undefined) return showInvitation(signet, request, reply, invitation)
    if (mode === 'closed') return reply.redirect(ownHref('/sign-in', { continue: sealed }), 303)
    const interaction = await loadInteraction(signet, request, reply, sealed)
    if (!interaction) return reply
    if (mode === 'invite') return showInvitationNeeded(signet, request, reply, interaction, 200)
    const hint = authorizationOf(interaction)?.loginHint
    const typed = await openTypedName(signet, sentValue(request.query, 'email'))
    return showPage(signet, request, reply, interaction, startingWith(typed ?? hint), 200)
  })

  app.post<{ Body: Parameters }>('/sign-up', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    if (mode === 'closed') throw new OAuthError('sign_up_closed')
    const invitation = values.get('invitation')
    if (invitation !== undefined) return submitInvitation(signet, request, reply, invitation, values)
    const interaction = await loadInteraction(signet, request, reply, values.get('continue'))
    if (!interaction) return reply
    if (mode === 'invite') {
      const error = new OAuthError('invitation_needed')
      noteRefusal(request, error)
      return showInvitationNeeded(signet, request, reply, interaction, error.status)
    }
    // From the sign-in page, with what was typed there. The rest of that form is ignored: the password belongs to another account.
    if (values.get('from') === 'sign-in') return toEmptyForm(signet, reply, interaction, values.get('username'))
    // Before there is an account, because sealing can fail.
    const href = hrefAfterSignIn(signet, interaction)
    const typed = { name: values.get('name')?.trim() || undefined, email: values.get('email')?.trim() }
    try {
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const { cookie, digests } = newBrowserSession(request, reply, signet.settings.issuer)
      const credential = values.get('credential') || undefined
      const pageValues = {
        continueTo: continueValueOf(signet, interaction),
        locale: pageContext(request, interaction).locale,
      }
      const signedUp =
        credential !== undefined || signet.settings.passwordSignIn === 'off'
          ? await signUpWithPasskey(signet, visitor, digests, typed, await sentPasskey(request, credential), pageValues)
          : await signUp(signet, visitor, digests, { ...typed, password: values.get('password') }, pageValues)
      if (signedUp.outcome === 'faulty')
        return showPage(signet, request, reply, interaction, { values: typed, faults: signedUp.faults }, 422)
      if (signedUp.outcome === 'second_factor_needed')
        return toSecondFactor(reply, signet.settings.issuer, cookie, pageValues.continueTo)
      setSessionCookie(reply, signet.settings, cookie)
      if (signedUp.outcome === 'created' && signedUp.recoveryCodes.length > 0) {
        const { sub, recoveryCodes } = signedUp
        const isHeldBack = signet.settings.emailVerification === 'required'
        const shown = { codes: recoveryCodes, continueHref: href, replacesPassword: true }
        return showNewCodes(request, reply, shown, sub && !isHeldBack ? { signet, sub } : undefined)
      }
    } catch (error) {
      const { fault, retryAfterSeconds, status } = refuseOverLimit(signet, request, reply, error)
      const shown = { values: typed, faults: { form: fault }, retryAfterSeconds }
      return showPage(signet, request, reply, interaction, shown, status)
    }
    return reply.redirect(href, 303)
  })
}

/** Redirects to the page by GET, so that reloading or going back does not post the form of the sign-in page again. */
function toEmptyForm(signet: Signet, reply: FastifyReply, interaction: Interaction, typed: string | undefined) {
  const href = ownHref('/sign-up', {
    continue: continueValueOf(signet, interaction),
    email: sealTypedName(signet, canonicalEmail(typed?.trim() ?? '')),
  })
  return reply.header('cache-control', 'no-store').redirect(href, 303)
}

/** An empty form, prefilled with the e-mail address if it is already known. A user name is ignored. */
function startingWith(name: string | undefined): Shown {
  return { values: { name: undefined, email: canonicalEmail(name ?? '') }, faults: {} }
}

async function showInvitationNeeded(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  interaction: Interaction,
  status: number,
): Promise<FastifyReply> {
  await sessionOf(signet, request, interaction)
  const authorization = authorizationOf(interaction)
  return sendPage(
    reply,
    NoInvitationPage({
      page: pageContext(request, interaction),
      why: 'needed',
      client: authorization && clientOnPage(authorization.target),
      signInHref: ownHref('/sign-in', { continue: continueValueOf(signet, interaction) }),
      cancelHref: authorization && cancelHref(authorization.target, signet.settings.issuer),
    }),
    status,
  )
}

async function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  interaction: Interaction,
  shown: Shown,
  status: number,
): Promise<FastifyReply> {
  // If somebody is signed in, the page is in the language of their profile.
  await sessionOf(signet, request, interaction)
  const authorization = authorizationOf(interaction)
  const continueTo = continueValueOf(signet, interaction)
  return sendPage(
    reply,
    SignUpPage({
      page: pageContext(request, interaction),
      csrf: csrfToken(signet, request, reply),
      continueTo,
      client: authorization && clientOnPage(authorization.target),
      minPasswordLength: minLengthFor(signet.settings, []),
      first: firstCredential(signet, browserDigestOf(request, reply, signet.settings.issuer)),
      domains: allowedEndings(signet.settings),
      signInHref: ownHref('/sign-in', { continue: continueTo }),
      ...shown,
    }),
    status,
  )
}
