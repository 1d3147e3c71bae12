import type { IncomingMessage } from 'node:http'
import { VerificationError } from './verification-error.ts'

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
