import type { FastifyRequest } from 'fastify'
import type { OAuthError } from './oauth-error.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What the client was told instead of what it asked for. */
    refusal: OAuthError | undefined
  }
}

/** Notes what a client is told, with the detail that it is not told: in the log, and for who records refusals once it is answered. */
export function noteRefusal(request: FastifyRequest, error: OAuthError): void {
  request.refusal = error
  request.log.info(
    { error: error.code, entry: error.entry, description: error.message, detail: error.detail },
    'refused',
  )
}
