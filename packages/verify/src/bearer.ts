import type { IncomingMessage } from 'node:http'
import type { AccessTokenClaims } from './access-token-claims.ts'
import { VerificationError, type VerificationErrorCode } from './verification-error.ts'
import type { Verifier } from './verifier.ts'

// The Bearer scheme (RFC 6750) without a framework: where a request has its token, what is kept of it, and how a refusal is sent.

/**
 * Takes the access token from a request's Authorization header, the one place where it may be (RFC 6750 §2.1). From a form body
 * it is not read; in the query it is refused (RFC 9700 §4.3.2), where it has by then been written into every log on the way.
 *
 * @throws {VerificationError} `missing_token`, `malformed_request`
 */
export function bearerToken(request: Pick<IncomingMessage, 'headers' | 'rawHeaders' | 'url'>): string {
  const query = request.url?.split('?').slice(1).join('?') ?? ''
  if (query !== '' && new URLSearchParams(query).has('access_token'))
    throw malformed('Send the token in the Authorization header, not in the query (access_token).')

  // Node keeps the first of two Authorization headers and says nothing; a proxy in front may have checked the second.
  const names = (request.rawHeaders ?? []).filter((_, index) => index % 2 === 0)
  if (names.filter((name) => name.toLowerCase() === 'authorization').length > 1)
    throw malformed('Send one Authorization header, not several.')

  const { authorization } = request.headers
  // RFC 9110 §11.1: the scheme is known by its name without regard to case. Another scheme is no credentials for us.
  if (authorization === undefined || !/^bearer(?: |$)/i.test(authorization))
    throw new VerificationError('missing_token', 'The request has no bearer token in an Authorization header.')
  const token = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i.exec(authorization)?.[1]
  if (token === undefined) throw malformed('The Authorization header must be: Bearer, a space, the token.')
  return token
}

function malformed(message: string): VerificationError {
  return new VerificationError('malformed_request', message)
}

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

/** A refusal as it goes out over HTTP. */
export type BearerRefusal = {
  status: 400 | 401 | 403 | 503
  headers: Record<string, string>
  /** JSON */
  body: string
}

/** In seconds; about what the verifier waits before it asks a silent issuer again. */
const retryAfter = '5'

const invalidToken = { status: 401, error: 'invalid_token' } as const

/** RFC 6750 §3.1. The last three groups are its error codes; the first and `keys_unavailable` have none there. */
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
  keys_unavailable: { status: 503, error: 'temporarily_unavailable' },
} as const satisfies Record<VerificationErrorCode, { status: number; error: string | undefined }>

/**
 * Says a refusal as RFC 6750 §3 does.
 *
 * @param error why; its message has only characters that a quoted string may have
 * @param realm see `checkRealm`
 */
export function bearerRefusal(error: VerificationError, realm: string): BearerRefusal {
  const { status, error: code } = answers[error.code]
  const common = { 'cache-control': 'no-store', 'content-type': 'application/json' }

  // The service is at fault, not the token. Where the issuer is and how it cannot be reached, is the operator's to know.
  if (status === 503) {
    const body = { error: code, error_description: 'The token cannot be checked at the moment. Try again.' }
    return { status, headers: { ...common, 'retry-after': retryAfter }, body: JSON.stringify(body) }
  }

  // §3.1: who has sent no credentials is told how to, and no error.
  if (code === undefined)
    return { status, headers: { ...common, 'www-authenticate': `Bearer realm="${realm}"` }, body: '{}' }

  const parameters = [`realm="${realm}"`, `error="${code}"`, `error_description="${error.message}"`]
  if (error.requiredScopes.length > 0) parameters.push(`scope="${error.requiredScopes.join(' ')}"`)
  return {
    status,
    headers: { ...common, 'www-authenticate': `Bearer ${parameters.join(', ')}` },
    body: JSON.stringify({ error: code, error_description: error.message }),
  }
}

/**
 * The realm of the challenge (RFC 9110 §11.5), which must not end its quoted string.
 *
 * @throws {TypeError}
 */
export function checkRealm(realm: string): string {
  if (!/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(realm))
    throw new TypeError('realm must be printable ASCII without quote and backslash.')
  return realm
}
