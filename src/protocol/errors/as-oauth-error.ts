import type { FastifyError, FastifyRequest } from 'fastify'
import { isUnavailable } from '../../platform/database/unavailable.ts'
import { SigningUnavailable } from '../../platform/jwt/sign.ts'
import { TooManyWaiting } from '../../platform/turns.ts'
import { OAuthError } from './oauth-error.ts'
import { noteRefusal } from './refusal.ts'

/** Seconds after which a retry makes sense. */
const retryAfter = '2'

/**
 * Translates a thrown error into one that can be sent. An unexpected error, or one of an unavailable dependency, is logged under the
 * request's id, and the response has only a general description. The refusal is noted for the log and the record.
 */
export function asOAuthError(error: unknown, request: FastifyRequest): OAuthError {
  const refusal = translated(error, request)
  noteRefusal(request, refusal)
  return refusal
}

function translated(error: unknown, request: FastifyRequest): OAuthError {
  if (error instanceof OAuthError) return error
  // Not logged as an outage: anybody with one token can cause this.
  if (error instanceof TooManyWaiting)
    return new OAuthError('unavailable', { headers: { 'retry-after': retryAfter }, detail: error.message })
  const { statusCode = 500, code, message } = error as FastifyError
  // A client that disconnects has the same code (ECONNRESET) as a database that does, but it also has a status.
  const isClients = statusCode >= 400 && statusCode < 500
  if (!isClients && (isUnavailable(error) || error instanceof SigningUnavailable)) {
    request.server.operatorLog.error({ reqId: request.id, err: error }, 'unavailable')
    return new OAuthError('unavailable', {
      headers: { 'retry-after': retryAfter },
      detail: error instanceof Error ? error.message : undefined,
    })
  }
  if (statusCode === 413) return new OAuthError('body_too_large', { detail: message })
  if (statusCode === 415) return new OAuthError('body_type_unsupported', { detail: message })
  if (isClients) return new OAuthError('request_unreadable', { status: statusCode, detail: message })
  request.server.operatorLog.error({ reqId: request.id, err: error, code }, 'unexpected failure')
  return new OAuthError('unexpected_failure', { param: request.id })
}
