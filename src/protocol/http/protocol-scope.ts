import type { App } from '../../platform/http/fastify-app.ts'
import { challenged, credentialsInQuery } from '../client-authentication.ts'
import { asOAuthError } from '../errors/as-oauth-error.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { type IsForPrograms, requestedPath, sendRefusalJson } from '../errors/send-refusal.ts'
import type { Parameters } from './parameters.ts'

/**
 * The routes that programs call. Any origin may call them (CORS): they read no cookies, so a script in a browser gains nothing that it did
 * not have (Fetch §3.2; credentials are not allowed). Responses are not cached, unless the route says otherwise.
 *
 * @returns whether a URL is one of these routes, or below one. Errors there are JSON as well, whatever the request accepts
 */
export function protocolScope(
  app: App,
  { issuer }: { readonly issuer: string },
  routes: (scope: App) => void,
): IsForPrograms {
  const paths = new Set<string>()
  app.register(async (scope: App) => {
    scope.addHook('onRoute', ({ url }) => {
      paths.add(url)
    })
    answerPreflights(scope)
    scope.addHook<{ Querystring: Parameters }>('onRequest', ({ method, headers, query }, reply, done) => {
      // Also for a response that a cache may store, and later serve to a script.
      if (headers.origin !== undefined || method !== 'POST') reply.headers(programHeaders)
      reply.header('cache-control', 'no-store')
      // A preflight must not fail: the script could not read why.
      done(method === 'OPTIONS' ? undefined : credentialsInQuery(query))
    })
    scope.setErrorHandler((error, request, reply) => {
      const byHeader = request.headers.authorization !== undefined
      const isChallenged = byHeader && error instanceof OAuthError && error.code === 'invalid_client'
      const refusal = asOAuthError(isChallenged ? challenged(error) : error, request)
      return sendRefusalJson(issuer, request, reply, refusal)
    })
    routes(scope)
  })
  return (url) => {
    const path = requestedPath(url)
    return [...paths].some((own) => path === own || path.startsWith(`${own}/`))
  }
}

/**
 * The response to a CORS preflight (Fetch §3.2.3), cached for an hour. Any header may be sent: monitoring scripts add their own headers
 * to every request (traceparent, sentry-trace, x-datadog-trace-id), and a preflight that refuses one of them breaks sign-in. This is
 * safe, because these routes read no cookies and any program can send any header. Without credentials `*` covers every name except
 * Authorization. The other names are for browsers that do not support the wildcard.
 */
const preflight = {
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE',
  'access-control-allow-headers': 'Authorization, Content-Type, If-None-Match, *',
  'access-control-max-age': '3600',
}

/** With these, scripts of any origin can read a response and its headers (CORS, Fetch §3.2.3), without credentials (§3.2.5). */
export const programHeaders = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'WWW-Authenticate, X-Request-Id, ETag, Retry-After',
}

/** Adds a response to preflights to each route that is added later. */
function answerPreflights(scope: App): void {
  const paths = new Set<string>()
  scope.addHook('onRoute', ({ url }) => {
    if (paths.has(url)) return
    paths.add(url)
    scope.options(url, (_request, reply) => reply.status(204).headers(preflight).send())
  })
}
