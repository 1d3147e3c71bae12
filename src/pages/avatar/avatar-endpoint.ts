import { avatarFolder, avatarImage } from '../../operations/own-avatar.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import type { Signet } from '../../signet.ts'

/** Applications show the pictures on their own pages. As a document of its own, a picture can do nothing. */
const picturePolicy = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], sandbox: [] },
  },
  crossOriginResourcePolicy: { policy: 'cross-origin' },
} as const

/** The pictures that people have uploaded. Whoever has the URL, which is in the claim `picture`, can see the picture; nobody can guess it. */
export function avatarEndpoint(app: App, signet: Signet): void {
  app.get<{ Params: { id: string } }>(`${avatarFolder}:id`, { helmet: picturePolicy }, async (request, reply) => {
    const image = await avatarImage(signet, request.params.id)
    if (!image) {
      reply.callNotFound()
      return reply
    }
    // RFC 8246: another picture has another id, so browsers need not ask again.
    return reply.header('cache-control', 'public, max-age=31536000, immutable').type('image/webp').send(image)
  })
}
