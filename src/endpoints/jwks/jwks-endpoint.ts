import type { App } from '../../platform/http/fastify-app.ts'
import type { Signet } from '../../signet.ts'

/**
 * The JWK Set (RFC 7517 §5). From memory: it is there while the database is away. Cache-Control: caches may keep it for the max-age,
 * and go on with it for as long again while they ask anew (RFC 5861 §3); the schedule of the keys counts both.
 */
export function jwksEndpoint(app: App, { keyRing, settings, verifiersLastSeen }: Signet): void {
  const cacheControl = `public, max-age=${settings.jwksMaxAge}, stale-while-revalidate=${settings.jwksMaxAge}`
  app.get('/.well-known/jwks.json', async (request, reply) => {
    const { body, etag } = keyRing.jwkSet()
    const verifier = request.headers['signet-verifier']
    // With a 304 too, for then its copy is this set. HEAD, which comes here as well, brings nobody any keys.
    if (typeof verifier === 'string' && request.method === 'GET') verifiersLastSeen.note(verifier)
    reply.header('cache-control', cacheControl).header('etag', etag)
    if (matches(request.headers['if-none-match'], etag)) return reply.status(304).send()
    // RFC 7517 §8.5.1
    return reply.type('application/jwk-set+json').send(body)
  })
}

/** RFC 9110 §13.1.2: a list of tags, or `*`; compared weakly. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}
