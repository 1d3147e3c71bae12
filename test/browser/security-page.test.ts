import type { BrowserContext, Page } from 'playwright-core'
import t from 'tap'
import { type Person, startSignet } from '../support/idp.ts'
import { oneTimeCode } from '../support/totp.ts'
import { addAuthenticator } from '../support/virtual-authenticator.ts'
import { launchChromium } from './chromium.ts'

const idp = await startSignet(t)
const browser = await launchChromium(t)
const { issuer } = idp
const security = `${issuer}/account/security`

/** Opens a page with whatever the browser complains about. */
async function openPage(context: BrowserContext): Promise<{ readonly page: Page; readonly complaints: string[] }> {
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    // The answer to a wrong code is an error by its status.
    const isRefusal = message.text().includes('status of 4')
    if (message.type() === 'error' && !isRefusal) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  return { page, complaints }
}

async function typePassword(page: Page, person: Person): Promise<void> {
  await page.fill('#username', person.username)
  await page.fill('#password', person.password)
  await page.click('#sign-in')
}

/** The code that an app shows which has scanned the QR code. It is never one that has been used. */
let steps = 0
const nextCode = (key: string) => oneTimeCode(key, idp.signet.clock.now(), steps)

t.test('a passkey is added on the security page, renamed, and then signs in by itself', async (t) => {
  const person = await idp.person()
  const context = await browser.newContext({ locale: 'en' })
  const { page, complaints } = await openPage(context)
  const authenticator = await addAuthenticator(context, page, { isAnswering: false })
  await page.goto(security)
  await typePassword(page, person)
  await page.click('text=Not now')
  await page.waitForURL(security)

  await page.click('#add-passkey')
  await page.fill('#name', 'My laptop')
  await authenticator.setAnswering(true)
  await page.click('#create-passkey')
  await page.waitForSelector('#codes')
  t.equal(await page.locator('#codes code').count(), 10)
  await authenticator.setAnswering(false)
  await page.waitForSelector('#print-codes:visible')
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download-codes')])
  t.equal(download.suggestedFilename(), 'recovery-codes.txt')
  await page.click('#codes-saved')
  await page.waitForURL(security)
  t.match(await page.textContent('#passkey-1'), /My laptop.*Not used yet.*On one device only/s)

  await page.click('#passkey-1 summary')
  await page.fill('#passkey-name-1', 'Laptop <b>')
  await page.click('#rename-passkey-1')
  await page.waitForURL(`${security}?notice=passkey-renamed`)
  t.match(await page.textContent('#passkey-1'), 'Laptop <b>')

  await page.click('#sign-out')
  await page.waitForSelector('h1 >> text=signed out')
  // Before the page asks, so that the browser behaves as if somebody chose the first suggestion.
  await authenticator.setAnswering(true)
  await page.goto(`${issuer}/sign-in`)
  await page.waitForURL(`${issuer}/`)
  await page.goto(security)
  t.match(await page.textContent('#passkey-1'), 'Last used')
  await page.click('#remove-password')
  await page.waitForURL(`${security}?notice=password-removed`)
  t.notOk(await page.isVisible('#remove-passkey-1'))
  t.same(complaints, [])
  await context.close()
})

t.test('an app is set up from the key, used, lost, and replaced after a sign-in with a recovery code', async (t) => {
  const person = await idp.person()
  const phone = { viewport: { width: 390, height: 844 }, locale: 'de-CH', javaScriptEnabled: false }
  const context = await browser.newContext(phone)
  const { page, complaints } = await openPage(context)
  await page.goto(`${issuer}/account/security/codes/new`)
  await typePassword(page, person)
  await page.waitForSelector('svg.qr')
  const lost = (await page.textContent('#totp-key')) ?? ''
  t.match(await page.getAttribute('#open-app', 'href'), `secret=${lost.replaceAll(' ', '')}`)
  await page.fill('#code', '123')
  await page.click('#confirm-codes')
  await page.waitForSelector('#code-fault')
  t.equal(await page.textContent('#totp-key'), lost, 'the same key after a wrong code')
  await page.fill('#code', nextCode(lost))
  await page.click('#confirm-codes')
  const codes = await page.locator('#codes code').allTextContents()
  t.equal(codes.length, 10)
  t.notOk(await page.isVisible('#print-codes'), 'without scripts there is no button for it')
  await page.click('#codes-saved')
  await page.waitForURL(security)

  const signOut = async () => {
    await page.click('#sign-out')
    await page.waitForSelector('h1 >> text=abgemeldet')
    await page.goto(`${issuer}/account/security`)
    await typePassword(page, person)
    await page.waitForURL(/\/second-factor\?/)
  }
  await signOut()
  steps = 1
  await page.fill('#code', nextCode(lost))
  await page.click('#confirm')
  await page.waitForURL(security)

  await signOut()
  await page.click('text=Wiederherstellungscode')
  await page.fill('#code', codes[3] ?? '')
  await page.click('#confirm')
  await page.waitForURL(security)
  t.match(await page.textContent('section:has(#recovery)'), '9 von 10')
  await page.click('#set-up-codes')
  await page.waitForSelector('svg.qr')
  const key = (await page.textContent('#totp-key')) ?? ''
  t.not(key, lost)
  steps = 0
  await page.fill('#code', nextCode(key))
  await page.click('#confirm-codes')
  await page.waitForURL(`${security}?notice=codes-added`)

  await signOut()
  steps = 1
  await page.fill('#code', nextCode(lost))
  await page.click('#confirm')
  await page.waitForSelector('[role=alert]')
  await page.fill('#code', nextCode(key))
  await page.click('#confirm')
  await page.waitForURL(security)
  await page.click('#remove-codes')
  await page.waitForURL(`${security}?notice=codes-removed`)
  t.same(complaints, [])
  await context.close()
})

t.test('the QR code is dark on light in every colour scheme, and only the codes are printed', async (t) => {
  const person = await idp.person()
  const context = await browser.newContext({ colorScheme: 'dark', locale: 'en' })
  const { page, complaints } = await openPage(context)
  await page.goto(`${issuer}/account/security/codes/new`)
  await typePassword(page, person)
  await page.waitForSelector('svg.qr')
  t.same(
    await page.evaluate(() =>
      ['rect', 'path'].map((part) => getComputedStyle(document.querySelector(`.qr ${part}`) as Element).fill),
    ),
    ['rgb(255, 255, 255)', 'rgb(0, 0, 0)'],
  )
  await page.fill('#code', oneTimeCode((await page.textContent('#totp-key')) ?? '', idp.signet.clock.now()))
  await page.click('#confirm-codes')
  await page.waitForSelector('#codes')
  await page.emulateMedia({ media: 'print' })
  t.ok(await page.isVisible('#codes'))
  for (const hidden of ['nav.menu', '#sign-out', '#download-codes', '#codes-saved'])
    t.notOk(await page.isVisible(hidden), hidden)
  t.same(complaints, [])
  await context.close()
})
