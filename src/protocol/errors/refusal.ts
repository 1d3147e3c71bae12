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

/** Somebody may have put a token where a scope belongs. All that Signet gives out to be kept secret is longer than this. */
export function withoutSecrets(text: string): string {
  return text.replace(/[\w-]{40,}/g, (long) => `${long.slice(0, 4)}...`)
}

/** For what is told of a text that somebody sent. In this order: a secret that is cut off in its middle looks like none. */
export function shortened(text: string, most: number): string {
  return withoutSecrets(text).slice(0, most)
}
