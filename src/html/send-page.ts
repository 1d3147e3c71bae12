import type { FastifyReply } from 'fastify'
import type { VNode } from 'preact'
import { render } from 'preact-render-to-string'

/**
 * Renders a whole document. Without the doctype, browsers would use quirks mode.
 *
 * @param page a page component's node, whose outermost element is `html`
 */
export function renderPage<Props>(page: VNode<Props>): string {
  return `<!doctype html>\n${render(page)}\n`
}

/** Sends a page. It must not be cached: it contains a person's data, a form's CSRF token or a sealed request. */
export function sendPage<Properties>(reply: FastifyReply, page: VNode<Properties>, status = 200): FastifyReply {
  return reply
    .status(status)
    .header('cache-control', 'no-store')
    .type('text/html; charset=utf-8')
    .send(renderPage(page))
}
