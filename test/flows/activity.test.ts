import t from 'tap'
import { setPassword } from '../../src/operations/account-access.ts'
import { notShownTypes, shownTypes } from '../../src/pages/account/activity-words.ts'
import { eventTypes } from '../../src/records/events/events-store.ts'
import { clearLimits, enter, hiddenOf, stateOf } from '../attacks/account-forms.ts'
import type { Browser } from '../support/browser.ts'
import { addressOf, changeAddress, newAddress, signsIn, verifiedPerson } from '../support/email-change.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { mailsTo, newestMailTo } from '../support/mails.ts'
import { givePasskey } from '../support/passkeys.ts'
import { newPassword } from '../support/recovery.ts'

const idp = await startSignet(t)
const operator = { kind: 'operator', by: 'alice@bastion' } as const
const query = async (text: string, values: unknown[] = []) =>
  (await idp.signet.database.query<Record<string, unknown>>({ text, values })).rows
const firefox = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0'

t.beforeEach(() => clearLimits(idp))

const textOf = (html: string) => html.replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ')
const activity = async (browser: Browser, search = '') => (await browser.get(`/account/activity${search}`)).text

/** The page on which the newest event with this text is reported. */
async function reportPage(browser: Browser, text: string) {
  const rows = (await activity(browser)).split('<li class="row"').slice(1)
  const href = /href="(\/account\/activity\/not-me\?event=[^"]+)"/.exec(
    rows.find((row) => row.includes(text)) ?? '',
  )?.[1]
  if (href === undefined) throw new Error(`Nothing to report is called ${text}.`)
  return browser.get(href)
}

/** The proof of the session is older than ten minutes. */
const age = ({ sub }: Person) =>
  query(`UPDATE sessions SET auth_time = auth_time - interval '1 hour' WHERE sub = $1`, [sub])

t.test('every type of event has words or is listed as not shown', async (t) => {
  t.same([...shownTypes, ...notShownTypes].sort(), [...eventTypes].sort())
})

t.test('the page tells what happened, when, and from which device and network, the newest first', async (t) => {
  const { person, browser } = await verifiedPerson(idp, { zoneinfo: 'Europe/Berlin' })
  const client = await idp.client({ client_name: '<b>Notes</b>' })
  await signIn(idp, client, { person, browser })
  const elsewhere = idp.browser()
  const page = await elsewhere.get('/sign-in')
  const form = { ...hiddenOf(page, 'sign-in'), username: person.username, password: person.password }
  await elsewhere.post('/sign-in', form, { 'user-agent': firefox })
  await idp.browser().post('/sign-in', { ...form, password: 'wrong' })
  const html = await activity(browser)
  const text = textOf(html)
  t.match(text, /Sign-in failed .* Signed in with the password .* Firefox on Windows.* Access allowed for/)
  t.match(text, 'network 127.0.0.1')
  t.match(text, 'In a browser that was new to the account')
  t.match(text, /GMT\+1|GMT\+2/, 'in the zone of the person')
  t.match(html, '&lt;b>Notes&lt;/b>')
  t.notMatch(text, /tokens_issued|grant_opened|undefined|\[object/)
  const german = textOf((await browser.get('/account/activity?ui_locales=de')).text)
  t.match(german, 'Mit dem Passwort angemeldet')
  t.match(german, 'Firefox unter Windows')
})

t.test('what an operator did is said to be theirs, and cannot be reported', async (t) => {
  const { person } = await verifiedPerson(idp)
  await setPassword(idp.signet, operator, person.sub, newPassword)
  const browser = await enter(idp, { ...person, password: newPassword })
  const [, row = ''] = (await activity(browser)).split('<li class="row"').slice(1)
  t.match(textOf(row), /New password set .* By an operator/)
  t.notMatch(row, 'not-me')
  t.notMatch(row, 'alice')
})

t.test('older events are on further pages, each once, and nobody sees those of others', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  await query(
    `INSERT INTO events (type, sub, network, detail, at)
     SELECT CASE WHEN n % 3 = 0 THEN 'signed_in' ELSE 'tokens_issued' END, $1, '192.0.2.' || (n / 3), '{"amr":["pwd"]}', now() - n * interval '1 hour'
     FROM generate_series(1, 210) AS n`,
    [person.sub],
  )
  const seen: string[] = []
  let next: string | undefined = ''
  let pages = 0
  while (next !== undefined && pages++ < 10) {
    const html: string = await activity(browser, next)
    seen.push(...[...html.matchAll(/192\.0\.2\.\d+/g)].map(([network]) => network))
    next = /href="\/account\/activity(\?before=[^"]+)"/.exec(html)?.[1]
  }
  t.equal(pages, 3)
  t.equal(new Set(seen).size, 70)
  t.equal(seen.length, 70)

  const { browser: other } = await verifiedPerson(idp)
  const html = await activity(browser)
  const before = /\?before=[^"]+/.exec(html)?.[0] ?? ''
  t.equal(
    textOf(await activity(other, before)),
    textOf(await activity(other)),
    'a handle of somebody else counts as none',
  )
  const event = /not-me\?event=([^"]+)/.exec(html)?.[1] ?? ''
  t.match((await other.get(`/account/activity/not-me?event=${event}`)).text, 'can no longer be reported')
  for (const search of ['?before=x', '?before=', '?before=1', `?before=${'A'.repeat(3_000)}`])
    t.equal((await browser.get(`/account/activity${search}`)).status, 200, search)
})

t.test('somebody with very many events that are not shown can still get to the older ones', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  await query(
    `INSERT INTO events (type, sub, detail, at)
     SELECT 'tokens_issued', $1, '{}', now() + n * interval '1 second' FROM generate_series(1, 1500) AS n`,
    [person.sub],
  )
  const first = await activity(browser)
  t.match(textOf(first), 'There is nothing to show here.')
  const older = /href="\/account\/activity(\?before=[^"]+)"/.exec(first)?.[1] ?? ''
  t.match(textOf(await activity(browser, older)), 'Signed in with the password')
})

t.test('a stolen session presses “This was not me” and gets nothing', async (t) => {
  const { person, browser: owner } = await verifiedPerson(idp)
  await age(person)
  const thief = idp.browser()
  for (const [name, value] of owner.cookies) thief.cookies.set(name, value)
  const before = await stateOf(idp, person)
  const page = await reportPage(thief, 'Signed in with the password')
  const pressed = await thief.submit(page, 'report')
  t.match(pressed, { status: 303, location: '/step-up?continue=' })
  t.equal(await stateOf(idp, person), before)

  const sent = await thief.submit(page, 'report-send')
  t.match(sent, { status: 303, location: '/account/activity?notice=report-link-sent' })
  t.equal(await stateOf(idp, person), before)
  t.notMatch(`${sent.text}${(await thief.follow(sent)).text}`, 'token=')
  t.match((await newestMailTo(idp, person.email)).text, 'not-me?token=', 'only the owner gets the link')
  t.equal((await owner.get('/account')).status, 200)
})

t.test('a password alone, however fresh, reports nothing where a passkey is the strongest factor', async (t) => {
  const { person } = await verifiedPerson(idp)
  const browser = await enter(idp, person)
  await givePasskey(idp, person)
  const page = await reportPage(browser, 'Signed in with the password')
  t.match(await browser.submit(page, 'report'), { status: 303, location: '/step-up?continue=' })
  t.equal((await browser.get('/account')).status, 200)
})

t.test('somebody with a fresh proof reports something, and sets a new password', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const thief = await enter(idp, person)
  const theirs = newAddress()
  await changeAddress(idp, thief, person, theirs)
  const page = await reportPage(browser, 'In a browser that was new')
  t.match(textOf(page.text), 'Everybody is signed out')
  const done = await browser.submit(page, 'report')
  t.match(done, { status: 303, location: '/recover/password?token=' })
  for (const one of [browser, thief]) t.equal((await one.get('/account')).status, 303)
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  t.equal((await idp.browser().get(done.location ?? '')).status, 200)
  const form = await browser.follow(done)
  t.equal((await browser.submit(form, 'set-password', { 'new-password': newPassword })).status, 303)
  t.ok(await signsIn(idp, person.email, newPassword))
  t.notOk(await signsIn(idp, person.email, person.password))
  const [event] = await query(`SELECT detail FROM events WHERE sub = $1 AND type = 'account_reported'`, [person.sub])
  t.match(event, { detail: { about: 'signed_in', removed: ['password'], email: 'restored', sessions_ended: 2 } })
})

t.test('whoever cannot prove a planted factor gets a link, which takes what the account had before', async (t) => {
  const { person } = await verifiedPerson(idp)
  const browser = await enter(idp, person)
  await givePasskey(idp, person)
  const page = await reportPage(browser, 'Signed in with the password')
  await browser.submit(page, 'report-send')
  const link = await linkToReport(person.email)
  const opened = await browser.get(link)
  t.notMatch(opened.text, 'id="use-passkey"')
  const done = await browser.submit(opened, 'report', { password: person.password })
  t.match(done, { status: 303, location: '/recover/password?token=' })
  t.same(await query('SELECT kind FROM account_credentials WHERE sub = $1', [person.sub]), [])
})

t.test(
  'a link that was asked for cannot remove what is older than a week, or what replaced a second factor',
  async (t) => {
    const { person } = await verifiedPerson(idp)
    const browser = await enter(idp, person)
    const page = await reportPage(browser, 'Signed in with the password')
    await givePasskey(idp, person, { isVouched: true })
    await query(`INSERT INTO events (type, sub, detail) VALUES ('totp_removed', $1, '{}')`, [person.sub])
    await browser.submit(page, 'report-send')
    const link = await linkToReport(person.email)
    t.match(textOf((await browser.get(link)).text), 'Nothing is left')
    const [notice] = await query(
      `SELECT expires_at < at + interval '7 days 1 minute' AS in_time FROM account_notices WHERE sub = $1 AND kind = 'report-link'`,
      [person.sub],
    )
    t.same(notice, { in_time: true })

    const old = await verifiedPerson(idp)
    await query(
      `INSERT INTO events (type, sub, network, detail, at) VALUES ('signed_in', $1, '192.0.2.77', '{"amr":["pwd"]}', now() - interval '8 days')`,
      [old.person.sub],
    )
    const row = (await activity(old.browser)).split('<li class="row"').find((one) => one.includes('192.0.2.77'))
    t.ok(row)
    t.notMatch(row, 'not-me')
  },
)

t.test('a stolen session cannot fill the mailbox, nor learn that it is full', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const page = await reportPage(browser, 'Signed in with the password')
  for (let n = 0; n < 7; n++) t.match((await browser.submit(page, 'report-send')).location, 'report-link-sent')
  t.equal((await mailsTo(idp, person.email)).length, 5)
})

t.test('a change of the user name and of the password is told by mail', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const form = { username: `${person.username}-2`, 'confirm-password': person.password }
  await browser.submit(await browser.get('/account/sign-in'), 'sign-in-save', form)
  t.match(await newestMailTo(idp, person.email), { subject: /user name .* was changed/, link: /\/not-me\?token=/ })
  const change = { 'current-password': person.password, 'new-password': newPassword }
  await browser.submit(await browser.get('/account/security'), 'password-change', change)
  t.match(await newestMailTo(idp, person.email), { subject: /password .* was changed/, link: /\/not-me\?token=/ })
})

/** The link of the mail that somebody has asked for. The mail about their sign-in can wait, and may be written later. */
async function linkToReport(email: string): Promise<string> {
  const mail = (await mailsTo(idp, email)).find(({ subject }) => subject.includes('Report something'))
  if (mail?.link === undefined) throw new Error(`No such mail was sent to ${email}.`)
  return mail.link
}
