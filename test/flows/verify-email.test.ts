import t from 'tap'
import type { Sub } from '../../src/records/ids.ts'
import { eventsOf as changeEventsOf } from '../support/email-change.ts'
import { freePort, type Idp, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { mailsTo, newestMailTo } from '../support/mails.ts'
import { addressOf, codeTo, linkTo, newEmail, signInWith, signUp, subOf } from '../support/verification.ts'

const required = await startSignet(t, { SIGNET_EMAIL_VERIFICATION: 'required' })
const optional = await startSignet(t)

/** The types of the events about an account, the oldest first. */
async function eventsOf(idp: Idp, sub: string): Promise<string[]> {
  const { rows } = await idp.signet.database.query<{ type: string }>({
    text: 'SELECT type FROM events WHERE sub = $1 ORDER BY id',
    values: [sub],
  })
  return rows.map(({ type }) => type)
}

t.test('somebody who signs up enters the code of the mail and goes on to the application', async (t) => {
  const client = await required.client()
  const { browser, email, page } = await signUp(required, { client })
  t.match(page.url, '/verify-email?continue=')
  t.match(page.text, email)
  t.match(page.text, /<input[^>]* id="code"[^>]* inputmode="numeric" autocomplete="one-time-code"/)
  const sub = await subOf(required, email)
  t.same(await addressOf(required, sub), { email, verified: false })
  const after = await browser.submit(page, 'code', { code: await codeTo(required, email) })
  t.match(after.location, '/authorize?continue=')
  const consent = await browser.follow(after)
  t.match(consent.text, 'id="allow"')
  t.same(await addressOf(required, sub), { email, verified: true })
  t.same((await eventsOf(required, sub)).slice(0, 3), [
    'account_created',
    'email_verification_requested',
    'email_verified',
  ])
  const [verified] = await changeEventsOf(required, { sub: sub as Sub }, ['email_verified'])
  t.same(verified?.detail, { proof: 'code' }, 'without `by`, which names operators')
})

t.test('a code may be typed with spaces, a hyphen or full-width digits', async (t) => {
  const typings = [
    (code: string) => ` ${code.slice(0, 3)} ${code.slice(3)} `,
    (code: string) => `${code.slice(0, 3)}-${code.slice(3)}`,
    (code: string) => code.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
  ]
  for (const typed of typings) {
    const { browser, email, page } = await signUp(required)
    const after = await browser.submit(page, 'code', { code: typed(await codeTo(required, email)) })
    t.equal(after.location, `${required.issuer}/verify-email?done=verified`)
  }
})

t.test('the link, opened in the browser that asked, takes a button and goes on to the application', async (t) => {
  const client = await required.client()
  const { browser, email } = await signUp(required, { client })
  const sub = await subOf(required, email)
  const opened = await browser.get(await linkTo(required, email))
  t.equal(opened.status, 200)
  t.notMatch(opened.text, 'id="password"')
  t.same(await addressOf(required, sub), { email, verified: false }, 'opening the link verifies nothing')
  const after = await browser.submit(opened, 'verify')
  t.match(after.location, '/authorize?continue=')
  t.same(await addressOf(required, sub), { email, verified: true })
})

t.test('on another device the link asks for the password, and signs that device in', async (t) => {
  const { browser, email, password } = await signUp(required)
  const sub = await subOf(required, email)
  const phone = required.browser()
  const opened = await phone.get(await linkTo(required, email))
  t.match(opened.text, email)
  t.match(opened.text, 'id="password"')
  t.match(opened.text, 'id="disown"')
  const wrong = await phone.submit(opened, 'verify', { password: 'not the password' })
  t.equal(wrong.status, 403)
  t.equal((await phone.submit(opened, 'verify', { password: '' })).status, 422)
  t.same(await addressOf(required, sub), { email, verified: false })
  const after = await phone.submit(opened, 'verify', { password })
  t.equal(after.location, `${required.issuer}/verify-email?done=verified`)
  t.same(await addressOf(required, sub), { email, verified: true })
  t.match((await phone.get('/account')).text, email, 'the phone is signed in')
  t.match(
    (await eventsOf(required, sub)).join(' '),
    'account_created email_verification_requested sign_in_failed signed_in email_verified',
  )

  const first = await browser.get('/verify-email?opened=1')
  t.equal(first.location, `${required.issuer}/`, 'the first browser goes on')
})

t.test('until the link has been used, the first browser is told that the address is not verified', async (t) => {
  const { browser } = await signUp(required)
  const looked = await browser.get('/verify-email?opened=1')
  t.equal(looked.status, 200)
  t.match(looked.text, 'has not been verified yet')
})

t.test('with optional verification the mail is sent, and the person goes on at once', async (t) => {
  const client = await optional.client()
  const { browser, email, page } = await signUp(optional, { client })
  t.match(page.text, 'id="allow"')
  const waiting = await browser.get('/verify-email')
  t.match(waiting.text, 'id="code"')
  t.match(waiting.text, 'id="later"')
  await browser.submit(waiting, 'code', { code: await codeTo(optional, email) })
  t.same(await addressOf(optional, await subOf(optional, email)), { email, verified: true })
})

t.test('a person can ask for another mail; the codes of both work', async (t) => {
  const { browser, email, page } = await signUp(required)
  const code = await codeTo(required, email)
  const again = await browser.follow(await browser.submit(page, 'send-again'))
  t.match(again.text, 'Another e-mail is on its way')
  const sent = await mailsTo(required, email)
  t.equal(sent.length, 2)
  const after = await browser.submit(again, 'code', { code })
  t.equal(after.location, `${required.issuer}/verify-email?done=verified`)
  const second = sent.find((mail) => mail.code !== code)
  const unused = await browser.get((second?.link ?? '').slice(required.issuer.length))
  t.equal(
    unused.location,
    `${required.issuer}/verify-email?done=verified`,
    'the link of the other mail says that it is done',
  )
})

t.test('somebody who signs in with an address that is not verified gets to the verification only', async (t) => {
  const { email, password } = await signUp(required)
  const browser = required.browser()
  const page = await signInWith(browser, email, password)
  t.match(page.url, '/verify-email')
  t.notMatch(page.text, 'id="code"', 'this browser has asked for no mail')
  const sent = await browser.follow(await browser.submit(page, 'send-again'))
  await browser.submit(sent, 'code', { code: await codeTo(required, email) })
  t.equal((await browser.get('/account')).status, 200)
})

t.test('a person who mistyped the address corrects it while nothing else is open to them', async (t) => {
  const client = await required.client()
  const { browser, email, password, page } = await signUp(required, { client })
  const firstLink = await linkTo(required, email)
  const right = newEmail()
  const wrongPassword = await browser.submit(page, 'email', { email: right, password: 'not the password' })
  t.equal(wrongPassword.status, 403)
  t.equal((await browser.submit(page, 'email', { email: right, password: '' })).status, 422)
  t.equal((await browser.submit(page, 'email', { email: 'no address', password })).status, 422)
  const changed = await browser.follow(await browser.submit(page, 'email', { email: right, password }))
  t.match(changed.text, right)
  t.equal((await browser.get(firstLink)).status, 410, 'the mail to the wrong address is void')
  const after = await browser.submit(changed, 'code', { code: await codeTo(required, right) })
  t.match(after.location, '/authorize?continue=')
  const sub = await subOf(required, right)
  t.same(await addressOf(required, sub), { email: right, verified: true })
})

t.test('the mail and the page are in the language of the request', async (t) => {
  const browser = optional.browser()
  const email = newEmail()
  const german = { 'accept-language': 'de' }
  const form = await browser.get('/sign-up', german)
  const csrf = /name="csrf" value="([^"]*)"/.exec(form.text)?.[1] ?? ''
  await browser.post('/sign-up', { csrf, email, password: 'eine lange Folge von Wörtern' }, german)
  t.match((await newestMailTo(optional, email)).subject, 'Bestätigen')
  t.match((await browser.get('/verify-email', german)).text, 'Code aus der E-Mail')
})

t.test('applications get email_verified: true only for an address that is verified', async (t) => {
  const client = await optional.client({ scope: 'openid email' })
  const { browser, email } = await signUp(optional)
  const claims = async () => {
    const signed = await signIn(optional, client, { browser, parameters: { scope: 'openid email', prompt: 'consent' } })
    const { body } = await signed.redeem()
    const reply = await fetch(`${optional.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${body.access_token}` },
    })
    const { email, email_verified } = (await reply.json()) as Record<string, unknown>
    return { email, email_verified }
  }
  t.same(await claims(), { email, email_verified: false })
  await browser.submit(await browser.get('/verify-email'), 'code', { code: await codeTo(optional, email) })
  t.same(await claims(), { email, email_verified: true })
})

t.test('accounts that an operator made are not blocked', async (t) => {
  const person = await required.person()
  const page = await signInWith(required.browser(), person.email, person.password)
  t.equal(page.url, `${required.issuer}/`)
})

t.test('where no mail can be sent, there are no pages for it', async (t) => {
  const none = await startSignet(t, { SIGNET_ISSUER: 'https://id.example', SIGNET_PORT: String(await freePort()) })
  const { browser, page } = await signUp(none)
  t.equal(page.url, 'https://id.example/')
  t.equal((await browser.get('/verify-email')).status, 404)
  t.equal((await browser.get('/verify-email?token=x')).status, 404)
  for (const form of ['code', 'again', 'address', 'link', 'disown'])
    t.equal((await browser.post(`/verify-email/${form}`, {})).status, 404, form)
  const { rows } = await none.signet.database.query('SELECT FROM email_verifications')
  t.equal(rows.length, 0)
})
