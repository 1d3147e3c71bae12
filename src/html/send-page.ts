import type { FastifyReply } from 'fastify'
import type { VNode } from 'preact'
import { renderPage } from './render-page.ts'

/** Answers with a page. Never stored: it carries a person's data, a form's token or a request. */
export function sendPage<Properties>(reply: FastifyReply, page: VNode<Properties>, status = 200): FastifyReply {
  return reply
    .status(status)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(renderPage(page))
}
