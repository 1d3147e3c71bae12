import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { addressOf } from '../../platform/http/request-context.ts'
import type { ErrorName } from '../errors/error-registry.ts'
import { errorAnswer, OAuthError } from '../errors/oauth-error.ts'

/** Milliseconds to take the answer. */
const lastWords = 2_000

/** Takes note of what never became a request, and was answered all the same. */
export type NoteUnread = (caller: { readonly requestId: string; readonly network: string }, refusal: OAuthError) => void

const entries: Readonly<Record<string, ErrorName>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_too_slow',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
}

/** The id that a request is known by, in the log and to who sent it: 16 characters, so that no proxy's id looks like it. */
export function newRequestId(): string {
  // The random digits of a UUID, which comes from bytes that Node fetches ahead: ten times as fast as asking for some.
  const uuid = randomUUID()
  return uuid.slice(0, 8) + uuid.slice(24, 32)
}

/** The answer to what no route has seen, in the form of all errors. */
export function unreadAnswer(issuer: string, requestId: string, refusal: OAuthError) {
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

/**
 * Answers what never became a request, because it is no HTTP or came too slowly, like any other error, and closes the connection:
 * where the next request on it would begin is not known (RFC 9112 §9.6).
 */
export function answerClientError(
  issuer: string,
  error: NodeJS.ErrnoException,
  socket: Socket,
  noteUnread: NoteUnread,
): void {
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
