import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** Never reached: every request is answered here. */
export const origin = 'http://localhost:4000'

const contentTypes: Readonly<Record<string, string>> = {
  css: 'text/css',
  js: 'text/javascript',
  svg: 'image/svg+xml',
}

/** What a page sent: a form, or a link that was followed. */
export interface Sent {
  readonly url: string
  readonly method: string
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

/**
 * Opens a rendered page with the real style sheet and scripts, under the policy that it is served with.
 *
 * @param html the whole document
 * @returns the page; what it sent; what the browser complained about (a policy violation, an error in a script)
 */
export async function showPage(context: BrowserContext, html: string) {
  const page: Page = await context.newPage()
  const sent: Sent[] = []
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.route('**/*', async (route) => {
    const request = route.request()
    const url = new URL(request.url())
    const asset = /^\/assets\/((?:inspect\/)?[a-z-]+\.([a-z]+))$/.exec(url.pathname)
    if (url.origin === origin && asset) {
      const [, name = '', extension = ''] = asset
      const body = await readFile(join(packageFolder, 'public', name))
      return route.fulfill({ body, contentType: contentTypes[extension] ?? '' })
    }
    if (request.url() !== `${origin}/page`) {
      const parameters = [...new URLSearchParams(request.postData() ?? '')]
      sent.push({ url: request.url(), method: request.method(), parameters })
      return route.fulfill({ body: '<!doctype html><title>There</title>', contentType: 'text/html' })
    }
    return route.fulfill({
      body: html,
      contentType: 'text/html; charset=utf-8',
      headers: {
        'content-security-policy':
          "default-src 'none'; style-src 'self'; img-src 'self' https:; script-src 'self'; frame-ancestors 'none'; base-uri 'none'",
      },
    })
  })
  await page.goto(`${origin}/page`)
  return { page, sent, complaints }
}
