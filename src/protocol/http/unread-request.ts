import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientAddress } from '../../platform/http/client-address.ts'
import { addressOf, callerOf, newRequestId } from '../../platform/http/request-context.ts'
import type { ErrorName } from '../errors/error-registry.ts'
import { errorAnswer, OAuthError } from '../errors/oauth-error.ts'

/** Takes note of what never became a request, and was answered all the same. */
export type NoteUnread = (caller: { readonly requestId: string; readonly network: string }, refusal: OAuthError) => void

/** What is needed to answer where no route and no hook is reached. */
interface Unread {
  readonly issuer: string
  readonly noteUnread: NoteUnread
  readonly isTrustedProxy: (address: string) => boolean
}

/** Milliseconds to take the answer. */
const lastWords = 2_000

const entries: Readonly<Record<string, ErrorName>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_too_slow',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
}

/**
 * Answers what never became a request, because it is no HTTP or came too slowly, like any other error, and closes the connection:
 * where the next request on it would begin is not known (RFC 9112 §9.6).
 */
export function answerClientError({ issuer, noteUnread }: Unread, error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const requestId = newRequestId()
  const refusal = new OAuthError(entries[error.code ?? ''] ?? 'not_http', { detail: error.code })
  noteUnread({ requestId, network: addressOf(socket) }, refusal)
  const { headers, body } = unreadAnswer(issuer, requestId, refusal)
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    ...Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}`),
  ]
  // Who goes on sending and never reads is not waited for.
  socket.setTimeout(lastWords, () => socket.destroy())
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

/** Answers a request whose `Expect` header asks for something that Node does not know (RFC 9110 §10.1.1). */
export function answerExpectation(
  { issuer, noteUnread, isTrustedProxy }: Unread,
  message: IncomingMessage,
  response: ServerResponse,
): void {
  const refusal = new OAuthError('expectation_unknown')
  const requestId = newRequestId()
  noteUnread({ requestId, network: clientAddress(message, isTrustedProxy) }, refusal)
  const { headers, body } = unreadAnswer(issuer, requestId, refusal)
  response.writeHead(refusal.status, { ...headers, connection: 'close' }).end(body)
}

/** Answers a request whose address cannot even be decoded: it has no route, and so no scope that would answer for it. */
export function answerUnreadableAddress(
  { issuer, noteUnread }: Unread,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const refusal = new OAuthError('address_unreadable')
  noteUnread(callerOf(request), refusal)
  const { headers, body } = unreadAnswer(issuer, request.id, refusal)
  reply.hijack()
  reply.raw.writeHead(refusal.status, headers).end(body)
}

/** The answer, in the form of all errors. */
function unreadAnswer(issuer: string, requestId: string, refusal: OAuthError) {
  const body = JSON.stringify(errorAnswer(issuer, refusal, requestId))
  const headers = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
  }
  return { headers, body }
}
