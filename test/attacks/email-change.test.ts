import t from 'tap'
import { setPassword } from '../../src/operations/account-access.ts'
import { deleteAccount } from '../../src/operations/delete-account.ts'
import { updateAccount } from '../../src/operations/update-account.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import { setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import { everyAccountPage } from '../support/account-pages.ts'
import type { Browser } from '../support/browser.ts'
import {
  addressOf,
  changeAddress,
  eventsOf,
  newAddress,
  saveAddress,
  signsIn,
  undoWith,
  verifiedPerson,
} from '../support/email-change.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { mailsTo, newestMailTo } from '../support/mails.ts'
import { mailedLink, setPassword as setNewPassword } from '../support/recovery.ts'
import { clearLimits, enter, hiddenOf, stateOf } from './account-forms.ts'

/*
 * Attacks on the address of an account: a change that an attacker has begun or made, and the link that undoes a change, in the hands of whoever can
 * read the mail. Sudhodanan and Paverd, "Pre-hijacked accounts", USENIX Security 2022, call the first one "unexpired email change".
 */

const idp = await startSignet(t)
const operator = { kind: 'operator', by: 'alice@bastion' } as const
const newPassword = 'quiet lamps over harbours'
const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows

t.beforeEach(() => clearLimits(idp))

t.test(
  'unexpired e-mail change: one that was pending cannot be confirmed after the password has changed',
  async (t) => {
    const ways: Record<string, (setting: Awaited<ReturnType<typeof verifiedPerson>>) => Promise<unknown>> = {
      'the person changes the password': async ({ person, browser }) => {
        const passwords = { 'current-password': person.password, 'new-password': newPassword }
        return browser.submit(await browser.get('/account/security'), 'password-change', passwords)
      },
      'the person changes it and keeps all applications': async ({ person, browser }) => {
        const passwords = { 'current-password': person.password, 'new-password': newPassword }
        const form = { ...hiddenOf(await browser.get('/account/security'), 'password-change'), ...passwords }
        return browser.post('/account/password', form)
      },
      'an operator sets a password': ({ person }) => setPassword(idp.signet, operator, person.sub, newPassword),
    }
    for (const [way, change] of Object.entries(ways)) {
      const setting = await verifiedPerson(idp)
      const { person } = setting
      // The attacker knows the password, and is even in the same browser as the person.
      const attacker = await enter(idp, person)
      const email = newAddress()
      await saveAddress(attacker, person, email)
      const { link = '', code = '' } = await newestMailTo(idp, email)
      const opened = await attacker.get(link)
      const pageOfSame = await setting.browser.get(link)
      await change(setting)

      t.equal((await attacker.get(link)).status, 410, way)
      for (const password of [person.password, newPassword]) {
        const browser = idp.browser()
        t.equal((await browser.submit(opened, 'verify', { password })).status, 410, `${way}: the link`)
        t.equal((await setting.browser.submit(pageOfSame, 'verify', { password })).status, 410)
      }
      const again = await enter(idp, { ...person, password: newPassword })
      again.cookies.set(again.names.browser, attacker.cookies.get(attacker.names.browser) ?? '')
      const tried = await again.post('/verify-email/code', {
        ...hiddenOf(await again.get('/account'), 'profile-save'),
        code,
      })
      t.not(tried.status, 500)
      t.same(await addressOf(idp, person), { email: person.email, verified: true }, way)
      t.notMatch((await again.get('/account/sign-in')).text, 'email-waiting', way)
    }
  },
)

t.test('a pending change does not survive the undoing of another one, or a change by an operator', async (t) => {
  for (const way of ['undo', 'operator'] as const) {
    const { person, browser } = await verifiedPerson(idp)
    const path = await changeAddress(idp, browser, person, newAddress())
    const pending = newAddress()
    await saveAddress(browser, person, pending)
    const { link = '' } = await newestMailTo(idp, pending)
    if (way === 'undo') await undoWith(idp, path, person.password)
    else await updateAccount(idp.signet, operator, person.sub, { email: newAddress() })
    const before = await addressOf(idp, person)
    t.equal((await idp.browser().get(link)).status, 410, way)
    t.same(await addressOf(idp, person), before)
  }
})

t.test('with a stolen session and without the password, nobody can change the address or remove it', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const thief = idp.browser()
  thief.cookies.set(thief.names.session, browser.cookies.get(browser.names.session) ?? '')
  const before = await stateOf(idp, person)
  for (const email of [newAddress(), ''])
    for (const password of ['', newPassword]) {
      const { status } = await saveAddress(thief, { password }, email)
      t.equal(status, password === '' ? 422 : 403)
    }
  t.equal(await stateOf(idp, person), before)

  const { person: waiting, browser: theirs } = await verifiedPerson(idp)
  const email = newAddress()
  await saveAddress(theirs, waiting, email)
  const other = idp.browser()
  other.cookies.set(other.names.session, theirs.cookies.get(theirs.names.session) ?? '')
  await other.submit(await other.get('/account/sign-in'), 'email-send')
  t.same((await mailsTo(idp, email)).length, 2, 'another mail goes to the address that the person has chosen')
  t.same(await addressOf(idp, waiting), { email: waiting.email, verified: true })
})

t.test('a thief with the password cannot keep the account from the owner of the verified address', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const thief = await enter(idp, person)
  const theirs = newAddress()
  const path = await changeAddress(idp, thief, person, theirs)
  // The thief changes everything again and again.
  const passwords = { 'current-password': person.password, 'new-password': newPassword }
  await thief.submit(await thief.get('/account/security'), 'password-change', passwords)
  const taken = { ...person, password: newPassword }
  await clearLimits(idp)
  const second = newAddress()
  const ofThief = await changeAddress(idp, thief, taken, second)
  await saveAddress(thief, taken, '', { username: 'gone.for.good' })
  const pending = newAddress()
  await saveAddress(thief, taken, pending)
  const { link = '' } = await newestMailTo(idp, pending)
  for (let guess = 0; guess < 12; guess++) await signsIn(idp, person.username, `guess ${guess}`)

  t.equal((await browser.get('/account')).status, 303, 'the owner has been signed out')
  const done = await undoWith(idp, path, person.password)
  t.match(done.location, 'done=1')
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
  t.match((await thief.get('/account')).location, '/sign-in')
  for (const name of [person.email, theirs, second, 'gone.for.good'])
    for (const password of [person.password, newPassword]) t.notOk(await signsIn(idp, name, password))
  t.equal((await thief.get(link)).status, 410)
  t.equal((await undoWith(idp, ofThief, newPassword).catch(() => ({ status: 410 }))).status, 410)
  t.same(await addressOf(idp, person), { email: person.email, verified: true })
})

t.test(
  'a thief who knows the password cannot use it after the undo, and the owner sets a new one by mail',
  async (t) => {
    const { person } = await verifiedPerson(idp)
    const thief = await enter(idp, person)
    const theirs = newAddress()
    const path = await changeAddress(idp, thief, person, theirs)
    const done = await undoWith(idp, path, person.password)
    t.equal(done.location, `${idp.issuer}/undo-email-change?done=1`)
    const page = await idp.browser().follow(done)
    t.match(page.text, 'Its password has been removed')
    t.match(page.text, /class="button primary" id="to-recover" href="\/recover"/)

    for (const name of [person.email, person.username, theirs]) t.notOk(await signsIn(idp, name, person.password), name)
    t.notOk((await thief.get('/account')).status === 200)
    t.same(
      await query('SELECT FROM account_credentials WHERE sub = $1', [person.sub]),
      [],
      'the account has no password',
    )
    await clearLimits(idp)

    const mailsToThief = (await mailsTo(idp, theirs)).length
    await setNewPassword(idp.browser(), await mailedLink(idp, person))
    t.equal((await mailsTo(idp, theirs)).length, mailsToThief, 'no link goes to the thief')
    t.ok(await signsIn(idp, person.email, newPassword))
    t.notOk(await signsIn(idp, person.email, person.password))
  },
)

t.test('a thief who changes the password first, and then the address, cannot keep the account either', async (t) => {
  const change = async (browser: Browser, from: string, to: string) => {
    const passwords = { 'current-password': from, 'new-password': to }
    const { location } = await browser.submit(await browser.get('/account/security'), 'password-change', passwords)
    t.match(location, 'notice=')
    await clearLimits(idp)
  }
  const thiefs = ['crooked lamps over harbours', 'crooked boats over harbours'] as const
  const ways: Record<string, (person: Person) => Promise<string>> = {
    'on the account page, twice': async (person) => {
      const thief = await enter(idp, person)
      await change(thief, person.password, thiefs[0])
      await change(thief, thiefs[0], thiefs[1])
      return changeAddress(idp, thief, { ...person, password: thiefs[1] }, newAddress())
    },
    'by a link in the mail that the thief has read': async (person) => {
      await setNewPassword(idp.browser(), await mailedLink(idp, person), { 'new-password': thiefs[1] })
      const taken = { ...person, password: thiefs[1] }
      return changeAddress(idp, await enter(idp, taken), taken, newAddress())
    },
    'by a link in the mail that the thief has read, after the owner has undone a change of the address': async (
      person,
    ) => {
      await undoWith(idp, await changeAddress(idp, await enter(idp, person), person, newAddress()), person.password)
      await setNewPassword(idp.browser(), await mailedLink(idp, person), { 'new-password': thiefs[1] })
      const taken = { ...person, password: thiefs[1] }
      return changeAddress(idp, await enter(idp, taken), taken, newAddress())
    },
  }
  for (const [way, take] of Object.entries(ways)) {
    const { person } = await verifiedPerson(idp)
    const path = await take(person)
    t.equal((await undoWith(idp, path, 'another guess at it')).status, 403, way)
    t.match((await undoWith(idp, path, person.password)).location, 'done=1', way)
    t.same(await addressOf(idp, person), { email: person.email, verified: true }, way)
    await clearLimits(idp)
    for (const password of [person.password, ...thiefs]) t.notOk(await signsIn(idp, person.email, password), way)
    await setNewPassword(idp.browser(), await mailedLink(idp, person))
    t.ok(await signsIn(idp, person.email, newPassword), way)
    const hashes = `SELECT FROM email_changes WHERE sub = $1 AND coalesce(previous_password, earlier_password) IS NOT NULL`
    t.same(await query(hashes, [person.sub]), [], 'no hash is kept for a change that was undone')
  }
})

t.test('an application that a thief has allowed asks again after the undo', async (t) => {
  const { person } = await verifiedPerson(idp)
  const thief = await enter(idp, person)
  const client = await idp.client()
  await signIn(idp, client, { person, browser: thief })
  await undoWith(idp, await changeAddress(idp, thief, person, newAddress()), person.password)
  // Before the new password, which ends the access of applications, too.
  t.same(await query('SELECT client_id FROM consents WHERE sub = $1', [person.sub]), [])
  await setNewPassword(idp.browser(), await mailedLink(idp, person))
  const owner = await enter(idp, { ...person, password: newPassword })
  const { response } = await signIn(idp, client, { browser: owner, parameters: { prompt: 'none' } })
  t.equal(response.get('error'), 'consent_required')
})

t.test('a password that was replaced long ago, or that an operator has replaced, undoes no change', async (t) => {
  for (const way of ['long ago', 'by an operator'] as const) {
    const { person, browser } = await verifiedPerson(idp)
    const passwords = { 'current-password': person.password, 'new-password': newPassword }
    await browser.submit(await browser.get('/account/security'), 'password-change', passwords)
    if (way === 'by an operator') await setPassword(idp.signet, operator, person.sub, newPassword)
    else
      await query(`UPDATE replaced_passwords SET expires_at = now() - interval '1 second' WHERE sub = $1`, [person.sub])
    await clearLimits(idp)
    const now = { ...person, password: newPassword }
    const path = await changeAddress(idp, await enter(idp, now), now, newAddress())
    t.equal((await undoWith(idp, path, person.password)).status, 403, way)
    t.match((await undoWith(idp, path, newPassword)).location, 'done=1', way)
  }
})

t.test('a person who changes a thief’s address back to their own gives the thief no link', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const thief = await enter(idp, person)
  const theirs = newAddress()
  await changeAddress(idp, thief, person, theirs)
  await clearLimits(idp)
  const waiting = await browser.follow(await saveAddress(browser, person, person.email.toUpperCase()))
  const { code = '' } = await newestMailTo(idp, person.email.toUpperCase().replace('EXAMPLE.COM', 'example.com'))
  await browser.submit(waiting, 'code', { code })
  t.match(await addressOf(idp, person), { email: /@example\.com$/i, verified: true })
  const told = await newestMailTo(idp, theirs)
  t.match(told.subject, 'was undone')
  t.equal(told.link, undefined)
  const open = 'SELECT FROM email_changes WHERE sub = $1 AND undone_at IS NULL'
  t.same(await query(open, [person.sub]), [], 'nobody can undo anything')
})

t.test('links that are foreign, truncated, changed or too long get the same page, which tells nothing', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const path = await changeAddress(idp, browser, person, newAddress())
  const token = new URL(path, idp.issuer).searchParams.get('token') ?? ''
  const stored = digest(token).toString('base64url')
  const others = [
    token.slice(0, -1),
    `${token}A`,
    token.toLowerCase(),
    'A'.repeat(43),
    stored,
    '',
    '__proto__',
    'x'.repeat(3000),
  ]
  const visitor = idp.browser()
  await visitor.get('/undo-email-change')
  const pages = new Set<string>()
  for (const other of others) {
    const visit = await visitor.get(`/undo-email-change?token=${other}`)
    t.equal(visit.status, 410, other.slice(0, 50))
    pages.add(visit.text)
    const form = { token: other, password: person.password }
    t.equal((await visitor.post('/undo-email-change', form)).status, 410)
  }
  t.equal(pages.size, 1)
  const { link = '' } = await newestMailTo(idp, person.email)
  const verifying = new URL(link).searchParams.get('token') ?? ''
  t.equal((await visitor.get(`/verify-email?token=${verifying}`)).status, 410, 'it verifies nothing')
  t.equal((await visitor.get(`/undo-email-change?token=${token}&token=${token}`)).status, 400, 'sent twice')
  for (const origin of ['https://evil.example', 'null'])
    t.equal((await visitor.post('/undo-email-change', { token, password: person.password }, { origin })).status, 403)
  t.not((await addressOf(idp, person))?.email, person.email)
})

t.test('a mail scanner that follows the link, in any way, undoes nothing', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const path = await changeAddress(idp, browser, person, newAddress())
  const before = await stateOf(idp, person)
  for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) await fetch(idp.issuer + path, { method })
  await fetch(idp.issuer + path, { method: 'POST' })
  await fetch(`${idp.issuer + path}&password=${person.password}`)
  t.equal(await stateOf(idp, person), before)
  t.match((await undoWith(idp, path, person.password)).location, 'done=1')
})

t.test(
  'guesses of the password on the page of the link are limited, silently, and apart from those at sign-in',
  async (t) => {
    const { person, browser } = await verifiedPerson(idp)
    const path = await changeAddress(idp, browser, person, newAddress())
    const visitor = idp.browser()
    const opened = await visitor.get(path)
    for (let guess = 0; guess < 10; guess++)
      t.equal((await visitor.submit(opened, 'undo', { password: `guess ${guess}` })).status, 403)
    const limited = await visitor.submit(opened, 'undo', { password: person.password })
    t.equal(limited.status, 429, 'by the network and the link')
    t.ok(Number(limited.headers.get('retry-after')) > 0)
    const failures = await eventsOf(idp, person, ['reauthentication_failed'])
    t.equal(failures.length, 10)
    t.match(failures[0]?.detail, { at: 'email_change_undo' })
    t.ok(await signsIn(idp, person.username, person.password), 'sign-in is not affected')

    await query('DELETE FROM rate_limits')
    await query("UPDATE failed_sign_ins SET failures = 150, next_at = now() + interval '10 minutes'")
    const waiting = await visitor.submit(opened, 'undo', { password: person.password })
    const wrong = await visitor.submit(opened, 'undo', { password: 'a guess' })
    t.same([waiting.status, waiting.text], [wrong.status, wrong.text], 'while it waits, the right one looks wrong')
    t.match((await eventsOf(idp, person, ['reauthentication_failed'])).at(-1)?.detail, { reason: 'waiting' })
    await clearLimits(idp)

    // Somebody without the link cannot make it wait.
    for (let guess = 0; guess < 8; guess++) await signsIn(idp, person.username, `guess ${guess}`)
    await query('DELETE FROM rate_limits')
    await query("UPDATE failed_sign_ins SET failures = 150, next_at = now() + interval '10 minutes'")
    t.match((await visitor.submit(opened, 'undo', { password: person.password })).location, 'done=1')
  },
)

t.test('an address that somebody else has verified cannot be had, and the pages do not tell that', async (t) => {
  const { person: owner } = await verifiedPerson(idp)
  const { person, browser } = await verifiedPerson(idp)
  const free = newAddress()
  const taken = await saveAddress(browser, person, owner.email)
  const pageTaken = await browser.follow(taken)
  const accountTaken = await browser.get('/account/sign-in')
  const visitFree = await browser.follow(await saveAddress(browser, person, free))
  const accountFree = await browser.get('/account/sign-in')
  const alike = (text: string, email: string) =>
    text.replaceAll(email, 'ADDRESS').replace(/(continue|value)="?[^"]*/g, '')
  t.equal(alike(pageTaken.text, owner.email), alike(visitFree.text, free))
  t.equal(alike(accountTaken.text, owner.email).length, alike(accountFree.text, free).length)

  await saveAddress(browser, person, owner.email)
  const mail = await newestMailTo(idp, owner.email)
  t.equal(mail.code, undefined, 'the mail to the owner has no code')
  t.notMatch(mail.text, '/verify-email')
  const rows = await query('SELECT code_mac FROM email_verifications WHERE sub = $1 AND spent_at IS NULL', [person.sub])
  t.equal(rows.length, 1)
  t.same(await addressOf(idp, owner), { email: owner.email, verified: true })
})

t.test('the page of a link says what the owner of a mailbox can do about an account that is not theirs', async (t) => {
  const victim = newAddress()
  const { person: attacker, browser } = await verifiedPerson(idp)
  await saveAddress(browser, attacker, victim)
  const { link = '', text } = await newestMailTo(idp, victim)
  t.match(text, 'I did not ask for this')
  const { person: other, browser: theirs } = await verifiedPerson(idp)
  for (const visitor of [idp.browser(), theirs]) {
    const page = await visitor.get(link)
    t.match(page.text, /enter the password of this account/)
    t.notMatch(page.text, attacker.username)
    t.notMatch(page.text, attacker.email)
    t.equal(
      (await visitor.submit(page, 'verify', { password: other.password })).status,
      403,
      'their own password is no use',
    )
  }
  t.match((await theirs.submit(await theirs.get(link), 'disown')).location, 'done=disowned')
  t.notMatch((await browser.get('/account/sign-in')).text, 'email-waiting')
  t.same(await addressOf(idp, attacker), { email: attacker.email, verified: true })
})

t.test('an undo whose address another account has verified since changes nothing and can be repeated', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const path = await changeAddress(idp, browser, person, newAddress())
  const other = await idp.person({ email: person.email })
  await setEmailVerified(idp.signet.database, other.sub)
  const before = await stateOf(idp, person)
  t.match(await undoWith(idp, path, newPassword), { status: 403 }, 'nobody learns it without the password')
  const taken = await undoWith(idp, path, person.password)
  t.equal(taken.status, 409)
  t.match(taken.text, 'Another account has verified this address since')
  t.equal(await stateOf(idp, person), before)
  await query('DELETE FROM account_emails WHERE sub = $1', [other.sub])
  t.match((await undoWith(idp, path, person.password)).location, 'done=1')
})

t.test('nothing remains of the addresses of a deleted account, and its links are void', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const path = await changeAddress(idp, browser, person, newAddress())
  const pending = newAddress()
  await saveAddress(browser, person, pending)
  const { link = '' } = await newestMailTo(idp, pending)
  await deleteAccount(idp.signet, operator, person.sub)
  for (const url of [path, link]) t.equal((await idp.browser().get(url)).status, 410)
  for (const table of ['email_changes', 'email_verifications', 'account_emails'])
    t.same(await query(`SELECT FROM ${table} WHERE sub = $1`, [person.sub]), [], table)
})

t.test('an address with line breaks or other headers is refused, and no mail has more recipients', async (t) => {
  const { person, browser } = await verifiedPerson(idp)
  const before = await stateOf(idp, person)
  const tail = 'bcc: victim@example.net'
  for (const email of [
    `a@example.org\r\n${tail}`,
    `a@example.org\n${tail}`,
    `a@example.org\r${tail}`,
    `a@example.org\u2028${tail}`,
    `a@example.org\u0085${tail}`,
    'a@example.org, victim@example.net',
    'a@example.org;victim@example.net',
    'victim@example.net <a@example.org>',
    '<a@example.org>',
    '"a@example.org\r\n"@example.net',
    'a@example.org\u0000',
    `a@example.org%0d%0a${tail}`,
    'a@[127.0.0.1]',
    `${'a'.repeat(65)}@example.org`,
    `a@${'b'.repeat(250)}.example`,
  ]) {
    const { status } = await saveAddress(browser, person, email)
    t.ok(status === 422 || status === 400, `${encodeURIComponent(email.slice(0, 60))}: ${status}`)
  }
  t.equal(await stateOf(idp, person), before)
  t.same(await mailsTo(idp, 'victim@example.net'), [])
  const plus = `a+tag.${newAddress()}`
  t.match((await saveAddress(browser, person, plus)).location, '/verify-email', 'a plus sign is allowed')
  t.equal((await newestMailTo(idp, plus)).to, plus)
})

t.test('mails to one address are limited whoever asks, and the pages look the same', async (t) => {
  const victim = newAddress()
  for (let account = 0; account < 8; account++) {
    const { person, browser } = await verifiedPerson(idp)
    const visit = await saveAddress(browser, person, account % 2 === 0 ? victim : victim.toUpperCase())
    t.match(visit.location, '/verify-email')
    t.match((await browser.follow(visit)).text, /on its way/)
  }
  const [local = '', domain = ''] = victim.split('@')
  const sent = [...(await mailsTo(idp, victim)), ...(await mailsTo(idp, `${local.toUpperCase()}@${domain}`))]
  t.equal(sent.length, 5)
})

t.test('of two confirmations at once one changes the address, and one mail tells it', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { person, browser } = await verifiedPerson(idp)
    const email = newAddress()
    const waiting = await browser.follow(await saveAddress(browser, person, email))
    const { link = '', code = '' } = await newestMailTo(idp, email)
    const phone = idp.browser()
    const opened = await phone.get(link)
    const answers = await Promise.all([
      browser.submit(waiting, 'code', { code }),
      browser.submit(waiting, 'code', { code }),
      phone.submit(opened, 'verify', { password: person.password }),
      idp.browser().submit(opened, 'verify', { password: person.password }),
    ])
    t.notOk(answers.some(({ status }) => status >= 500))
    t.same(await addressOf(idp, person), { email, verified: true })
    const told = (await mailsTo(idp, person.email)).filter(({ subject }) => /address .* was changed/.test(subject))
    t.equal(told.length, 1)
    t.equal((await eventsOf(idp, person, ['email_changed'])).length, 1)
    await clearLimits(idp)
  }
})

t.test(
  'a confirmation and a change of password at once: the address is the old one, or the change came first',
  async (t) => {
    for (let round = 0; round < 5; round++) {
      const { person, browser } = await verifiedPerson(idp)
      const attacker = await enter(idp, person)
      const email = newAddress()
      const waiting = await attacker.follow(await saveAddress(attacker, person, email))
      const { code = '' } = await newestMailTo(idp, email)
      const page = await browser.get('/account/security')
      const passwords = { 'current-password': person.password, 'new-password': newPassword }
      const [confirmed, changed] = await Promise.all([
        attacker.submit(waiting, 'code', { code }),
        browser.submit(page, 'password-change', passwords),
      ])
      t.equal(changed.status, 303)
      t.ok(confirmed.status < 500)
      const events = (await eventsOf(idp, person, ['email_changed', 'password_changed'])).map(({ type }) => type)
      const isChanged = (await addressOf(idp, person))?.email === email
      t.same(events, isChanged ? ['email_changed', 'password_changed'] : ['password_changed'])
      if (isChanged) t.ok((await mailsTo(idp, person.email)).some(({ text }) => text.includes('/undo-email-change')))
      t.notMatch((await browser.get('/account/sign-in')).text, 'email-waiting')
      await clearLimits(idp)
    }
  },
)

t.test('a request for a change and a change of password at once leave no pending change', async (t) => {
  for (let round = 0; round < 8; round++) {
    const { person, browser } = await verifiedPerson(idp)
    // The attacker has copied the cookies, so both are the same session.
    const attacker = idp.browser()
    for (const [name, value] of browser.cookies) attacker.cookies.set(name, value)
    const email = newAddress()
    const page = await everyAccountPage(browser)
    const passwords = { 'current-password': person.password, 'new-password': newPassword }
    const form = { email, 'confirm-password': person.password }
    await Promise.all([attacker.submit(page, 'sign-in-save', form), browser.submit(page, 'password-change', passwords)])
    const open = 'SELECT FROM email_verifications WHERE sub = $1 AND spent_at IS NULL'
    t.same(await query(open, [person.sub]), [])
    t.notOk(await signsIn(idp, person.username, person.password))
    await clearLimits(idp)
  }
})

t.test('an undo and a second change at once: the undone address wins, and only one undo succeeds', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { person, browser } = await verifiedPerson(idp)
    const path = await changeAddress(idp, browser, person, newAddress())
    const email = newAddress()
    const waiting = await browser.follow(await saveAddress(browser, person, email))
    const { code = '' } = await newestMailTo(idp, email)
    const opened = await idp.browser().get(path)
    const answers = await Promise.all([
      browser.submit(waiting, 'code', { code }),
      idp.browser().submit(opened, 'undo', { password: person.password }),
      idp.browser().submit(opened, 'undo', { password: person.password }),
    ])
    t.notOk(answers.some(({ status }) => status >= 500))
    const undone = answers.slice(1).map(({ status }) => status)
    t.same(undone.sort(), [303, 410])
    t.same(await addressOf(idp, person), { email: person.email, verified: true })
    t.same(await query('SELECT FROM email_changes WHERE sub = $1 AND undone_at IS NULL', [person.sub]), [])
    t.equal((await eventsOf(idp, person, ['email_change_undone'])).length, 1)
    await clearLimits(idp)
  }
})

t.test('undoing and changing the password at once never leaves a password', async (t) => {
  for (let round = 0; round < 5; round++) {
    const { person, browser } = await verifiedPerson(idp)
    const path = await changeAddress(idp, browser, person, newAddress())
    const opened = await idp.browser().get(path)
    const page = await browser.get('/account/security')
    const passwords = { 'current-password': person.password, 'new-password': newPassword }
    const [undone] = await Promise.all([
      idp.browser().submit(opened, 'undo', { password: person.password }),
      browser.submit(page, 'password-change', passwords),
    ])
    t.equal(undone.status, 303)
    t.same(await query('SELECT FROM account_credentials WHERE sub = $1', [person.sub]), [])
    t.match((await browser.get('/account')).location, '/sign-in')
    await clearLimits(idp)
  }
})
