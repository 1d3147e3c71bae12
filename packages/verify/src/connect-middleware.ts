import type { IncomingMessage, ServerResponse } from 'node:http'
import { requireScopes } from './access-token-claims.ts'
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

/** As Connect, Express, Polka and others take it. */
export type ConnectMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void

export type ConnectBearerOptions = {
  verifier: Verifier
  /** Default: the verifier's first audience. */
  realm?: string
  /** Told of every refusal, for the log. What it throws goes to `next`. */
  onRefusal?: (error: VerificationError, request: IncomingMessage) => void
}

/**
 * A Connect middleware: whatever comes after it has a checked bearer token, whose claims `accessTokenOf(request)` gives.
 *
 * @throws {TypeError} where the realm cannot be sent, or an option is of another type
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
 * A Connect middleware that demands scopes of the token that `connectBearer` has checked.
 *
 * @throws {TypeError} where one is no scope
 */
export function connectScopes(...scopes: string[]): ConnectMiddleware {
  const required = checkScopes(scopes)
  return (request, response, next) => {
    const claims = accessTokenOf(request)
    try {
      requireScopes(claims, required)
    } catch (error) {
      refuse(error, protectionOf(request), request, response, next)
      return
    }
    next()
  }
}

/** Ends the request, or hands an error of any other kind to `next`; the route is not reached either way. */
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
