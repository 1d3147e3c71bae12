import type { LookupFunction } from 'node:net'
import type { Client } from 'undici'
import { startTimer } from '../deadlines.ts'
import { parseAddress } from '../network-address.ts'
import { OutgoingRequestFailed } from '../outgoing-request.ts'

export interface PinnedConnection {
  /** https */
  readonly url: URL
  /** Milliseconds for everything, from looking up the name to the last byte. */
  readonly timeoutMs: number
  /** The addresses that the connection may go to. They are asked for once, so a second answer of DNS cannot replace them. */
  readonly addresses: () => Promise<readonly string[]>
  /** PEM; default: the certificates of Node, and of NODE_EXTRA_CA_CERTS. */
  readonly ca: string | undefined
  /** Ends the request early. */
  readonly signal?: AbortSignal | undefined
}

/** Bytes. */
const maxHeaderSize = 16 * 1024

/** Milliseconds after which the next address is tried at the same time (RFC 8305 §5). */
const nextAddressAfterMs = 500

/**
 * Runs one request on a connection of its own, to one of the given addresses.
 *
 * @param request sends it and reads the response; redirects are not followed
 * @throws OutgoingRequestFailed for operators; it contains no address
 */
export async function onPinnedConnection<T>(
  { url, timeoutMs, addresses, ca, signal: stopping }: PinnedConnection,
  request: (client: Client, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  // Loaded for the first request: it is large, and many installations never make one.
  const { Client } = await import('undici')
  const overtime = new AbortController()
  const ended = new Promise<never>((_resolve, reject) => {
    overtime.signal.addEventListener('abort', () => reject(overtime.signal.reason))
  })
  // It may fire when nothing waits for it any more.
  ended.catch(() => {})
  const endTimer = startTimer(
    () => overtime.abort(new OutgoingRequestFailed('there was no complete response in time')),
    timeoutMs,
  )
  const stop = () => overtime.abort(new OutgoingRequestFailed('this server is stopping'))
  if (stopping?.aborted) stop()
  stopping?.addEventListener('abort', stop)
  let client: Client | undefined
  try {
    const allowed = await Promise.race([addresses(), ended])
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
    return await Promise.race([request(client, overtime.signal), ended])
  } catch (error) {
    if (error instanceof OutgoingRequestFailed) throw error
    throw new OutgoingRequestFailed(`the request failed (${reasonOf(error)})`, { cause: error })
  } finally {
    endTimer()
    stopping?.removeEventListener('abort', stop)
    client?.destroy().catch(() => {})
  }
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
