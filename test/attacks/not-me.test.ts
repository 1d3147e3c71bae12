import t from 'tap'
import { disableAccount, enableAccount, setPassword } from '../../src/operations/account-access.ts'
import { deleteAccount } from '../../src/operations/delete-account.ts'
import { replaceRecoveryCodes } from '../../src/operations/replace-recovery-codes.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { findRecoveryCodes } from '../../src/records/accounts/recovery-codes-store.ts'
import { newTotpSecret, sealTotp } from '../../src/records/accounts/totp.ts'
import { insertTotp } from '../../src/records/accounts/totp-store.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { addressOf, changeAddress, newAddress, signsIn, verifiedPerson } from '../support/email-change.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { mailsTo, type ReceivedMail } from '../support/mails.ts'
import {
  type Authenticator,
  createAuthenticator,
  givePasskey,
  pressNewPasskey,
  pressPasskey,
} from '../support/passkeys.ts'
import { mailedLink, newPassword, setPassword as recover } from '../support/recovery.ts'
import { oneTimeCode } from '../support/totp.ts'
import { clearLimits, enter, stateOf } from './account-forms.ts'

const idp = await startSignet(t)
const operator = { kind: 'operator', by: 'alice@bastion' } as const
const query = async (text: string, values: unknown[] = []) =>
  (await idp.signet.database.query<Record<string, unknown>>({ text, values })).rows
const thiefsPassword = 'crooked keys under doormats'

t.beforeEach(() => clearLimits(idp))

/** Somebody whose address is verified and who has signed in; a thief who knows the password signs in, too, and the person is told. */
async function robbed(): Promise<{ person: Person; owner: Browser; thief: Browser; link: string }> {
  const { person, browser: owner } = await verifiedPerson(idp)
  const thief = await enter(idp, person)
  return { person, owner, thief, link: await reportLink(person.email, 'A new browser signed in') }
}

/** The path of the link in the newest mail with such a subject. */
async function reportLink(email: string, subject: string): Promise<string> {
  const mail = (await mailsTo(idp, email)).filter((one) => one.subject.includes(subject)).at(-1)
  if (!mail?.link?.includes('/not-me?token=')) throw new Error(`No mail to ${email} has such a link: ${mail?.text}`)
  return mail.link.slice(idp.issuer.length)
}

const report = async (link: string, values: Record<string, string>, browser: Browser = idp.browser()) =>
  browser.submit(await browser.get(link), 'report', values)
const isSignedIn = async (browser: Browser) => (await browser.get('/account')).status === 200
const kindsOf = async ({ sub }: Person) =>
  (await query('SELECT kind FROM account_credentials WHERE sub = $1 ORDER BY id', [sub])).map(({ kind }) => kind)

async function plantCodes({ sub }: Person): Promise<void> {
  await inTransaction(idp.signet.database, async (tx) => {
    const { rows } = await tx.query<{ id: number }>({
      text: `INSERT INTO account_credentials (sub, kind) VALUES ($1, 'totp') RETURNING id`,
      values: [sub],
    })
    await tx.query({
      text: `INSERT INTO totp_secrets (sub, id, sealed, version, last_step) VALUES ($1, $2, 'sealed', 1, 0)`,
      values: [sub, rows[0]?.id],
    })
  })
}

/** The thief changes the password on the account page. */
async function takePassword(thief: Browser, person: Person): Promise<void> {
  const form = { 'current-password': person.password, 'new-password': thiefsPassword }
  const changed = await thief.submit(await thief.get('/account/security'), 'password-change', form)
  if (changed.status !== 303) throw new Error(`The password was not changed: ${changed.status}`)
}

t.test(
  'a thief who changed the password and planted a passkey and one-time codes is evicted with the password from before',
  async (t) => {
    const { person, owner, thief, link } = await robbed()
    await takePassword(thief, person)
    await plantCodes(person)
    const planted = await givePasskey(idp, person, { isVouched: true })
    t.notOk(await isSignedIn(owner), 'the thief has signed the owner out')

    const browser = idp.browser()
    const page = await browser.get(link)
    t.match(page.text, 'somebody signed in to your account in a new browser')
    t.notMatch(page.text, 'id="use-passkey"', 'a planted passkey proves nothing')
    t.equal((await report(link, { password: thiefsPassword.toUpperCase() }, browser)).status, 403)
    const done = await browser.submit(page, 'report', { password: person.password })
    t.match(done, { status: 303, location: `${idp.issuer}/recover/password?token=` })
    t.same(await kindsOf(person), [])
    t.notOk(await isSignedIn(thief))
    t.same(await query('SELECT FROM known_browsers WHERE sub = $1', [person.sub]), [])

    const form = await browser.follow(done)
    t.match(form, { status: 200, text: 'id="new-password"' })
    t.equal((await browser.submit(form, 'set-password', { 'new-password': newPassword })).status, 303)
    t.ok(await signsIn(idp, person.email, newPassword))
    t.notOk(await signsIn(idp, person.email, thiefsPassword))
    t.notOk(await signsIn(idp, person.email, person.password))
    t.same(planted.passkeys.length, 1)

    const [event] = await query(`SELECT * FROM events WHERE sub = $1 AND type = 'account_reported'`, [person.sub])
    t.match(event, {
      detail: {
        about: 'sign-in-from-new-browser',
        proof: 'earlier_password',
        removed: ['password', 'totp', 'passkey'],
        sessions_ended: 1,
      },
    })
    const told = (await mailsTo(idp, person.email)).find(({ subject }) => subject.includes('was secured'))
    t.match(told?.text, /Everybody was\s+signed out/)
  },
)

/** A thief changes the address to theirs, and uses the link of a mail there with the passkey that they planted. */
async function reportAtOwnAddress(thief: Browser, person: Person, planted: Authenticator): Promise<Browser> {
  const theirs = newAddress()
  await changeAddress(idp, thief, person, theirs)
  await enter(idp, { ...person, email: theirs })
  const browser = idp.browser()
  const page = await browser.get(await reportLink(theirs, 'A new browser signed in'))
  const form = await browser.follow(await pressPasskey(browser, page, planted))
  await browser.submit(form, 'set-password', { 'new-password': thiefsPassword })
  await pressPasskey(browser, await browser.get('/sign-in'), planted)
  return browser
}

t.test('a thief who reports with a factor that they planted leaves the owner every way back', async (t) => {
  for (const [way, usesMail] of [
    ['the link of the first mail', false],
    ['a link to recover the account', false],
    ['the link of the first mail', true],
    ['a link to recover the account', true],
  ] as const) {
    const { person, thief: first, link } = await robbed()
    let thief = first
    const [planted, second] = [createAuthenticator(idp), createAuthenticator(idp)]
    for (const authenticator of [planted, second])
      await pressNewPasskey(thief, await thief.get('/account/security/passkeys/new'), authenticator)
    // First with a mail to an address of the thief, which voids what it can.
    if (usesMail) thief = await reportAtOwnAddress(thief, person, planted)
    // What the account had before the second passkey includes the first.
    const rows = (await thief.get('/account/activity')).text.split('<li class="row"')
    const row = rows.find((one) => one.includes('Passkey added')) ?? ''
    const href = /href="(\/account\/activity\/not-me\?event=[^"]+)"/.exec(row)?.[1]
    const done = await thief.submit(await thief.get(href ?? ''), 'report')
    t.match(done, { status: 303, location: '/recover/password?token=' })
    const set = await thief.submit(await thief.follow(done), 'set-password', { 'new-password': thiefsPassword })
    t.equal(set.status, 303)
    t.same(await kindsOf(person), ['passkey', 'recovery_codes', 'password'])

    const owner = idp.browser()
    if (way === 'the link of the first mail')
      t.match(await report(link, { password: person.password }, owner), { status: 303, location: '/recover/password' })
    else {
      const path = await mailedLink(idp, person)
      const proven = await owner.submit(await owner.get(path), 'prove-password', { password: person.password })
      t.equal((await recover(owner, path)).status, 303, way)
      t.equal(proven.status, 303, way)
    }
    t.notOk((await kindsOf(person)).includes('passkey'), way)
    await clearLimits(idp)
  }
})

t.test('an owner who changed the password days before a thief did proves themselves with the first one', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const own = { 'current-password': person.password, 'new-password': newPassword }
  t.equal((await browser.submit(await browser.get('/account/security'), 'password-change', own)).status, 303)
  const pass = (time: string) =>
    query(`UPDATE replaced_passwords SET expires_at = expires_at - $2::interval WHERE sub = $1`, [person.sub, time])
  await pass('6 days 23 hours')
  const thief = await enter(idp, { ...person, password: newPassword })
  const link = await reportLink(person.email, 'A new browser signed in')
  await takePassword(thief, { ...person, password: newPassword })
  await givePasskey(idp, person)
  await pass('2 hours')
  t.equal((await report(link, { password: person.password })).status, 303)
  t.same(await kindsOf(person), [])
})

t.test('opening a link changes nothing, however often', async (t) => {
  const { person, owner, thief, link } = await robbed()
  const before = await stateOf(idp, person)
  for (const browser of [idp.browser(), owner, thief]) t.equal((await browser.get(link)).status, 200)
  await fetch(new URL(link, idp.issuer), { method: 'HEAD' })
  t.equal(await stateOf(idp, person), before)
  t.ok(await isSignedIn(thief))
  t.equal((await report(link, { password: person.password })).status, 303)
})

t.test('the link alone achieves nothing, nor with any other password, nor in a session of the account', async (t) => {
  const { person, thief, link } = await robbed()
  const other = await idp.person()
  await takePassword(thief, person)
  const before = await stateOf(idp, person)
  for (const [password, status] of [
    ['', 422],
    [' ', 403],
    [other.password, 403],
    [`${person.password} `, 403],
  ] as const)
    t.equal((await report(link, { password }, thief)).status, status, password)
  t.equal((await report(link, { password: '', credential: '{}' }, thief)).status, 403)
  t.equal(await stateOf(idp, person), before)
  const events = await query(`SELECT detail FROM events WHERE sub = $1 AND type = 'reauthentication_failed'`, [
    person.sub,
  ])
  t.match(events.at(-1), { detail: { at: 'not_me' } })
})

t.test('a form without a session of the issuer is refused', async (t) => {
  const { person, link } = await robbed()
  const token = new URLSearchParams(link.split('?')[1]).get('token') ?? ''
  const forged = await idp
    .browser()
    .post('/not-me', { token, password: person.password }, { origin: 'https://evil.example' })
  t.equal(forged.status, 403)
  t.equal((await report(link, { password: person.password })).status, 303)
})

t.test('a link ends only the account it was sent for, even in a browser that is signed in to another', async (t) => {
  const { person, link } = await robbed()
  const { person: other, browser } = await verifiedPerson(idp)
  t.equal((await report(link, { password: other.password }, browser)).status, 403)
  t.equal((await report(link, { password: person.password }, browser)).status, 303)
  t.ok(await isSignedIn(browser))
  t.same(await kindsOf(other), ['password'])
})

t.test('of any number of uses at once one succeeds, and no link of the account works afterwards', async (t) => {
  const { person, link } = await robbed()
  await enter(idp, person)
  const second = await reportLink(person.email, 'A new browser signed in')
  t.not(second, link)
  const browsers = [1, 2, 3, 4].map(() => idp.browser())
  const pages = await Promise.all(browsers.map((browser, index) => browser.get(index % 2 ? link : second)))
  const answers = await Promise.all(
    browsers.map((browser, index) => browser.submit(pages[index] as Visit, 'report', { password: person.password })),
  )
  t.same(answers.map(({ status }) => status).sort(), [303, 410, 410, 410])
  for (const used of [link, second]) t.equal((await idp.browser().get(used)).status, 410)
  t.equal((await query(`SELECT FROM events WHERE sub = $1 AND type = 'account_reported'`, [person.sub])).length, 1)
})

t.test('a report and sign-ins at once: nobody is signed in afterwards', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { person, link } = await robbed()
    const browser = idp.browser()
    const page = await browser.get(link)
    const thieves = [1, 2, 3].map(() => idp.browser())
    const forms = await Promise.all(thieves.map((thief) => thief.get('/sign-in')))
    const form = { username: person.username, password: person.password }
    const [done] = await Promise.all([
      browser.submit(page, 'report', { password: person.password }),
      ...thieves.map((thief, index) => thief.submit(forms[index] as Visit, 'sign-in', form)),
    ])
    t.equal(done.status, 303)
    for (const thief of thieves) t.notOk(await isSignedIn(thief))
    await clearLimits(idp)
  }
})

t.test('a link is void once the account was recovered, an operator decided, or a week has passed', async (t) => {
  const ends: Record<string, (person: Person, link: string) => Promise<unknown>> = {
    recovered: async (person) => recover(idp.browser(), await mailedLink(idp, person)),
    'a password by an operator': ({ sub }) => setPassword(idp.signet, operator, sub, newPassword),
    'disabled and enabled': async ({ sub }) => {
      await disableAccount(idp.signet, operator, sub)
      await enableAccount(idp.signet, operator, sub)
    },
    disabled: ({ sub }) => disableAccount(idp.signet, operator, sub),
    deleted: ({ sub }) => deleteAccount(idp.signet, operator, sub),
    expired: ({ sub }) => query('UPDATE account_notices SET expires_at = now() WHERE sub = $1', [sub]),
    'another address by an operator': ({ sub }) =>
      query('UPDATE account_emails SET email = $2 WHERE sub = $1', [sub, newAddress()]),
    'an address that is not verified any more': ({ sub }) =>
      query('UPDATE account_emails SET verified_at = NULL WHERE sub = $1', [sub]),
  }
  for (const [end, make] of Object.entries(ends)) {
    const { person, link } = await robbed()
    const browser = idp.browser()
    const page = await browser.get(link)
    t.equal(page.status, 200, end)
    await make(person, link)
    t.equal((await browser.get(link)).status, 410, end)
    const sent = await browser.submit(page, 'report', { password: person.password })
    t.equal(sent.status, 410, end)
    t.same(await query(`SELECT FROM events WHERE sub = $1 AND type = 'account_reported'`, [person.sub]), [], end)
  }
  const lost = ['', '?token=', '?token=x', `?token=${'A'.repeat(43)}`, `?token=${'A'.repeat(5_000)}`]
  for (const search of lost) t.equal((await idp.browser().get(`/not-me${search}`)).status, 410)
})

t.test('a deleted account leaves no address behind in the links', async (t) => {
  const { person } = await robbed()
  await deleteAccount(idp.signet, operator, person.sub)
  t.same(await query('SELECT FROM account_notices WHERE sub = $1', [person.sub]), [])
})

t.test(
  'a thief who reads the mail and knows the password cannot use a notice against a second factor from before it',
  async (t) => {
    const { person } = await verifiedPerson(idp)
    await plantCodes(person)
    // The owner signs in in a new browser, as if with a code.
    await query(`UPDATE account_credentials SET created_at = now() - interval '30 days' WHERE sub = $1`, [person.sub])
    const { link, browser } = await noticed(person)
    const page = await browser.get(link)
    t.match(page.text, 'id="code"')
    const before = await stateOf(idp, person)
    t.equal((await browser.submit(page, 'report', { password: person.password, code: '' })).status, 422)
    t.equal((await browser.submit(page, 'report', { password: person.password, code: '000000' })).status, 403)
    t.equal(await stateOf(idp, person), before)

    // The owner moves to a passkey and removes the codes. The password is still not enough.
    await givePasskey(idp, person, { isVouched: true })
    await query(`DELETE FROM account_credentials WHERE sub = $1 AND kind = 'totp'`, [person.sub])
    const later = await browser.get(link)
    t.match(later, { status: 200, text: 'Nothing is left' })
    t.notMatch(later.text, /id="(?:password|use-passkey|report)"/)
    t.equal((await browser.submit(page, 'report', { password: person.password, code: '1' })).status, 403)
    t.same(await kindsOf(person), ['password', 'passkey'])
  },
)

/** A notice about a sign-in, without one: accounts with a second factor do not sign in with the password alone. */
async function noticed(person: Person): Promise<{ link: string; browser: Browser }> {
  const { notifyPerson } = await import('../../src/operations/notify-person.ts')
  const { findAccount } = await import('../../src/records/accounts/accounts-store.ts')
  const caller = { requestId: 'test', network: '192.0.2.1', userAgent: undefined }
  await inTransaction(idp.signet.database, async (tx) => {
    const account = await findAccount(tx, person.sub)
    if (!account) throw new Error('The person has no account.')
    const mail = { kind: 'sign-in-from-new-browser', at: idp.signet.clock.now() } as const
    await notifyPerson(tx, idp.signet, { kind: 'person', sub: person.sub, caller }, account, mail)
  })
  return { link: await reportLink(person.email, 'A new browser signed in'), browser: idp.browser() }
}

t.test('with a passkey from before, one that was added since proves nothing and is removed', async (t) => {
  const { person } = await verifiedPerson(idp)
  const own = await givePasskey(idp, person)
  const { link, browser } = await noticed(person)
  const planted = await givePasskey(idp, person, { isVouched: true })
  const page = await browser.get(link)
  t.notMatch(page.text, 'id="password"', 'the password is not enough')
  t.equal((await pressPasskey(browser, page, planted)).status, 403)
  t.equal((await pressPasskey(idp.browser(), page, own)).status, 403, 'nor is a page of another browser')
  t.same(await kindsOf(person), ['password', 'passkey', 'passkey'])
  const again = await browser.get(link)
  const done = await pressPasskey(browser, again, own)
  t.match(done, { status: 303, location: '/recover/password?token=' })
  t.same(await query('SELECT id FROM account_credentials WHERE sub = $1', [person.sub]), [{ id: own.id }])
  t.equal((await pressPasskey(browser, again, own)).status, 410, 'a link works once')
})

/** Gives an account one-time codes, and recovery codes if it has none. */
async function giveCodes({ sub }: Person): Promise<{ code: () => string; recoveryCodes: readonly string[] }> {
  const { signet } = idp
  const secret = newTotpSecret()
  const recoveryCodes = await inTransaction(signet.database, async (tx) => {
    const sealed = sealTotp(signet.secrets['totp-sealing'], sub, secret)
    await insertTotp(tx, sub, sealed, { lastStep: 0, isVouched: false })
    return (await findRecoveryCodes(tx, sub)) ? [] : replaceRecoveryCodes(tx, signet, sub)
  })
  return { code: () => oneTimeCode(secret, signet.clock.now()), recoveryCodes }
}

t.test('a code is used only after the password was right, and keeps the factors from before', async (t) => {
  const { person } = await verifiedPerson(idp)
  const own = await giveCodes(person)
  const { link, browser } = await noticed(person)
  const page = await browser.get(link)
  const code = own.code()
  t.equal((await browser.submit(page, 'report', { password: 'wrong', code })).status, 403)
  t.equal((await browser.submit(page, 'report', { password: person.password, code: '' })).status, 422)
  const done = await browser.submit(page, 'report', { password: person.password, code })
  t.match(done, { status: 303, location: '/recover/password?token=' })
  t.same(await kindsOf(person), ['totp', 'recovery_codes'])
  t.match(await browser.follow(done), { status: 200, text: 'id="new-password"' }, 'nothing is asked for again')
  t.notMatch((await idp.browser().get(done.location ?? '')).text, 'id="new-password"', 'in this browser only')
})

t.test(
  'codes that a thief has put in place of the owner’s prove nothing; the recovery codes from before do',
  async (t) => {
    const { person } = await verifiedPerson(idp)
    const own = await giveCodes(person)
    const { link, browser } = await noticed(person)
    await query(`DELETE FROM account_credentials WHERE sub = $1 AND kind = 'totp'`, [person.sub])
    const planted = await giveCodes(person)
    const page = await browser.get(link)
    t.equal((await browser.submit(page, 'report', { password: person.password, code: planted.code() })).status, 403)
    const [code = ''] = own.recoveryCodes
    t.equal((await browser.submit(page, 'report', { password: person.password, code })).status, 303)
    t.same(await kindsOf(person), ['recovery_codes'])
  },
)

t.test('an address that a thief changed is changed back, and the mails at theirs are worthless', async (t) => {
  const { person, thief, link } = await robbed()
  const theirs = newAddress()
  await changeAddress(idp, thief, person, theirs)
  await enter(idp, { ...person, email: theirs })
  const thiefsLink = await reportLink(theirs, 'A new browser signed in')
  const done = await report(link, { password: person.password })
  t.match(done, { status: 303, location: '/recover/password?token=' })
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  t.equal((await idp.browser().get(thiefsLink)).status, 410)
  t.equal((await idp.browser().get(done.location ?? '')).status, 200)
  t.match((await mailsTo(idp, theirs)).at(-1)?.subject, 'undone')
  t.notMatch((await mailsTo(idp, theirs)).at(-1)?.text, 'Network', 'they do not learn where the owner is')
})

t.test('recovering the account at a new address does not void the links at the previous one', async (t) => {
  const { person, thief, link } = await robbed()
  const theirs = newAddress()
  await changeAddress(idp, thief, person, theirs)
  t.equal((await recover(idp.browser(), await mailedLink(idp, { ...person, email: theirs }))).status, 303)
  t.equal((await report(link, { password: person.password })).status, 303)
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
})

t.test('if somebody else has verified the address since, nothing is changed', async (t) => {
  const { person, thief, link } = await robbed()
  await changeAddress(idp, thief, person, newAddress())
  await verifiedPerson(idp, { email: person.email })
  const before = await stateOf(idp, person)
  t.equal((await report(link, { password: person.password })).status, 409)
  t.equal(await stateOf(idp, person), before)
  t.equal((await idp.browser().get(link)).status, 200)
})

t.test('passwords cannot be guessed without end with a link', async (t) => {
  const { link } = await robbed()
  const browser = idp.browser()
  const page = await browser.get(link)
  const statuses: number[] = []
  for (let guess = 0; guess < 11; guess++)
    statuses.push((await browser.submit(page, 'report', { password: `guess number ${guess}` })).status)
  t.same(statuses, [...Array(10).fill(403), 429])
})

t.test('signing in without cookies again and again sends a bounded number of mails', async (t) => {
  const { person } = await robbed()
  const [{ count }] = (await query('SELECT count(*) FROM account_notices WHERE sub = $1', [person.sub])) as [
    { count: number },
  ]
  for (let n = count; n < 23; n++) {
    await enter(idp, person)
    await clearLimits(idp)
  }
  const mails = (await mailsTo(idp, person.email)).filter(({ subject }) => subject.includes('A new browser'))
  t.equal(mails.length, 20)
})

t.test('a mail names device and network, and nothing that somebody chose, and nothing secret', async (t) => {
  const { person } = await verifiedPerson(idp, { name: 'Call 555 now' })
  const agents = {
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0': 'Firefox on Windows',
    'Visit evil.example now/1.0 (please)': 'Device: unknown',
    [`<b>${'x'.repeat(2_000)}`]: 'Device: unknown',
  }
  for (const [agent, device] of Object.entries(agents)) {
    const browser = idp.browser()
    const form = { username: person.username, password: person.password }
    const page = await browser.get('/sign-in')
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
    t.equal((await browser.post('/sign-in', { ...form, csrf }, { 'user-agent': agent })).status, 303)
    const { text, html, subject, link } = (await mailsTo(idp, person.email)).at(-1) as ReceivedMail
    t.match(text, device)
    t.match(text, 'Network: 127.0.0.1')
    const secrets = [person.password, person.username, person.sub, 'Call 555', 'evil.example', '<b>', 'xxxx']
    for (const cookie of browser.cookies.values()) secrets.push(cookie)
    for (const secret of secrets) t.notOk(`${subject} ${text} ${html}`.includes(secret), secret)
    t.equal(`${text}`.split('token=').length, 2, 'one link has a token')
    const token = new URLSearchParams(link?.split('?')[1]).get('token') ?? ''
    const stored = JSON.stringify(await query('SELECT * FROM account_notices WHERE sub = $1', [person.sub]))
    t.notOk(stored.includes(token), 'only its digest is stored')
    const [event] = await query(
      `SELECT user_agent, detail FROM events WHERE sub = $1 AND type = 'signed_in' ORDER BY id DESC LIMIT 1`,
      [person.sub],
    )
    t.equal(event?.['user_agent'], agent.slice(0, 300))
    t.match(event?.['detail'], { new_browser: true })
  }
})

t.test('the first browser of an account is not reported, and neither is a known one', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  t.same(await mailsTo(idp, person.email), [])
  await browser.submit(await browser.get('/account'), 'sign-out')
  const form = { username: person.username, password: person.password }
  t.equal((await browser.submit(await browser.get('/sign-in'), 'sign-in', form)).status, 303)
  t.same(await mailsTo(idp, person.email), [])
  const { person: unverified } = await verifiedPerson(idp)
  await query('UPDATE account_emails SET verified_at = NULL WHERE sub = $1', [unverified.sub])
  await enter(idp, unverified)
  t.same(await mailsTo(idp, unverified.email), [], 'an address that is not verified may be somebody else’s')
})
