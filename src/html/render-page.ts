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
