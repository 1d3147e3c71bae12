import { sendPage } from '../../html/send-page.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { readsOwnOrigin } from '../../protocol/http/page-scope.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import type { Signet } from '../../signet.ts'
import { InspectPage } from './inspect-page.tsx'

/**
 * The token inspector. It runs in the browser: the token is never sent here, and the Content-Security-Policy lets the page connect
 * only to this origin, for the JWK Set.
 */
export function inspectEndpoint(app: App, { settings }: Signet): void {
  app.get('/inspect', { helmet: readsOwnOrigin }, async (request, reply) =>
    sendPage(reply, InspectPage({ page: pageContextOf(request), issuer: settings.issuer })),
  )
}
