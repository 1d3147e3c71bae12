import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { type JsonObject, parseJsonObject } from '#verify/strict-json'
import { stepTimeout } from './reason.ts'

/** Bytes of a response that are read. The responses that Signet sends are a tenth of this size. */
const maxBytes = 256 * 1024

export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Undefined if the body is too long, or cannot be decompressed. */
  readonly text: string | undefined
  /** By this machine's clock, in milliseconds since 1970: before the request was sent, and when the response headers arrived. */
  readonly sentAt: number
  readonly receivedAt: number
  /** The local address of the connection. */
  readonly from: string
}

export interface RequestOptions {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The issuer: its host is the Host and the TLS server name, wherever the request is sent. */
  readonly as: string
  /** Aborted when the command must stop. */
  readonly stopSignal: AbortSignal
  readonly now: () => number
  /** Timeout of the whole request, in milliseconds. */
  readonly timeout?: number
}

/**
 * Sends one request on a new connection. Redirects are not followed. The server may be anything, so the response is read for a limited
 * time and up to a limited length.
 *
 * @throws errors of the connection, of TLS and of the HTTP parser
 */
export function sendRequest(url: string, options: RequestOptions): Promise<HttpResponse> {
  const { method = 'GET', headers = {}, body, as, stopSignal, now, timeout = stepTimeout } = options
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.any([stopSignal, AbortSignal.timeout(timeout)])
    const { host } = new URL(as)
    const name = bareHost(as)
    const requestOptions = {
      ...{ method, headers: { ...headers, host, connection: 'close' }, agent: false, signal },
      // Regardless of NODE_TLS_REJECT_UNAUTHORIZED, because a verifier would not connect. RFC 6066 §3: a server name is not an IP address.
      ...{ rejectUnauthorized: true, servername: isIP(name) ? '' : name },
      checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate),
    }
    const sentAt = now()
    const request = (url.startsWith('https:') ? https : http).request(url, requestOptions, (response) => {
      const receivedAt = now()
      const from = response.socket.localAddress ?? ''
      const chunks: Buffer[] = []
      let length = 0
      const finish = (text: string | undefined) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, sentAt, receivedAt, from })
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length <= maxBytes) chunks.push(chunk)
        else {
          finish(undefined)
          response.destroy()
        }
      })
      response.on('end', () => finish(decompressed(Buffer.concat(chunks), response.headers['content-encoding'])))
    })
    request.on('error', (error) => reject(signal.aborted ? signal.reason : error))
    request.end(body)
  })
}

function decompressed(bytes: Buffer, encoding: string | undefined): string | undefined {
  if (encoding !== 'gzip') return bytes.toString('utf8')
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes }).toString('utf8')
  } catch {
    return undefined
  }
}

/** The JSON object in a response; undefined for anything else, and if it is nested too deeply. */
export function jsonObjectOf({ text }: Pick<HttpResponse, 'text'>): Readonly<JsonObject> | undefined {
  try {
    return parseJsonObject(text ?? '')
  } catch {
    return undefined
  }
}

/** The host of a URL as sockets and certificates need it: an IPv6 address without brackets. */
export function bareHost(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}
