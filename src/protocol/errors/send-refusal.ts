import type { FastifyReply, FastifyRequest } from 'fastify'
import { pageContextOf } from '../http/ui-locales.ts'
import { errorAnswer } from './error-answer.ts'
import type { OAuthError } from './oauth-error.ts'
import { noteRefusal } from './refusal.ts'
import { sendRefusalPage } from './send-refusal-page.ts'

/** Refuses where people and programs come by: a browser is shown a page, a program gets JSON. */
export function sendRefusal(
  issuer: string,
  request: FastifyRequest,
  reply: FastifyReply,
  error: OAuthError,
): FastifyReply {
  noteRefusal(request, error)
  reply.headers(error.headers)
  if (request.headers.accept?.includes('text/html'))
    return sendRefusalPage(request, reply, pageContextOf(request), error)
  return reply
    .status(error.status)
    .header('cache-control', 'no-store')
    .send(errorAnswer(issuer, error, request.id))
}
