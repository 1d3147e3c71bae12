import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import { browserDigestOf } from '../../interaction/browser-session.ts'
import { usableContinueValue } from '../../interaction/interaction.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { type OpenRecovery, openRecovery, recoverAccount } from '../../operations/recover-account.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { displayName } from '../../records/accounts/account.ts'
import { readLinkToken } from '../../records/accounts/link-tokens.ts'
import { minLengthFor } from '../../records/accounts/password-rules.ts'
import { recoveryMinutes } from '../../records/accounts/recovery-rule.ts'
import type { Signet } from '../../signet.ts'
import {
  NewPasswordPage,
  type NewPasswordPageProps,
  removeChoice,
  VoidRecoveryLinkPage,
  wantsAccessEnded,
} from './new-password-page.tsx'

type Shown = Pick<NewPasswordPageProps, 'fault' | 'retryAfterSeconds'> & {
  readonly values?: ReadonlyMap<string, string>
}

/**
 * The page of a link to set a new password. Opening it changes nothing. It also exists where no mail can be sent, for links that operators hand
 * over.
 */
export function newPasswordEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/recover/password', async (request, reply) => {
    const token = readLinkToken(sentValue(request.query, 'token'))
    const recovery = await openRecovery(signet, token)
    if (!recovery || token === undefined) return showVoid(signet, request, reply)
    return showPage(signet, request, reply, token, recovery, {}, 200)
  })

  app.post<{ Body: Parameters }>('/recover/password', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const token = readLinkToken(values.get('token'))
    const recovery = await openRecovery(signet, token)
    if (!recovery || token === undefined) return showVoid(signet, request, reply)
    const choice = {
      password: values.get('new-password'),
      access: wantsAccessEnded(values) ? 'end' : 'keep',
      remove: recovery.others.map(({ id }) => id).filter((id) => values.has(removeChoice(id))),
      locale: pageContextOf(request).locale,
    } as const
    try {
      // Before anything is changed, because opening can fail.
      const browserDigest = browserDigestOf(request, reply, signet.settings.issuer)
      const isSameBrowser = recovery.continuation?.browserDigest.equals(browserDigest) ?? false
      const continueTo = await usableContinueValue(
        signet,
        isSameBrowser ? recovery.continuation?.continueTo : undefined,
      )
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const recovered = await recoverAccount(signet, visitor, token, choice)
      if (recovered.outcome === 'void_link') return showVoid(signet, request, reply)
      if (recovered.outcome === 'faulty') {
        const fault = { field: 'new-password', fault: recovered.fault } as const
        return showPage(signet, request, reply, token, recovered.recovery, { values, fault }, 422)
      }
      const href = ownHref('/sign-in', { continue: continueTo, notice: 'password-recovered' })
      return reply.header('cache-control', 'no-store').redirect(href, 303)
    } catch (error) {
      const { fault, status, retryAfterSeconds } = refuseOverLimit(signet, request, reply, error)
      const shown = { values, fault: { field: 'form', fault }, retryAfterSeconds } as const
      return showPage(signet, request, reply, token, recovery, shown, status)
    }
  })
}

/** The same for every link that cannot be used. */
function showVoid(signet: Signet, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const recoverHref = signet.settings.mail.delivery === 'none' ? undefined : '/recover'
  return sendPage(
    reply,
    VoidRecoveryLinkPage({ page: pageContextOf(request), minutes: recoveryMinutes, recoverHref }),
    410,
  )
}

function showPage(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
  { account, others }: OpenRecovery,
  shown: Shown,
  status: number,
): FastifyReply {
  // The page is in the language of the person's profile, as the mail is.
  request.profileLocale = account.locale
  return sendPage(
    reply,
    NewPasswordPage({
      page: pageContextOf(request),
      csrf: csrfToken(signet, request, reply),
      token,
      account: { name: displayName(account), email: account.email },
      signInName: account.email_verified ? account.email : (account.username ?? account.email),
      others,
      minPasswordLength: minLengthFor(signet.settings),
      values: new Map(),
      ...shown,
    }),
    status,
  )
}
