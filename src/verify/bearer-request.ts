import type { IncomingMessage } from 'node:http'
import type { AccessTokenClaims } from './access-token-claims.ts'
import { checkRealm } from './bearer-refusal.ts'
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

/**
 * What protects routes, with its parts checked where the service starts rather than at the first refusal.
 *
 * @param realm default: the verifier's first audience
 * @throws {TypeError} naming the option
 */
export function createProtection(
  verifier: Verifier,
  realm: string | undefined,
  onRefusal: Protection['onRefusal'],
): Protection {
  if (typeof verifier?.verify !== 'function') throw new TypeError('verifier must be what createVerifier returned.')
  if (typeof onRefusal !== 'function') throw new TypeError('onRefusal must be a function that takes the error.')
  return { verifier, realm: checkRealm(realm ?? verifier.audience[0] ?? ''), onRefusal }
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
