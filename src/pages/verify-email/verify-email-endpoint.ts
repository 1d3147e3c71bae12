import type { FastifyReply, FastifyRequest } from 'fastify'
import { sendPage } from '../../html/send-page.ts'
import type { App } from '../../platform/http/fastify-app.ts'
import { type Parameters, sentValue } from '../../protocol/http/parameters.ts'
import { pageContextOf } from '../../protocol/http/ui-locales.ts'
import type { Signet } from '../../signet.ts'
import { linkForms, showLink } from './link-forms.ts'
import { VerifyDonePage } from './outcome-page.tsx'
import { showWaiting, waitingForms } from './waiting-forms.ts'

/**
 * The pages on which a person verifies an e-mail address: the page that waits for the code, and the page of the link. A GET changes nothing. Without
 * a way to send mails they do not exist.
 */
export function verifyEmailEndpoint(app: App, signet: Signet): void {
  if (signet.settings.mail.delivery === 'none') return

  app.get<{ Querystring: Parameters }>('/verify-email', async (request, reply) => {
    const done = sentValue(request.query, 'done')
    if (done === 'verified' || done === 'disowned') return showDone(request, reply, done)
    const token = sentValue(request.query, 'token')
    return token === undefined ? showWaiting(signet, request, reply) : showLink(signet, request, reply, token)
  })
  waitingForms(app, signet)
  linkForms(app, signet)
}

function showDone(request: FastifyRequest, reply: FastifyReply, done: 'verified' | 'disowned'): FastifyReply {
  return sendPage(reply, VerifyDonePage({ page: pageContextOf(request), done }))
}
