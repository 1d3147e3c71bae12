import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { sharedChromium } from './shared-chromium.ts'
import { focusOn } from './show-page.ts'

const idp = await startSignet(t)
const browser = await sharedChromium()
const phone = { viewport: { width: 390, height: 844 }, locale: 'de-CH' }

t.test('on a phone and without scripts, the whole page works, in the person’s language', async (t) => {
  const person = await idp.person({ address: { formatted: 'Hauptstrasse 1\n8000 Zürich' } })
  const context = await browser.newContext({ ...phone, javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(`${idp.issuer}/account`)
  await page.fill('#username', person.username)
  await page.fill('#password', person.password)
  await page.click('#sign-in')
  await page.waitForURL(`${idp.issuer}/account`)
  t.equal(await page.textContent('h1'), 'Profil')
  t.equal(
    await page.getByRole('navigation', { name: 'Ihr Konto' }).locator('[aria-current=page]').textContent(),
    'Profil',
  )

  await page.fill('#nickname', 'Ada')
  await page.click('summary >> text=Postanschrift')
  t.equal(await page.inputValue('#formatted'), 'Hauptstrasse 1\n8000 Zürich')
  await page.fill('#locality', 'Zürich')
  await page.click('#profile-save')
  await page.waitForURL(`${idp.issuer}/account?notice=profile-saved`)
  t.equal((await page.textContent('[role=status]'))?.trim(), 'Ihr Profil wurde gespeichert.')
  const saved = 'SELECT nickname, address FROM accounts WHERE sub = $1'
  t.same((await idp.signet.database.query({ text: saved, values: [person.sub] })).rows, [
    { nickname: 'Ada', address: { formatted: 'Hauptstrasse 1\n8000 Zürich', locality: 'Zürich' } },
  ])

  await page.click('summary >> text=Weitere Angaben')
  await page.fill('#birthdate', '31.12.1990')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#birthdate-fault')
  t.ok(await page.isVisible('#birthdate'), 'the section that contains a faulty field is open')
  await focusOn(page, 'birthdate')

  await page.click('nav >> text=Sicherheit')
  await page.waitForURL(`${idp.issuer}/account/security`)
  await page.fill('#current-password', person.password)
  await page.fill('#new-password', 'quiet lamps over harbours')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${idp.issuer}/account/security?notice=password-changed`)
  t.match(await page.textContent('[role=status]'), 'alle Anwendungen haben ihren Zugriff verloren')

  await page.fill('#current-password', 'quiet lamps over harbours')
  await page.fill('#new-password', 'loud harbours under lamps')
  const box = page.getByLabel('Auch den Zugriff aller Anwendungen beenden')
  t.ok(await box.isChecked(), 'the box is ticked by default')
  await box.uncheck()
  await page.click('#password-change')
  await page.waitForURL(`${idp.issuer}/account/security?notice=password-changed-applications-kept`)
  t.match(await page.textContent('[role=status]'), 'behalten ihren Zugriff')
  t.ok(await box.isChecked(), 'and it is ticked again the next time')
  await page.click('#sign-out')
  await page.waitForSelector('h1 >> text=abgemeldet')
  await context.close()
})

t.test('with scripts the new password can be shown, and nothing violates the policy', async (t) => {
  const person = await idp.person()
  const context = await browser.newContext()
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(`${idp.issuer}/account/security`)
  await page.fill('#username', person.username)
  await page.fill('#password', person.password)
  await page.click('#sign-in')
  await page.fill('#new-password', 'quiet lamps over harbours')
  await page.getByLabel('Show new password').check()
  t.equal(await page.getAttribute('#new-password', 'type'), 'text')
  t.equal(await page.getAttribute('#current-password', 'type'), 'password')
  t.same(complaints, [])
  await context.close()
})
