import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../../../platform/http/app.ts'
import { isOwnForm } from '../../../platform/http/csrf.ts'
import type { Parameters } from '../../../platform/http/parameters.ts'
import { sendErrorPage } from '../../../platform/pages/send-error-page.ts'
import { sendPage } from '../../../platform/pages/send-page.ts'
import { HashQueueFull } from '../../../records/accounts/password-hashing.ts'
import { LimitExceeded } from '../../../records/limits/sign-in-limits.ts'
import type { Signet } from '../../../signet.ts'
import { clientOnPage, continueOf, formToken, pageContext } from '../journey.ts'
import { type Onward, takeUpOnward } from '../onward.ts'
import { signUp } from './sign-up.ts'
import { type SignUpFaults, SignUpPage } from './sign-up-page.tsx'

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
    const email = onward.journey?.request.loginHint
    const shown = { values: { name: undefined, email: email?.includes('@') ? email : undefined }, faults: {} }
    return showPage(signet, request, reply, onward, shown, 200)
  })

  app.post<{ Body: Parameters }>('/sign-up', async (request, reply) => {
    const { values, faults } = request.body
    if (
      closed ||
      faults.length > 0 ||
      !isOwnForm(request, signet.settings.issuer, signet.secrets.csrf, values.get('csrf'))
    )
      return sendErrorPage(request, reply, 403, 'refused')
    const onward = await takeUpOnward(signet, request, reply, values.get('continue'))
    if (!onward) return reply
    const typed = { name: values.get('name')?.trim() || undefined, email: values.get('email')?.trim() }
    try {
      const found = await signUp(signet, request, reply, { ...typed, password: values.get('password') })
      if (found) return showPage(signet, request, reply, onward, { values: typed, faults: found }, 422)
    } catch (error) {
      if (!(error instanceof LimitExceeded || error instanceof HashQueueFull)) throw error
      const limited = error instanceof LimitExceeded
      const retryAfterSeconds = limited ? error.retryAfter : 2
      reply.header('retry-after', retryAfterSeconds)
      const form = limited ? 'too_many_attempts' : 'busy'
      return showPage(
        signet,
        request,
        reply,
        onward,
        { values: typed, faults: { form }, retryAfterSeconds },
        limited ? 429 : 503,
      )
    }
    return reply.redirect(onward.href, 303)
  })
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
