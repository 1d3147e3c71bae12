import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce } from '../support/journey.ts'
import { newestMailTo } from '../support/mails.ts'
import { newEmail } from '../support/verification.ts'
import { sharedChromium } from './shared-chromium.ts'
import { focusOn } from './show-page.ts'

const idp = await startSignet(t, { SIGNET_EMAIL_VERIFICATION: 'required' })
const browser = await sharedChromium()
const password = 'seven quiet lamps by the harbour'
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true }

/** A page in a browser of its own. Scripts are off where a journey must work without them. */
async function newPage(t: Test, options: Parameters<typeof browser.newContext>[0] = {}): Promise<Page> {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  return context.newPage()
}

async function signUp(page: Page): Promise<string> {
  const email = newEmail()
  await page.goto(`${idp.issuer}/sign-up`)
  await page.fill('#email', email)
  await page.fill('#password', password)
  await page.click('#sign-up')
  await page.waitForURL('**/verify-email**')
  return email
}

t.test('somebody signs up and types the code of the mail, by keyboard only', async (t) => {
  const page = await newPage(t)
  const email = await signUp(page)
  await focusOn(page, 'code')
  const { code = '' } = await newestMailTo(idp, email)
  await page.keyboard.type(`${code.slice(0, 3)} ${code.slice(3)}`)
  await page.keyboard.press('Enter')
  await page.waitForURL('**/verify-email?done=verified')
  await page.click('#to-account')
  await page.waitForURL('**/account')
})

t.test('without scripts, by the link in the same browser', async (t) => {
  const page = await newPage(t, { javaScriptEnabled: false })
  const email = await signUp(page)
  await page.goto((await newestMailTo(idp, email)).link ?? '')
  t.equal(await page.locator('#password').count(), 0)
  await page.click('#verify')
  await page.waitForURL('**/verify-email?done=verified')
})

t.test('by the link on a phone, which asks for the password; then the first browser goes on', async (t) => {
  const page = await newPage(t)
  const email = await signUp(page)
  const onPhone = await newPage(t, { ...phone, locale: 'de' })
  await onPhone.goto((await newestMailTo(idp, email)).link ?? '')
  t.match(await onPhone.textContent('h1'), 'Ist das Ihre')
  await onPhone.fill('#password', password)
  await onPhone.click('#verify')
  await onPhone.waitForURL('**/verify-email?done=verified')
  await page.click('#link-opened')
  await page.waitForURL(`${idp.issuer}/`)
})

t.test('an application gets nothing before the address is verified, on whatever device that happens', async (t) => {
  // Any page that answers will do as the application.
  const application = `${idp.issuer}/healthz`
  const client = await idp.client({ redirect_uris: [application] })
  const page = await newPage(t)
  await page.goto(`${idp.issuer}/authorize?${new URLSearchParams(authorizationParameters(client, pkce()))}`)
  await page.click('#to-sign-up')
  const email = newEmail()
  await page.fill('#email', email)
  await page.fill('#password', password)
  await page.click('#sign-up')
  await page.waitForURL('**/verify-email?continue=**')
  await page.click('#link-opened')
  t.match(await page.textContent('.notice'), 'has not been verified yet', 'the link has not been opened anywhere')
  const onPhone = await newPage(t, phone)
  await onPhone.goto((await newestMailTo(idp, email)).link ?? '')
  await onPhone.fill('#password', password)
  await onPhone.click('#verify')
  await onPhone.waitForURL('**/verify-email?done=verified')
  t.match(await onPhone.textContent('.lead'), 'go back there to continue')
  await page.click('#link-opened')
  await page.click('#allow')
  await page.waitForURL(`${application}?**`)
  t.ok(new URL(page.url()).searchParams.has('code'))
})

t.test('a mistyped address is corrected on the page that waits', async (t) => {
  const page = await newPage(t, phone)
  await signUp(page)
  const right = newEmail()
  await page.click('#other-address')
  await page.fill('#email', right)
  await page.fill('#password', password)
  await page.click('#send-there')
  await page.waitForFunction(`document.body.textContent.includes('${right}')`)
  await page.fill('#code', (await newestMailTo(idp, right)).code ?? '')
  await page.click('#verify')
  await page.waitForURL('**/verify-email?done=verified')
})

t.test('whoever did not ask for the mail removes the address with one button', async (t) => {
  const page = await newPage(t)
  const email = await signUp(page)
  const stranger = await newPage(t, phone)
  await stranger.goto((await newestMailTo(idp, email)).link ?? '')
  await stranger.click('#disown')
  await stranger.waitForURL('**/verify-email?done=disowned')
  await page.reload()
  t.match(await page.textContent('.lead'), 'no e-mail address')
})
