import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { App } from '../../platform/http/fastify-app.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { shortened } from '../errors/refusal.ts'
import { type Parameters, parseParameters, unreadableParameters } from './parameters.ts'

/** Headers of one value. Of two, Node keeps the first and says nothing; a proxy in front may have gone by the second. */
const single = ['host', 'authorization', 'content-type']
const singleLengths = new Set(single.map((name) => name.length))

/** RFC 9110 §7.2, RFC 3986 §3.2.2: a name or an address in brackets, and perhaps a port. It may be empty. */
const hostForm = /^(?:(?:[\w.~!$&'()*+,;=-]|%[0-9a-f]{2})*|\[[0-9a-f:.]+\])(?::\d*)?$/i

/**
 * What is wrong with the headers that say for whom and from whom a request is. RFC 9112 §3.2 demands status 400 for a request without
 * Host (in HTTP/1.1), with more than one, or with one that is not well formed.
 *
 * @returns undefined where nothing is
 */
export function headerFault({ httpVersion, headers, rawHeaders }: IncomingMessage): OAuthError | undefined {
  if (headers.host === undefined && httpVersion !== '1.0') return new OAuthError('host_missing')
  if (headers.host !== undefined && !hostForm.test(headers.host)) return new OAuthError('host_malformed')
  const doubled = doubledHeader(rawHeaders)
  return doubled === undefined ? undefined : new OAuthError('header_doubled', { about: doubled })
}

/** @param rawHeaders names and values in turn, as they came */
function doubledHeader(rawHeaders: readonly string[]): string | undefined {
  const seen: string[] = []
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    // This is done for every request, and most names are of another length.
    if (!singleLengths.has(name.length)) continue
    const lowerCase = name.toLowerCase()
    if (!single.includes(lowerCase)) continue
    if (seen.includes(lowerCase)) return lowerCase
    seen.push(lowerCase)
  }
  return undefined
}

/**
 * Sets what bodies the server reads: forms, and nothing else. A body without content counts as no body, whatever its `Content-Type`: many
 * HTTP libraries name JSON on every POST, and at `/userinfo` the token in the header is all there is to send (OpenID Connect Core §5.3.1).
 */
export function readFormsOnly(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'buffer' }, (_request, body, done) =>
    done(null, parseForm(body as Buffer)),
  )
  app.addContentTypeParser('*', (request, payload, done) => {
    // The answer for an address without a route does not depend on the body.
    if (request.is404) return done(null)
    refuseContent(payload, (error) => done(error ?? null))
  })
}

/** Bytes that are not UTF-8 must not become other characters on the way (RFC 6749 Appendix B). */
function parseForm(body: Buffer): Parameters {
  if (!isUtf8(body)) return unreadableParameters
  return parseParameters(body.toString('utf8'))
}

/**
 * Calls `done` with an error at the first octet of a body, and without one if it ends empty. Whether there is a body, and how long
 * it is, follows from RFC 9112 §6.3; only a chunked body has to be waited for.
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
    // The rest is read and dropped, so that the connection can be used for the next request.
    payload.resume()
  }
  const onEnd = () => finish()
  // A status tells a client that hung up from a database that did (as-oauth-error.ts).
  const onError = (error: Error) => finish(Object.assign(error, { statusCode: 400 }))
  payload.on('data', onData).on('end', onEnd).on('error', onError)
}
