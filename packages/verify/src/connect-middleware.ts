import type { IncomingMessage, ServerResponse } from 'node:http'
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

/** A middleware for Connect, Express, Polka and others. */
export type ConnectMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

export type ConnectBearerOptions = {
  verifier: Verifier
  /** Default: the verifier's first audience. */
  realm?: string
  /** Called for every refusal, for example to log it. What it throws is passed to `next`. */
  onRefusal?: (error: VerificationError, request: IncomingMessage) => void
}

/**
 * Creates a Connect middleware that requires a valid bearer token. Handlers after it get its claims with `accessTokenOf(request)`.
 *
 * @throws {TypeError} if the realm or another option is not valid
 */
export function connectBearer(options: ConnectBearerOptions): ConnectMiddleware {
  const { verifier, realm, onRefusal = () => {} } = options
  const protection = createProtection(verifier, realm, onRefusal)
  return (request, response, next) => {
    authenticate(request, protection).then(
      () => next(),
      (error: unknown) => refuse(error, protection, request, response, next),
    )
  }
}

/**
 * Creates a Connect middleware that requires scopes in the token that `connectBearer` has checked.
 *
 * @throws {TypeError} if a scope is not valid
 */
export function connectScopes(...scopes: string[]): ConnectMiddleware {
  const required = checkScopes(scopes)
  return demanding((claims) => requireScopes(claims, required))
}

/**
 * Creates a Connect middleware that requires a stronger or more recent sign-in of the person whose token `connectBearer` has checked (RFC 9470).
 *
 * @throws {TypeError} if the requirement is not valid
 */
export function connectAuthentication(requirement: AuthenticationRequirement): ConnectMiddleware {
  const required = checkRequirement(requirement)
  return demanding((claims, verifier) => verifier.requireAuthentication(claims, required))
}

function demanding(check: (claims: AccessTokenClaims, verifier: Verifier) => void): ConnectMiddleware {
  return (request, response, next) => {
    const claims = accessTokenOf(request)
    const protection = protectionOf(request)
    try {
      check(claims, protection.verifier)
    } catch (error) {
      refuse(error, protection, request, response, next)
      return
    }
    next()
  }
}

/** Sends the refusal, or passes an error of any other kind to `next`. In both cases the route is not reached. */
function refuse(
  error: unknown,
  protection: Protection,
  request: IncomingMessage,
  response: ServerResponse,
  next: (error: unknown) => void,
): void {
  try {
    if (!(error instanceof VerificationError)) throw error
    protection.onRefusal(error, request)
    const { status, headers, body } = bearerRefusal(error, protection.realm)
    response.writeHead(status, headers).end(body)
  } catch (unexpected) {
    next(unexpected)
  }
}
