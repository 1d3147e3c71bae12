import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendRefusalPage } from '../pages/send-refusal-page.ts'
import type { App } from './app.ts'
import { errorAnswer } from './error-answer.ts'
import { OAuthError } from './oauth-error.ts'
import { noteRefusal } from './refusal.ts'

const methods = ['GET', 'HEAD', 'POST'] as const

/**
 * Answers what no route takes: a path that other methods are for (RFC 9110 §15.5.6), or none at all. A browser is shown a page,
 * a program gets JSON.
 */
export function sendNotFound(app: App, issuer: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0] as string
  const allowed = methods.filter((method) => app.hasRoute({ method, url: path }))
  const error =
    allowed.length > 0
      ? new OAuthError('method_not_allowed', { about: allowed.join(' and '), headers: { allow: allowed.join(', ') } })
      : new OAuthError('address_unknown')
  noteRefusal(request, error)
  reply.headers(error.headers)
  if (request.headers.accept?.includes('text/html')) return sendRefusalPage(request, reply, error)
  return reply
    .status(error.status)
    .header('cache-control', 'no-store')
    .send(errorAnswer(issuer, error, request.id))
}
