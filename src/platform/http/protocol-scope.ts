import cors from '@fastify/cors'
import type { App } from './app.ts'
import { errorAnswer } from './error-answer.ts'
import { asOAuthError } from './failures.ts'

/**
 * The routes that programs call. Any origin may: they take no cookies, so a browser client gains nothing it was not given
 * (Fetch §3.2; no credentials are allowed). Nothing is stored, unless the route says otherwise.
 */
export function protocolScope(app: App, { issuer }: { readonly issuer: string }, routes: (scope: App) => void): void {
  app.register(async (scope: App) => {
    const paths = new Set<string>()
    scope.addHook('onRoute', ({ url }) => void paths.add(url))
    // The plugin answers the preflight of every path there is; those of pages are none of its business.
    scope.addHook('onRequest', async (request, reply) => {
      reply.header('cache-control', 'no-store')
      if (request.method === 'OPTIONS' && !paths.has(request.url.split('?', 1)[0] as string)) reply.callNotFound()
    })
    await scope.register(cors, {
      origin: '*',
      methods: ['GET', 'HEAD', 'POST'],
      allowedHeaders: ['Authorization', 'Content-Type', 'If-None-Match'],
      exposedHeaders: ['WWW-Authenticate', 'X-Request-Id', 'ETag', 'Retry-After'],
      maxAge: 3600,
    })
    scope.setErrorHandler((error, request, reply) => {
      const told = asOAuthError(error, request)
      return reply
        .status(told.status)
        .headers({ 'cache-control': 'no-store', ...told.headers })
        .send(errorAnswer(issuer, told, request.id))
    })
    routes(scope)
  })
}
