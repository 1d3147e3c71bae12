import type { IncomingMessage } from 'node:http'
import type { AccessTokenClaims } from './access-token-claims.ts'
import { bearerToken } from './bearer-token.ts'
import type { VerificationError } from './verification-error.ts'
import type { Verifier } from './verifier.ts'

/** What stands behind the protected routes of one service. */
export type Protection = {
  verifier: Verifier
  /** See `checkRealm`. */
  realm: string
  onRefusal: (error: VerificationError, request: IncomingMessage) => void
}

type Authentication = { claims: AccessTokenClaims; protection: Protection }

/** A symbol that nobody else has: no other middleware or body parser puts claims onto a request by accident. */
const authentication = Symbol('verified access token')

type MarkedRequest = IncomingMessage & { [authentication]?: Authentication }

/**
 * Checks the token of a request and keeps its claims on it.
 *
 * @throws {VerificationError}
 */
export async function authenticate(request: MarkedRequest, protection: Protection): Promise<void> {
  const claims = await protection.verifier.verify(bearerToken(request))
  request[authentication] = { claims, protection }
}

/**
 * The claims of the access token that was checked on this request.
 *
 * @throws {Error} where none was: the route does not come after `fastifyBearer` or `connectBearer`
 */
export function accessTokenOf(request: IncomingMessage): AccessTokenClaims {
  return authenticationOf(request).claims
}

/** @throws {Error} as `accessTokenOf` */
export function protectionOf(request: IncomingMessage): Protection {
  return authenticationOf(request).protection
}

function authenticationOf(request: MarkedRequest): Authentication {
  const found = request[authentication]
  if (found === undefined)
    throw new Error(
      'No access token was checked on this request: the route must come after fastifyBearer or connectBearer.',
    )
  return found
}
