/* biome-ignore lint/suspicious/noTsIgnore: with @ts-expect-error the package would not build here, where Fastify is installed. */
/** @ts-ignore The types of a service that does not use Fastify, and has not installed it, compile all the same. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { type AccessTokenClaims, requireScopes } from './access-token-claims.ts'
import {
  accessTokenOf,
  authenticate,
  bearerRefusal,
  createProtection,
  type Protection,
  protectionOf,
} from './bearer.ts'
import { VerificationError } from './verification-error.ts'
import type { Verifier } from './verifier.ts'
import { checkScopes } from './verifier-options.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The claims of the access token. Throws on a route that `fastifyBearer` does not protect. */
    readonly accessToken: AccessTokenClaims
  }
}

export type FastifyBearerOptions = {
  verifier: Verifier
  /** Default: the verifier's first audience. */
  realm?: string
}

const plugin: FastifyPluginAsync<FastifyBearerOptions> = async (app, { verifier, realm }) => {
  const protection = createProtection(verifier, realm, () => {})
  app.decorateRequest('accessToken', {
    getter(this: FastifyRequest) {
      return accessTokenOf(this.raw)
    },
  })
  app.addHook('onRequest', async (request, reply) => {
    try {
      await authenticate(request.raw, protection)
    } catch (error) {
      return refuse(error, protection, request, reply)
    }
  })
}

/**
 * A Fastify plugin: every route of the scope in which it is registered demands a bearer token, and finds its claims in
 * `request.accessToken`. So no route can be forgotten; those for everybody are registered in another scope.
 *
 * The marks are those that fastify-plugin sets: the hook is for the scope that registers, not for one of the plugin's own.
 */
export const fastifyBearer: FastifyPluginAsync<FastifyBearerOptions> = Object.assign(plugin, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'signet-bearer',
})

/**
 * A route's `onRequest` hook that demands scopes of the token that `fastifyBearer` has checked.
 *
 * @throws {TypeError} where one is no scope
 */
export function fastifyScopes(...scopes: string[]): onRequestAsyncHookHandler {
  const required = checkScopes(scopes)
  return async (request, reply) => {
    const protection = protectionOf(request.raw)
    try {
      requireScopes(request.accessToken, required)
    } catch (error) {
      return refuse(error, protection, request, reply)
    }
  }
}

/**
 * Answers itself instead of throwing: a service's error handler that knows only its own errors would make a 500 of the refusal.
 * An error of any other kind is thrown on, and the route is not reached either.
 */
function refuse(error: unknown, protection: Protection, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (!(error instanceof VerificationError)) throw error
  request.log[error.code === 'keys_unavailable' ? 'error' : 'info']({ code: error.code }, error.message)
  const { status, headers, body } = bearerRefusal(error, protection.realm)
  return reply.code(status).headers(headers).send(body)
}
