import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { App } from '../../platform/http/fastify-app.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { shortened } from '../errors/refusal.ts'
import { type Parameters, parseParameters, unreadableParameters } from './parameters.ts'

/** Headers that may be sent only once. If there are two, Node silently keeps the first, but a proxy in front may have used the second. */
const singleHeaders = ['host', 'authorization', 'content-type']
const singleLengths = new Set(singleHeaders.map((name) => name.length))

/** RFC 9110 §7.2, RFC 3986 §3.2.2: a name or an address in brackets, and optionally a port. It may be empty. */
const hostPattern = /^(?:(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})*|\[[0-9a-f:.]+\])(?::\d*)?$/i

/**
 * Checks the headers that may be sent only once, above all Host. RFC 9112 §3.2 requires status 400 for a request without
 * Host (in HTTP/1.1), with more than one, or with a malformed one.
 *
 * @returns the error; undefined if the headers are valid
 */
export function headerFault({ httpVersion, headers, rawHeaders }: IncomingMessage): OAuthError | undefined {
  if (headers.host === undefined && httpVersion !== '1.0') return new OAuthError('host_missing')
  if (headers.host !== undefined && !hostPattern.test(headers.host)) return new OAuthError('host_malformed')
  const doubled = doubledHeader(rawHeaders)
  return doubled === undefined ? undefined : new OAuthError('header_doubled', { param: doubled })
}

/** @param rawHeaders names and values alternately, as they were received */
function doubledHeader(rawHeaders: readonly string[]): string | undefined {
  const seen: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    // This runs for every request, and most names have another length.
    if (!singleLengths.has(name.length)) continue
    const lowerCase = name.toLowerCase()
    if (!singleHeaders.includes(lowerCase)) continue
    if (seen.includes(lowerCase)) return lowerCase
    seen.push(lowerCase)
  }
  return undefined
}

/**
 * Makes the server accept forms as request bodies, and nothing else. An empty body counts as no body, whatever its `Content-Type`: many
 * HTTP libraries set the type of JSON on every POST, and a request to `/userinfo` may consist of the token in the header alone
 * (OpenID Connect Core §5.3.1).
 */
export function readFormsOnly(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, parseForm(body as Buffer)),
  )
  app.addContentTypeParser('*', (request, payload, done) => {
    // The response for a path without a route does not depend on the body.
    if (request.is404) return done(null)
    refuseContent(payload, (error) => done(error ?? null))
  })
}

/** Bytes that are not UTF-8 must not be decoded to replacement characters (RFC 6749 Appendix B). */
function parseForm(body: Buffer): Parameters {
  if (!isUtf8(body)) return unreadableParameters
  return parseParameters(body.toString('utf8'))
}

/**
 * Calls `done` with an error at the first byte of a body, or without one if the body ends empty. RFC 9112 §6.3 defines whether there is
 * a body and how long it is. Only a chunked body has to be waited for.
 */
function refuseContent(payload: IncomingMessage, done: (error?: Error) => void): void {
  const type = payload.headers['content-type']
  const refusal = () =>
    new OAuthError('body_type_unsupported', { detail: `content-type ${type ? shortened(type, 80) : 'is missing'}` })
  if (payload.headers['transfer-encoding'] === undefined) {
    done(Number(payload.headers['content-length'] ?? 0) === 0 ? undefined : refusal())
    return
  }
  const finish = (error?: Error) => {
    payload.off('data', onData).off('end', onEnd).off('error', onError)
    done(error)
  }
  const onData = () => {
    finish(refusal())
    // The rest is read and discarded, so that the connection can be used for the next request.
    payload.resume()
  }
  const onEnd = () => finish()
  // The status distinguishes a client that disconnected from a database that did (as-oauth-error.ts).
  const onError = (error: Error) => finish(Object.assign(error, { statusCode: 400 }))
  payload.on('data', onData).on('end', onEnd).on('error', onError)
}
