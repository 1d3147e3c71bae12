import http, { type IncomingMessage } from 'node:http'
import axe from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startSignet } from '../support/idp.ts'
import { sharedChromium } from './shared-chromium.ts'

/** The hint about a new password, on the pages as they are served, with their policy. */

const idp = await startSignet(t, { SIGNET_NAME: 'Globex Portal' })
const browser = await sharedChromium()

interface Visit {
  readonly page: Page
  /** What the page loaded or sent, as paths on our own origin, or whole URLs. */
  readonly requests: string[]
  readonly complaints: string[]
}

async function open(t: Test, path: string, options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await browser.newContext({ locale: 'en', ...options })
  t.teardown(() => context.close())
  const page = await context.newPage()
  const requests: string[] = []
  const complaints: string[] = []
  context.on('request', (request) => requests.push(request.url().replace(idp.issuer, '')))
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${idp.issuer}${path}`)
  return { page, requests, complaints }
}

const shown = (page: Page) => page.locator('.strength-shown')
const says = (page: Page, text: string) => page.waitForSelector(`.strength-shown:visible >> text="${text}"`)
const spoken = (page: Page, text: string) => page.waitForSelector(`.strength [role=status]:text-is("${text}")`)

t.test('somebody who signs up reads and hears how hard the password is to guess, and what is missing', async (t) => {
  const { page, complaints, requests } = await open(t, '/sign-up')
  await page.fill('#name', 'Rosalind Franklin')
  t.notOk(
    requests.some((path) => /estimat/.test(path)),
    'nothing large is loaded before it is needed',
  )
  t.equal(await shown(page).isVisible(), false)
  await page.focus('#password')
  await page.keyboard.type('quiet lamps')
  await says(page, 'Could be better · 4 more characters needed')
  await page.keyboard.type(' at')
  await says(page, 'Could be better · 1 more character needed')
  await spoken(page, 'Could be better. 1 more character needed.')
  await page.keyboard.type(' harbours')
  await says(page, 'Hard to guess')
  await spoken(page, 'Hard to guess.')
  t.equal(await page.locator('.strength-shown').getAttribute('data-strength'), 'hard')
  await page.evaluate(axe.source)
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run(document, { resultTypes: ['violations'] })")
  t.same(
    violations.map(({ id }) => id),
    [],
  )

  await page.fill('#password', 'passwordpassword1')
  await says(page, 'Easy to guess')
  await page.fill('#password', '')
  await shown(page).waitFor({ state: 'hidden' })
  await page.waitForSelector('.strength [role=status]:empty', { state: 'attached' })

  t.same(complaints, [], 'the policy allows the worker')
  t.same(
    requests.filter((path) => !path.startsWith('/assets/') && path !== '/sign-up'),
    [],
    'nothing that was typed leaves the browser',
  )
})

t.test('names of the person and of the service count as known', async (t) => {
  const { page } = await open(t, '/sign-up')
  await page.focus('#password')
  await page.fill('#password', 'zyxomma tridacna')
  await says(page, 'Hard to guess')
  await page.fill('#name', 'Zyxomma Tridacna')
  await page.focus('#password')
  await says(page, 'Easy to guess')
  await page.fill('#password', 'GlobexPortal2026')
  await says(page, 'Could be better')
})

t.test('the estimator never refuses: what it does not like can be sent', async (t) => {
  const { page } = await open(t, '/sign-up')
  await page.fill('#email', 'easy@example.com')
  await page.fill('#password', 'password and password')
  await says(page, 'Could be better')
  await page.click('#sign-up')
  await page.waitForURL((url) => url.pathname !== '/sign-up')
  const { rows } = await idp.signet.database.query({
    text: 'SELECT FROM account_emails WHERE email = $1',
    values: ['easy@example.com'],
  })
  t.equal(rows.length, 1)
})

t.test('on the security page in German, with the names of the profile', async (t) => {
  const person = await idp.person({ name: 'Zyxomma Tridacna', locale: 'de' })
  const { page, complaints } = await open(t, '/sign-in', { locale: 'de-CH', viewport: { width: 390, height: 844 } })
  await page.fill('#username', person.username)
  await page.fill('#password', person.password)
  t.equal(await page.locator('.strength').count(), 0, 'the current password gets no hint')
  await page.click('#sign-in')
  await page.goto(`${idp.issuer}/account/security`)
  await page.fill('#new-password', 'kurz und gut')
  await says(page, 'Könnte besser sein · Noch 3 Zeichen')
  await page.fill('#new-password', 'zyxomma tridacna')
  await says(page, 'Leicht zu erraten')
  await page.fill('#new-password', 'lampen über stillen häfen')
  await says(page, 'Schwer zu erraten')
  await spoken(page, 'Schwer zu erraten.')
  t.same(complaints, [])
})

t.test('without the estimator the missing characters are counted as the server counts them', async (t) => {
  const context = await browser.newContext({ locale: 'en' })
  t.teardown(() => context.close())
  const page = await context.newPage()
  await page.route('**/assets/estimat*', (route) => route.abort())
  await page.route('**/assets/estimator/*', (route) => route.abort())
  await page.goto(`${idp.issuer}/sign-up`)
  for (const [typed, text] of [
    ['😀'.repeat(13), '2 more characters needed'],
    ['e\u0301'.repeat(14), '1 more character needed'],
    ['\ufdfa', '14 more characters needed'],
  ] as const) {
    await page.fill('#password', typed)
    await says(page, text)
  }
  await page.fill('#password', 'quiet lamps over harbours')
  await shown(page).waitFor({ state: 'hidden' })
})

t.test('without scripts there is nothing to see', async (t) => {
  const { page } = await open(t, '/sign-up', { javaScriptEnabled: false })
  await page.fill('#password', 'short')
  t.equal(await shown(page).isVisible(), false)
  t.equal((await page.locator('.strength').boundingBox())?.height ?? 0, 0)
})

t.test('the estimator is sent compressed, and is kept', async (t) => {
  // Not with fetch, which adds headers that ask for a fresh response.
  const get = (headers: Record<string, string>) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const request = http.get(`${idp.issuer}/assets/estimator/zxcvbn.js`, { headers, agent: false }, resolve)
      request.on('error', reject)
    })
  for (const encoding of ['br', 'gzip', 'identity']) {
    const response = await get({ 'accept-encoding': encoding })
    response.resume()
    const { statusCode, headers } = response
    t.equal(statusCode, 200)
    t.equal(headers['content-encoding'] ?? 'identity', encoding)
    t.equal(headers.vary, 'accept-encoding')
    t.match(headers['content-type'], 'javascript')
    t.match(headers['cache-control'], 'max-age=3600')
    t.ok(Number(headers['content-length']) < (encoding === 'identity' ? 600_000 : 260_000))
    const again = await get({ 'accept-encoding': encoding, 'if-none-match': headers.etag ?? '' })
    t.equal(again.resume().statusCode, 304)
  }
})
