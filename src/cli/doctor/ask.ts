import http, { type IncomingHttpHeaders } from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate } from 'node:tls'
import { gunzipSync } from 'node:zlib'
import { type JsonObject, parseJsonObject } from '#verify/strict-json'
import { stepLimit } from './reason.ts'

/** Octets of an answer that are read. What Signet says of itself has a tenth of it. */
const most = 256 * 1024

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Undefined where there is more than anybody should read, or what does not unpack. */
  readonly text: string | undefined
  /** By this machine's clock, in milliseconds since 1970: before the question, and at the first word of the answer. */
  readonly asked: number
  readonly answered: number
  /** The address that this machine asked from. */
  readonly from: string
}

export interface Question {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The issuer: its host is asked for, whatever address leads there. */
  readonly as: string
  /** Aborted when the person asks for the end. */
  readonly asked: AbortSignal
  readonly now: () => number
  /** Milliseconds for all of it. */
  readonly limit?: number
}

/**
 * Asks once, on a connection of its own. Redirects are answers like others, and what answers may be anything: it is read for a
 * bounded time and length.
 *
 * @throws what the connection, TLS and the parser say
 */
export function ask(url: string, question: Question): Promise<Answer> {
  const { method = 'GET', headers = {}, body, as, asked: ended, now, limit = stepLimit } = question
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.any([ended, AbortSignal.timeout(limit)])
    const { host } = new URL(as)
    const name = bareHost(as)
    const options = {
      ...{ method, headers: { ...headers, host, connection: 'close' }, agent: false, signal },
      // Whatever NODE_TLS_REJECT_UNAUTHORIZED says: a verifier would not connect. RFC 6066 §3: a server name is no address.
      ...{ rejectUnauthorized: true, servername: isIP(name) ? '' : name },
      checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkServerIdentity(name, certificate),
    }
    const asked = now()
    const request = (url.startsWith('https:') ? https : http).request(url, options, (response) => {
      const answered = now()
      const from = response.socket.localAddress ?? ''
      const chunks: Buffer[] = []
      let length = 0
      const finish = (text: string | undefined) =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text, asked, answered, from })
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => {
        length += chunk.length
        if (length <= most) chunks.push(chunk)
        else {
          finish(undefined)
          response.destroy()
        }
      })
      response.on('end', () => finish(unpacked(Buffer.concat(chunks), response.headers['content-encoding'])))
    })
    request.on('error', (error) => reject(signal.aborted ? signal.reason : error))
    request.end(body)
  })
}

function unpacked(bytes: Buffer, encoding: string | undefined): string | undefined {
  if (encoding !== 'gzip') return bytes.toString('utf8')
  try {
    return gunzipSync(bytes, { maxOutputLength: most }).toString('utf8')
  } catch {
    return undefined
  }
}

/** The JSON object that an answer holds; undefined for anything else, and for one that is nested too deeply. */
export function objectIn({ text }: Pick<Answer, 'text'>): Readonly<JsonObject> | undefined {
  try {
    return parseJsonObject(text ?? '')
  } catch {
    return undefined
  }
}

/** The host of a URL as sockets and certificates have it: an IPv6 address without its brackets. */
export function bareHost(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}
