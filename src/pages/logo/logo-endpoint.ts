import { createFindLogo, logoFolder } from '../../operations/client-logo.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { type Parameters, soundValue } from '../../protocol/http/parameters.ts'
import type { Signet } from '../../signet.ts'

/** As a document of its own, a picture can do nothing. Only our own pages show it. */
const picturePolicy = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], sandbox: [] },
  },
} as const

/** A transparent pixel, WebP. Browsers draw a frame in the place of a picture that does not exist, even if it has no alternative text. */
const nothing = Buffer.from('UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==', 'base64')

/**
 * The logos of clients on our own pages. If a page loaded them from their `logo_uri`, the servers there would learn who signs in and when, and could show another
 * picture to each person.
 */
export function logoEndpoint(app: App, signet: Signet): void {
  const findLogo = createFindLogo(signet)
  app.get<{ Params: { version: string }; Querystring: Parameters }>(
    `${logoFolder}:version`,
    { helmet: picturePolicy },
    async (request, reply) => {
      const clientId = soundValue(request.query, 'client_id')
      const image = clientId === undefined ? undefined : await findLogo(clientId, request.params.version)
      if (!image) {
        reply.callNotFound()
        return reply
      }
      reply.type('image/webp')
      if (image === 'unusable') return reply.header('cache-control', 'private, max-age=60').send(nothing)
      // RFC 8246: another logo_uri has another path, so browsers need not ask again.
      return reply.header('cache-control', 'public, max-age=31536000, immutable').send(image)
    },
  )
}
