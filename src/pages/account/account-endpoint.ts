import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendPage } from '../../html/send-page.ts'
import { currentSession } from '../../interaction/browser-session.ts'
import { type OwnPage, pathOf, sealOwnPage } from '../../interaction/continue-value.ts'
import { sendToVerification } from '../../interaction/email-gate.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { accountOverview } from '../../operations/account-overview.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { minLengthFor } from '../../records/accounts/password-rules.ts'
import { allowedEndings } from '../../records/accounts/sign-up-domains.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { sessionHandle, submitDisconnection, submitSessionEnd } from './access-forms.ts'
import { accountProof, isAbout, type Notice, type Outcome, type Submission } from './account-form.ts'
import { AccountPage, type AccountPageProps, type FormName, isNotice } from './account-page.tsx'
import { submitProfile } from './profile-form.ts'
import { submitEmailCancellation, submitEmailMail, submitPassword, submitSignInNames } from './sign-in-forms.ts'

type Submit = (signet: Signet, submission: Submission) => Promise<Outcome>
type Shown = Pick<AccountPageProps, 'notice' | 'refused' | 'retryAfterSeconds'>

/** The page on which people manage their account. Its forms always change the account of the session, whatever they contain. */
export function accountEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/account', async (request, reply) => {
    const session = await currentSession(signet.database, signet.settings, request)
    if (!session) return toSignIn(signet, reply)
    if (sendToVerification(signet, reply, session, sealed(signet, 'account'))) return reply
    const notice = sentValue(request.query, 'notice') ?? ''
    return showPage(signet, request, reply, session, { notice: isNotice(notice) ? notice : undefined }, 200)
  })
  // W3C, A Well-Known URL for Changing Passwords §2: password managers send people here.
  // If signed out, the fragment would be lost in the redirect to the sign-in page.
  app.get('/.well-known/change-password', async (request, reply) => {
    const session = await currentSession(signet.database, signet.settings, request)
    if (!session) return toSignIn(signet, reply, 'password')
    if (sendToVerification(signet, reply, session, sealed(signet, 'password'))) return reply
    return reply.header('cache-control', 'no-store').redirect(pathOf({ page: 'password', userCode: undefined }), 303)
  })
  handleForm(app, signet, '/account/profile', 'profile', submitProfile)
  handleForm(app, signet, '/account/sign-in', 'sign-in', submitSignInNames)
  if (signet.settings.mail.delivery !== 'none') {
    handleForm(app, signet, '/account/email/send', undefined, submitEmailMail)
    handleForm(app, signet, '/account/email/cancel', undefined, submitEmailCancellation)
  }
  handleForm(app, signet, '/account/password', 'password', submitPassword)
  handleForm(app, signet, '/account/sessions/end', undefined, submitSessionEnd)
  handleForm(app, signet, '/account/applications/disconnect', undefined, submitDisconnection)
}

/** @param form the form to show again if it has faults; undefined for a form without fields */
function handleForm(app: App, signet: Signet, path: string, form: FormName | undefined, submit: Submit): void {
  app.post<{ Body: Parameters }>(path, async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const session = await currentSession(signet.database, signet.settings, request)
    if (!session) return toSignIn(signet, reply)
    if (sendToVerification(signet, reply, session, sealed(signet, 'account'))) return reply
    if (!isAbout(signet.secrets.csrf, session.account.sub, values.get('account'))) return toPage(reply, 'other-account')

    const show = (faults: Shown['refused'], status: number, retryAfterSeconds?: number) =>
      showPage(signet, request, reply, session, { refused: faults, retryAfterSeconds }, status)
    try {
      const outcome = await submit(signet, { request, reply, session, values })
      if (outcome.outcome === 'signed_out') return toSignIn(signet, reply)
      if (outcome.outcome === 'done') return toPage(reply, outcome.notice)
      if (outcome.outcome === 'mailed') return toVerification(signet, reply)
      return show(form && { form, values, faults: outcome.faults }, outcome.status)
    } catch (error) {
      const { fault, status, retryAfterSeconds } = refuseOverLimit(signet, request, reply, error)
      return show(form && { form, values, faults: new Map([['form', fault]]) }, status, retryAfterSeconds)
    }
  })
}

function toSignIn(signet: Signet, reply: FastifyReply, page: OwnPage = 'account'): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(`/sign-in?continue=${sealed(signet, page)}`, 303)
}

function sealed({ secrets }: Signet, page: OwnPage): string {
  return sealOwnPage(secrets['request-sealing'], page)
}

/** The page on which the person enters the code of the mail, and from which they return to this one. */
function toVerification(signet: Signet, reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(`/verify-email?continue=${sealed(signet, 'account')}`, 303)
}

function toPage(reply: FastifyReply, notice: Notice | undefined): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(notice ? `/account?notice=${notice}` : '/account', 303)
}

async function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  session: Session,
  shown: Shown,
  status: number,
): Promise<FastifyReply> {
  const { settings, secrets } = signet
  const { account } = session
  const { sessions, ...overview } = await accountOverview(signet, session)
  return sendPage(
    reply,
    AccountPage({
      page: pageContextOf(request),
      csrf: csrfToken(signet, request, reply),
      accountProof: accountProof(secrets.csrf, account.sub),
      account,
      sessions: sessions.map(({ id, signedInAt, usedAt }) => ({
        handle: sessionHandle(secrets['request-sealing'], account.sub, id),
        isThisBrowser: id === session.id,
        signedInAt,
        usedAt,
      })),
      ...overview,
      minPasswordLength: minLengthFor(settings),
      domains: account.signed_up ? allowedEndings(settings) : [],
      verifyEmailHref:
        settings.mail.delivery === 'none' ? undefined : `/verify-email?continue=${sealed(signet, 'account')}`,
      ...shown,
    }),
    status,
  )
}
