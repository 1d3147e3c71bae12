import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientAddress } from '../../platform/http/client-address.ts'
import { addressOf, callerOf, newRequestId } from '../../platform/http/request-context.ts'
import type { ErrorName } from '../errors/error-registry.ts'
import { errorBody, OAuthError } from '../errors/oauth-error.ts'

/** Records what was refused before it became a request. */
export type NoteUnread = (caller: { readonly requestId: string; readonly network: string }, refusal: OAuthError) => void

/** What the responses need, because no route and no hook is reached. */
interface Unread {
  readonly issuer: string
  readonly noteUnread: NoteUnread
  readonly isTrustedProxy: (address: string) => boolean
}

/** Milliseconds that the client has to read the response. */
const responseTimeout = 2_000

const entries: Readonly<Record<string, ErrorName>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_too_slow',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
}

/**
 * Responds with an ordinary error to what never became a request, because it is not HTTP or was too slow. It then closes the connection,
 * because it is unknown where the next request on it would begin (RFC 9112 §9.6).
 */
export function answerClientError({ issuer, noteUnread }: Unread, error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const requestId = newRequestId()
  const refusal = new OAuthError(entries[error.code ?? ''] ?? 'not_http', { detail: error.code })
  noteUnread({ requestId, network: addressOf(socket) }, refusal)
  const { headers, body } = unreadResponse(issuer, requestId, refusal)
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    ...Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}`),
  ]
  // A client that keeps sending and never reads is not waited for.
  socket.setTimeout(responseTimeout, () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** Responds to a request whose `Expect` header has a value that Node does not support (RFC 9110 §10.1.1). */
export function answerExpectation(
  { issuer, noteUnread, isTrustedProxy }: Unread,
  message: IncomingMessage,
  response: ServerResponse,
): void {
  const refusal = new OAuthError('expectation_unknown')
  const requestId = newRequestId()
  noteUnread({ requestId, network: clientAddress(message, isTrustedProxy) }, refusal)
  const { headers, body } = unreadResponse(issuer, requestId, refusal)
  response.writeHead(refusal.status, { ...headers, connection: 'close' }).end(body)
}

/** Responds to a request whose path cannot be decoded. It has no route, so no scope handles the error. */
export function answerUnreadableAddress(
  { issuer, noteUnread }: Unread,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const refusal = new OAuthError('address_unreadable')
  noteUnread(callerOf(request), refusal)
  const { headers, body } = unreadResponse(issuer, request.id, refusal)
  reply.hijack()
  reply.raw.writeHead(refusal.status, headers).end(body)
}

/** The headers and the body of the response, in the same form as all errors. */
function unreadResponse(issuer: string, requestId: string, refusal: OAuthError) {
  const body = JSON.stringify(errorBody(issuer, refusal, requestId))
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
  }
  return { headers, body }
}
