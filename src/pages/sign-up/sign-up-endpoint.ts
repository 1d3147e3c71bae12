import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendPage } from '../../html/send-page.ts'
import { currentSession, newBrowserSession, setSessionCookie } from '../../interaction/browser-session.ts'
import { countOverLimit } from '../../interaction/count-over-limit.ts'
import { clientOnPage, continueOf, formToken, pageContext } from '../../interaction/journey.ts'
import { type Onward, takeUpOnward } from '../../interaction/onward.ts'
import { overLimit } from '../../interaction/over-limit.ts'
import { signUp } from '../../operations/sign-up.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { noteRefusal } from '../../protocol/errors/refusal.ts'
import { ownForm } from '../../protocol/http/csrf.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { canonicalEmail } from '../../records/accounts/canonical-names.ts'
import type { Signet } from '../../signet.ts'
import { type SignUpFaults, SignUpPage } from './sign-up-page.tsx'
import { openTypedEmail, sealTypedEmail } from './typed-email.ts'

interface Shown {
  readonly values: { readonly name: string | undefined; readonly email: string | undefined }
  readonly faults: SignUpFaults
  readonly retryAfterSeconds?: number
}

/** The page on which people make accounts for themselves, by itself or on the way of an authorization request. */
export function signUpEndpoint(app: App, signet: Signet): void {
  const closed = signet.settings.signUp === 'closed'

  app.get<{ Querystring: Parameters }>('/sign-up', async (request, reply) => {
    const sealed = continueOf(request.query)
    if (closed)
      return reply.redirect(sealed === undefined ? '/sign-in' : `/sign-in?continue=${encodeURIComponent(sealed)}`, 303)
    const onward = await takeUpOnward(signet, request, reply, sealed)
    if (!onward) return reply
    await readLanguage(signet, request, onward)
    const typed = await openTypedEmail(signet, request.query.values.get('email'))
    return showPage(signet, request, reply, onward, startingWith(typed ?? onward.journey?.request.loginHint), 200)
  })

  app.post<{ Body: Parameters }>('/sign-up', async (request, reply) => {
    const values = await ownForm(request, signet.settings.issuer, signet.secrets)
    if (closed) throw new OAuthError('sign_up_closed')
    const onward = await takeUpOnward(signet, request, reply, values.get('continue'))
    if (!onward) return reply
    // From the sign-in page, with what was typed there. Nothing else of that form is looked at: the password is for another account.
    if (values.get('from') === 'sign-in') return toEmptyForm(signet, reply, onward, values.get('username'))
    await readLanguage(signet, request, onward)
    const typed = { name: values.get('name')?.trim() || undefined, email: values.get('email')?.trim() }
    try {
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const { cookie, digests } = newBrowserSession(request, reply, signet.settings.issuer)
      const account = { ...typed, password: values.get('password') }
      const signedUp = await signUp(signet, visitor, digests, account)
      if (signedUp.outcome === 'faulty')
        return showPage(signet, request, reply, onward, { values: typed, faults: signedUp.faults }, 422)
      setSessionCookie(reply, signet.settings, cookie)
    } catch (error) {
      const { refusal, fault, retryAfterSeconds } = overLimit(error)
      noteRefusal(request, refusal)
      countOverLimit(signet.metrics, error)
      const shown = { values: typed, faults: { form: fault }, retryAfterSeconds }
      return showPage(signet, request, reply.headers(refusal.headers), onward, shown, refusal.status)
    }
    return reply.redirect(onward.href, 303)
  })
}

/** The page by GET, so that a reload or a way back through the history does not post the form of the sign-in page again. */
function toEmptyForm(signet: Signet, reply: FastifyReply, { continueTo }: Onward, typed: string | undefined) {
  const email = sealTypedEmail(signet, typed)
  const query = new URLSearchParams({ ...(continueTo && { continue: continueTo }), ...(email && { email }) }).toString()
  return reply.header('cache-control', 'no-store').redirect(query === '' ? '/sign-up' : `/sign-up?${query}`, 303)
}

/** The page of somebody who is signed in is in the language of their profile. A journey has read the session already. */
async function readLanguage({ database, settings }: Signet, request: FastifyRequest, { journey }: Onward) {
  if (!journey) await currentSession(database, settings, request)
}

/** An empty form, with an address that is known already. A user name is not one. */
function startingWith(name: string | undefined): Shown {
  return { values: { name: undefined, email: canonicalEmail(name ?? '') }, faults: {} }
}

function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { journey, continueTo }: Onward,
  shown: Shown,
  status: number,
): FastifyReply {
  return sendPage(
    reply,
    SignUpPage({
      page: pageContext(request, journey?.travelling),
      csrf: formToken(signet, request, reply),
      continueTo,
      client: journey && clientOnPage(journey.request.target),
      minPasswordLength: signet.settings.passwordMinLength,
      signInHref: `/sign-in${continueTo ? `?continue=${continueTo}` : ''}`,
      ...shown,
    }),
    status,
  )
}
