import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import { pageContextOf, sentParameter } from '../pages/page-context.ts'
import { sendRefusalPage } from '../pages/send-refusal-page.ts'
import type { App } from './app.ts'
import { asOAuthError } from './failures.ts'
import type { OAuthError } from './oauth-error.ts'
import { noParameters } from './parameters.ts'

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

export interface PageScopeTerms {
  /** What is wrong with the request, where an error of the layer above says so. */
  refusalOf(error: unknown): OAuthError | undefined
  /** The languages that an application asked for in the request that a `continue` value holds. */
  uiLocalesOf(continueValue: string): string | undefined
}

/**
 * The routes that show pages, with the headers that pages need. No `form-action`: browsers apply it to the redirect that follows
 * a form too, and would stop people on their way back to the application.
 *
 * @param above what the layer above knows
 */
export function pageScope(
  app: App,
  { issuer }: { readonly issuer: string },
  above: PageScopeTerms,
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
      // Any policy would cut a sign-in in a pop-up off from the application that opened it and waits for it.
      crossOriginOpenerPolicy: false,
    })
    // A form without a body is an empty one.
    scope.addHook('preValidation', async (request) => {
      request.body ??= noParameters
    })
    scope.setErrorHandler((error, request, reply) => {
      const refusal = asOAuthError(above.refusalOf(error) ?? error, request)
      const sealed = sentParameter(request, 'continue')
      const page = pageContextOf(request, sealed === undefined ? undefined : above.uiLocalesOf(sealed))
      return sendRefusalPage(request, reply.headers(refusal.headers), page, refusal)
    })
    routes(scope)
  })
}
