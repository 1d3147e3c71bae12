import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { App } from '../../platform/http/fastify-app.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { shortened } from '../errors/refusal.ts'
import { type Parameters, parseParameters, unreadableParameters } from './parameters.ts'

/**
 * Sets what bodies the server reads: forms, and nothing else. A body without content counts as no body, whatever its `Content-Type`: many HTTP
 * libraries name JSON on every POST, and at `/userinfo` the token in the header is all there is to send (OpenID Connect Core §5.3.1).
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
  // A status tells a client that hung up from a database that did (failures.ts).
  const onError = (error: Error) => finish(Object.assign(error, { statusCode: 400 }))
  payload.on('data', onData).on('end', onEnd).on('error', onError)
}
