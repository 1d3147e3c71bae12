import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import { browserDigestOf, currentSession, personOf } from '../../interaction/browser-session.ts'
import { continueValueIn, sealOwnPage } from '../../interaction/continue-value.ts'
import { continuationOf } from '../../interaction/interaction.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { changeSignInNames, proofForNames } from '../../operations/change-sign-in-names.ts'
import { emailToVerify, mailVerificationAgain, verificationMinutes } from '../../operations/request-verification.ts'
import { confirmByCode } from '../../operations/verify-email.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { requesterOf } from '../../platform/http/request-context.ts'
import { csrfCheckedForm, csrfToken, formSubjectProof, isFormAbout } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { readCode } from '../../records/accounts/email-codes.ts'
import { mustVerifyEmail } from '../../records/accounts/email-verification-rule.ts'
import { allowedEndings } from '../../records/accounts/sign-up-domains.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { sendTaken } from './send-taken.ts'
import { WaitingPage, type WaitingPageProps } from './waiting-page.tsx'

type Shown = Pick<WaitingPageProps, 'notice' | 'faults' | 'typedEmail' | 'retryAfterSeconds'>

/** The page that waits until a person has verified an address. If there is nothing to verify any more, it goes on. */
export async function showWaiting(
  signet: Signet,
  request: FastifyRequest<{ Querystring: Parameters }>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const sealed = continueValueIn(request.query)
  const session = await currentSession(signet.database, signet.settings, request)
  if (!session) return toSignIn(signet, reply, sealed)
  const notice =
    sentValue(request.query, 'notice') === 'sent'
      ? 'sent'
      : sentValue(request.query, 'opened') !== undefined
        ? 'waiting'
        : undefined
  return showPage(signet, request, reply, { session, sealed }, { notice, faults: {} }, 200)
}

/** A form of the page. It was sent by the person to whom the page was shown. */
interface Submission {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly session: Session
  readonly values: ReadonlyMap<string, string>
  readonly sealed: string | undefined
}

export function waitingForms(app: App, signet: Signet): void {
  handleForm(app, signet, '/verify-email/code', submitCode)
  handleForm(app, signet, '/verify-email/again', submitAgain)
  handleForm(app, signet, '/verify-email/address', submitAddress)
}

function handleForm(
  app: App,
  signet: Signet,
  path: string,
  submit: (signet: Signet, submission: Submission) => Promise<FastifyReply>,
): void {
  app.post<{ Body: Parameters }>(path, async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const sealed = values.get('continue')
    const session = await currentSession(signet.database, signet.settings, request)
    if (!session) return toSignIn(signet, reply, sealed)
    if (!isFormAbout(signet.secrets.csrf, subjectOf(session), values.get('account'))) return toPage(reply, sealed)
    const submission = { request, reply, session, values, sealed }
    try {
      return await submit(signet, submission)
    } catch (error) {
      const { fault, status, retryAfterSeconds } = refuseOverLimit(signet, request, reply, error)
      const shown = { faults: { form: fault }, typedEmail: values.get('email'), retryAfterSeconds }
      return showPage(signet, request, reply, submission, shown, status)
    }
  })
}

async function submitCode(signet: Signet, submission: Submission): Promise<FastifyReply> {
  const { request, reply, session, values, sealed } = submission
  const show = (fault: 'email_code_missing' | 'email_code_wrong') =>
    showPage(signet, request, reply, submission, { faults: { code: fault } }, 422)
  // Before anything is changed: the value may be broken.
  const { href } = await continuationOf(signet, sealed)
  const code = readCode(values.get('code'))
  if (code === undefined) return show(values.has('code') ? 'email_code_wrong' : 'email_code_missing')
  const { email } = await emailToVerify(
    signet,
    session.account,
    browserDigestOf(request, reply, signet.settings.issuer),
  )
  const person = personOf(request, session)
  const confirmed = await confirmByCode(
    signet,
    person,
    session,
    browserDigestOf(request, reply, signet.settings.issuer),
    code,
  )
  switch (confirmed.outcome) {
    case 'verified':
    case 'already_verified':
      return reply.header('cache-control', 'no-store').redirect(sealed === undefined ? doneHref : href, 303)
    case 'email_taken':
      return sendTaken(signet, request, reply, email)
    case 'signed_out':
      return toSignIn(signet, reply, sealed)
    default:
      return show('email_code_wrong')
  }
}

async function submitAgain(signet: Signet, { request, reply, session, sealed }: Submission): Promise<FastifyReply> {
  await continuationOf(signet, sealed)
  const asking = { browserDigest: browserDigestOf(request, reply, signet.settings.issuer), continueTo: sealed }
  const sent = await mailVerificationAgain(signet, personOf(request, session), session, asking)
  if (sent === 'signed_out') return toSignIn(signet, reply, sealed)
  return toPage(reply, sealed, sent === 'sent' ? 'sent' : undefined)
}

/** Another address, for somebody who has mistyped theirs at sign-up and gets to no other page. Others change it on the account page. */
async function submitAddress(signet: Signet, submission: Submission): Promise<FastifyReply> {
  const { request, reply, session, values, sealed } = submission
  await continuationOf(signet, sealed)
  if (!mustVerifyEmail(signet.settings, session.account)) return toPage(reply, sealed)
  const email = values.get('email')?.trim()
  const show = (faults: WaitingPageProps['faults'], status: number) =>
    showPage(signet, request, reply, submission, { faults, typedEmail: email }, status)
  const { asksPassword } = await proofForNames(signet, session.account.sub)
  const password = values.get('password')
  const passwordFault = password || !asksPassword ? undefined : { password: 'account_password_missing' as const }
  if (!email) return show({ email: 'email_missing', ...passwordFault }, 422)
  if (passwordFault) return show(passwordFault, 422)
  const browser = {
    browserDigest: browserDigestOf(request, reply, signet.settings.issuer),
    requester: requesterOf(request, reply),
  }
  const typed = { username: session.account.username, email, password, continueTo: sealed }
  const person = personOf(request, session)
  const changed = await changeSignInNames(signet, person, session, () => browser, typed)
  switch (changed.outcome) {
    case 'signed_out':
    // Nobody who is held back can prove themselves anywhere but at sign-in.
    case 'stale':
      return toSignIn(signet, reply, sealed)
    case 'wrong_password':
      return show({ password: 'account_password_wrong' }, 403)
    case 'faulty':
      return show({ email: changed.faults.email ?? 'email_invalid' }, 422)
    case 'changed': {
      // They have typed the address that the account has.
      const asking = { browserDigest: browser.browserDigest, continueTo: sealed }
      if (!changed.isWaiting) await mailVerificationAgain(signet, person, session, asking)
      return toPage(reply, sealed)
    }
  }
}

const doneHref = '/verify-email?done=verified'

const subjectOf = ({ account }: Session) => `verify-email:${account.sub}`

function toSignIn({ secrets }: Signet, reply: FastifyReply, sealed: string | undefined): FastifyReply {
  const continueTo = sealed ?? sealOwnPage(secrets['request-sealing'], 'verify-email')
  return reply.header('cache-control', 'no-store').redirect(`/sign-in?continue=${encodeURIComponent(continueTo)}`, 303)
}

function toPage(reply: FastifyReply, sealed: string | undefined, notice?: 'sent'): FastifyReply {
  const href = ownHref('/verify-email', { notice, continue: sealed })
  return reply.header('cache-control', 'no-store').redirect(href, 303)
}

async function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { session, sealed }: Pick<Submission, 'session' | 'sealed'>,
  shown: Shown,
  status: number,
): Promise<FastifyReply> {
  const { href, uiLocales } = await continuationOf(signet, sealed)
  const browserDigest = browserDigestOf(request, reply, signet.settings.issuer)
  const { email, isSent, isPending } = await emailToVerify(signet, session.account, browserDigest)
  const isRequired = mustVerifyEmail(signet.settings, session.account)
  const { asksPassword } = await proofForNames(signet, session.account.sub)
  if (!isRequired && !isPending && (session.account.email_verified || email === undefined))
    return reply.header('cache-control', 'no-store').redirect(href, 303)
  return sendPage(
    reply,
    WaitingPage({
      page: pageContextOf(request, uiLocales),
      csrf: csrfToken(signet, request, reply),
      accountProof: formSubjectProof(signet.secrets.csrf, subjectOf(session)),
      continueTo: sealed,
      ...{
        email,
        isSent,
        isRequired,
        asksPassword,
        laterHref: href,
        minutes: verificationMinutes,
        domains: allowedEndings(signet.settings),
      },
      ...shown,
    }),
    status,
  )
}
