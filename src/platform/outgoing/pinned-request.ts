import type { Client, Dispatcher } from 'undici'
import { OutgoingRequestFailed } from '../outgoing-request.ts'
import { onPinnedConnection, type PinnedConnection } from './pinned-connection.ts'

export interface Received {
  readonly body: Buffer
  /** The value of a header, by its name in lower case. One that is sent several times is a list (RFC 9110 §5.3). */
  readonly header: (name: string) => string | undefined
}

export interface PinnedRequest extends PinnedConnection {
  readonly accept: string
  readonly maxBytes: number
}

/**
 * Gets a document from one of the given addresses. Redirects are not followed. The response must not be compressed: a few kilobytes can stand for gigabytes.
 *
 * @throws OutgoingRequestFailed for operators; it contains nothing of the response but its status, and no address
 */
export async function pinnedRequest({ accept, maxBytes, ...connection }: PinnedRequest): Promise<Received> {
  const limits = { accept, maxBytes }
  return onPinnedConnection(connection, (client, signal) => receive(client, connection.url, signal, limits))
}

async function receive(
  client: Client,
  url: URL,
  signal: AbortSignal,
  { accept, maxBytes }: Pick<PinnedRequest, 'accept' | 'maxBytes'>,
): Promise<Received> {
  const { statusCode, headers, body } = await client.request({
    method: 'GET',
    path: `${url.pathname}${url.search}`,
    headers: { accept, 'accept-encoding': 'identity', 'user-agent': 'Signet' },
    signal,
  })
  const header = (name: string) => {
    const value = headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  const fault = faultInHead(statusCode, header, maxBytes)
  // The connection is closed without reading the body.
  if (fault) throw new OutgoingRequestFailed(fault)
  return { body: await readBody(body, maxBytes), header }
}

function faultInHead(status: number, header: Received['header'], maxBytes: number): string | undefined {
  if (status >= 300 && status < 400) return `the response is a redirect (${status}), and redirects are not followed`
  if (status !== 200) return `the response has the status ${status}`
  if ((header('content-encoding') ?? 'identity').toLowerCase() !== 'identity')
    return 'the response is compressed, although the request does not accept that'
  return Number(header('content-length') ?? 0) > maxBytes ? tooLong(maxBytes) : undefined
}

async function readBody(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > maxBytes) throw new OutgoingRequestFailed(tooLong(maxBytes))
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function tooLong(maxBytes: number): string {
  return `the response is longer than ${maxBytes} bytes`
}
