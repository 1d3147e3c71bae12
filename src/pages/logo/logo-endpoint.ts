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
      // RFC 8246: another logo_uri has another path, so browsers need not ask again.
      return reply.header('cache-control', 'public, max-age=31536000, immutable').type('image/webp').send(image)
    },
  )
}
