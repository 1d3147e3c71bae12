/* biome-ignore lint/suspicious/noTsIgnore: with @ts-expect-error the package would not build here, where Fastify is installed. */
/** @ts-ignore Lets a service compile that does not use Fastify and has not installed it. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest, onRequestAsyncHookHandler } from 'fastify'
import { type AccessTokenClaims, requireScopes } from './access-token-claims.ts'
import { type AuthenticationRequirement, checkRequirement } from './authentication-requirement.ts'
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
 * A Fastify plugin. Every route of the scope in which it is registered requires a bearer token, and gets its claims in
 * `request.accessToken`. So no route can be left unprotected by mistake; register public routes in another scope.
 *
 * The symbols are those that fastify-plugin sets. They make the hook apply to the registering scope instead of a scope of the plugin.
 */
export const fastifyBearer: FastifyPluginAsync<FastifyBearerOptions> = Object.assign(plugin, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'signet-bearer',
})

/**
 * Creates an `onRequest` hook for a route that requires scopes in the token that `fastifyBearer` has checked.
 *
 * @throws {TypeError} if a scope is not valid
 */
export function fastifyScopes(...scopes: string[]): onRequestAsyncHookHandler {
  const required = checkScopes(scopes)
  return demanding((claims) => requireScopes(claims, required))
}

/**
 * Creates an `onRequest` hook for a route that requires a stronger or more recent sign-in of the person whose token `fastifyBearer` has checked (RFC 9470).
 *
 * @throws {TypeError} if the requirement is not valid
 */
export function fastifyAuthentication(requirement: AuthenticationRequirement): onRequestAsyncHookHandler {
  const required = checkRequirement(requirement)
  return demanding((claims, verifier) => verifier.requireAuthentication(claims, required))
}

function demanding(check: (claims: AccessTokenClaims, verifier: Verifier) => void): onRequestAsyncHookHandler {
  return async (request, reply) => {
    const protection = protectionOf(request.raw)
    try {
      check(request.accessToken, protection.verifier)
    } catch (error) {
      return refuse(error, protection, request, reply)
    }
  }
}

/**
 * Sends the refusal instead of throwing it: an error handler of the service that knows only its own errors would turn it into a 500. An
 * error of any other kind is rethrown. In both cases the route is not reached.
 */
function refuse(error: unknown, protection: Protection, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (!(error instanceof VerificationError)) throw error
  request.log[error.code === 'keys_unavailable' ? 'error' : 'info']({ code: error.code }, error.message)
  const { status, headers, body } = bearerRefusal(error, protection.realm)
  return reply.code(status).headers(headers).send(body)
}
