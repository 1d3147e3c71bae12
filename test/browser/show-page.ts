import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import type { BrandAsset } from '../../src/html/brand.ts'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'

/** Never reached: every request is answered here. */
export const origin = 'http://localhost:4000'

const contentTypes: Readonly<Record<string, string>> = {
  css: 'text/css',
  js: 'text/javascript',
  svg: 'image/svg+xml',
}

type Assets = ReadonlyMap<string, BrandAsset>

/** Waits until an element has the focus. Browsers move it to the element with `autofocus` some time after the page has loaded. */
export async function focusOn(page: Page, id: string): Promise<void> {
  await page.waitForFunction((wanted) => document.activeElement?.id === wanted, id)
}

/** What a page sent: a form, or a link that was followed. */
export interface Sent {
  readonly url: string
  readonly method: string
  readonly parameters: readonly (readonly [name: string, value: string])[]
}

export interface Shown {
  readonly page: Page
  /** What it sent. */
  readonly sent: Sent[]
  /** What the browser complained about (a policy violation, an error in a script). */
  readonly complaints: string[]
}

/**
 * Opens a rendered page with the real style sheet and scripts, under the policy that it is served with.
 *
 * @param html the whole document
 * @param assets the files of the page's brand, by path
 */
export async function showPage(context: BrowserContext, html: string, assets?: Assets): Promise<Shown> {
  const show = await openTab(context, assets)
  return show(html)
}

/**
 * The same for many pages, one after the other in one tab: a tab has its own process, which costs more than a page. Each page replaces the
 * previous one.
 */
export async function openTab(
  context: BrowserContext,
  assets: Assets = new Map(),
): Promise<(html: string) => Promise<Shown>> {
  const page = await context.newPage()
  let document = ''
  let shown: Shown = { page, sent: [], complaints: [] }
  page.on('console', (message) => message.type() === 'error' && shown.complaints.push(message.text()))
  page.on('pageerror', (error) => shown.complaints.push(error.message))
  await page.route('**/*', async (route) => {
    const request = route.request()
    const url = new URL(request.url())
    const ofBrand = assets.get(url.pathname)
    if (url.origin === origin && ofBrand)
      return route.fulfill({ body: ofBrand.bytes, contentType: ofBrand.contentType })
    const asset = /^\/assets\/((?:inspect\/)?[a-z-]+\.([a-z]+))$/.exec(url.pathname)
    if (url.origin === origin && asset) {
      const [, name = '', extension = ''] = asset
      const body = await readFile(join(packageFolder, 'public', name))
      return route.fulfill({ body, contentType: contentTypes[extension] ?? '' })
    }
    const built = /^\/assets\/((?:estimator|webauthn)\/[a-z-]+\.js)$/.exec(url.pathname)?.[1]
    if (url.origin === origin && built)
      return route.fulfill({
        body: await readFile(join(packageFolder, 'dist/assets', built)),
        contentType: contentTypes['js'] ?? '',
      })
    if (request.url() !== `${origin}/page`) {
      const parameters = [...new URLSearchParams(request.postData() ?? '')]
      shown.sent.push({ url: request.url(), method: request.method(), parameters })
      return route.fulfill({ body: '<!doctype html><title>There</title>', contentType: 'text/html' })
    }
    return route.fulfill({
      body: document,
      contentType: 'text/html; charset=utf-8',
      headers: {
        'content-security-policy':
          "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; frame-ancestors 'none'; base-uri 'none'",
      },
    })
  })
  return async (html) => {
    document = html
    shown = { page, sent: [], complaints: [] }
    await page.goto(`${origin}/page`)
    return shown
  }
}

/** The widths of a screen, in pixels, at which an address that is shown in part (`g…@example.net`) takes more than one line. */
export async function widthsThatBreak(page: Page): Promise<number[]> {
  const address = page.locator('bdi:text("…@")')
  const broken: number[] = []
  for (let width = 320; width <= 520; width += 4) {
    await page.setViewportSize({ width, height: 800 })
    const lines = await address.evaluate((element) => {
      const range = document.createRange()
      range.selectNodeContents(element)
      return new Set(Array.from(range.getClientRects(), ({ top }) => top)).size
    })
    if (lines !== 1) broken.push(width)
  }
  return broken
}
