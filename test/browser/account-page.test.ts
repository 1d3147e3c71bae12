import sharp from 'sharp'
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
  await page.fill('#birthdate', '1990-12-31')
  await page.selectOption('#locale', { label: 'Deutsch' })
  await page.selectOption('#zoneinfo', { label: 'Zurich' })
  t.equal(await page.locator('#zoneinfo optgroup').nth(7).getAttribute('label'), 'Europa')
  t.equal(await page.locator('#zoneinfo-suggestion').count(), 0, 'the browser’s is offered only by the script')
  await page.fill('#website', 'http://ada.example/')
  await page.keyboard.press('Enter')
  await page.waitForSelector('#website-fault')
  t.ok(await page.isVisible('#website'), 'the section that contains a faulty field is open')
  await focusOn(page, 'website')
  t.same(
    [await page.inputValue('#birthdate'), await page.inputValue('#locale'), await page.inputValue('#zoneinfo')],
    ['1990-12-31', 'de', 'Europe/Zurich'],
    'and what was chosen is kept',
  )
  await page.fill('#website', '')
  await page.click('#profile-save')
  await page.waitForURL(`${idp.issuer}/account?notice=profile-saved`)
  const chosen = 'SELECT birthdate, locale, zoneinfo FROM accounts WHERE sub = $1'
  t.same((await idp.signet.database.query({ text: chosen, values: [person.sub] })).rows, [
    { birthdate: '1990-12-31', locale: 'de', zoneinfo: 'Europe/Zurich' },
  ])

  await page.click('#avatar-save')
  t.equal(await page.locator('#avatar:invalid').count(), 1, 'the browser asks for a file')
  await page.setInputFiles('#avatar', { name: 'me.txt', mimeType: 'text/plain', buffer: Buffer.from('not a picture') })
  await page.click('#avatar-save')
  await page.waitForSelector('#avatar-fault')
  await focusOn(page, 'avatar')
  const buffer = await sharp({ create: { width: 30, height: 40, channels: 3, background: '#1d5c50' } })
    .png()
    .toBuffer()
  await page.setInputFiles('#avatar', { name: 'ich.png', mimeType: 'image/png', buffer })
  await page.click('#avatar-save')
  await page.waitForURL(`${idp.issuer}/account?notice=picture-saved`)
  const picture = page.getByRole('img', { name: 'Ihr Bild' })
  t.equal(await picture.evaluate((image) => image instanceof HTMLImageElement && image.naturalWidth), 256)
  await page.click('#avatar-remove')
  await page.waitForURL(`${idp.issuer}/account?notice=picture-removed`)
  t.equal(await picture.count(), 0)

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

t.test('the script offers the time zone of the browser, also one that the server does not list', async (t) => {
  for (const [zone, label] of [
    ['Asia/Tokyo', 'Tokyo'],
    ['Etc/GMT+3', 'Etc/GMT+3'],
  ] as const) {
    const person = await idp.person({ birthdate: '1815', locale: 'de-CH' })
    const context = await browser.newContext({ timezoneId: zone, locale: 'en' })
    const page = await context.newPage()
    await page.goto(`${idp.issuer}/account`)
    await page.fill('#username', person.username)
    await page.fill('#password', person.password)
    await page.click('#sign-in')
    await page.click('summary >> nth=0')
    t.equal(await page.getAttribute('#birthdate', 'type'), 'text', 'a year alone is shown as it is')
    t.equal(await page.textContent('#locale option:checked'), 'Schweizer Hochdeutsch')
    await page.getByRole('button', { name: `Zeitzone dieses Geräts verwenden: ${label}` }).press('Enter')
    await focusOn(page, 'zoneinfo')
    t.equal(await page.locator('#zoneinfo-suggestion').count(), 0)
    await page.click('#profile-save')
    await page.waitForURL(`${idp.issuer}/account?notice=profile-saved`)
    const saved = 'SELECT birthdate, locale, zoneinfo FROM accounts WHERE sub = $1'
    t.same((await idp.signet.database.query({ text: saved, values: [person.sub] })).rows, [
      { birthdate: '1815', locale: 'de-CH', zoneinfo: zone },
    ])
    await context.close()
  }
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
