import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendPage } from '../../html/send-page.ts'
import { csrfToken } from '../../protocol/http/csrf.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import type { Signet } from '../../signet.ts'
import { TakenPage } from './outcome-page.tsx'

/** Another account has verified the address first. */
export function sendTaken(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  email: string | undefined,
): FastifyReply {
  const page = pageContextOf(request)
  return sendPage(reply, TakenPage({ page, csrf: csrfToken(signet, request, reply), email: email ?? '' }), 409)
}
