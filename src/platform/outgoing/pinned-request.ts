import type { LookupFunction } from 'node:net'
import type { Client, Dispatcher } from 'undici'
import { parseAddress } from '../network-address.ts'
import { OutgoingRequestFailed } from '../outgoing-request.ts'
import { startTimer } from '../wait-queue.ts'

export interface Received {
  readonly body: Buffer
  /** The first value of a header, by its name in lower case. */
  readonly header: (name: string) => string | undefined
}

export interface PinnedRequest {
  /** https */
  readonly url: URL
  readonly accept: string
  readonly maxBytes: number
  /** Milliseconds for everything, from looking up the name to the last byte. */
  readonly timeoutMs: number
  /** The addresses that the connection may go to. They are asked for once, so a second answer of DNS cannot replace them. */
  readonly addresses: () => Promise<readonly string[]>
  /** PEM; default: the certificates of Node, and of NODE_EXTRA_CA_CERTS. */
  readonly ca: string | undefined
}

/** Bytes. */
const maxHeaderSize = 16 * 1024

/** Milliseconds after which the next address is tried at the same time (RFC 8305 §5). */
const nextAddressAfterMs = 500

/**
 * Gets a document from one of the given addresses. Redirects are not followed. The response must not be compressed: a few kilobytes can stand for gigabytes.
 *
 * @throws OutgoingRequestFailed for operators; it contains nothing of the response but its status, and no address
 */
export async function pinnedRequest({ url, timeoutMs, addresses, ca, ...limits }: PinnedRequest): Promise<Received> {
  // Loaded for the first request: it is large, and many installations never make one.
  const { Client } = await import('undici')
  const overtime = new AbortController()
  const timeout = new Promise<never>((_resolve, reject) => {
    overtime.signal.addEventListener('abort', () => reject(overtime.signal.reason))
  })
  // It may fire when nothing waits for it any more.
  timeout.catch(() => {})
  const endTimer = startTimer(
    () => overtime.abort(new OutgoingRequestFailed('there was no complete response in time')),
    timeoutMs,
  )
  let client: Client | undefined
  try {
    const allowed = await Promise.race([addresses(), timeout])
    // A client for each request: a pool would reuse a connection to an address that was allowed for another name, or at another time.
    client = new Client(url.origin, {
      maxHeaderSize,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: {
        ca,
        lookup: pinnedTo(allowed),
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: nextAddressAfterMs,
        // `destroy` does not end a connection that is still being made.
        timeout: timeoutMs,
        maxCachedSessions: 0,
        // NODE_TLS_REJECT_UNAUTHORIZED=0 is often set for something else.
        rejectUnauthorized: true,
      },
    })
    return await Promise.race([receive(client, url, overtime.signal, limits), timeout])
  } catch (error) {
    if (error instanceof OutgoingRequestFailed) throw error
    throw new OutgoingRequestFailed(`the request failed (${reasonOf(error)})`, { cause: error })
  } finally {
    endTimer()
    client?.destroy().catch(() => {})
  }
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
  const header = (name: string) => [headers[name]].flat()[0]
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

/** For `net.connect`. It asks for all addresses if it may try several, and otherwise for one. */
function pinnedTo(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  return (_hostname, { all }, callback) => {
    const [first] = found
    if (!first) return callback(new Error('no address is allowed'), '')
    if (all) callback(null, found)
    else callback(null, first.address, first.family)
  }
}

/** Messages of the operating system name the address. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== undefined) return code
  return message.split(/[\s,()]+/).some((word) => parseAddress(word.replace(/:\d+$/, ''))) ? 'no reason given' : message
}
