import t from 'tap'
import { everyAccountPage } from '../support/account-pages.ts'
import type { Visit } from '../support/browser.ts'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import {
  clearLimits,
  cookiesOf,
  enter,
  formsOf,
  hiddenOf,
  newPassword,
  outcomeOf,
  setGuesses,
  stateOf,
} from './account-forms.ts'
import { failuresOf } from './guesses.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm } from './send.ts'

const idp = await startSignet(t)
const client = await idp.client({ scope: 'openid profile address phone email offline_access' })
const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows

t.test('changes that need the password are refused without it', async (t) => {
  const person = await idp.person({ password: `${'long words '.repeat(9)}end` })
  const browser = await enter(idp, person)
  const page = await everyAccountPage(browser)
  const before = await stateOf(idp, person)
  const [{ secret = '' } = {}] = await query('SELECT secret FROM account_credentials WHERE sub = $1', [person.sub])
  const guesses: Record<string, string> = {
    'in capitals': person.password.toUpperCase(),
    'its first 72 bytes': person.password.slice(0, 72),
    'with a trailing space': `${person.password} `,
    'with a line end': `${person.password}\n`,
    'its hash': String(secret),
    'the new password': newPassword,
    'the session cookie': browser.cookies.get(browser.names.session) ?? '',
    'the proof of the page': hiddenOf(page, 'profile-save')['account'] ?? '',
    'a built-in property name': '__proto__',
  }
  const names = { username: 'taken.over', email: 'taken.over@example.com' }
  for (const [index, [what, guess]] of Object.entries(guesses).entries()) {
    const names = { username: 'taken.over', 'confirm-password': guess }
    const password = { 'current-password': guess, 'new-password': `${newPassword} ${what}` }
    const [id, values] = index % 2 === 0 ? (['sign-in-save', names] as const) : (['password-change', password] as const)
    t.equal((await browser.submit(page, id, values)).status, 403, what)
  }
  await clearLimits(idp)
  const misnamed: [id: string, values: Record<string, string>][] = [
    ['sign-in-save', { ...names, 'current-password': person.password, password: person.password }],
    ['sign-in-save', { ...names, 'confirm-password': '', 'Confirm-Password': person.password }],
    ['password-change', { 'new-password': newPassword, 'confirm-password': person.password }],
    ['password-change', { 'new-password': newPassword, 'current-password': '', current_password: person.password }],
    // A profile that contains the names: the test is not about them.
    [
      'profile-save',
      { ...names, sub: 'x', email_verified: 'true', phone_number_verified: 'true', password: newPassword },
    ],
  ]
  for (const [id, values] of misnamed) {
    const { status } = await browser.submit(page, id, values)
    t.equal(status, id === 'profile-save' ? 303 : 422, id)
  }
  t.equal(await stateOf(idp, person), before)
  const named = { ...names, 'confirm-password': person.password }
  t.match(
    await browser.submit(page, 'sign-in-save', named),
    { location: /\/verify-email\?/ },
    'and with the password it is accepted',
  )
})

t.test('pages shown before a change of password have no effect after it', async (t) => {
  const person = await idp.person()
  const { browser: here } = await signIn(idp, client, { person })
  const there = await enter(idp, person)
  const [pageHere, pageThere] = [await everyAccountPage(here), await everyAccountPage(there)]
  const asking = await idp.client()
  const request = `/authorize?${new URLSearchParams(authorizationParameters(asking, pkce()))}`
  const consent = await there.follow(await there.get(request))
  const before = {
    here: here.cookies.get(here.names.session) ?? '',
    there: there.cookies.get(there.names.session) ?? '',
  }
  const passwords = { 'current-password': person.password, 'new-password': newPassword }
  t.match((await here.submit(pageHere, 'password-change', passwords)).location, /password-changed$/)
  const changed = await stateOf(idp, person)
  const renewed = { ...person, password: newPassword }

  const stale: Record<string, [cookie: string, page: Visit]> = {
    'the other browser': [before.there, pageThere],
    'a copy of the old cookie': [before.here, pageHere],
    'the forms of the one with the cookie of the other': [before.there, pageHere],
  }
  for (const [name, [session, page]] of Object.entries(stale))
    for (const who of [person, renewed])
      for (const [form, { path, values }] of Object.entries(formsOf(page, who, client.client_id))) {
        const thief = idp.browser()
        thief.cookies.set(thief.names.session, session)
        t.equal(outcomeOf(await thief.post(path, values)), '/sign-in', `${name}: ${form}`)
      }
  const late = await there.follow(await there.submit(consent, 'allow', { decision: 'allow' }))
  t.match(late.text, 'id="sign-in"', 'nor does the consent form')
  t.equal(await stateOf(idp, person), changed)

  const again = formsOf(pageHere, person, client.client_id)
  const withOld = await here.post('/account/sign-in', again['sign-in names']?.values ?? {})
  t.equal(withOld.status, 403, 'the old password proves nothing, in this browser either')
  t.equal((await here.post('/account/password', again['password']?.values ?? {})).status, 403)
  t.equal(await stateOf(idp, person), changed)
  t.match((await here.post('/account/profile', again['profile']?.values ?? {})).location, /profile-saved$/)
  await clearLimits(idp)
})

t.test('guesses at the current password', async (t) => {
  const person = await idp.person()
  const browser = await enter(idp, person)
  const page = await everyAccountPage(browser)
  const burst = (cookie: string, count: number, headers: (guess: number) => Record<string, string> = () => ({})) =>
    Promise.all(
      Array.from({ length: count }, (_, guess) => {
        const [id, path, field] =
          guess % 2 === 0
            ? (['sign-in-save', '/account/sign-in', 'confirm-password'] as const)
            : (['password-change', '/account/password', 'current-password'] as const)
        const form = {
          ...hiddenOf(page, id),
          username: 'guessed',
          'new-password': newPassword,
          [field]: `guess ${guess}`,
        }
        const body = new URLSearchParams(form).toString()
        return postForm(idp, path, body, { cookie, origin: idp.issuer, ...headers(guess) })
      }),
    )
  const count = (answers: readonly Answer[], status: number) =>
    answers.filter((answer) => answer.status === status).length
  const failures = "SELECT FROM events WHERE sub = $1 AND type = 'reauthentication_failed'"
  t.beforeEach(() => clearLimits(idp))

  t.test('of sixty at once, over both forms, twenty are checked, and then not even the right one is', async (t) => {
    const answers = await burst(cookiesOf(browser), 60)
    t.same(new Set(answers.flatMap(faultsOf)), new Set())
    t.same([count(answers, 403), count(answers, 429)], [20, 40])
    t.ok(answers.every(({ status, headers }) => status !== 429 || Number(headers['retry-after']) > 0))
    t.equal((await query(failures, [person.sub])).length, 20, 'and twenty are recorded')
    const right = { 'current-password': person.password, 'new-password': newPassword }
    t.equal((await browser.submit(page, 'password-change', right)).status, 429)
    t.equal((await browser.submit(page, 'sign-in-save', { 'confirm-password': person.password })).status, 429)
    t.ok(await enter(idp, person), 'a browser that has not guessed can sign in')
  })

  t.test('a stolen session cookie gives ten guesses, whatever addresses and browsers it is sent with', async (t) => {
    const stolen = `${idp.cookieNames.session}=${browser.cookies.get(browser.names.session)}`
    await burst(stolen, 1)
    await setGuesses(idp, 8)
    const answers = await burst(stolen, 12, (guess) => ({
      cookie: `${stolen}; ${idp.cookieNames.browser}=${Buffer.alloc(32, guess).toString('base64url')}`,
      'x-forwarded-for': `192.0.2.${guess}`,
      forwarded: `for=192.0.2.${guess}`,
      'x-real-ip': `192.0.2.${guess}`,
    }))
    t.same([count(answers, 403), count(answers, 429)], [2, 10])
    t.match(
      await browser.submit(page, 'sign-in-save', {
        username: person.username,
        email: person.email,
        'confirm-password': person.password,
      }),
      { location: /sign-in-saved$/ },
      'and the owner of the session can still change it',
    )
  })

  t.test('guesses on the sign-in page count towards the same limit', async (t) => {
    const form = new URLSearchParams({ username: person.email, password: 'wrong' }).toString()
    const cookie = cookiesOf(browser)
    t.equal((await postForm(idp, '/sign-in', form, { cookie, origin: idp.issuer })).status, 403)
    await setGuesses(idp, 18)
    const answers = await burst(cookie, 4)
    t.same([count(answers, 403), count(answers, 429)], [4, 0])
    t.same(await failuresOf(idp), [2], 'after twenty the browser counts as unknown')
    t.equal((await postForm(idp, '/sign-in', form, { cookie, origin: idp.issuer })).status, 429)
  })
})
