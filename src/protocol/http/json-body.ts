import { type JsonObject, parseJsonObject } from '#verify/strict-json'
import type { App } from '../../platform/http/fastify-app.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { shortened } from '../errors/refusal.ts'

/** A JSON object that was parsed strictly. A class, so that a form cannot be mistaken for one. */
export class JsonBody {
  readonly object: JsonObject
  constructor(object: JsonObject) {
    this.object = object
  }
}

/**
 * Makes the routes of a scope accept JSON objects as request bodies, and nothing else. A form would be a request that any page can make a browser send without
 * a preflight (Fetch §2.2.2).
 */
export function readJsonOnly(scope: App): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => {
    if (body.length === 0) return done(null, undefined)
    try {
      done(null, new JsonBody(parseJsonObject(body as Buffer)))
    } catch (error) {
      done(unreadable((error as SyntaxError).message))
    }
  })
  scope.addContentTypeParser('*', (request, payload, done) => {
    // Some clients send a Content-Type with every request, even if it has no body.
    if (Number(request.headers['content-length'] ?? 0) === 0 && request.headers['transfer-encoding'] === undefined)
      return done(null, undefined)
    const type = request.headers['content-type']
    // The body is read and discarded, so that the connection can be used for the next request.
    payload.resume()
    done(
      new OAuthError('client_metadata_not_json', {
        detail: `content-type ${type ? shortened(type, 80) : 'is missing'}`,
      }),
    )
  })
}

/** @throws OAuthError if the request had no body */
export function requireJson(body: JsonBody | undefined): JsonObject {
  if (body === undefined) throw unreadable('it is empty')
  return body.object
}

function unreadable(reason: string): OAuthError {
  return new OAuthError('client_metadata_unreadable', { param: reason })
}
