import { sendPage } from '../../html/send-page.ts'
import { currentSession } from '../../interaction/browser-session.ts'
import { sendToVerification } from '../../interaction/email-gate.ts'
import { sendToSecondFactor } from '../../interaction/factor-gate.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { csrfToken } from '../../protocol/http/csrf.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import { displayName } from '../../records/accounts/account.ts'
import type { Signet } from '../../signet.ts'
import { HomePage } from './home-page.tsx'

/** The start page. Sign-ins without an application and error pages lead here. */
export function homeEndpoint(app: App, signet: Signet): void {
  app.get('/', async (request, reply) => {
    const session = await currentSession(signet.database, signet.settings, request)
    if (sendToVerification(signet, reply, session, undefined)) return reply
    if (sendToSecondFactor(signet, reply, session, undefined)) return reply
    return sendPage(
      reply,
      HomePage({
        page: pageContextOf(request),
        csrf: csrfToken(signet, request, reply),
        offersSignUp: signet.settings.signUp === 'open',
        account: session && { name: displayName(session.account), email: session.account.email },
      }),
    )
  })
}
