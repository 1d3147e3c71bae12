import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import type { App } from '../../platform/http/fastify-app.ts'
import { asOAuthError } from '../errors/as-oauth-error.ts'
import { sendRefusalPage } from '../errors/send-refusal.ts'
import { noParameters } from './parameters.ts'
import { pageContextOf, sentParameter } from './ui-locales.ts'

const policy = {
  defaultSrc: ["'none'"],
  styleSrc: ["'self'"],
  scriptSrc: ["'self'"],
  imgSrc: ["'self'", 'https:'],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
}

/**
 * A route's `helmet` option, for a page whose script fetches from our own origin and handles what must not leave the browser: it can
 * reach no other origin, not even for an image, and no form can be sent from it. It stands in place of the policy of all pages.
 */
export const readsOwnOrigin = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { ...policy, imgSrc: ["'self'"], connectSrc: ["'self'"], formAction: ["'none'"] },
  },
}

/**
 * The routes that show pages, with the headers that pages need. No `form-action`: browsers apply it to the redirect that follows
 * a form too, and would stop people on their way back to the application.
 *
 * @param sealedUiLocales the `ui_locales` of the request that a `continue` value holds
 */
export function pageScope(
  app: App,
  { issuer }: { readonly issuer: string },
  sealedUiLocales: (continueValue: string) => string | undefined,
  routes: (scope: App) => void,
): void {
  const overTls = issuer.startsWith('https:')
  app.register(async (scope: App) => {
    await scope.register(cookie)
    await scope.register(helmet, {
      contentSecurityPolicy: { useDefaults: false, directives: policy },
      // `no-referrer` would make browsers send `Origin: null` with our own forms.
      referrerPolicy: { policy: 'same-origin' },
      strictTransportSecurity: overTls ? { maxAge: 63_072_000, includeSubDomains: false } : false,
      frameguard: { action: 'deny' },
      // See `withoutOpener`.
      crossOriginOpenerPolicy: false,
    })
    // A form without a body is an empty one.
    scope.addHook('preValidation', async (request) => {
      request.body ??= noParameters
    })
    scope.setErrorHandler((error, request, reply) => {
      const refusal = asOAuthError(error, request)
      const sealed = sentParameter(request, 'continue')
      const page = pageContextOf(request, sealed === undefined ? undefined : sealedUiLocales(sealed))
      return sendRefusalPage(request, reply.headers(refusal.headers), page, refusal)
    })
    routes(scope)
  })
}

/**
 * The pages that no application waits for: those that are not part of a request. Whoever opened one of them in a window keeps no handle
 * to it, and the page has no `opener` (HTML, Cross-origin opener policies).
 *
 * The pages of a request must not be among them, and neither may a redirect between those: an application can open `/authorize` in a
 * pop-up, and its callback page reports to `window.opener`. One response with any value of the header but `unsafe-none` cuts that tie
 * for good, even if the application's own page follows. `same-origin-allow-popups` concerns the windows that a page opens itself, and
 * `noopener-allow-popups` cuts the opener off as well.
 */
export function withoutOpener(scope: App, routes: (scope: App) => void): void {
  scope.register(async (own: App) => {
    own.addHook('onRequest', (_request, reply, done) => {
      reply.header('cross-origin-opener-policy', 'same-origin')
      done()
    })
    routes(own)
  })
}
