import type { IncomingMessage } from 'node:http'
import type { AccessTokenClaims } from './access-token-claims.ts'
import { VerificationError, type VerificationErrorCode } from './verification-error.ts'
import type { Verifier } from './verifier.ts'

// The Bearer scheme (RFC 6750), independent of a framework: reads the token of a request, keeps its claims, and formats refusals.

/**
 * Reads the access token from the Authorization header, the only place where it is accepted (RFC 6750 §2.1). It is not read from a form
 * body. In the query it is rejected (RFC 9700 §4.3.2), because URLs are logged by servers and proxies.
 *
 * @throws {VerificationError} `missing_token`, `malformed_request`
 */
export function bearerToken(request: Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'url'>): string {
  const query = request.url?.split('?').slice(1).join('?') ?? ''
  if (query !== '' && new URLSearchParams(query).has('access_token'))
    throw malformed('Send the token in the Authorization header, not in the query (access_token).')

  // Node silently keeps the first of two Authorization headers; a proxy in front may have checked the second.
  const names = (request.rawHeaders ?? []).filter((_, index) => index % 2 === 0)
  if (names.filter((name) => name.toLowerCase() === 'authorization').length > 1)
    throw malformed('Send one Authorization header, not several.')

  const { authorization } = request.headers
  // RFC 9110 §11.1: scheme names are case-insensitive. Credentials of another scheme count as none.
  if (authorization === undefined || !/^bearer(?: |$)/i.test(authorization))
    throw new VerificationError('missing_token', 'The request has no bearer token in an Authorization header.')
  const token = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)?.[1]
  if (token === undefined) throw malformed('The Authorization header must contain Bearer, a space, and the token.')
  return token
}

function malformed(message: string): VerificationError {
  return new VerificationError('malformed_request', message)
}

/** The configuration that protected routes of a service share. */
export type Protection = {
  verifier: Verifier
  /** See `checkRealm`. */
  realm: string
  onRefusal: (error: VerificationError, request: IncomingMessage) => void
}

/**
 * Creates the protection of routes. Checks its parts when the service starts, not at the first refusal.
 *
 * @param realm default: the verifier's first audience
 * @throws {TypeError} naming the option
 */
export function createProtection(
  verifier: Verifier,
  realm: string | undefined,
  onRefusal: Protection['onRefusal'],
): Protection {
  if (typeof verifier?.verify !== 'function') throw new TypeError('verifier must be a result of createVerifier.')
  if (typeof onRefusal !== 'function') throw new TypeError('onRefusal must be a function that takes the error.')
  return { verifier, realm: checkRealm(realm ?? verifier.audience[0] ?? ''), onRefusal }
}

type Authentication = { claims: AccessTokenClaims; protection: Protection }

/** A symbol private to this module, so that no other middleware or body parser can put claims on a request by accident. */
const authentication = Symbol('verified access token')

type MarkedRequest = IncomingMessage & { [authentication]?: Authentication }

/**
 * Checks the token of a request and stores its claims on the request.
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
 * @throws {Error} if none was checked: the route is not registered after `fastifyBearer` or `connectBearer`
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

/** A refusal as an HTTP response. */
export type BearerRefusal = {
  status: 400 | 401 | 403 | 503
  headers: Record<string, string>
  /** JSON */
  body: string
}

/** In seconds: about as long as the verifier waits before it retries an issuer that does not respond. */
const retryAfter = '5'

const invalidToken = { status: 401, error: 'invalid_token' } as const

/** The error codes are those of RFC 6750 §3.1, which has none for `missing_token` and `keys_unavailable`. */
const answers = {
  missing_token: { status: 401, error: undefined },
  malformed_request: { status: 400, error: 'invalid_request' },
  token_too_large: invalidToken,
  malformed_token: invalidToken,
  unsupported_header: invalidToken,
  unsupported_algorithm: invalidToken,
  wrong_type: invalidToken,
  unknown_key: invalidToken,
  algorithm_mismatch: invalidToken,
  bad_signature: invalidToken,
  missing_claim: invalidToken,
  malformed_claim: invalidToken,
  wrong_issuer: invalidToken,
  wrong_audience: invalidToken,
  expired: invalidToken,
  not_yet_valid: invalidToken,
  sender_constrained: invalidToken,
  insufficient_scope: { status: 403, error: 'insufficient_scope' },
  // RFC 9470 §3.
  insufficient_user_authentication: { status: 401, error: 'insufficient_user_authentication' },
  keys_unavailable: { status: 503, error: 'temporarily_unavailable' },
} as const satisfies Record<VerificationErrorCode, { status: number; error: string | undefined }>

/**
 * Formats a refusal as in RFC 6750 §3 and RFC 9470 §3.
 *
 * @param error the reason; its message contains only characters that are allowed in a quoted string
 * @param realm see `checkRealm`
 */
export function bearerRefusal(error: VerificationError, realm: string): BearerRefusal {
  const { status, error: code } = answers[error.code]
  const common = { 'cache-control': 'no-store', 'content-type': 'application/json' }

  // The fault is not the token's. Why the issuer cannot be reached, and at which address, is only for the operator.
  if (status === 503) {
    const body = { error: code, error_description: 'The token cannot be checked at the moment. Try again.' }
    return { status, headers: { ...common, 'retry-after': retryAfter }, body: JSON.stringify(body) }
  }

  // §3.1: without credentials in the request, the response contains only the challenge and no error.
  if (code === undefined)
    return { status, headers: { ...common, 'www-authenticate': `Bearer realm="${realm}"` }, body: '{}' }

  const parameters = [`realm="${realm}"`, `error="${code}"`, `error_description="${error.message}"`]
  if (error.requiredScopes.length > 0) parameters.push(`scope="${error.requiredScopes.join(' ')}"`)
  if (error.requiredAcr.length > 0) parameters.push(`acr_values="${error.requiredAcr.join(' ')}"`)
  if (error.maxAge !== undefined) parameters.push(`max_age="${error.maxAge}"`)
  return {
    status,
    headers: { ...common, 'www-authenticate': `Bearer ${parameters.join(', ')}` },
    body: JSON.stringify({ error: code, error_description: error.message }),
  }
}

/**
 * Checks the realm of the challenge (RFC 9110 §11.5), which must not be able to end its quoted string.
 *
 * @throws {TypeError}
 */
export function checkRealm(realm: string): string {
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(realm))
    throw new TypeError('realm must be printable ASCII without quotes or backslashes.')
  return realm
}
