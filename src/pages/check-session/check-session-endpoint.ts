import { renderPage } from '../../html/send-page.ts'
import { cookieNames } from '../../platform/http/cookies.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { embeddable } from '../../protocol/http/page-scope.ts'
import type { Signet } from '../../signet.ts'
import { CheckSessionPage } from './check-session-page.tsx'

/** The `check_session_iframe` (OpenID Connect Session Management §3.3). It is the same for everybody, so an application that embeds it in all of its pages does not load it each time. */
export function checkSessionEndpoint(app: App, { settings }: Signet): void {
  const page = renderPage(CheckSessionPage({ cookie: cookieNames(settings.issuer).state }))
  app.get('/check-session', { helmet: embeddable }, (_request, reply) =>
    reply.header('cache-control', 'public, max-age=3600').type('text/html; charset=utf-8').send(page),
  )
}
