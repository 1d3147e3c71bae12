import type { FastifyRequest } from 'fastify'

/** Where a request came from, for events and limits. */
export function callerOf(request: FastifyRequest): { readonly requestId: string; readonly network: string } {
  return { requestId: request.id, network: request.ip }
}
