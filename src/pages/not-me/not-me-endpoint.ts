import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendPage } from '../../html/send-page.ts'
import { browserDigestOf } from '../../interaction/browser-session.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { passkeyRequestOptions } from '../../operations/passkey-options.ts'
import { findOpenReport, type OpenReport, reportByLink } from '../../operations/report-account.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { type Parameters, soundValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { readLinkToken } from '../../records/accounts/link-tokens.ts'
import type { Signet } from '../../signet.ts'
import { NotMePage, type NotMePageProps, VoidNotMeLinkPage } from './not-me-page.tsx'

type Shown = Pick<NotMePageProps, 'fault' | 'retryAfterSeconds'>

/**
 * The page of the link "This was not me" in mails about an account. A GET changes nothing, because mail scanners follow links. It works without a session, and a
 * session proves nothing here: it may be a thief's.
 */
export function notMeEndpoint(app: App, signet: Signet): void {
  const { settings } = signet
  app.get<{ Querystring: Parameters }>('/not-me', async (request, reply) => {
    const token = readLinkToken(soundValue(request.query, 'token'))
    const report = await findOpenReport(signet, token)
    if (!token || !report) return showVoid(signet, request, reply)
    return showForm(signet, request, reply, { token, report }, {}, 200)
  })

  app.post<{ Body: Parameters }>('/not-me', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const token = readLinkToken(values.get('token'))
    const report = await findOpenReport(signet, token)
    if (!token || !report) return showVoid(signet, request, reply)
    const show = (shown: Shown, status: number) => showForm(signet, request, reply, { token, report }, shown, status)
    const typed = {
      password: values.get('password') || undefined,
      code: values.get('code')?.trim() || undefined,
      credential: values.get('credential') || undefined,
    }
    const isComplete =
      (typed.password !== undefined || !report.asksPassword) &&
      (typed.code !== undefined || !report.ways.includes('code'))
    if (typed.credential === undefined && !isComplete) return show({ fault: 'report_proof_missing' }, 422)
    try {
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const browserDigest = browserDigestOf(request, reply, settings.issuer)
      const { locale } = pageContextOf(request)
      const reported = await reportByLink(signet, visitor, token, typed, { browserDigest, locale })
      if (reported.outcome === 'void_link') return showVoid(signet, request, reply)
      if (reported.outcome === 'not_proven') return show({ fault: 'report_not_proven' }, 403)
      if (reported.outcome === 'address_taken') return show({ fault: 'previous_address_taken' }, 409)
      // Whoever is signed in here was signed out as well, if it is the same account; a session of another account goes on.
      return reply.header('cache-control', 'no-store').redirect(`/recover/password?token=${reported.token}`, 303)
    } catch (error) {
      const { status, ...fault } = refuseOverLimit(signet, request, reply, error)
      return show(fault, status)
    }
  })
}

const offersRecovery = ({ settings }: Signet) => settings.mail.delivery !== 'none'

function showForm(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { token, report }: { readonly token: string; readonly report: OpenReport },
  shown: Shown,
  status: number,
): FastifyReply {
  const { sub, ways, asksPassword, before, passkeys, kind, at, email } = report
  const page = pageContextOf(request)
  const browserDigest = browserDigestOf(request, reply, signet.settings.issuer)
  const asked = { browserDigest, sub, allow: passkeys, use: 'not-me' } as const
  const passkeyOptions = passkeys.length > 0 ? passkeyRequestOptions(signet, asked) : undefined
  return sendPage(
    reply,
    NotMePage({
      ...{ page, token, kind, at, email, passkeyOptions },
      csrf: csrfToken(signet, request, reply),
      takesCode: ways.includes('code'),
      takesOneTimeCode: before.some((one) => one.kind === 'totp') && !ways.includes('passkey'),
      takesPassword: ways.includes('password') || (ways.includes('code') && asksPassword),
      offersRecovery: offersRecovery(signet),
      ...shown,
    }),
    status,
  )
}

/** A link that is unknown, has expired or been used gets the same page. */
function showVoid(signet: Signet, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const page = pageContextOf(request)
  return sendPage(reply, VoidNotMeLinkPage({ page, offersRecovery: offersRecovery(signet) }), 410)
}
