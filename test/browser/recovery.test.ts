import type { BrowserContextOptions, Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startSignet } from '../support/idp.ts'
import { newestMailTo } from '../support/mails.ts'
import { newPassword, verifiedPerson } from '../support/recovery.ts'
import { sharedChromium } from './shared-chromium.ts'

const idp = await startSignet(t)
const browser = await sharedChromium()

/** A page that collects what the browser complains about. */
async function openPage(t: Test, options: BrowserContextOptions) {
  const context = await browser.newContext(options)
  t.teardown(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  return { page, complaints }
}

/** From the sign-in page to a mail with a link. */
async function ask(page: Page, email: string): Promise<string> {
  await page.goto(`${idp.issuer}/sign-in`)
  await page.fill('#username', email)
  await page.click('#to-recover')
  if ((await page.inputValue('#username')) !== email) throw new Error('The name must be typed again.')
  await page.click('#recover')
  const { link } = await newestMailTo(idp, email)
  if (!link) throw new Error('The mail has no link.')
  return link
}

t.test('a person forgets the password and sets a new one on a phone without scripts, in German', async (t) => {
  const person = await verifiedPerson(idp, { name: 'Ada' })
  const phone = { javaScriptEnabled: false, locale: 'de-DE', viewport: { width: 390, height: 844 } }
  const { page, complaints } = await openPage(t, phone)
  await page.goto(await ask(page, person.email))
  t.match(await page.textContent('.account'), person.email)
  await page.fill('#new-password', newPassword)
  await page.click('#set-password')
  t.match(await page.textContent('.notice'), /Ihr neues Passwort wurde gespeichert/)
  await page.fill('#username', person.email)
  await page.fill('#password', newPassword)
  await page.click('#sign-in')
  t.equal(page.url(), `${idp.issuer}/`)
  t.same(complaints, [])
})

t.test('with scripts and the keyboard only; the link cannot be used again', async (t) => {
  const person = await verifiedPerson(idp)
  const { page, complaints } = await openPage(t, { viewport: { width: 1280, height: 800 } })
  const link = await ask(page, person.email)
  await page.goto(link)
  // The field has the focus.
  await page.keyboard.type(newPassword)
  await page.check('[data-reveals="new-password"]')
  t.equal(await page.getAttribute('#new-password', 'type'), 'text')
  await page.focus('#new-password')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.notice')
  await page.goto(link)
  t.equal(await page.textContent('h1'), 'This link does not work any more')
  await page.click('#recover-again')
  t.equal(new URL(page.url()).pathname, '/recover')
  t.same(
    complaints.filter((complaint) => !complaint.includes('410')),
    [],
  )
})
