import type { FastifyReply, FastifyRequest } from 'fastify'
import { ownHref } from '../../html/link-target.ts'
import { sendPage } from '../../html/send-page.ts'
import {
  browserDigestOf,
  currentSession,
  newBrowserSession,
  personOf,
  setSessionCookie,
} from '../../interaction/browser-session.ts'
import { sealLinkPage } from '../../interaction/continue-value.ts'
import { continuationOf } from '../../interaction/interaction.ts'
import { refuseOverLimit } from '../../interaction/over-limit.ts'
import { toSecondFactor } from '../../interaction/unfinished-sign-in.ts'
import { disownEmail } from '../../operations/disown-email.ts'
import { verificationMinutes } from '../../operations/request-verification.ts'
import {
  confirmByLink,
  findLinkedVerification,
  type LinkedVerification,
  signInToVerify,
} from '../../operations/verify-email.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { OAuthError } from '../../protocol/errors/oauth-error.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import type { Parameters } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { displayName } from '../../records/accounts/account.ts'
import { offersPasskeys } from '../../records/accounts/factors.ts'
import { readLinkToken } from '../../records/accounts/link-tokens.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { LinkPage, type LinkPageProps, VoidVerificationLinkPage } from './link-page.tsx'
import { sendTaken } from './send-taken.ts'

type Fault = Pick<LinkPageProps, 'fault' | 'retryAfterSeconds'>

/** The page of a link, which mail scanners may open too. */
export async function showLink(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  token: string,
): Promise<FastifyReply> {
  const session = await currentSession(signet.database, signet.settings, request)
  const found = await linked(signet, token)
  if (found?.isVerified && found.sub === session?.account.sub) return toDone(reply, 'verified')
  if (found?.state !== 'open') return showVoid(signet, request, reply, { token, found })
  return showForm(signet, request, reply, { token, found, session }, {}, 200)
}

export function linkForms(app: App, signet: Signet): void {
  app.post<{ Body: Parameters }>('/verify-email/link', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const token = values.get('token') ?? ''
    const session = await currentSession(signet.database, signet.settings, request)
    const found = await linked(signet, token)
    if (!found) return showVoid(signet, request, reply, { token, found })
    // Before anything is changed, because opening it can fail.
    const href = await hrefAfter(signet, found.continueTo)
    const show = (fault: Fault, status: number) =>
      showForm(signet, request, reply, { token, found, session }, fault, status)
    try {
      if (session?.account.sub === found.sub) return await confirm(signet, request, reply, session, token, found, href)
      if (found.state !== 'open') return showVoid(signet, request, reply, { token, found })
      const password = values.get('password')
      if (signet.settings.passwordSignIn === 'off') return show({}, 403)
      if (!password) return show({ fault: 'account_password_missing' }, 422)
      const visitor = { ...callerOf(request), ...requesterOf(request, reply) }
      const { cookie, digests } = newBrowserSession(request, reply, signet.settings.issuer)
      const started = await signInToVerify(signet, visitor, digests, found.sub, password)
      if (!started) return show({ fault: 'account_password_wrong' }, 403)
      if (started === 'second_factor_needed') {
        const continueTo = sealLinkPage(signet.secrets['request-sealing'], 'verify-email', token)
        return toSecondFactor(reply, signet.settings.issuer, cookie, continueTo)
      }
      setSessionCookie(reply, signet.settings, cookie)
      return await confirm(signet, request, reply, started, token, found, href)
    } catch (error) {
      const { status, ...fault } = refuseOverLimit(signet, request, reply, error)
      return show(fault, status)
    }
  })

  app.post<{ Body: Parameters }>('/verify-email/disown', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const token = readLinkToken(values.get('token'))
    const isDisowned = token !== undefined && (await disownEmail(signet, callerOf(request), token)) === 'done'
    return isDisowned ? toDone(reply, 'disowned') : showVoid(signet, request, reply)
  })
}

async function linked(signet: Signet, token: string): Promise<LinkedVerification | undefined> {
  return readLinkToken(token) ? findLinkedVerification(signet, token) : undefined
}

async function confirm(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  session: Session,
  token: string,
  found: LinkedVerification,
  href: string | undefined,
): Promise<FastifyReply> {
  const browserDigest = browserDigestOf(request, reply, signet.settings.issuer)
  const confirmed = await confirmByLink(signet, personOf(request, session), session, browserDigest, token)
  switch (confirmed.outcome) {
    case 'verified':
    case 'already_verified':
      // The browser that asked continues. In any other browser, the person is told to go back to that one.
      return confirmed.isAskingBrowser && href !== undefined
        ? reply.header('cache-control', 'no-store').redirect(href, 303)
        : toDone(reply, 'verified')
    case 'email_taken':
      return sendTaken(signet, request, reply, found.email)
    case 'signed_out':
      return showForm(signet, request, reply, { token, found, session: undefined }, {}, 403)
    default:
      return showVoid(signet, request, reply)
  }
}

/** Where the page that asked for the mail leads; undefined if it can no longer be used. */
async function hrefAfter(signet: Signet, sealed: string | undefined): Promise<string | undefined> {
  if (sealed === undefined) return undefined
  try {
    return (await continuationOf(signet, sealed)).href
  } catch (error) {
    if (error instanceof OAuthError) return undefined
    throw error
  }
}

function toDone(reply: FastifyReply, done: 'verified' | 'disowned'): FastifyReply {
  return reply.header('cache-control', 'no-store').redirect(`/verify-email?done=${done}`, 303)
}

/** The same for every link that cannot be used. */
function showVoid(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { token, found }: { readonly token?: string; readonly found?: LinkedVerification | undefined } = {},
): FastifyReply {
  return sendPage(
    reply,
    VoidVerificationLinkPage({
      page: pageContextOf(request),
      csrf: csrfToken(signet, request, reply),
      minutes: verificationMinutes,
      token: found?.canBeDisowned ? token : undefined,
    }),
    410,
  )
}

function showForm(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  {
    token,
    found,
    session,
  }: { readonly token: string; readonly found: LinkedVerification; readonly session: Session | undefined },
  fault: Fault,
  status: number,
): FastifyReply {
  const other = session && { name: displayName(session.account) }
  const continueTo = sealLinkPage(signet.secrets['request-sealing'], 'verify-email', token)
  return sendPage(
    reply,
    LinkPage({
      page: pageContextOf(request),
      csrf: csrfToken(signet, request, reply),
      token,
      email: found.email,
      signedIn: session?.account.sub === found.sub ? 'own' : other,
      takesPassword: signet.settings.passwordSignIn === 'on',
      signInHref: offersPasskeys(signet.settings) ? ownHref('/sign-in', { continue: continueTo }) : undefined,
      ...fault,
    }),
    status,
  )
}
