import type { FastifyReply } from 'fastify'
import type { VNode } from 'preact'
import { render } from 'preact-render-to-string'

/**
 * A whole document. Without the doctype browsers lay pages out as they did in 1998.
 *
 * @param page a page component's node, whose outermost element is `html`
 */
export function renderPage<Props>(page: VNode<Props>): string {
  return `<!doctype html>\n${render(page)}\n`
}

/** Answers with a page. Never stored: it carries a person's data, a form's token or a request. */
export function sendPage<Properties>(reply: FastifyReply, page: VNode<Properties>, status = 200): FastifyReply {
  return reply
    .status(status)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(renderPage(page))
}
