import type { App } from './fastify-app.ts'

/**
 * The answer to a preflight (Fetch §3.2.3), cached for an hour. Any header may be sent: monitoring scripts add headers of their own to every
 * request (traceparent, sentry-trace, x-datadog-trace-id), and a preflight that refuses one of them breaks sign-in. It gives nothing away,
 * because these routes read no cookies and any program can send any header. Without credentials `*` covers every name but Authorization;
 * the others are for browsers from before the wildcard.
 */
const preflight = {
  'access-control-allow-methods': 'GET, HEAD, POST',
  'access-control-allow-headers': 'Authorization, Content-Type, If-None-Match, *',
  'access-control-max-age': '3600',
}

/**
 * Lets the scripts of any origin read what the routes of this scope answer, without credentials (Fetch §3.2.5). Told to scripts, and
 * with each answer that a cache may keep and give to one. To be called before there are routes.
 */
export function allowAnyOrigin(scope: App): void {
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
