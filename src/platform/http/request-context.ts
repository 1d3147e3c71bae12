import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Log } from '../log.ts'
import { canonicalAddress } from '../network-address.ts'
import { randomText } from '../secrets/digest.ts'
import { clientAddress, unknownAddress } from './client-address.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The operator's log. Fastify does not get it: it would create a child log for each request and listen for the end of each response. */
    readonly operatorLog: Log
    /** Whether an address belongs to a proxy in SIGNET_TRUST_PROXY. */
    readonly isTrustedProxy: (address: string) => boolean
  }
  interface FastifyRequest {
    /** Milliseconds, by `performance.now()`. */
    startedAt: number
  }
}

/** Creates a request id, which the log and the response contain: 16 characters, so that it cannot be mistaken for a proxy's id. */
export function newRequestId(): string {
  return randomText(8, 'hex')
}

/**
 * Reads the address of each connection once, when it is opened, and keeps it as the socket's `remoteAddress`. Node asks the operating
 * system when the property is first read, and a client that has disconnected by then no longer has an address. Everything that needs the
 * address reads it from the socket, so no other code has to handle this.
 *
 * @param server HTTP or HTTPS
 */
export function keepAddresses(server: Server): void {
  const keep = (socket: Socket) => {
    Object.defineProperty(socket, 'remoteAddress', { value: addressOf(socket) })
  }
  server.prependListener('connection', keep)
  // Over TLS, requests arrive on a separate socket.
  server.prependListener('secureConnection', keep)
}

/** The canonical address of a connection's other end, or `unknown`. */
export function addressOf(socket: Socket): string {
  return canonicalAddress(socket.remoteAddress ?? '') ?? unknownAddress
}

/** The maximum number of characters of a User-Agent header that are kept. Those of browsers have about 120. */
const maxUserAgent = 300

/**
 * Where a request came from, for events, notices, refusals and limits. `network` is the client's address in its canonical form, or `unknown`.
 * `userAgent` is what the header of that name contains (RFC 9110 §10.1.5), shortened and without control characters: anybody can send anything.
 */
export function callerOf(request: FastifyRequest): {
  readonly requestId: string
  readonly network: string
  readonly userAgent?: string | undefined
} {
  const network = clientAddress(request.raw, request.server.isTrustedProxy)
  return { requestId: request.id, network, userAgent: shortened(request.headers['user-agent']) }
}

function shortened(header: string | undefined): string | undefined {
  return header?.replace(/\p{C}/gu, '').slice(0, maxUserAgent).trim() || undefined
}

/**
 * Who waits for the response: the client's network, and a signal that is aborted if the client closes the connection before it has the
 * response.
 */
export function requesterOf(
  request: FastifyRequest,
  { raw }: FastifyReply,
): { readonly network: string; readonly signal: AbortSignal } {
  const hungUp = new AbortController()
  // Node also emits `close` after every response, when nothing is waiting any more.
  if (raw.destroyed) hungUp.abort()
  else raw.once('close', () => hungUp.abort())
  return { network: callerOf(request).network, signal: hungUp.signal }
}
