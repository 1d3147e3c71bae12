import type { App } from '../../platform/http/fastify-app.ts'
import { asOAuthError } from '../errors/as-oauth-error.ts'
import { errorAnswer } from '../errors/oauth-error.ts'

/**
 * The routes that programs call. Any origin may (CORS): they take no cookies, so a browser client gains nothing it was not given
 * (Fetch §3.2; no credentials are allowed). Nothing is stored, unless the route says otherwise.
 */
export function protocolScope(app: App, { issuer }: { readonly issuer: string }, routes: (scope: App) => void): void {
  app.register(async (scope: App) => {
    allowAnyOrigin(scope)
    scope.addHook('onRequest', (_request, reply, done) => {
      reply.header('cache-control', 'no-store')
      done()
    })
    scope.setErrorHandler((error, request, reply) => {
      const told = asOAuthError(error, request)
      return reply
        .status(told.status)
        .headers({ 'cache-control': 'no-store', ...told.headers })
        .send(errorAnswer(issuer, told, request.id))
    })
    routes(scope)
  })
}

/**
 * The answer to a CORS preflight (Fetch §3.2.3), cached for an hour. Any header may be sent: monitoring scripts add headers of their own
 * to every request (traceparent, sentry-trace, x-datadog-trace-id), and a preflight that refuses one of them breaks sign-in. It gives
 * nothing away, because these routes read no cookies and any program can send any header. Without credentials `*` covers every name but
 * Authorization; the others are for browsers from before the wildcard.
 */
const preflight = {
  'access-control-allow-methods': 'GET, HEAD, POST',
  'access-control-allow-headers': 'Authorization, Content-Type, If-None-Match, *',
  'access-control-max-age': '3600',
}

/**
 * Lets the scripts of any origin read what the routes of this scope answer, without credentials (CORS, Fetch §3.2.5). Told to scripts,
 * and with each answer that a cache may keep and give to one. To be called before there are routes.
 */
function allowAnyOrigin(scope: App): void {
  const paths = new Set<string>()
  scope.addHook('onRoute', ({ url }) => {
    if (paths.has(url)) return
    paths.add(url)
    scope.options(url, (_request, reply) => reply.status(204).headers(preflight).send())
  })
  scope.addHook('onRequest', ({ headers, method }, reply, done) => {
    if (headers.origin === undefined && method === 'POST') return done()
    reply
      .header('access-control-allow-origin', '*')
      .header('access-control-expose-headers', 'WWW-Authenticate, X-Request-Id, ETag, Retry-After')
    done()
  })
}
