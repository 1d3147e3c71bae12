import type { FastifyError, FastifyRequest } from 'fastify'
import { isUnavailable } from '../database/queryable.ts'
import { OAuthError } from './oauth-error.ts'

/** Seconds after which it is worth trying again. */
const retryAfter = '2'

/**
 * What a thrown error is to the world. What nobody foresaw, and what lies with the database, is logged under the request's id and
 * told in one plain sentence.
 */
export function asOAuthError(error: unknown, request: FastifyRequest): OAuthError {
  if (error instanceof OAuthError) {
    request.log.info({ error: error.code, description: error.message, detail: error.detail }, 'refused')
    return error
  }
  if (isUnavailable(error) || isRefusalToSign(error)) {
    request.log.error({ err: error }, 'unavailable')
    return new OAuthError('temporarily_unavailable', 'The server cannot answer right now. Try again in a moment.', {
      headers: { 'retry-after': retryAfter },
    })
  }
  const { validation, statusCode = 500, code } = error as FastifyError
  if (validation) {
    const name = validation[0]?.instancePath.split('/')[1]
    return new OAuthError(
      'invalid_request',
      name ? `The parameter '${name}' is not well formed.` : 'The request is not well formed.',
    )
  }
  if (statusCode === 413) return new OAuthError('invalid_request', 'The body is too large.', { status: 413 })
  if (statusCode === 415)
    return new OAuthError('invalid_request', 'The body must be application/x-www-form-urlencoded.', { status: 415 })
  if (statusCode >= 400 && statusCode < 500)
    return new OAuthError('invalid_request', 'The request cannot be read.', { status: statusCode })
  request.log.error({ err: error, code }, 'unexpected failure')
  return new OAuthError('server_error', `Something went wrong here. Ask the operator about request ${request.id}.`)
}

/** The key ring lies above this wing, so its refusal is known by its name. */
function isRefusalToSign(error: unknown): boolean {
  return error instanceof Error && error.name === 'KeysUnavailable'
}
