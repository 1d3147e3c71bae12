import t from 'tap'
import { setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import { addressOf, newAddress } from '../support/email-change.ts'
import { startSignet } from '../support/idp.ts'
import { newestMailTo } from '../support/mails.ts'
import { sharedChromium } from './shared-chromium.ts'

const idp = await startSignet(t)
const browser = await sharedChromium()

t.test('on a phone, by keyboard and without scripts, a person changes the address and undoes it', async (t) => {
  const person = await idp.person()
  await setEmailVerified(idp.signet.database, person.sub)
  const email = newAddress()
  const context = await browser.newContext({
    viewport: { width: 390, height: 844 },
    locale: 'de-CH',
    javaScriptEnabled: false,
  })
  const page = await context.newPage()
  await page.goto(`${idp.issuer}/account/sign-in`)
  await page.fill('#username', person.username)
  await page.fill('#password', person.password)
  await page.keyboard.press('Enter')
  await page.waitForURL(`${idp.issuer}/account/sign-in`)
  await page.fill('#email', email)
  await page.fill('#confirm-password', person.password)
  await page.keyboard.press('Enter')
  await page.waitForURL('**/verify-email?continue=*')
  const mail = await newestMailTo(idp, email)

  await page.goto(`${idp.issuer}/account/sign-in`)
  t.match(await page.textContent('#email-waiting-text'), email)
  t.match(await page.textContent('#email-waiting-text'), 'Bis dahin ändert sich nichts.')
  await page.focus('#email-code')
  await page.keyboard.press('Tab')
  t.equal(await page.evaluate(() => document.activeElement?.id).catch(() => 'email-send'), 'email-send')
  await page.focus('#email-code')
  await page.keyboard.press('Enter')
  await page.waitForURL('**/verify-email?continue=*')
  await page.fill('#code', mail.code ?? '')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${idp.issuer}/account/sign-in`)
  t.equal(await page.inputValue('#email'), email)

  const { link = '', subject } = await newestMailTo(idp, person.email)
  t.match(subject, 'wurde geändert')
  const elsewhere = await (await browser.newContext({ locale: 'de-CH', javaScriptEnabled: false })).newPage()
  await elsewhere.goto(link)
  t.equal(await elsewhere.textContent('h1'), 'Änderung der Adresse rückgängig machen?')
  await elsewhere.fill('#password', 'nicht das Passwort')
  await elsewhere.keyboard.press('Enter')
  await elsewhere.waitForSelector('#fault')
  await elsewhere.fill('#password', person.password)
  await elsewhere.keyboard.press('Enter')
  await elsewhere.waitForURL(`${idp.issuer}/undo-email-change?done=1`)
  t.equal(await elsewhere.getAttribute('.button.primary', 'href'), '/recover')
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  await page.reload()
  await page.waitForURL('**/sign-in?continue=*')
  await elsewhere.context().close()
  await context.close()
})
