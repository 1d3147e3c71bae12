import type { App } from '../../platform/http/fastify-app.ts'
import type { Signet } from '../../signet.ts'
import { metadata } from './metadata.ts'

/**
 * Both metadata documents: OpenID Connect Discovery §4 and RFC 8414 §3. They have the same content. It is built again only when an algorithm gets its
 * first active key.
 */
export function discoveryEndpoint(app: App, { settings, keyRing }: Signet): void {
  let built: { readonly algorithms: string; readonly body: string } | undefined
  const body = () => {
    const active = keyRing.activeAlgorithms()
    const algorithms = active.join(' ')
    if (built?.algorithms !== algorithms) built = { algorithms, body: JSON.stringify(metadata(settings, active)) }
    return built.body
  }
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server'])
    app.get(path, async (_request, reply) =>
      reply.header('cache-control', 'public, max-age=300').type('application/json; charset=utf-8').send(body()),
    )
}
