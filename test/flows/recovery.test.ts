import t from 'tap'
import type { Browser, Visit } from '../support/browser.ts'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'
import { mailsTo, newestMailTo } from '../support/mails.ts'
import { newPassword, setPassword, verifiedPerson } from '../support/recovery.ts'

const idp = await startSignet(t)

const heading = ({ text }: Visit) => /<h1>(.*?)<\/h1>/.exec(text)?.[1]
const lang = ({ text }: Visit) => /<html lang="(\w+)"/.exec(text)?.[1]

const languages = [
  {
    locale: 'en',
    headings: ['Forgot your password?', 'Check your e-mail', 'Set a new password', 'Sign in'],
    notice: 'Your new password has been saved. Please sign in with it.',
    subjects: ['Set a new password for Signet', 'Your password for Signet was changed'],
  },
  {
    locale: 'de',
    headings: ['Passwort vergessen?', 'Sehen Sie in Ihrem Postfach nach', 'Neues Passwort festlegen', 'Anmelden'],
    notice: 'Ihr neues Passwort wurde gespeichert. Bitte melden Sie sich damit an.',
    subjects: ['Neues Passwort für Signet festlegen', 'Ihr Passwort für Signet wurde geändert'],
  },
]

for (const { locale, headings, notice, subjects } of languages)
  t.test(`somebody who has forgotten the password gets to the application: ${locale}`, async (t) => {
    const person = await verifiedPerson(idp)
    const client = await idp.client()
    const browser = idp.browser()
    const proof = pkce()
    const parameters = authorizationParameters(client, proof, { ui_locales: locale })
    const signIn = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
    t.match(signIn.text, '<button class="link" id="to-recover" form="credentials" formaction="/recover"')

    // What the button sends: the form of the sign-in page, to another address.
    const { continue: continueTo = '' } = hidden(signIn)
    const typed = { username: person.email, password: 'not.this.one', from: 'sign-in', continue: continueTo }
    const redirect = await browser.post('/recover', typed)
    t.match(redirect, { status: 303, location: `${idp.issuer}/recover?continue=` })
    t.notMatch(redirect.location, /example|%40|not\.this/, 'what was typed is not in the URL')
    const asking = await browser.follow(redirect)
    t.match(asking.text, `value="${person.email}"`)
    const asked = { ...hidden(asking), username: person.email }
    const sent = await browser.post('/recover', asked, { 'accept-language': locale })
    t.match(sent.text, `<bdi class="name">${person.email}</bdi>`)

    const mail = await newestMailTo(idp, person.email)
    t.equal(mail.subject, subjects[0])
    const link = mail.link?.slice(idp.issuer.length) ?? ''
    const opened = await browser.get(link, { 'accept-language': locale })
    t.match(opened.text, person.email, 'the page says whose password it is')
    const form = { ...hidden(opened), 'new-password': newPassword }
    const done = await browser.post('/recover/password', form, { 'accept-language': locale })
    t.match(done, { status: 303, location: `${idp.issuer}/sign-in?continue=` })
    const back = await browser.follow(done)
    t.match(back.text, notice)
    t.same([asking, sent, opened, back].map(heading), headings)
    t.same([asking, sent, opened, back].map(lang), Array(4).fill(locale))

    const answered = await passPages(browser, back, { ...person, password: newPassword })
    t.match(answered.location, `${client.redirect_uris[0]}?code=`)
    t.same(
      (await mailsTo(idp, person.email)).map(({ subject }) => subject),
      subjects,
    )
  })

function hidden({ text }: Visit): Record<string, string> {
  const inputs = text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)
  return Object.fromEntries([...inputs].map(([, name, value]) => [name, value]))
}

t.test('a mail is in the language of the profile, otherwise in that of the page', async (t) => {
  for (const [profile, page, subject] of [
    ['de', 'en', /^Neues Passwort/],
    ['en', 'de', /^Set a new/],
    ['fr', 'de', /^Neues Passwort/],
    [undefined, 'de', /^Neues Passwort/],
  ] as const) {
    const person = await verifiedPerson(idp, profile === undefined ? {} : { locale: profile })
    await idp.browser().post('/recover', { username: person.username }, { 'accept-language': page })
    t.match((await newestMailTo(idp, person.email)).subject, subject, `${profile}, ${page}`)
  }
})

t.test('a person without a password, whose account an operator created, sets the first one', async (t) => {
  const person = await verifiedPerson(idp)
  await idp.signet.database.query({ text: 'DELETE FROM account_credentials WHERE sub = $1', values: [person.sub] })
  const browser = idp.browser()
  await browser.submit(await browser.get('/recover'), 'recover', { username: person.email })
  const { link = '' } = await newestMailTo(idp, person.email)
  const page = await browser.get(link.slice(idp.issuer.length))
  const back = await browser.follow(await browser.submit(page, 'set-password', { 'new-password': newPassword }))
  const form = { username: person.username, password: newPassword }
  t.match(await browser.submit(back, 'sign-in', form), { status: 303, location: `${idp.issuer}/` })
})

/** Asks for a link on the way to an application. */
async function askOnTheWay(browser: Browser) {
  const person = await verifiedPerson(idp)
  const parameters = authorizationParameters(await idp.client(), pkce())
  const signIn = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
  await browser.post('/recover', { username: person.email, continue: hidden(signIn)['continue'] ?? '' })
  const { link = '' } = await newestMailTo(idp, person.email)
  return { person, link: link.slice(idp.issuer.length) }
}

t.test('a request that has expired meanwhile is not continued, and the password is set nevertheless', async (t) => {
  const browser = idp.browser()
  const { person, link } = await askOnTheWay(browser)
  await idp.signet.database.query({
    text: `UPDATE account_recoveries SET continue_to = 'not sealed by this issuer' WHERE sub = $1`,
    values: [person.sub],
  })
  t.equal((await setPassword(browser, link)).location, `${idp.issuer}/sign-in?notice=password-recovered`)
})

t.test(
  'only the browser that asked is led on: somebody else may have asked on the way to another application',
  async (t) => {
    const asking = idp.browser()
    const { link } = await askOnTheWay(asking)
    t.equal((await setPassword(idp.browser(), link)).location, `${idp.issuer}/sign-in?notice=password-recovered`)
    t.match((await setPassword(asking, (await askOnTheWay(asking)).link)).location, '/sign-in?continue=')
  },
)

t.test('a notice is a fixed text, never one from the URL', async (t) => {
  for (const notice of ['constructor', '<b>', 'passwordRecovered', ''])
    t.notMatch((await idp.browser().get(`/sign-in?notice=${encodeURIComponent(notice)}`)).text, 'class="notice"')
})
