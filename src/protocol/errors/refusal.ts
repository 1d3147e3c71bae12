import type { FastifyRequest } from 'fastify'
import type { OAuthError } from './oauth-error.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The error that was sent in response to this request. */
    refusal: OAuthError | undefined
    /** The client that the request is from, once it is known: a request that continues another does not name it. */
    clientId: string | undefined
  }
}

/** Logs an error that is sent, with the detail that is not sent, and keeps it on the request, so that it can be recorded after the response. */
export function noteRefusal(request: FastifyRequest, error: OAuthError): void {
  request.refusal = error
  const { code, entry, message, detail } = error
  request.server.operatorLog.info(
    {
      reqId: request.id,
      error: code,
      entry,
      description: withoutSecrets(message),
      detail: detail && withoutSecrets(detail),
    },
    'refused',
  )
}

/** Cuts what may be a secret: somebody may have put a token where a scope belongs. All secrets that Signet issues have at least 40 characters. */
export function withoutSecrets(text: string): string {
  return text.replace(/[\w-]{40,}/g, (long) => `${long.slice(0, 4)}...`)
}

/** Shortens a text that a client sent. Secrets are cut first: a secret that was cut in the middle could not be recognized. */
export function shortened(text: string, maxLength: number): string {
  return withoutSecrets(text).slice(0, maxLength)
}
