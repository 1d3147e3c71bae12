import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { setPassword } from '../../src/operations/account-access.ts'
import { setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import { listFactors, removeFactor } from '../../src/records/accounts/factors-store.ts'
import type { Sub } from '../../src/records/ids.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { commandsOn, invited } from '../support/invitations.ts'
import { authorizationParameters, pkce } from '../support/journey.ts'
import { mailsTo } from '../support/mails.ts'
import { givePasskey, pressPasskey } from '../support/passkeys.ts'
import {
  type AuthenticatorApp,
  enterPassword,
  giveRecoveryCodes,
  giveTotp,
  oneTimeCode,
  signInWithCode,
  stopClock,
} from '../support/totp.ts'
import { linkTo, newEmail, signUp, subOf } from '../support/verification.ts'
import { clearLimits, setCount } from './guesses.ts'

const idp = await startSignet(t, { SIGNET_TRUST_PROXY: 'loopback' })
const { database } = idp.signet
const clock = stopClock(idp)
t.beforeEach(() => clearLimits(idp))

/** Somebody with a verified address who uses one-time codes. */
async function personWithCodes(): Promise<{ readonly person: Person; readonly app: AuthenticatorApp }> {
  const person = await idp.person()
  await setEmailVerified(database, person.sub)
  return { person, app: await giveTotp(idp, person) }
}

/** Removes the one-time codes of an account. */
async function removeTotp(sub: Sub): Promise<void> {
  for (const { id, kind } of await listFactors(database, sub))
    if (kind === 'totp') await removeFactor(database, sub, id)
}

const isSignedIn = async (browser: Browser) => (await browser.get('/account')).status === 200

/** The details of the events of one type about an account, in the order in which they were recorded. */
const detailsOf = async ({ sub }: { readonly sub: string }, type: string) =>
  (
    await database.query<{ detail: Record<string, string | number> }>({
      text: 'SELECT detail FROM events WHERE sub = $1 AND type = $2 ORDER BY id',
      values: [sub, type],
    })
  ).rows.map(({ detail }) => detail)

/** Six digits that are not among the codes of the next minutes. */
function wrongCode({ code }: AuthenticatorApp): string {
  const near = [-2, -1, 0, 1, 2].map(code)
  for (let n = 0; ; n++) {
    const wrong = String(n).padStart(6, '0')
    if (!near.includes(wrong)) return wrong
  }
}

/** Checks that a browser whose second step was refused has to start again, and does not become signed in. */
async function startsAgain(t: Test, browser: Browser, answer: Visit, why: string): Promise<void> {
  const last = await browser.follow(answer)
  t.match(last.url, /\/sign-in\b/, why)
  t.notOk(browser.cookies.has(browser.names.session), `${why}: no session`)
  t.notOk(await isSignedIn(browser), `${why}: not signed in`)
}

t.test('the right password alone starts no session, and its cookie is accepted nowhere else', async (t) => {
  const { person } = await personWithCodes()
  const browser = idp.browser()
  const page = await enterPassword(browser, person)
  t.match(page.url, '/second-factor')
  t.notOk(browser.cookies.has(browser.names.session))
  const cookie = browser.cookies.get(browser.names.signIn) ?? ''
  t.equal(cookie.length, 43)
  t.same(await detailsOf(person, 'signed_in'), [])

  const thief = idp.browser()
  thief.cookies.set(thief.names.session, cookie)
  thief.cookies.set(thief.names.browser, browser.cookies.get(browser.names.browser) ?? '')
  const client = await idp.client()
  const query = new URLSearchParams(authorizationParameters(client, pkce(), { prompt: 'none' }))
  t.match((await thief.get(`/authorize?${query}`)).location, 'error=login_required')
  for (const path of ['/account', '/account/security', '/account/sessions'])
    t.match((await thief.get(path)).location, '/sign-in', path)
  t.notMatch((await thief.get('/')).text, 'id="sign-out"')
  t.match((await thief.get('/second-factor')).location, '/sign-in', 'nor does a session cookie lead to the second step')
})

t.test('the database starts no session for the password alone, whichever release asks for it', async (t) => {
  const person = await idp.person()
  const start = (amr: string) =>
    idp.signet.database.query({
      text: `INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at, epoch)
             VALUES (sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'b', $1, now(), $2, now() + interval '1 day', 0)
             RETURNING digest`,
      values: [person.sub, amr],
    })
  const { rows } = await start('{pwd}')
  await giveTotp(idp, person)
  await t.rejects(start('{pwd}'), { message: /password alone/ })
  // How the previous release renews a session at a sign-in in the same browser.
  const renew = `UPDATE sessions SET amr = '{pwd}', expires_at = now() + interval '2 days' WHERE digest = $1`
  await t.rejects(idp.signet.database.query({ text: renew, values: [rows[0]?.['digest']] }), {
    message: /password alone/,
  })
  await start('{pwd,otp,mfa}')
})

t.test('a session is not an unfinished sign-in', async (t) => {
  const { person, app } = await personWithCodes()
  const browser = idp.browser()
  await signInWithCode(browser, person, app.code())
  const other = idp.browser()
  other.cookies.set(other.names.signIn, browser.cookies.get(browser.names.session) ?? '')
  other.cookies.set(other.names.browser, browser.cookies.get(browser.names.browser) ?? '')
  t.match((await other.get('/second-factor')).location, '/sign-in')
})

t.test('a code that was used is refused in another browser, and says so to the operator only', async (t) => {
  const { person, app } = await personWithCodes()
  const code = app.code()
  t.equal((await signInWithCode(idp.browser(), person, code)).status, 303)
  const second = idp.browser()
  const answer = await signInWithCode(second, person, code)
  t.equal(answer.status, 403)
  t.notOk(await isSignedIn(second))
  const other = idp.browser()
  const wrong = await signInWithCode(other, person, wrongCode(app))
  const textOf = ({ text }: Visit) => text.replaceAll(/value="[^"]*"|href="[^"]*"/g, '')
  t.equal(textOf(answer), textOf(wrong), 'the page is that of a wrong code')
  t.same(await detailsOf(person, 'second_factor_failed'), [
    { factor: 'totp', reason: 'used' },
    { factor: 'totp', reason: 'wrong' },
  ])
})

t.test('of many browsers with the same code at once, one is signed in', async (t) => {
  const { person, app } = await personWithCodes()
  const browsers = Array.from({ length: 5 }, () => idp.browser())
  const pages = await Promise.all(browsers.map((browser) => enterPassword(browser, person)))
  const code = app.code()
  const answers = await Promise.all(
    browsers.map((browser, n) => browser.submit(pages[n] as Visit, 'confirm', { code })),
  )
  t.same(answers.map(({ status }) => status).sort(), [303, 403, 403, 403, 403])
  t.equal((await detailsOf(person, 'signed_in')).length, 1)
})

t.test('a clock that is off by one step is accepted, by two is not, and a code before the newest is not', async (t) => {
  const { person, app } = await personWithCodes()
  const statuses: Record<number, number> = {}
  for (const steps of [-2, 2, -1, 0, -1, 1, 0]) {
    await clearLimits(idp)
    const { status } = await signInWithCode(idp.browser(), person, app.code(steps))
    t.equal(status, [-2, 2].includes(steps) || statuses[steps + 1] === 303 || statuses[steps] === 303 ? 403 : 303)
    statuses[steps] ??= status
  }
  t.same(statuses, { '-2': 403, '2': 403, '-1': 303, '0': 303, '1': 303 })
})

t.test('when the clock goes back, codes that were accepted stay used, and new ones work again later', async (t) => {
  const { person, app } = await personWithCodes()
  const code = app.code()
  t.equal((await signInWithCode(idp.browser(), person, code)).status, 303)
  clock.advance(-60)
  t.equal((await signInWithCode(idp.browser(), person, app.code())).status, 403, 'a code of an earlier time')
  t.equal((await signInWithCode(idp.browser(), person, code)).status, 403, 'the code that was used')
  clock.advance(90)
  t.equal((await signInWithCode(idp.browser(), person, app.code())).status, 303)
})

t.test('codes of another account are refused', async (t) => {
  const [{ person }, other] = [await personWithCodes(), await personWithCodes()]
  const [code = ''] = await giveRecoveryCodes(idp, other.person)
  await giveRecoveryCodes(idp, person)
  const page = await enterPassword(idp.browser(), person)
  t.ok(page)
  for (const typed of [other.app.code(), code])
    t.equal((await signInWithCode(idp.browser(), person, typed)).status, 403, typed)
  t.equal((await signInWithCode(idp.browser(), other.person, code)).status, 303, 'and are still good')
})

t.test('wrong codes are limited for the account, whatever browser and network they come from', async (t) => {
  const { person, app } = await personWithCodes()
  const [code = ''] = await giveRecoveryCodes(idp, person)
  const guess = async (typed: string, n: number) => {
    const browser = idp.browser()
    const page = await enterPassword(browser, person)
    const form = { code: typed, csrf: /name="csrf" value="([^"]*)"/.exec(page.text)?.[1] ?? '' }
    return browser.post('/second-factor', form, { 'x-forwarded-for': `198.51.100.${n}` })
  }
  for (let n = 1; n <= 5; n++) t.equal((await guess(wrongCode(app), n)).status, 403)
  const refused = await guess(app.code(), 6)
  t.equal(refused.status, 429, 'then not even the right one is compared')
  t.match(refused.text, 'Too many attempts')
  t.ok(Number(refused.headers.get('retry-after')) > 0)
  t.equal((await guess(app.code(), 7)).status, 429)
  t.equal((await guess(code, 8)).status, 303, 'a recovery code still works: nobody can lock the person out')
  await setCount(idp, 'one-time-code', 0)
  t.equal((await guess(app.code(), 9)).status, 303, 'the code is still unused when the time is over')
})

t.test('a right code does not give more guesses', async (t) => {
  const { person, app } = await personWithCodes()
  for (let n = 0; n < 4; n++) await signInWithCode(idp.browser(), person, wrongCode(app))
  t.equal((await signInWithCode(idp.browser(), person, app.code())).status, 303)
  t.equal((await signInWithCode(idp.browser(), person, wrongCode(app))).status, 403, 'the fifth wrong one')
  t.equal((await signInWithCode(idp.browser(), person, wrongCode(app))).status, 429)
})

t.test('after twenty wrong codes in a day, the person is told once that somebody may know the password', async (t) => {
  const { person, app } = await personWithCodes()
  let compared = 0
  for (let n = 0; n < 23; n++) {
    await setCount(idp, 'one-time-code', 0)
    const { status } = await signInWithCode(idp.browser(), person, wrongCode(app))
    if (status === 403) compared++
  }
  t.equal(compared, 20)
  const mails = await mailsTo(idp, person.email)
  t.same(
    mails.map(({ subject }) => subject),
    ['Somebody may know your password for Signet'],
  )
  t.match(mails[0]?.link, '/not-me?token=')
  const failures = await detailsOf(person, 'second_factor_failed')
  t.equal(failures.filter(({ reason }) => reason === 'limited').length, 1)
  t.equal(failures.length, 21)
  t.same(await detailsOf(person, 'signed_in'), [])
})

t.test('what cannot be a code is not counted', async (t) => {
  const { person, app } = await personWithCodes()
  const browser = idp.browser()
  let page = await enterPassword(browser, person)
  for (const code of ['12345', '1234567', 'abcdef', '١٢٣٤٥٦x', "' OR 1=1", 'x'.repeat(5000), '0'.repeat(14)]) {
    page = await browser.submit(page, 'confirm', { code })
    t.equal(page.status, 403, code)
  }
  page = await browser.submit(page, 'confirm', { code: ' ' })
  t.equal(page.status, 422)
  const spaced = app.code().replace(/^.../, '$& ')
  t.equal((await browser.submit(page, 'confirm', { code: spaced })).status, 303, 'a code may be typed with a space')
  t.same(await detailsOf(person, 'second_factor_failed'), [])
})

t.test('a recovery code works once, typed in any way, and the person is told each time', async (t) => {
  const { person } = await personWithCodes()
  const codes = await giveRecoveryCodes(idp, person)
  t.equal(new Set(codes).size, 10)
  const [first = '', second = ''] = codes
  t.match(first, /^[0-9A-HJKMNP-TV-Z]{5}(?:-[0-9A-HJKMNP-TV-Z]{5}){2}$/)
  t.equal((await signInWithCode(idp.browser(), person, first)).status, 303)
  t.equal((await signInWithCode(idp.browser(), person, first)).status, 403)
  const typed = ` ${second.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `
  const browser = idp.browser()
  t.equal((await signInWithCode(browser, person, typed)).status, 303)
  t.ok(await isSignedIn(browser))
  t.same(await detailsOf(person, 'recovery_code_used'), [{ left: 9 }, { left: 8 }])
  t.same(await detailsOf(person, 'second_factor_failed'), [{ factor: 'recovery_code', reason: 'wrong' }])
  const used = (await mailsTo(idp, person.email)).filter(({ subject }) => /recovery code/i.test(subject))
  t.equal(used.length, 2)
})

t.test('of many browsers with the same recovery code at once, one is signed in', async (t) => {
  const { person } = await personWithCodes()
  const [code = ''] = await giveRecoveryCodes(idp, person)
  const browsers = Array.from({ length: 5 }, () => idp.browser())
  const pages = await Promise.all(browsers.map((browser) => enterPassword(browser, person)))
  const answers = await Promise.all(
    browsers.map((browser, n) => browser.submit(pages[n] as Visit, 'confirm', { code })),
  )
  t.same(answers.map(({ status }) => status).sort(), [303, 403, 403, 403, 403])
  t.equal((await detailsOf(person, 'recovery_code_used')).length, 1)
})

t.test('codes of a set that was replaced are refused', async (t) => {
  const { person } = await personWithCodes()
  const [old = ''] = await giveRecoveryCodes(idp, person)
  const [now = ''] = await giveRecoveryCodes(idp, person)
  t.equal((await signInWithCode(idp.browser(), person, old)).status, 403)
  t.equal((await signInWithCode(idp.browser(), person, now)).status, 303)
})

t.test('an unfinished sign-in is useless in another browser', async (t) => {
  const { person, app } = await personWithCodes()
  const browser = idp.browser()
  const page = await enterPassword(browser, person)
  const thief = idp.browser()
  thief.cookies.set(thief.names.signIn, browser.cookies.get(browser.names.signIn) ?? '')
  await startsAgain(t, thief, await thief.get('/second-factor'), 'a stolen cookie')
  t.equal((await browser.submit(page, 'confirm', { code: app.code() })).status, 303, 'and still good in its own')
})

const changes: Record<string, (person: Person) => Promise<unknown>> = {
  'has expired': ({ sub }) =>
    database.query({
      text: "UPDATE unfinished_sign_ins SET expires_at = now() - interval '1 second' WHERE sub = $1",
      values: [sub],
    }),
  'whose password was changed': ({ sub }) =>
    setPassword(idp.signet, { kind: 'operator', by: 'test' }, sub, randomBytes(12).toString('hex'), undefined),
  'whose password was removed': ({ sub }) =>
    database.query({
      text: "DELETE FROM account_credentials WHERE sub = $1 AND kind = 'password'",
      values: [sub],
    }),
  'whose account was disabled': async ({ sub }) => t.equal((await commandsOn(idp)('users', 'disable', sub)).code, 0),
  'whose account was deleted': async ({ sub }) => t.equal((await commandsOn(idp)('users', 'delete', sub)).code, 0),
  'whose one-time codes were removed': ({ sub }) => removeTotp(sub),
}
for (const [what, change] of Object.entries(changes))
  t.test(`an unfinished sign-in ${what} has to be started again`, async (t) => {
    const { person, app } = await personWithCodes()
    const [browser, other] = [idp.browser(), idp.browser()]
    const page = await enterPassword(browser, person)
    await enterPassword(other, person)
    await change(person)
    await startsAgain(t, browser, await browser.submit(page, 'confirm', { code: app.code() }), 'with the right code')
    await startsAgain(t, other, await other.get('/second-factor'), 'without a code')
    t.same(await detailsOf(person, 'signed_in'), [])
  })

t.test('one-time codes that were set up again do not accept codes of the earlier secret', async (t) => {
  const { person, app } = await personWithCodes()
  const browser = idp.browser()
  const page = await enterPassword(browser, person)
  await removeTotp(person.sub)
  const again = await giveTotp(idp, person)
  const refused = await browser.submit(page, 'confirm', { code: app.code() })
  t.equal(refused.status, 403)
  t.equal((await browser.submit(refused, 'confirm', { code: again.code() })).status, 303)
})

t.test('a factor that is removed while its code is being checked signs nobody in', async (t) => {
  const { person, app } = await personWithCodes()
  await givePasskey(idp, person)
  const browser = idp.browser()
  const page = await enterPassword(browser, person)
  // The right code was accepted, and the session is about to start.
  const { undoOneTimeCode } = idp.signet.limits
  const captured = t.capture(idp.signet.limits, 'undoOneTimeCode', async (counted: readonly string[]) => {
    await removeTotp(person.sub)
    return undoOneTimeCode(counted)
  })
  const answer = await browser.submit(page, 'confirm', { code: app.code() })
  captured.restore()
  t.match(answer.location, '/second-factor')
  t.notOk(browser.cookies.has(browser.names.session))
  t.same(await detailsOf(person, 'signed_in'), [])
})

t.test('an account that gets one-time codes while its password is being checked needs one', async (t) => {
  const person = await idp.person()
  const browser = idp.browser()
  const { verify } = idp.signet.passwords
  const captured = t.capture(idp.signet.passwords, 'verify', async (...given: Parameters<typeof verify>) => {
    const isRight = await verify(...given)
    await giveTotp(idp, person)
    return isRight
  })
  const page = await enterPassword(browser, person)
  captured.restore()
  t.match(page.url, '/second-factor')
  t.notOk(browser.cookies.has(browser.names.session))
})

t.test('a second click on the button does not look like a failure', async (t) => {
  const { person, app } = await personWithCodes()
  const browser = idp.browser()
  const page = await enterPassword(browser, person, '/account/security')
  const unfinished = browser.cookies.get(browser.names.signIn) ?? ''
  const first = await browser.submit(page, 'confirm', { code: app.code() })
  t.match(first.location, '/account/security')
  t.notOk(browser.cookies.has(browser.names.signIn), 'the cookie is deleted')
  browser.cookies.set(browser.names.signIn, unfinished)
  const second = await browser.follow(await browser.submit(page, 'confirm', { code: app.code() }))
  t.match(second.url, '/account/security')
  t.equal(second.status, 200)
})

t.test('a form from another site is refused', async (t) => {
  const { person, app } = await personWithCodes()
  const browser = idp.browser()
  await enterPassword(browser, person)
  for (const path of ['/second-factor', '/second-factor/passkey']) {
    const answer = await browser.post(path, { code: app.code() }, { origin: 'https://evil.example' })
    t.equal(answer.status, 403, path)
  }
  t.notOk(browser.cookies.has(browser.names.session))
})

t.test('a passkey of another account, or an answer for another page, does not complete a sign-in', async (t) => {
  const { person } = await personWithCodes()
  const passkey = await givePasskey(idp, person)
  const stranger = await idp.person()
  const theirs = await givePasskey(idp, stranger)
  const browser = idp.browser()
  const signInPage = await browser.get('/sign-in')
  const page = await enterPassword(browser, person)
  const refused = await pressPasskey(browser, page, theirs, { userHandle: person.sub })
  t.equal(refused.status, 403)
  const { csrf = '' } = /name="csrf" value="(?<csrf>[^"]*)"/.exec(page.text)?.groups ?? {}
  const ofSignIn = passkey.get(/data-options="([^"]*)"/.exec(signInPage.text)?.[1]?.replaceAll('&quot;', '"') ?? '')
  t.equal((await browser.post('/second-factor/passkey', { csrf, credential: ofSignIn })).status, 403)
  t.notOk(await isSignedIn(browser))
  const done = await pressPasskey(browser, refused, passkey)
  t.equal(done.status, 303)
  t.ok(await isSignedIn(browser))
  t.match(await detailsOf(person, 'signed_in'), [{ amr: ['pwd', 'pop', 'user', 'mfa'] }])
})

t.test('no other form that takes a password starts a session for an account that needs a second factor', async (t) => {
  t.test('sign-up with the address and password of an account', async (t) => {
    const { person, app } = await personWithCodes()
    const browser = idp.browser()
    const form = { email: person.email, password: person.password }
    const page = await browser.follow(await browser.submit(await browser.get('/sign-up'), 'sign-up', form))
    t.match(page.url, '/second-factor')
    t.notOk(browser.cookies.has(browser.names.session))
    t.equal((await browser.submit(page, 'confirm', { code: app.code() })).status, 303)
    t.ok(await isSignedIn(browser))
  })

  t.test('the form of an invitation that is sent again', async (t) => {
    const [email, password] = [newEmail(), randomBytes(12).toString('hex')]
    const link = await invited(idp, email)
    const page = await idp.browser().get(link)
    const browser = idp.browser()
    t.equal((await browser.submit(await browser.get(link), 'password', { password })).status, 303)
    const app = await giveTotp(idp, { sub: (await subOf(idp, email)) as Sub })
    const again = idp.browser()
    await again.get('/sign-in')
    const second = await again.follow(await again.submit(page, 'password', { password }))
    t.match(second.url, '/second-factor')
    t.notOk(again.cookies.has(again.names.session))
    const done = await again.submit(second, 'confirm', { code: app.code() })
    t.match(done.location, '/account')
  })

  t.test('the link that verifies an address, which goes on once the second step is done', async (t) => {
    const { email, password } = await signUp(idp)
    const path = await linkTo(idp, email)
    const app = await giveTotp(idp, { sub: (await subOf(idp, email)) as Sub })
    const browser = idp.browser()
    const second = await browser.follow(await browser.submit(await browser.get(path), 'password', { password }))
    t.match(second.url, '/second-factor')
    t.notOk(browser.cookies.has(browser.names.session))
    const back = await browser.follow(await browser.submit(second, 'confirm', { code: app.code() }))
    t.equal(new URL(back.url).pathname + new URL(back.url).search, path)
    const done = await browser.follow(await browser.submit(back, 'verify'))
    t.match(done.url, '/verify-email?done=verified')
  })
})

t.test('where everybody must have a second factor', async (t) => {
  const strict = await idp.another({ SIGNET_SECOND_FACTOR: 'required' })

  t.test('a password alone does not sign in to an account with a passkey', async (t) => {
    const person = await strict.person()
    const passkey = await givePasskey(strict, person)
    const browser = strict.browser()
    const page = await enterPassword(browser, person)
    t.match(page.url, '/second-factor')
    t.notMatch(page.text, 'id="code"', 'it has no codes')
    t.notOk(browser.cookies.has(browser.names.session))
    t.equal((await browser.submit(page, 'use-passkey', { credential: '{}' })).status, 403)
    t.equal((await pressPasskey(browser, page, passkey)).status, 303)
    t.ok(browser.cookies.has(browser.names.session))
  })

  t.test('recovery codes are the other way for such an account', async (t) => {
    const person = await strict.person()
    await givePasskey(strict, person)
    const [code = ''] = await giveRecoveryCodes(strict, person)
    const browser = strict.browser()
    const page = await enterPassword(browser, person)
    t.notMatch(page.text, 'id="code"')
    const [, href = ''] = /id="use-recovery-code" href="([^"]*)"/.exec(page.text) ?? []
    const form = await browser.get(href.replaceAll('&amp;', '&'))
    t.equal((await browser.submit(form, 'confirm', { code })).status, 303)
    t.ok(browser.cookies.has(browser.names.session))
  })
})

t.test('a leaked secret is replaced, and nobody is locked out for good', async (t) => {
  const signet = commandsOn(idp)
  const leaked = async (purpose: string) => {
    const flags = ['--compromised', '--purpose', purpose, '--reason', 'a test']
    t.equal((await signet('keys', 'rotate-secrets', ...flags)).code, 0)
    await idp.signet.secrets.refresh()
  }

  t.test('one-time codes are refused, and recovery codes still work', async (t) => {
    const { person, app } = await personWithCodes()
    const [code = ''] = await giveRecoveryCodes(idp, person)
    await leaked('totp-sealing')
    t.equal((await signInWithCode(idp.browser(), person, app.code())).status, 403)
    t.same(await detailsOf(person, 'second_factor_failed'), [{ factor: 'totp', reason: 'unreadable' }])
    t.equal((await signInWithCode(idp.browser(), person, code)).status, 303)
    await removeTotp(person.sub)
    const again = await giveTotp(idp, person)
    t.equal((await signInWithCode(idp.browser(), person, again.code())).status, 303, 'after setting them up again')
  })

  t.test('recovery codes are refused, and one-time codes still work', async (t) => {
    const { person, app } = await personWithCodes()
    const [code = ''] = await giveRecoveryCodes(idp, person)
    await leaked('recovery-codes')
    t.equal((await signInWithCode(idp.browser(), person, code)).status, 403)
    t.same(await detailsOf(person, 'second_factor_failed'), [{ factor: 'recovery_code', reason: 'unreadable' }])
    t.equal((await signInWithCode(idp.browser(), person, app.code())).status, 303)
    const [newer = ''] = await giveRecoveryCodes(idp, person)
    t.equal((await signInWithCode(idp.browser(), person, newer)).status, 303)
  })

  t.test('after a planned rotation, old codes and secrets keep working, and a secret is sealed again', async (t) => {
    const { person, app } = await personWithCodes()
    const [code = ''] = await giveRecoveryCodes(idp, person)
    t.equal(
      (await signet('keys', 'rotate-secrets', '--purpose', 'totp-sealing', '--purpose', 'recovery-codes')).code,
      0,
    )
    await idp.signet.database.query(
      "UPDATE purpose_secrets SET activates_at = now() WHERE purpose IN ('totp-sealing', 'recovery-codes')",
    )
    await idp.signet.secrets.refresh()
    const { rows: before } = await database.query<{ version: number }>({
      text: 'SELECT version FROM totp_secrets WHERE sub = $1',
      values: [person.sub],
    })
    t.ok(idp.signet.secrets['totp-sealing'].current > (before[0]?.version ?? 0), 'a new version is in use')
    t.equal((await signInWithCode(idp.browser(), person, app.code())).status, 303)
    t.equal((await signInWithCode(idp.browser(), person, code)).status, 303)
    const { rows: after } = await database.query<{ version: number }>({
      text: 'SELECT version FROM totp_secrets WHERE sub = $1',
      values: [person.sub],
    })
    t.equal(after[0]?.version, idp.signet.secrets['totp-sealing'].current)
    t.equal((await signInWithCode(idp.browser(), person, app.code(1))).status, 303, 'which still opens')
  })
})

t.test('the database holds neither codes nor the secret of an app', async (t) => {
  const { person, app } = await personWithCodes()
  const codes = await giveRecoveryCodes(idp, person)
  const { rows } = await database.query<{ text: string }>({
    text: `SELECT row_to_json(totp_secrets)::text AS text FROM totp_secrets WHERE sub = $1
           UNION ALL SELECT row_to_json(recovery_codes)::text FROM recovery_codes JOIN recovery_code_sets USING (id) WHERE sub = $1`,
    values: [person.sub],
  })
  t.equal(rows.length, 11)
  const stored = rows.map(({ text }) => text).join('\n')
  const bare = codes.map((code) => code.replaceAll('-', ''))
  const secrets = [...codes, ...bare, app.secret.toString('hex'), app.secret.toString('base64url')]
  t.same(
    secrets.filter((secret) => stored.includes(secret)),
    [],
  )
  t.equal(oneTimeCode(app.secret, 59_000).length, 6)
  t.notMatch(idp.logged(), new RegExp(codes.join('|')))
})
