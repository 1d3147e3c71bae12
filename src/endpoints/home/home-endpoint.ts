import type { App } from '../../platform/http/app.ts'
import { browserOf } from '../../platform/http/cookies.ts'
import { csrfToken } from '../../platform/http/csrf.ts'
import { pageContextOf } from '../../platform/pages/page-context.ts'
import { sendPage } from '../../platform/pages/send-page.ts'
import { displayName } from '../../records/accounts/account.ts'
import { currentSession } from '../../records/sessions/browser-session.ts'
import type { Signet } from '../../signet.ts'
import { HomePage } from './home-page.tsx'

/** The start page: where one lands without an application, and where error pages lead. */
export function homeEndpoint(app: App, signet: Signet): void {
  app.get('/', async (request, reply) => {
    const session = await currentSession(signet.database, signet.settings, request)
    return sendPage(
      reply,
      HomePage({
        page: pageContextOf(request),
        csrf: csrfToken(signet.secrets.csrf, browserOf(request, reply, signet.settings.issuer)),
        account: session && { name: displayName(session.account), email: session.account.email },
        accountHref: '/account',
      }),
    )
  })
}
