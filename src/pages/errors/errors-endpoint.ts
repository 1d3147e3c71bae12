import { chooseMessages } from '../../html/messages/choose-messages.ts'
import { sendPage } from '../../html/send-page.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { errorNames } from '../../protocol/errors/error-registry.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { ErrorReferencePage } from './error-reference-page.tsx'

/** The target of `error_uri` (RFC 6749 §5.2): what each error means and how to fix it. In English, because it is for developers. */
export function errorsEndpoint(app: App): void {
  app.get<{ Querystring: Parameters }>('/errors', async (request, reply) => {
    const requestId = sentValue(request.query, 'request_id')
    // Shown only if it has the form of a request id.
    const shown = requestId !== undefined && /^[\w-]{16}$/.test(requestId) ? requestId : undefined
    return sendPage(
      reply,
      ErrorReferencePage({
        page: { ...chooseMessages('en', undefined), brand: request.server.brand },
        requestId: shown,
        errors: errorNames,
      }),
    )
  })
}
