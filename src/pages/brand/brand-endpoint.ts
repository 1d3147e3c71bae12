import type { FastifyReply } from 'fastify'
import { brandFolder } from '../../html/brand.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import type { Signet } from '../../signet.ts'

/**
 * The policy of the files. SVG can contain scripts and, opened as a document, would run them on our own origin. `sandbox` without any flag
 * disables scripts and gives the document an origin of its own. As the picture of a page, SVG never runs scripts.
 */
const isolated = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: { defaultSrc: ["'none'"], styleSrc: ["'unsafe-inline'"], frameAncestors: ["'none'"], sandbox: [] },
  },
}

/** The operator's logo and the style sheet of the accent colour, whose names contain a hash of their content. */
export function brandEndpoint(app: App, { brand }: Signet): void {
  app.get<{ Params: { file: string } }>(`${brandFolder}:file`, { helmet: isolated }, (request, reply): FastifyReply => {
    const asset = brand.assets.get(`${brandFolder}${request.params.file}`)
    if (!asset) {
      reply.callNotFound()
      return reply
    }
    // RFC 8246: browsers do not ask again, not even when a page is reloaded.
    const etag = `"${request.params.file}"`
    reply.header('cache-control', 'public, max-age=31536000, immutable').header('etag', etag)
    // RFC 9110 §13.1.2: the comparison is weak, because a proxy that compresses weakens the tag.
    const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? []
    if (known.includes(etag) || known.includes('*')) return reply.status(304).send()
    return reply.type(asset.contentType).send(asset.bytes)
  })
}
