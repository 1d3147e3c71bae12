import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Log } from '../log.ts'
import { canonicalAddress } from '../network-address.ts'
import { clientAddress, unknownAddress } from './client-address.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The operator's log. Fastify is given none: it would make one for each request, and listen to the end of each answer. */
    readonly operatorLog: Log
    /** Whether an address belongs to a proxy in SIGNET_TRUST_PROXY. */
    readonly isTrustedProxy: (address: string) => boolean
  }
  interface FastifyRequest {
    /** Milliseconds, by `performance.now()`. */
    startedAt: number
  }
}

/** The id that a request is known by, in the log and to who sent it: 16 characters, so that no proxy's id looks like it. */
export function newRequestId(): string {
  // The random digits of a UUID, which comes from bytes that Node fetches ahead: ten times as fast as asking for some.
  const uuid = randomUUID()
  return uuid.slice(0, 8) + uuid.slice(24, 32)
}

/**
 * Reads the address of each connection once, when it is opened, and keeps it as the socket's `remoteAddress`. Node asks the operating
 * system when the property is first read, and a client that has hung up by then has no address any more. Everything that needs the
 * address reads it from the socket, so this is the only place that has to care.
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

/** The canonical address of a connection's other end, or `unknown`. */
export function addressOf(socket: Socket): string {
  return canonicalAddress(socket.remoteAddress ?? '') ?? unknownAddress
}

/**
 * Where a request came from, for events, refusals and limits. `network` is the client's address in its canonical form, or `unknown`.
 */
export function callerOf(request: FastifyRequest): { readonly requestId: string; readonly network: string } {
  return { requestId: request.id, network: clientAddress(request.raw, request.server.isTrustedProxy) }
}

/**
 * Whom a request waits for: the client's network, and a signal that is aborted when the client closes the connection before it has its
 * answer.
 */
export function requesterOf(
  request: FastifyRequest,
  { raw }: FastifyReply,
): { readonly network: string; readonly signal: AbortSignal } {
  const hungUp = new AbortController()
  // Node emits `close` after every answer too, when nothing waits any more.
  if (raw.destroyed) hungUp.abort()
  else raw.once('close', () => hungUp.abort())
  return { network: callerOf(request).network, signal: hungUp.signal }
}
