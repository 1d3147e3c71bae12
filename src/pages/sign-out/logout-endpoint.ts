import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendPage } from '../../html/send-page.ts'
import { currentSession, forgetSession, personOf } from '../../interaction/browser-session.ts'
import { signOut } from '../../operations/own-sessions.ts'
import { cookieNames } from '../../platform/http/cookies.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { csrfCheckedForm, csrfToken } from '../../protocol/http/csrf.ts'
import { allowFrames } from '../../protocol/http/page-scope.ts'
import { faultsIn, noParameters, type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { displayName } from '../../records/accounts/account.ts'
import { documentHost } from '../../records/clients/document-host.ts'
import type { Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import { sessionIdFor } from '../../tokens/authentication.ts'
import { subjectFor } from '../../tokens/subject.ts'
import { ConfirmLogoutPage } from './confirm-logout-page.tsx'
import { logoutFrames } from './logout-frames.ts'
import { type LogoutRequest, readLogoutRequest, sealLogoutRequest, unsealLogoutRequest } from './logout-request.ts'
import { SignedOutPage } from './signed-out-page.tsx'

/** Logout endpoint (end_session_endpoint), OpenID Connect RP-Initiated Logout §2. */
export function logoutEndpoint(app: App, signet: Signet): void {
  app.get<{ Querystring: Parameters }>('/logout', async (request, reply) => {
    const sealed = sentValue(request.query, 'continue')
    // A query with faults is read directly, and refused.
    const isDirect = sealed === undefined || faultsIn(request.query).length > 0
    const parameters = isDirect ? request.query : await unsealLogoutRequest(signet, sealed)
    const logout = await readLogoutRequest(signet, parameters)
    const session = await currentSession(signet.database, signet.settings, request)
    if (session && !(await isAskedByOwnClient(signet, logout, session)))
      return confirm(signet, request, reply, logout, session, parameters)
    return leave(signet, request, reply, logout, session)
  })

  // Browsers do not send Lax cookies with a POST from another site, so the browser is redirected to send it by GET, as at /authorize.
  app.post<{ Body: Parameters }>('/logout', async (request, reply) => {
    await readLogoutRequest(signet, request.body)
    return reply
      .header('cache-control', 'no-store')
      .redirect(`/logout?continue=${sealLogoutRequest(signet, request.body)}`, 303)
  })

  app.post<{ Body: Parameters }>('/logout/confirm', async (request, reply) => {
    const values = await csrfCheckedForm(signet, request)
    const sealed = values.get('continue')
    const parameters = sealed === undefined ? noParameters : await unsealLogoutRequest(signet, sealed)
    const logout = await readLogoutRequest(signet, parameters)
    const session = await currentSession(signet.database, signet.settings, request)
    return leave(signet, request, reply, logout, session)
  })
}

/** §2: without a hint for exactly this session, any link could sign people out, so the person is asked. */
async function isAskedByOwnClient(signet: Signet, { hint, client }: LogoutRequest, session: Session): Promise<boolean> {
  return (
    hint !== undefined &&
    // A deleted client has no subjects any more.
    client !== undefined &&
    hint.sub === subjectFor(signet, client, session.account.sub) &&
    hint.sid === (await sessionIdFor(signet.secrets, session, hint.clientId))
  )
}

/**
 * Ends the session, and leads to the application. If other applications must be told in the browser, a page does that first (RP-Initiated Logout §3: the redirect comes after the
 * applications have been told).
 */
async function leave(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  logout: LogoutRequest,
  session: Session | undefined,
): Promise<FastifyReply> {
  const { settings } = signet
  const clients = session ? await signOut(signet, personOf(request, session), session) : []
  // Other sites' pages can make a browser request this address, without this cookie. That must not look like a sign-out.
  if (request.cookies[cookieNames(settings.issuer).session] !== undefined) forgetSession(reply, settings)
  reply.header('cache-control', 'no-store')
  const frames = session ? await logoutFrames(signet, session, clients) : { sources: [], origins: [] }
  const { returnTo } = logout
  if (returnTo !== undefined && frames.sources.length === 0) return reply.redirect(returnTo, 303)
  if (frames.sources.length > 0) allowFrames(reply, frames.origins)
  const page = pageContextOf(request, logout.uiLocales)
  const returnHref = logout.client?.client_uri
  return sendPage(
    reply,
    SignedOutPage({ page, client: clientOf(logout), returnHref, leavesTo: returnTo, frames: frames.sources }),
  )
}

/** What pages show about the client. */
function clientOf({ client }: LogoutRequest) {
  if (!client) return undefined
  const { client_name: name, client_uri: clientUri, isSelfRegistered } = client
  return { name, clientUri, isSelfRegistered, documentHost: documentHost(client) }
}

function confirm(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  logout: LogoutRequest,
  session: Session,
  parameters: Parameters,
): FastifyReply {
  return sendPage(
    reply,
    ConfirmLogoutPage({
      page: pageContextOf(request, logout.uiLocales),
      csrf: csrfToken(signet, request, reply),
      continueTo: sealLogoutRequest(signet, parameters),
      client: clientOf(logout),
      account: { name: displayName(session.account) },
    }),
  )
}
