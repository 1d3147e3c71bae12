import { allowAnyOrigin } from '../../platform/http/cors.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { asOAuthError } from '../errors/failures.ts'
import { errorAnswer } from '../errors/oauth-error.ts'

/**
 * The routes that programs call. Any origin may: they take no cookies, so a browser client gains nothing it was not given
 * (Fetch §3.2; no credentials are allowed). Nothing is stored, unless the route says otherwise.
 */
export function protocolScope(app: App, { issuer }: { readonly issuer: string }, routes: (scope: App) => void): void {
  app.register(async (scope: App) => {
    allowAnyOrigin(scope)
    scope.addHook('onRequest', (_request, reply, done) => {
      reply.header('cache-control', 'no-store')
      done()
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
