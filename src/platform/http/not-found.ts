import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendErrorPage } from '../pages/send-error-page.ts'
import type { App } from './app.ts'

const methods = ['GET', 'HEAD', 'POST'] as const

/**
 * Answers what no route takes: a path that other methods are for (RFC 9110 §15.5.6), or none at all. A browser is shown a page,
 * a program gets JSON.
 */
export function sendNotFound(app: App, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const path = request.url.split('?', 1)[0] as string
  const allowed = methods.filter((method) => app.hasRoute({ method, url: path }))
  const status = allowed.length > 0 ? 405 : 404
  if (allowed.length > 0) reply.header('allow', allowed.join(', '))
  if (request.headers.accept?.includes('text/html')) return sendErrorPage(request, reply, status, 'notFound')
  const description =
    status === 405 ? `This address takes ${allowed.join(' and ')}.` : 'There is nothing at this address.'
  return reply
    .status(status)
    .header('cache-control', 'no-store')
    .send({ error: 'invalid_request', error_description: description })
}
