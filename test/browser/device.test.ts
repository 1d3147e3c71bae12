import t from 'tap'
import { ofDevice, startDevice } from '../support/device.ts'
import { startSignet } from '../support/idp.ts'
import { sharedChromium } from './shared-chromium.ts'

const idp = await startSignet(t)
const client = await idp.client({ ...ofDevice, client_name: 'Television' })
const browser = await sharedChromium()

t.test('a person connects a device on a phone without scripts, in German', async (t) => {
  const person = await idp.person({ name: 'Ada' })
  const device = await startDevice(idp, client)
  const context = await browser.newContext({
    ...{ javaScriptEnabled: false, locale: 'de-DE', viewport: { width: 390, height: 844 } },
  })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))

  await page.goto(device.issued.verification_uri)
  await page.fill('#user_code', device.issued.user_code.toLowerCase().replace('-', ' '))
  await page.click('#continue')
  await page.fill('#username', person.username)
  await page.fill('#password', person.password)
  await page.click('#sign-in')
  t.equal(await page.inputValue('#user_code'), device.issued.user_code, 'the code has survived the sign-in')
  await page.click('#continue')
  t.match(await page.textContent('.question'), /Television/)
  t.equal(await page.textContent('.user-code'), device.issued.user_code)
  t.match(await page.textContent('.warning'), /jemand anders/)
  t.equal((await device.poll()).status, 400)
  await page.click('#allow')
  t.match(await page.textContent('h1'), 'Sie können zu Ihrem Gerät zurückkehren')
  t.equal((await device.poll()).status, 200)
  await page.reload()
  t.match(await page.textContent('h1'), 'Sie können zu Ihrem Gerät zurückkehren', 'reloading sends no form again')

  const other = await startDevice(idp, client)
  await page.goto(other.issued.verification_uri_complete)
  await page.click('#continue')
  await page.click('#deny')
  t.match(await page.textContent('h1'), 'Zugriff abgelehnt')
  t.equal((await other.poll()).body.error, 'access_denied')
  t.same(complaints, [])
  await context.close()
})
