import { readFile } from 'node:fs/promises'
import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { mailsTo } from '../support/mails.ts'
import { verifiedPerson } from '../support/recovery.ts'
import { sharedChromium } from './shared-chromium.ts'
import { focusOn } from './show-page.ts'

const idp = await startSignet(t)
const browser = await sharedChromium()

t.test(
  'somebody who signed in long ago confirms that it is them, downloads the data, and deletes the account',
  async (t) => {
    const person = await verifiedPerson(idp, { name: 'Ada' })
    const context = await browser.newContext({ acceptDownloads: true })
    const complaints: string[] = []
    context.on('console', (entry) => entry.type() === 'error' && complaints.push(entry.text()))
    const page = await context.newPage()
    await page.goto(`${idp.issuer}/account/data`)
    await page.fill('#username', person.username)
    await page.fill('#password', person.password)
    await page.click('#sign-in')
    await page.waitForURL(`${idp.issuer}/account/data`)
    await idp.signet.database.query({
      text: `UPDATE sessions SET auth_time = auth_time - interval '1 hour' WHERE sub = $1`,
      values: [person.sub],
    })

    await page.reload()
    await page.click('#confirm-it-is-you')
    await page.waitForURL('**/step-up?**')
    await page.fill('#password', person.password)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${idp.issuer}/account/data`)
    const [file] = await Promise.all([page.waitForEvent('download'), page.click('#download-data')])
    t.match(file.suggestedFilename(), /^account-data-.*\.json$/)
    const document = JSON.parse(await readFile(await file.path(), 'utf8'))
    t.match(document, { profile: { sub: person.sub, name: 'Ada' }, complete: true })

    await page.click('#to-deletion')
    await page.waitForURL(`${idp.issuer}/account/data/delete`)
    await page.fill('#account-name', 'somebody else')
    await page.click('#delete-account')
    await page.waitForSelector('#account-name-fault')
    await focusOn(page, 'account-name')
    t.equal(await page.inputValue('#account-name'), 'somebody else')
    await page.fill('#account-name', person.email)
    await page.keyboard.press('Enter')
    await page.waitForSelector('h1 >> text=Your account has been deleted')
    t.same(
      (await context.cookies()).filter(({ name }) => name === idp.cookieNames.session),
      [],
    )

    await page.goto(`${idp.issuer}/sign-in`)
    await page.fill('#username', person.email)
    await page.fill('#password', person.password)
    await page.click('#sign-in')
    await page.waitForSelector('#fault')
    t.equal((await mailsTo(idp, person.email)).filter(({ subject }) => /deleted/.test(subject)).length, 1)
    // A refused form is a 4xx, which browsers report.
    t.same(
      complaints.filter((text) => !/status of 4\d\d/.test(text)),
      [],
    )
    await context.close()
  },
)

t.test('on a phone, in German and without scripts, the account can be deleted, too', async (t) => {
  const person = await idp.person({ name: 'Ada' })
  const context = await browser.newContext({
    viewport: { width: 390, height: 844 },
    locale: 'de-CH',
    javaScriptEnabled: false,
  })
  const page = await context.newPage()
  await page.goto(`${idp.issuer}/account/data/delete`)
  await page.fill('#username', person.username)
  await page.fill('#password', person.password)
  await page.click('#sign-in')
  await page.waitForURL(`${idp.issuer}/account/data/delete`)
  t.equal(await page.textContent('h1'), 'Konto löschen')
  t.match(await page.textContent('main'), person.sub)
  await page.fill('#account-name', person.username)
  await page.click('#delete-account')
  await page.waitForSelector('h1 >> text=Ihr Konto wurde gelöscht')
  await page.goto(`${idp.issuer}/account`)
  await page.waitForURL('**/sign-in?**')
  await context.close()
})
