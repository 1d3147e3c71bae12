import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendPage } from '../../html/send-page.ts'
import { currentSession, newBrowserSession, setSessionCookie } from '../../interaction/browser-session.ts'
import { countOverLimit } from '../../interaction/count-over-limit.ts'
import { cancelHref, clientOnPage, continueOf, formToken, pageContext } from '../../interaction/journey.ts'
import { type Onward, onwardWith, takeUpOnward } from '../../interaction/onward.ts'
import { overLimit } from '../../interaction/over-limit.ts'
import { type SignInOutcome, signIn } from '../../operations/sign-in.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { noteRefusal } from '../../protocol/errors/refusal.ts'
import { ownForm } from '../../protocol/http/csrf.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { displayName } from '../../records/accounts/account.ts'
import type { Signet } from '../../signet.ts'
import { sessionIdFor } from '../../tokens/authentication.ts'
import { SignInPage, type SignInPageProps } from './sign-in-page.tsx'

type Fault = Pick<SignInPageProps, 'fault' | 'retryAfterSeconds' | 'username'>

/** The sign-in page, by itself or on the way of an authorization request. */
export function signInEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/sign-in', async (request, reply) => {
    const onward = await takeUpOnward(signet, request, reply, continueOf(request.query))
    if (!onward) return reply
    return showPage(signet, request, reply, onward, { username: onward.journey?.request.loginHint }, 200)
  })

  app.post<{ Body: Parameters }>('/sign-in', async (request, reply) => {
    const values = await ownForm(request, signet.settings.issuer, signet.secrets)
    const onward = await takeUpOnward(signet, request, reply, values.get('continue'))
    if (!onward) return reply
    if (values.has('select')) return goOnAs(signet, reply, onward)

    const username = values.get('username')?.trim()
    const password = values.get('password')
    if (!username || !password) return showPage(signet, request, reply, onward, { fault: 'missing', username }, 422)
    try {
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const { cookie, digests } = newBrowserSession(request, reply, signet.settings.issuer)
      const signedIn = await signIn(signet, visitor, digests, { username, password })
      countSignIn(signet, signedIn)
      if (signedIn.outcome !== 'signed_in')
        return showPage(signet, request, reply, onward, { fault: 'wrong_credentials', username }, 403)
      setSessionCookie(reply, signet.settings, cookie)
    } catch (error) {
      const { refusal, ...fault } = overLimit(error)
      noteRefusal(request, refusal)
      countOverLimit(signet.metrics, error)
      signet.metrics.count('signet_sign_ins_total', { outcome: fault.fault === 'busy' ? 'busy' : 'limited' })
      return showPage(signet, request, reply.headers(refusal.headers), onward, { ...fault, username }, refusal.status)
    }
    return leave(reply, onward)
  })
}

function countSignIn({ metrics }: Signet, signedIn: SignInOutcome): void {
  const isSignedIn = signedIn.outcome === 'signed_in'
  metrics.count('signet_sign_ins_total', { outcome: isSignedIn ? 'success' : 'wrong_credentials' })
  if (!isSignedIn && signedIn.hasWaited) metrics.count('signet_limits_exceeded_total', { limit: 'sign-in-wait' })
}

/** Back to the request, to a page of ours, or to the start page: a `continue` value that Signet did not seal never gets here. */
function leave(reply: FastifyReply, { href }: Onward): FastifyReply {
  return reply.redirect(href, 303)
}

/** The person goes on with the account that is signed in already (`prompt=select_account`). */
async function goOnAs(signet: Signet, reply: FastifyReply, onward: Onward): Promise<FastifyReply> {
  const { journey } = onward
  if (!journey?.session) return leave(reply, onward)
  const { client } = journey.request.target
  const selected = await sessionIdFor(signet.secrets, journey.session, client.client_id)
  return leave(reply, onwardWith(signet, { ...journey, travelling: { ...journey.travelling, selected } }))
}

async function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { journey, continueTo }: Onward,
  fault: Fault,
  status: number,
): Promise<FastifyReply> {
  const session = journey ? journey.session : await currentSession(signet.database, signet.settings, request)
  // Offered only where going on with it would be enough; where the password is asked for, it is.
  const offered = session && (!journey || journey.request.prompt.has('select_account')) ? session : undefined
  return sendPage(
    reply,
    SignInPage({
      page: pageContext(request, journey?.travelling),
      csrf: formToken(signet, request, reply),
      continueTo,
      client: journey && clientOnPage(journey.request.target),
      current: offered && { name: displayName(offered.account) },
      offersSignUp: signet.settings.signUp === 'open',
      cancelHref: journey && cancelHref(signet, journey.request.target),
      ...fault,
    }),
    status,
  )
}
