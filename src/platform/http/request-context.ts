import type { Server } from 'node:http'
import type { Socket } from 'node:net'
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

/** The address of a client that hung up before it could be read. */
const unknownAddress = 'unknown'

/**
 * Reads the address of each connection once, when it is opened, and keeps it as the socket's `remoteAddress`. Node asks the operating
 * system when the property is first read, and a client that has hung up by then has no address any more. Everything that needs the
 * address, Fastify's `request.ip` included, reads it from the socket, so this is the only place that has to care.
 *
 * @param server HTTP or HTTPS
 */
export function keepAddresses(server: Server): void {
  const keep = (socket: Socket) => {
    Object.defineProperty(socket, 'remoteAddress', { value: addressOf(socket) })
  }
  server.prependListener('connection', keep)
  // Over TLS, requests come on a socket of their own.
  server.prependListener('secureConnection', keep)
}

/** The address of a connection's other end, or `unknown`. */
export function addressOf(socket: Socket): string {
  return socket.remoteAddress ?? unknownAddress
}

/**
 * Where a request came from, for events, refusals and limits. A trusted proxy says it in a header, where anything may stand: a text
 * that cannot be an address is replaced by `unknown`.
 */
export function callerOf(request: FastifyRequest): { readonly requestId: string; readonly network: string } {
  const address: string | undefined = request.ip
  return { requestId: request.id, network: isAddress(address) ? address : unknownAddress }
}

/** Of the length and the characters of an address, with a zone or a port where a proxy adds one. */
function isAddress(text: string | undefined): text is string {
  return text !== undefined && /^[\w.:%[\]-]{1,100}$/.test(text)
}
