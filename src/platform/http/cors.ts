import type { App } from './app.ts'

/** The answer to a preflight (Fetch §3.2.3), to be remembered for an hour. */
const preflight = {
  'access-control-allow-methods': 'GET, HEAD, POST',
  'access-control-allow-headers': 'Authorization, Content-Type, If-None-Match',
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
