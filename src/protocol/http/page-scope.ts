import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import type { FastifyReply } from 'fastify'
import type { App } from '../../platform/http/fastify-app.ts'
import { asOAuthError } from '../errors/as-oauth-error.ts'
import { type IsForPrograms, sendRefusalJson, sendRefusalPage } from '../errors/send-refusal.ts'
import { noParameters } from './parameters.ts'
import { pageContextOf, sentParameter } from './ui-locales.ts'

/** Seconds: two years (RFC 6797 §6.1.1). */
const strictTransportMaxAge = 63_072_000

/** The header that helmet makes of it. */
export const strictTransport = `max-age=${strictTransportMaxAge}`

const policy = {
  defaultSrc: ["'none'"],
  styleSrc: ["'self'"],
  scriptSrc: ["'self'"],
  imgSrc: ["'self'"],
  baseUri: ["'none'"],
  frameAncestors: ["'none'"],
}

/**
 * A route's `helmet` option for a page whose script fetches from our own origin and handles data that must not leave the browser. The page
 * cannot submit a form. It replaces the policy of the other pages.
 */
export const readsOwnOrigin = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { ...policy, connectSrc: ["'self'"], formAction: ["'none'"] },
  },
}

/** A route's `helmet` option for the one page that applications embed in theirs. It can do nothing but run our script, also within a page that isolates itself (`require-corp`). */
export const embeddable = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ['*'],
    },
  },
  frameguard: false as const,
  crossOriginResourcePolicy: { policy: 'cross-origin' as const },
  crossOriginEmbedderPolicy: { policy: 'require-corp' as const },
}

/**
 * Sets the headers of pages that have no `helmet` option. Helmet would build the same headers from its options for each request, which takes longer than everything
 * else that is done for them.
 */
function setHeadersOnce(scope: App): void {
  let headers: Record<string, string> | undefined
  scope.addHook('onRequest', ({ routeOptions }, reply, done) => {
    if (!('helmet' in routeOptions.config)) {
      headers ??= headersOfHelmet(reply)
      reply.headers(headers)
    }
    done()
  })
}

/** The headers that helmet sets with its options for all pages. */
function headersOfHelmet(reply: FastifyReply): Record<string, string> {
  const { raw } = reply
  const earlier = new Set(raw.getHeaderNames())
  reply.helmet()
  const names = raw.getHeaderNames().filter((name) => !earlier.has(name))
  const headers = Object.fromEntries(names.map((name) => [name, String(raw.getHeader(name))]))
  for (const name of names) raw.removeHeader(name)
  return headers
}

/**
 * Replaces the policy of a page by one that lets it embed pages of other sites.
 *
 * @param origins the only ones whose pages may be in a frame. They must be in the form of a `host-source`
 */
export function allowFrames(reply: FastifyReply, origins: readonly string[]): void {
  // Otherwise it would win over the one that helmet sets.
  reply.removeHeader('content-security-policy')
  reply.helmet({ contentSecurityPolicy: { useDefaults: false, directives: { ...policy, frameSrc: [...origins] } } })
}

/**
 * The routes that show pages, with the headers that pages need. There is no `form-action`: browsers also apply it to the redirect that
 * follows a form, and would block the redirect back to the application.
 *
 * @param isForPrograms requests to such a URL that match no route get JSON
 * @param sealedUiLocales returns the `ui_locales` of the request in a `continue` value
 */
export function pageScope(
  app: App,
  { issuer }: { readonly issuer: string },
  isForPrograms: IsForPrograms,
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
      strictTransportSecurity: overTls ? { maxAge: strictTransportMaxAge, includeSubDomains: false } : false,
      frameguard: { action: 'deny' },
      // See `withoutOpener`.
      crossOriginOpenerPolicy: false,
      // See `setHeadersOnce`.
      global: false,
    })
    setHeadersOnce(scope)
    // A POST without a body counts as an empty form.
    scope.addHook('preValidation', async (request) => {
      request.body ??= noParameters
    })
    scope.setErrorHandler((error, request, reply) => {
      const refusal = asOAuthError(error, request)
      if (request.is404 && isForPrograms(request.url)) return sendRefusalJson(issuer, request, reply, refusal)
      const sealed = sentParameter(request, 'continue')
      const page = pageContextOf(request, sealed === undefined ? undefined : sealedUiLocales(sealed))
      return sendRefusalPage(request, reply.headers(refusal.headers), page, refusal)
    })
    routes(scope)
  })
}

/**
 * Pages that are not part of a request from an application. If another site opens one of them in a window, that site gets no handle
 * to it, and the page has no `opener` (HTML, Cross-origin opener policies).
 *
 * Pages of a request, and redirects between them, must not be registered here. An application can open `/authorize` in a
 * pop-up, and its callback page reports to `window.opener`. One response with any value of the header but `unsafe-none` severs that
 * connection permanently, even if the application's own page follows. `same-origin-allow-popups` only affects the windows that a page
 * opens itself, and `noopener-allow-popups` severs the opener as well.
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
