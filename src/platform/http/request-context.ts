import type { FastifyRequest } from 'fastify'
import type { Log } from '../log.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The operator's log. Fastify is given none: it would make one for each request, and listen to the end of each answer. */
    readonly operatorLog: Log
  }
  interface FastifyRequest {
    /** Milliseconds, by `performance.now()`. */
    startedAt: number
  }
}

/** Where a request came from, for events and limits. */
export function callerOf(request: FastifyRequest): { readonly requestId: string; readonly network: string } {
  return { requestId: request.id, network: request.ip }
}
