import type { App } from '../../platform/http/fastify-app.ts'
import type { Signet } from '../../signet.ts'

/**
 * The JWK Set (RFC 7517 §5). It is served from memory, also while the database is unavailable. Cache-Control lets caches keep it for the
 * max-age, and serve it for the same time again while they revalidate it (RFC 5861 §3). The schedule of the keys allows for both.
 */
export function jwksEndpoint(app: App, { keyRing, settings, verifiersLastSeen }: Signet): void {
  const cacheControl = `public, max-age=${settings.jwksMaxAge}, stale-while-revalidate=${settings.jwksMaxAge}`
  // Not async: a promise for each request costs time.
  app.get('/.well-known/jwks.json', (request, reply) => {
    const { body, etag } = keyRing.jwkSet()
    const verifier = request.headers['signet-verifier']
    // Also for a 304, because the verifier then has this set. HEAD requests arrive here as well, but deliver no keys.
    if (typeof verifier === 'string' && request.method === 'GET') verifiersLastSeen.note(verifier)
    reply.header('cache-control', cacheControl).header('etag', etag)
    if (matches(request.headers['if-none-match'], etag)) reply.status(304).send()
    // RFC 7517 §8.5.1
    else reply.type('application/jwk-set+json').send(body)
  })
}

/** RFC 9110 §13.1.2: a list of tags, or `*`, with weak comparison. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}
