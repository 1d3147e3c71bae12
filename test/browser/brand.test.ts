import t from 'tap'
import { buildApp } from '../../src/app.ts'
import { brandWith } from '../html/sample-pages.tsx'
import { startSignet } from '../support/idp.ts'
import { sharedChromium } from './shared-chromium.ts'

const browser = await sharedChromium()
const idp = await startSignet(t)

t.test('a script in a logo does not run, even if the check of the file has missed it', async (t) => {
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8" onload="document.documentElement.id = 'ran'">
    <script>document.documentElement.id = 'ran'</script><path d="M0 0h8v8z"/></svg>`
  const logo = { bytes: Buffer.from(drawing), contentType: 'image/svg+xml', extension: 'svg' }
  const brand = brandWith({ name: 'Acme' }, logo)
  const app = buildApp({ ...idp.signet, brand })
  t.teardown(() => app.close())
  const address = await app.listen({ host: '127.0.0.1', port: 0 })
  const page = await browser.newPage()
  t.teardown(() => page.close())
  const idOfRoot = () => page.evaluate(() => [document.documentElement.nodeName, document.documentElement.id])

  await page.goto(`${address}/`)
  const image = page.locator('.brand-logo')
  t.ok(
    await image.evaluate((element) => element instanceof HTMLImageElement && element.naturalWidth > 0),
    'it is shown',
  )
  t.same(await idOfRoot(), ['HTML', ''])

  await page.goto(`${address}${brand.logo?.href}`)
  t.same(await idOfRoot(), ['svg', ''], 'opened as a document')
  t.equal(await page.evaluate(() => window.origin), 'null', 'which has an origin of its own')

  // Without the policy the same drawing does run its script, so this test can fail.
  await page.route('**/plain.svg', (route) => route.fulfill({ body: drawing, contentType: 'image/svg+xml' }))
  await page.goto(`${address}/plain.svg`)
  t.same(await idOfRoot(), ['svg', 'ran'])
})
