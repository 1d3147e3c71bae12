import type { App } from '../../platform/http/app.ts'
import { readsOwnOrigin } from '../../platform/http/page-scope.ts'
import { chooseMessages } from '../../platform/pages/messages/choose-messages.ts'
import { sendPage } from '../../platform/pages/send-page.ts'
import type { Signet } from '../../signet.ts'
import { InspectPage } from './inspect-page.tsx'

/**
 * The token inspector. All is done in the browser: the token never comes here, and the policy lets the page reach nothing but
 * this origin, for the JWK Set.
 */
export function inspectEndpoint(app: App, { settings }: Signet): void {
  app.get('/inspect', { helmet: readsOwnOrigin }, async (request, reply) =>
    sendPage(
      reply,
      InspectPage({ page: chooseMessages(undefined, request.headers['accept-language']), issuer: settings.issuer }),
    ),
  )
}
