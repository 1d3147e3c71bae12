import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../../platform/http/fastify-app.ts'
import { OAuthError } from '../errors/oauth-error.ts'
import { sendRefusal } from '../errors/send-refusal.ts'
import { parseParameters } from './parameters.ts'

const methods = ['GET', 'HEAD', 'POST'] as const

/**
 * Answers what no route takes: a path that other methods are for (RFC 9110 §15.5.6), or none at all.
 */
export function sendNotFound(app: App, issuer: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = '', ...query] = request.url.split('?')
  // Fastify parses the query with a parser of its own if no route matches.
  request.query = parseParameters(query.join('?'))
  const allowed = methods.filter((method) => app.hasRoute({ method, url: path }))
  const error =
    allowed.length > 0
      ? new OAuthError('method_not_allowed', { about: allowed.join(' and '), headers: { allow: allowed.join(', ') } })
      : new OAuthError('address_unknown')
  return sendRefusal(issuer, request, reply, error)
}
