import helmet from '@fastify/helmet'
import { sendErrorPage } from '../pages/send-error-page.ts'
import type { App } from './app.ts'
import { asOAuthError } from './failures.ts'
import { noParameters } from './parameters.ts'

/**
 * The routes that show pages, with the headers that pages need. No `form-action`: browsers apply it to the redirect that follows
 * a form too, and would stop people on their way back to the application.
 *
 * @param describe gives what a room above knows to be wrong with the request, to be told on the page
 */
export function pageScope(
  app: App,
  { issuer }: { readonly issuer: string },
  describe: (error: unknown) => string | undefined,
  routes: (scope: App) => void,
): void {
  const overTls = issuer.startsWith('https:')
  app.register(async (scope: App) => {
    await scope.register(helmet, {
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'none'"],
          styleSrc: ["'self'"],
          scriptSrc: ["'self'"],
          imgSrc: ["'self'", 'https:'],
          baseUri: ["'none'"],
          frameAncestors: ["'none'"],
        },
      },
      // `no-referrer` would make browsers send `Origin: null` with our own forms.
      referrerPolicy: { policy: 'same-origin' },
      strictTransportSecurity: overTls ? { maxAge: 63_072_000, includeSubDomains: false } : false,
      frameguard: { action: 'deny' },
      // Sign-in in a pop-up needs its opener to go on living, not to be reached.
      crossOriginOpenerPolicy: { policy: 'same-origin-allow-popups' },
    })
    // A form without a body is an empty one.
    scope.addHook('preValidation', async (request) => {
      request.body ??= noParameters
    })
    scope.setErrorHandler((error, request, reply) => {
      const description = describe(error)
      if (description !== undefined) {
        request.log.info({ description }, 'refused')
        return sendErrorPage(request, reply, 400, 'request', { description, code: 'invalid_request' })
      }
      const told = asOAuthError(error, request)
      reply.headers(told.headers)
      return told.status >= 500
        ? sendErrorPage(request, reply, told.status, 'server')
        : sendErrorPage(request, reply, told.status, 'request', { description: told.message, code: told.code })
    })
    routes(scope)
  })
}
