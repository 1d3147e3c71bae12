import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendPage } from '../../html/send-page.ts'
import {
  browserDigestOf,
  currentSession,
  newBrowserSession,
  setSessionCookie,
} from '../../interaction/browser-session.ts'
import { pathOf, sealOwnPage } from '../../interaction/continue-value.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { showNewCodes } from '../../interaction/show-new-codes.ts'
import { toSecondFactor } from '../../interaction/unfinished-sign-in.ts'
import { acceptInvitation, readInvitation } from '../../operations/accept-invitation.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { noteRefusal } from '../../protocol/errors/refusal.ts'
import { csrfToken } from '../../protocol/http/csrf.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { displayName } from '../../records/accounts/account.ts'
import { emailInUnicode } from '../../records/accounts/canonical-names.ts'
import { minLengthFor } from '../../records/accounts/password-rules.ts'
import type { Signet } from '../../signet.ts'
import { firstCredential, sentPasskey } from './first-credential.ts'
import { InvitationPage, type InvitationPageProps, NoInvitationPage } from './invitation-page.tsx'

/** Where an accepted invitation leads: to the new account. */
const afterwards = 'account'

type Shown = Pick<InvitationPageProps, 'name' | 'faults' | 'retryAfterSeconds'>

/** Shows the page of an invitation's link. Changes nothing. @param token as it was sent */
export async function showInvitation(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
): Promise<FastifyReply> {
  if (signet.settings.signUp === 'closed') return refuse(request, reply, 'invalid')
  const invitation = await readInvitation(signet, token)
  if (invitation.state === 'invalid' || invitation.state === 'accepted') return refuse(request, reply, 'invalid')
  if (invitation.state === 'taken') return refuse(request, reply, 'taken', invitation.email)
  return showForm(signet, request, reply, token, invitation.email, { name: invitation.name, faults: {} }, 200)
}

/** Handles the form of that page. @param values without a fault */
export async function submitInvitation(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  values: ReadonlyMap<string, string>,
): Promise<FastifyReply> {
  const name = values.get('name')?.trim() || undefined
  try {
    const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
    const { cookie, digests } = newBrowserSession(request, reply, signet.settings.issuer)
    const accepted = await acceptInvitation(signet, visitor, digests, token, {
      name,
      password: values.get('password'),
      passkey: values.get('credential') ? await sentPasskey(request, values.get('credential')) : undefined,
    })
    if (accepted.outcome === 'faulty')
      return showForm(signet, request, reply, token, accepted.email, { name, faults: accepted.faults }, 422)
    if (accepted.outcome === 'invalid') return refuse(request, reply, 'invalid')
    if (accepted.outcome === 'taken') return refuse(request, reply, 'taken', accepted.email)
    if (accepted.outcome === 'second_factor_needed') {
      const continueTo = sealOwnPage(signet.secrets['request-sealing'], afterwards)
      return toSecondFactor(reply, signet.settings.issuer, cookie, continueTo)
    }
    setSessionCookie(reply, signet.settings, cookie)
    if (accepted.outcome === 'created' && accepted.recoveryCodes.length > 0) {
      const { sub, recoveryCodes } = accepted
      const shown = { codes: recoveryCodes, continueHref: pathOf({ page: afterwards }), replacesPassword: true }
      return showNewCodes(request, reply, shown, { signet, sub })
    }
  } catch (error) {
    const { fault, retryAfterSeconds, status } = refuseOverLimit(signet, request, reply, error)
    const invitation = await readInvitation(signet, token)
    // The limits of the sign-in page refused a form that was sent again: there is no account to create.
    if (invitation.state !== 'open') return refuse(request, reply, 'invalid')
    const shown = { name, faults: { form: fault }, retryAfterSeconds }
    return showForm(signet, request, reply, token, invitation.email, shown, status)
  }
  return reply.redirect(pathOf({ page: afterwards }), 303)
}

async function showForm(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  email: string,
  shown: Shown,
  status: number,
): Promise<FastifyReply> {
  // First, because the page is then in the language of the person who is signed in.
  const session = await currentSession(signet.database, signet.settings, request)
  return sendPage(
    reply,
    InvitationPage({
      page: pageContextOf(request),
      csrf: csrfToken(signet, request, reply),
      invitation: token,
      email: emailInUnicode(email),
      minPasswordLength: minLengthFor(signet.settings, []),
      first: firstCredential(signet, browserDigestOf(request, reply, signet.settings.issuer), email),
      current: session && { name: displayName(session.account), email: session.account.email },
      ...shown,
    }),
    status,
  )
}

function refuse(
  request: FastifyRequest,
  reply: FastifyReply,
  why: 'invalid' | 'taken',
  email: string | undefined = undefined,
): FastifyReply {
  const error = new OAuthError(why === 'taken' ? 'invitation_taken' : 'invitation_invalid')
  noteRefusal(request, error)
  const page = NoInvitationPage({
    page: pageContextOf(request),
    why,
    email: email && emailInUnicode(email),
    signInHref: '/sign-in',
  })
  return sendPage(reply, page, error.status)
}
