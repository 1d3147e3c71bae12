import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import type { Idp } from '../support/idp.ts'

/** A request as an attacker writes it: any method, any header, any bytes as the body. */
export interface Sent {
  readonly method?: string
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly setCookies: readonly string[]
  readonly text: string
  readonly location: string | undefined
  /** The body of a JSON response; undefined for anything else. */
  readonly json: Record<string, unknown> | undefined
}

/** Milliseconds after which a silent server counts as hung. Nothing here takes a hundredth of that on an idle machine. */
const hung = 60_000

/**
 * Sends a request without `fetch`, which would normalise it.
 *
 * @throws if the connection is lost or no response arrives
 */
export function send(idp: Idp, { method = 'GET', path, headers = {}, body }: Sent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port: idp.signet.settings.port, method, path, headers, timeout: hung },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            setCookies: response.headers['set-cookie'] ?? [],
            text,
            location: response.headers.location,
            json: /json/.test(response.headers['content-type'] ?? '') && text !== '' ? JSON.parse(text) : undefined,
          })
        })
      },
    )
    sent.on('timeout', () => sent.destroy(new Error(`No response to ${method} ${path.slice(0, 200)}`)))
    sent.on('error', reject)
    sent.end(body)
  })
}

const formType = { 'content-type': 'application/x-www-form-urlencoded' }

/** POSTs a form whose encoding is the attacker's. */
export function postForm(idp: Idp, path: string, body: string | Buffer, headers: OutgoingHttpHeaders = {}) {
  return send(idp, { method: 'POST', path, body, headers: { ...formType, ...headers } })
}

/** Writes bytes to the server's port and returns everything that arrived until it closed the connection. */
export function sendBytes(idp: Idp, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let came = ''
    const socket = connect(idp.signet.settings.port, '127.0.0.1', () => socket.write(bytes))
    socket.setTimeout(hung, () => socket.destroy(new Error('No response, and the connection stays open.')))
    socket.on('data', (chunk) => {
      came += chunk.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () => resolve(came))
  })
}
