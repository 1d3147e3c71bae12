import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe from 'axe-core'
import t from 'tap'
import { openTransport } from '../../src/platform/mail/transport.ts'
import { sampleLink, sampleMails } from '../html/sample-mails.ts'
import { loadExample } from '../support/example.ts'
import { freePort } from '../support/free-port.ts'
import { sharedChromium } from './shared-chromium.ts'
import { widthsThatBreak } from './show-page.ts'

/*
 * Mails as a mail program shows them that keeps everything. A web mailer would show the same element inside its own page.
 */

const browser = await sharedChromium()

/** As for pages: each screen and each scheme once. */
const views = [
  ['phone', 'dark', { width: 390, height: 844 }],
  ['desktop', 'light', { width: 1280, height: 800 }],
] as const

const brands = {
  'no settings': { name: 'Signet', accentColor: undefined, helpUrl: undefined },
  'a light colour': { name: 'Example Accounts', accentColor: '#ffee88' },
  'a dark colour and a long name': { name: 'W'.repeat(60), accentColor: '#0b1f4d' },
}

/** What axe reports as serious or critical, one line each. */
const barriers = (rules: readonly string[] | undefined) => `axe.run(document, { resultTypes: ['violations']${
  rules ? `, runOnly: ${JSON.stringify(rules)}` : ''
} }).then(({ violations }) => violations
  .filter(({ impact }) => impact === 'serious' || impact === 'critical')
  .flatMap(({ id, nodes }) => nodes.map(({ html }) => id + ': ' + html)))`

t.test('no mail has a serious barrier, loads anything, or is wider than a phone, whatever the brand', async (t) => {
  const context = await browser.newContext()
  const page = await context.newPage()
  const loaded: string[] = []
  await page.route('**/*', (route) => {
    loaded.push(route.request().url())
    return route.abort()
  })
  for (const [about, brand] of Object.entries(brands)) {
    // All kinds in one document: they consist of the same elements, and their identifiers cannot collide because they have none.
    const mails = sampleMails({ brand, to: `${'a'.repeat(60)}@${'b'.repeat(60)}.example` })
    const bodies = mails.map(({ html }) => /<body[^>]*>(.*)<\/body>/s.exec(html)?.[1])
    const document = mails[0]?.html.replace(
      /(<body[^>]*>).*(<\/body>)/s,
      (_, open, close) => open + bodies.join('') + close,
    )
    await page.setContent(document ?? '')
    // axe takes a page without a background for white, whatever the scheme.
    await page.addStyleTag({ content: 'html { background: Canvas }' })
    await page.evaluate(axe.source)
    for (const [screen, colorScheme, size] of views) {
      await page.setViewportSize(size)
      await page.emulateMedia({ colorScheme })
      // Everything once: with another scheme or brand, only the colours are new.
      const isFirst = about === 'no settings' && screen === 'phone'
      const found = await page.evaluate(barriers(isFirst ? undefined : ['color-contrast']))
      t.same(found, [], `${about}, ${screen}, ${colorScheme}`)
    }
    await page.setViewportSize({ width: 320, height: 256 })
    t.equal(await page.evaluate('document.documentElement.scrollWidth'), 320, `${about}: as wide as a narrow screen`)
    const low = await page
      .locator('a:text-matches("^(?!http|Help|Privacy)")')
      .evaluateAll((links) =>
        links.filter((link) => link.getBoundingClientRect().height < 44).map(({ outerHTML }) => outerHTML),
      )
    t.same(low, [], `${about}: buttons are at least 44 pixels high`)
  }
  t.same(loaded, [])
  await context.close()
})

t.test('an address that is shown in part stays on one line, on a screen of any width', async (t) => {
  const context = await browser.newContext()
  const page = await context.newPage()
  for (const locale of ['en', 'de'])
    for (const { html, about } of sampleMails({ locale }).filter((mail) => mail.html.includes('…@'))) {
      await page.setContent(html)
      t.same(await widthsThatBreak(page), [], `${about} (${locale})`)
    }
  await context.close()
})

t.test('the code can be selected as a whole by one click, without spaces', async (t) => {
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.setContent(sampleMails()[0]?.html ?? '')
  await page.getByText('048213').click()
  t.equal(await page.evaluate('getSelection().toString().trim()'), '048213')
  await context.close()
})

t.test(
  "on the demo's page of mails, a link opens in a new tab; it has no serious barrier and needs no script",
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'signet-mails-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const from = { name: undefined, address: 'signet@localhost' }
    const [mail] = sampleMails()
    if (!mail) throw new Error('There is a sample.')
    await openTransport({ delivery: 'files', folder, from }, 'Signet').deliver({
      ...{ to: 'ada@example.org', kind: 'verification', subject: mail.subject, text: mail.text, html: mail.html },
    })
    const { createMails } = await loadExample<typeof import('../../examples/mails/mails.js')>('mails/mails.js')
    const port = await freePort()
    const app = createMails({ folder, origin: `http://localhost:${port}` })
    await app.listen({ host: '127.0.0.1', port })
    t.teardown(() => app.close())

    for (const [screen, colorScheme, viewport] of views) {
      const context = await browser.newContext({ viewport, colorScheme })
      const complaints: string[] = []
      context.on('console', (entry) => entry.type() === 'error' && complaints.push(entry.text()))
      await context.route('https://**/*', (route) =>
        route.fulfill({ body: '<!doctype html><title>There</title>', contentType: 'text/html' }),
      )
      const page = await context.newPage()
      const examine = async () => {
        await page.evaluate(axe.source)
        t.same(await page.evaluate(barriers(undefined)), [], `${page.url()}, ${screen}, ${colorScheme}`)
        t.equal(await page.evaluate('document.documentElement.scrollWidth'), viewport.width)
      }
      await page.goto(`http://localhost:${port}`)
      await examine()
      await page.getByRole('link', { name: mail.subject }).click()
      await examine()
      for (const link of [
        page.frameLocator('iframe').getByRole('link', { name: 'Verify this address' }),
        page.locator('pre').getByRole('link', { name: sampleLink }),
      ]) {
        const [opened] = await Promise.all([context.waitForEvent('page'), link.click()])
        await opened.waitForLoadState()
        t.equal(opened.url(), sampleLink)
        t.equal(await opened.evaluate('window.opener === null'), true)
      }
      t.same(complaints, [])
      await context.close()
    }
  },
)
