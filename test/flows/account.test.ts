import t from 'tap'
import { sessionHandle } from '../../src/pages/account/session-handle.ts'
import { setEmailVerified } from '../../src/records/accounts/accounts-store.ts'
import { addConsent } from '../../src/records/consents/consents-store.ts'
import type { SessionId } from '../../src/records/ids.ts'
import { everyAccountPage } from '../support/account-pages.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { eventually } from '../support/eventually.ts'
import { type Person, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'

const idp = await startSignet(t)
const newPassword = 'quiet lamps over harbours'

const query = async (text: string, values: unknown[] = []) => (await idp.signet.database.query({ text, values })).rows

/** Signs in on the sign-in page. */
async function enter(person: Person, browser = idp.browser()): Promise<Browser> {
  const form = { username: person.username, password: person.password }
  const visit = await browser.submit(await browser.get('/sign-in'), 'sign-in', form)
  if (visit.status !== 303) throw new Error(`${person.username} cannot sign in: ${visit.status}`)
  return browser
}

/** Everything of a person that the page can change, as text. */
async function state({ sub }: Person): Promise<string> {
  const tables = ['accounts', 'account_emails', 'account_credentials', 'consents', 'grants']
  const rows = await Promise.all(
    tables.map((table) => query(`SELECT * FROM ${table} WHERE sub = $1 ORDER BY 1`, [sub])),
  )
  const sessions = await query('SELECT id, digest, ended_at FROM sessions WHERE sub = $1 ORDER BY id', [sub])
  return JSON.stringify([rows, sessions])
}

const eventsOf = ({ sub }: Person, type: string) =>
  query('SELECT detail, client_id, network, request_id FROM events WHERE sub = $1 AND type = $2', [sub, type])

/** The hidden fields of a form, found by the id of its button. */
function hiddenOf(page: Visit, id: string): Record<string, string> {
  const forms = page.text.match(/<form\b[^>]*>[\s\S]*?<\/form>/g) ?? []
  const html = forms.find((form) => form.includes(`id="${id}"`))
  if (!html) throw new Error(`The page has no #${id}:\n${page.text}`)
  return Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  )
}

const isToSignIn = ({ status, location, headers }: Visit) =>
  status === 303 &&
  new URL(location ?? '').pathname === '/sign-in' &&
  new URL(location ?? '').searchParams.has('continue') &&
  headers.get('cache-control') === 'no-store'

const isStatus = async (token: string, status: number) =>
  (await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status === status

const clearLimits = async () => {
  await query('DELETE FROM rate_limits')
  await query('DELETE FROM failed_sign_ins')
}

t.test('every form of the account page', async (t) => {
  const client = await idp.client()
  const person = await idp.person()
  const { browser } = await signIn(idp, client, { person })
  await enter(person)
  const page = await everyAccountPage(browser)
  const before = await state(person)
  const unchanged = async () => (await state(person)) === before

  const password = { 'current-password': person.password, 'new-password': newPassword }
  const names = { username: 'changed', 'confirm-password': person.password }
  const forms: [id: string, path: string, values: Record<string, string>, judged: string[]][] = [
    ['profile-save', '/account/profile', { name: 'Changed' }, ['name', 'website', 'birthdate', 'formatted']],
    ['sign-in-save', '/account/sign-in', names, ['username', 'email', 'confirm-password']],
    ['password-change', '/account/password', password, ['current-password', 'new-password']],
    ['end-session-2', '/account/sessions/end', {}, ['session']],
    ['end-other-sessions', '/account/sessions/end', {}, []],
    [`disconnect-${client.client_id}`, '/account/applications/disconnect', {}, ['client_id']],
  ]
  for (const [id, path, values, judged] of forms) {
    const form: Record<string, string> = { ...hiddenOf(page, id), ...values }

    t.test(`${id}: a complete and valid form from elsewhere has no effect`, async (t) => {
      for (const headers of [
        { origin: 'https://evil.example' },
        { origin: 'null' },
        { origin: `${idp.issuer}.evil.example` },
        { origin: 'https://evil.example', referer: `${idp.issuer}/account` },
      ])
        t.match(await browser.post(path, form, headers), { status: 403, location: undefined })
      const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
      const send = async (fields: Record<string, string>, headers: Record<string, string> = {}) => {
        const body = new URLSearchParams(fields)
        return (
          await fetch(idp.issuer + path, { method: 'POST', redirect: 'manual', headers: { cookie, ...headers }, body })
        ).status
      }
      t.equal(await send(form, { 'sec-fetch-site': 'cross-site' }), 403)
      t.equal(await send({ ...form, csrf: '' }), 403, 'without a token, and nothing says where it comes from')
      t.equal(await send({ ...form, csrf: form['account'] ?? '' }), 403, 'the other token is not accepted')
      t.ok(await unchanged())
    })

    t.test(`${id}: unreadable parameters are refused, not guessed at`, async (t) => {
      const encoded = new URLSearchParams(form).toString()
      const doubled = Object.keys(form).map((name) => `${name}=x`)
      for (const more of [...doubled, 'name=a%00b', 'session=%00', 'username=%ff', '__proto__=%00', 'x=%zz'])
        t.equal((await browser.post(path, `${encoded}&${more}`)).status, 400, more)
      const bodiless = { method: 'POST', headers: { origin: idp.issuer }, redirect: 'manual' } as const
      t.equal((await fetch(idp.issuer + path, bodiless)).status, 303, 'no body, and nobody signed in')
      t.ok(await unchanged())
    })

    t.test(`${id}: without an active session it leads to the sign-in page`, async (t) => {
      const stranger = idp.browser()
      t.ok(isToSignIn(await stranger.post(path, form)))
      stranger.cookies.set(stranger.names.session, 'A'.repeat(43))
      t.ok(isToSignIn(await stranger.post(path, form)))
      const late = await idp.person()
      const stale = await enter(late)
      await query("UPDATE sessions SET used_at = now() - interval '8 days' WHERE sub = $1", [late.sub])
      t.ok(isToSignIn(await stale.post(path, form)))
      t.ok(await unchanged())
    })

    t.test(`${id}: made for one person and sent by another, it changes neither`, async (t) => {
      const other = await idp.person()
      const theirs = await enter(other)
      const untouched = await state(other)
      const expected = { status: 303, location: /\/account[a-z/-]*\?notice=other-account$/ }
      t.match(await theirs.post(path, form), expected)
      for (const account of ['', '__proto__', 'x'.repeat(43), 'é'.repeat(22)])
        t.match(await browser.post(path, { ...form, account }), expected, account)
      t.equal(await state(other), untouched)
      t.ok(await unchanged())
    })

    t.test(`${id}: eight kilobytes in a field are refused without a server error`, async (t) => {
      for (const name of judged) {
        const visit = await browser.post(path, { ...form, [name]: 'x'.repeat(8192) })
        t.ok([303, 403, 422].includes(visit.status), `${name}: ${visit.status}`)
        t.equal(visit.headers.get('cache-control'), 'no-store')
      }
      t.ok(await unchanged())
      await clearLimits()
    })
  }

  t.test('names that every JavaScript object has are treated like any other', async (t) => {
    const form = hiddenOf(page, 'end-session-2')
    for (const value of ['__proto__', 'constructor', 'toString']) {
      t.match(await browser.post('/account/applications/disconnect', { ...form, client_id: value }), { status: 303 })
      t.match(await browser.post('/account/sessions/end', { ...form, client_id: '', session: value }), { status: 303 })
      const shown = await browser.get(`/account?notice=${value}`)
      t.match(shown, { status: 200 })
      t.notMatch(shown.text, 'class="notice"', value)
    }
    t.ok(await unchanged())
  })

  t.test('and in the end each of them works', async (t) => {
    const outcomes: (string | undefined)[] = []
    for (const [id, path, values] of [...forms.slice(5), ...forms.slice(0, 5)])
      outcomes.push((await browser.post(path, { ...hiddenOf(page, id), ...values })).location?.split('notice=')[1])
    t.same(outcomes, [
      'disconnected',
      'profile-saved',
      'sign-in-saved',
      // The hidden fields of the form without its box: the person cleared it.
      'password-changed-applications-kept',
      'session-ended',
      'others-ended',
    ])
    t.notOk(await unchanged())
  })
})

t.test('the page itself', async (t) => {
  const person = await idp.person({ name: 'Ada <b>Lovelace</b>' })

  t.test('when signed out, it leads to sign-in and back, and nowhere else', async (t) => {
    const browser = idp.browser()
    const first = await browser.get('/account')
    t.ok(isToSignIn(first))
    const asked = await browser.follow(first)
    const wrong = await browser.submit(asked, 'sign-in', { username: person.username, password: 'wrong' })
    t.equal(wrong.status, 403)
    const back = await browser.submit(wrong, 'sign-in', { username: person.username, password: person.password })
    t.match(back, { status: 303, location: `${idp.issuer}/account` })
    t.equal((await browser.follow(back)).status, 200)
    const again = await browser.get(first.location ?? '')
    t.equal((await browser.submit(again, 'continue-as')).location, `${idp.issuer}/account`)

    const newcomer = idp.browser()
    const asks = await newcomer.follow(await newcomer.get('/account'))
    const signUp = { email: 'new@example.com', password: newPassword }
    const sealed = new URL(asks.url).searchParams.get('continue') ?? ''
    const typed = { from: 'sign-in', continue: sealed, username: signUp.email, password: 'for another account' }
    const toSignUp = await newcomer.post('/sign-up', typed)
    t.match(toSignUp, { status: 303, location: `${idp.issuer}/sign-up?continue=` }, 'a reload submits nothing')
    t.equal(toSignUp.headers.get('cache-control'), 'no-store')
    t.notMatch(toSignUp.location, /example\.com|another/, 'no personal data appears in the URL in clear text')
    const form = await newcomer.follow(toSignUp)
    t.match(form, { status: 200, text: 'value="new@example.com"' })
    t.notMatch(form.text, 'for another account')
    for (const username of ['ada', '', '@', 'a'.repeat(300)])
      t.equal((await newcomer.post('/sign-up', { from: 'sign-in', username })).location, `${idp.issuer}/sign-up`)
    for (const email of ['new@example.com', 'x', sealed, `A${new URL(form.url).searchParams.get('email')}`]) {
      const ignored = await newcomer.get(`/sign-up?${new URLSearchParams({ email })}`)
      t.match(ignored, { status: 200, text: '<h1>Create an account</h1>' })
      t.match(
        ignored.text,
        /<input type="email"(?![^>]*value=)[^>]*id="email"/,
        'a value that does not open is ignored',
      )
    }
    const made = await newcomer.submit(form, 'sign-up', { password: signUp.password })
    t.equal(made.location, `${idp.issuer}/account`)
  })

  t.test('its sealed way back works for sign-in and sign-up only, and nothing else works in its place', async (t) => {
    const sealed = new URL((await idp.browser().get('/account')).location ?? '').searchParams.get('continue') ?? ''
    for (const path of ['/authorize', '/consent', '/logout'])
      t.match(await idp.browser().get(`${path}?continue=${sealed}`), { status: 400, location: undefined }, path)
    const handle = sessionHandle(idp.signet.secrets['request-sealing'], person.sub, 1 as SessionId)
    for (const value of ['/account', 'account', '//evil.example', 'https://evil.example/', handle, `${sealed}A`])
      for (const path of ['/sign-in', '/sign-up']) {
        const href = `${path}?${new URLSearchParams({ continue: value })}`
        t.match(await idp.browser().get(href), { status: 400, location: undefined }, href)
        const form = { continue: value, username: person.username, password: person.password }
        t.match(await idp.browser().post(path, form), { status: 400, location: undefined }, `POST ${href}`)
      }
  })

  t.test('it is not stored, has one h1 and stable ids, and shows only text that was written for it', async (t) => {
    const browser = await enter(person)
    await enter(person)
    const expected: Readonly<Record<string, { buttons: string[]; fields: string[] }>> = {
      '/account': { buttons: ['profile-save'], fields: ['name', 'website'] },
      '/account/sign-in': { buttons: ['sign-in-save'], fields: ['username', 'email', 'confirm-password'] },
      '/account/security': { buttons: ['password-change'], fields: ['current-password', 'new-password'] },
      '/account/sessions': { buttons: ['end-session-2', 'end-other-sessions'], fields: [] },
      '/account/applications': { buttons: [], fields: [] },
    }
    for (const [path, { buttons, fields }] of Object.entries(expected)) {
      const page = await browser.get(`${path}?notice=%3Cscript%3Ealert(1)%3C/script%3E`)
      t.equal(page.headers.get('cache-control'), 'no-store')
      t.match(page.headers.get('content-security-policy'), "default-src 'none'")
      t.notMatch(page.text, 'alert(1)')
      t.notMatch(page.text, '<b>Lovelace')
      t.equal(page.text.match(/<h1>/g)?.length, 1)
      t.same(page.text.match(/<a href="([^"]*)" aria-current="page"/)?.[1], path, 'the menu marks the page')
      for (const other of Object.keys(expected)) t.match(page.text, `<a href="${other}"`, 'and leads to all others')
      for (const id of [...buttons, 'sign-out'])
        t.match(page.text, new RegExp(`<button [^>]*id="${id}"[^>]* type="submit"`), id)
      for (const id of fields) t.match(page.text, new RegExp(`<input [^>]*id="${id}" name="${id}"`), id)
      const ids = [...page.text.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id)
      t.equal(new Set(ids).size, ids.length, 'no id appears twice')
    }
    t.match((await browser.get('/account?notice=profile-saved')).text, /role="status">Your profile has been saved/)
    t.match(
      (await browser.get('/account?notice=profile-saved', { 'accept-language': 'de' })).text,
      'Ihr Profil wurde gespeichert',
    )
    t.match((await browser.get('/')).text, 'href="/account"')
  })
})

t.test('the profile', async (t) => {
  const client = await idp.client({ scope: 'openid profile email address phone offline_access' })
  const person = await idp.person({ website: 'http://set-by-an-operator.example/' })
  const parameters = { scope: client.scope }
  const { browser, redeem } = await signIn(idp, client, { person, parameters })
  const token = (await redeem()).body.access_token as string
  const userinfo = async () =>
    (await (await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).json()) as Record<
      string,
      unknown
    >
  const save = async (values: Record<string, string>) =>
    browser.submit(await browser.get('/account'), 'profile-save', values)

  t.test('a value that a claim cannot have is refused at its field, and nothing of the form is saved', async (t) => {
    const before = await state(person)
    const refused: [field: string, ...values: string[]][] = [
      ['website', 'javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'http://a.example/', '//a.example'],
      ['website', 'https://user:pass@a.example/', 'https:', 'ftp://a.example/', 'https://a.example/\u202e'],
      ['profile', 'file:///etc/passwd', 'https://a.example/ b', `https://a.example/${'x'.repeat(2000)}`],
      ['birthdate', '1990-02-30', '31.12.1990', '90', '0000', '2026-13-01'],
      ['zoneinfo', 'Mars/Olympus', '+02:00', '__proto__'],
      ['locale', 'klingonese-', 'de_', '..'],
      ['phone_number', '044 123', '+0', '+4144<script>', '+1'],
      ['name', 'x'.repeat(201), 'a\u202eb', 'a\tb', 'a\u2028b'],
      ['gender', 'a\nb'],
      ['street_address', 'x'.repeat(1001), 'a\u2067b'],
      ['country', 'a\tb'],
    ]
    for (const [field, ...values] of refused)
      for (const value of values) {
        const visit = await save({ nickname: 'kept?', [field]: value })
        t.equal(visit.status, 422, `${field}: ${encodeURIComponent(value).slice(0, 40)}`)
        t.match(visit.text, `id="${field}-fault"`)
        t.match(visit.text, `<a href="#${field}">`)
        t.match(visit.text, 'value="kept?"', 'the typed value is still there')
        t.match(visit.text, '<title>Error: ')
      }
    t.equal(await state(person), before)
    t.same(await eventsOf(person, 'account_updated'), [])
  })

  t.test(
    'saved values reach applications, updated_at moves, and values set by an operator do not get in the way',
    async (t) => {
      await query(
        "UPDATE accounts SET updated_at = now() - interval '1 day', phone_number_verified = true WHERE sub = $1",
        [person.sub],
      )
      const before = await userinfo()
      const claims = {
        name: ' Ada Lovelace ',
        given_name: 'Ada',
        nickname: '{field} "quoted" <b',
        gender: 'f',
        birthdate: '0000-12-10',
        zoneinfo: 'Europe/London',
        locale: 'en-GB',
        profile: 'https://ada.example/about',
        phone_number: '+44 20 7946 0000',
        street_address: '12 St James’s Square\r\nFirst floor',
        locality: 'London',
      }
      t.match(await save(claims), { status: 303, location: `${idp.issuer}/account?notice=profile-saved` })
      const { street_address, locality, ...flat } = claims
      const after = await userinfo()
      t.match(after, {
        ...flat,
        name: 'Ada Lovelace',
        website: 'http://set-by-an-operator.example/',
        phone_number_verified: false,
      })
      t.same(after['address'], { street_address: street_address.replace('\r', ''), locality })
      t.ok(Number(after['updated_at']) - Number(before['updated_at']) >= 86_399)
      const [event] = await eventsOf(person, 'account_updated')
      const changed = [
        'name',
        'nickname',
        'given_name',
        'gender',
        'birthdate',
        'phone_number',
        'locale',
        'zoneinfo',
        'profile',
      ]
      t.same(
        ((event?.['detail'] ?? {}) as { claims: string[] }).claims?.sort(),
        [...changed, 'address'].sort(),
        'the claims that changed, but not their values',
      )
      t.same(Object.keys(event?.['detail'] ?? {}), ['claims'])
      t.ok(event?.['request_id'])
      const page = await browser.get('/account')
      t.match(page.text, 'value="{field} &quot;quoted&quot; &lt;b"')
      t.match(page.text, '12 St James’s Square\nFirst floor</textarea>')
    },
  )

  t.test('saving without changes does nothing; emptied fields are removed, and whatever depends on them', async (t) => {
    const before = await state(person)
    const same = { street_address: '12 St James’s Square\r\nFirst floor' }
    t.equal((await save(same)).status, 303)
    t.equal(await state(person), before)
    t.equal((await save({ ...same, nickname: '', locality: '  ' })).status, 303)
    const claims = await userinfo()
    t.notOk('nickname' in claims)
    t.same(claims['address'], { street_address: '12 St James’s Square\nFirst floor' })
    t.equal((await save({ street_address: '' })).status, 303)
    t.notOk('address' in (await userinfo()))
  })
})

t.test('the names to sign in with', async (t) => {
  const save = async (browser: Browser, values: Record<string, string>) =>
    browser.submit(await browser.get('/account/sign-in'), 'sign-in-save', values)
  const saved = { status: 303, location: `${idp.issuer}/account/sign-in?notice=sign-in-saved` }

  t.test('wrong passwords count as at sign-in, before they are checked, and for both', async (t) => {
    await clearLimits()
    const person = await idp.person()
    const browser = await enter(person)
    for (let guess = 0; guess < 20; guess++)
      t.equal((await save(browser, { username: 'x', 'confirm-password': `guess ${guess}` })).status, 403)
    const limited = await save(browser, { username: 'x', 'confirm-password': person.password })
    t.equal(limited.status, 429, 'the right one is not checked either')
    t.ok(Number(limited.headers.get('retry-after')) > 0)
    t.match(limited.text, 'Too many attempts')
    const form = { username: person.username, password: 'wrong' }
    t.equal((await browser.submit(await browser.get('/sign-in'), 'sign-in', form)).status, 403)
    const counted = await query('SELECT failures FROM failed_sign_ins WHERE failures > 0')
    t.same(counted, [{ failures: 1 }], 'the sign-in page now treats this browser as unknown')
    t.equal((await eventsOf(person, 'reauthentication_failed')).length, 20)
    t.equal((await query('SELECT FROM accounts WHERE username = $1', ['x'])).length, 0)
    await clearLimits()
  })

  t.test('a stolen session cookie gives no further guesses, however many new browsers use it', async (t) => {
    const person = await idp.person()
    const browser = await enter(person)
    const form = hiddenOf(await browser.get('/account/security'), 'password-change')
    const statuses: number[] = []
    for (let guess = 0; guess < 12; guess++) {
      const thief = idp.browser()
      thief.cookies.set(thief.names.session, browser.cookies.get(browser.names.session) ?? '')
      const guessed = { ...form, 'current-password': `guess ${guess}`, 'new-password': newPassword }
      statuses.push((await thief.post('/account/password', guessed)).status)
    }
    t.same(statuses, [...Array(10).fill(403), 429, 429])
    t.equal(
      (await save(browser, { 'confirm-password': person.password })).status,
      303,
      'their own browser is not locked out',
    )
    await clearLimits()
  })

  t.test('an invalid name is refused before the password is checked', async (t) => {
    const person = await idp.person()
    const browser = await enter(person)
    const before = await state(person)
    const password = { 'confirm-password': person.password }
    for (const username of ['with@sign', 'with space', 'x'.repeat(65), '<b>', 'a/b'])
      t.match((await save(browser, { ...password, username })).text, 'id="username-fault"', username)
    for (const email of ['nobody', 'a@b', 'a b@c.example', `${'x'.repeat(65)}@c.example`, '<a@b.example>'])
      t.match((await save(browser, { ...password, email })).text, 'id="email-fault"', email)
    t.match(await save(browser, { ...password, username: '', email: '' }), {
      status: 422,
      text: 'could no longer sign in',
    })
    t.match(await save(browser, { username: 'fine', 'confirm-password': '' }), {
      status: 422,
      text: 'id="confirm-password-fault"',
    })
    t.equal(await state(person), before)
    t.equal((await query('SELECT FROM rate_limits WHERE points > 0')).length, 0)
  })

  t.test(
    'a taken user name stays taken in any capitalisation; of two requests at once, one gets a free name',
    async (t) => {
      const [one, two] = [await idp.person(), await idp.person()]
      const browser = await enter(one)
      const taken = await save(browser, { username: two.username.toUpperCase(), 'confirm-password': one.password })
      t.match(taken, { status: 422, text: 'This user name is already taken' })
      const other = await enter(two)
      const race = await Promise.all([
        save(browser, { username: 'coveted', 'confirm-password': one.password }),
        save(other, { username: 'Coveted', 'confirm-password': two.password }),
      ])
      t.same(race.map(({ status }) => status).sort(), [303, 422])
      await clearLimits()
    },
  )

  t.test('names cannot be tried one after the other to find out who has an account', async (t) => {
    const person = await idp.person()
    const browser = await enter(person)
    for (let made = 0; made < 29; made++) await idp.signet.limits.beforeSignUp('127.0.0.1')
    const change = (username: string) => save(browser, { username, 'confirm-password': person.password })
    t.match(await change('free.to.have'), saved)
    t.equal((await change('free.to.have.too')).status, 429)
    t.equal((await change('free.to.have')).status, 303, 'keeping a name costs nothing')
    await clearLimits()
  })

  t.test('a new address must be confirmed first; the same one in other capitals is not new', async (t) => {
    const person = await idp.person({ email: 'person@example.org' })
    await setEmailVerified(idp.signet.database, person.sub)
    const browser = await enter(person)
    t.match((await browser.get('/account/sign-in')).text, 'This address is verified.')
    const change = (email: string) => save(browser, { email, 'confirm-password': person.password })
    t.match(await change('Person@Example.org'), saved)
    t.match((await browser.get('/account/sign-in')).text, 'This address is verified.')
    const owner = await idp.person({ email: 'theirs@example.org' })
    await setEmailVerified(idp.signet.database, owner.sub)
    const asked = await change('theirs@example.org')
    t.match(asked, { status: 303, location: /\/verify-email\?/ }, 'the page does not say that somebody else has it')
    const page = await browser.get('/account/sign-in')
    t.match(page.text, 'This address is verified.')
    t.match(page.text, /theirs@example\.org<\/bdi><\/p><p>This new address is waiting/)
    const rows = await query('SELECT email FROM account_emails WHERE sub = $1', [person.sub])
    t.same(rows, [{ email: 'Person@example.org' }])
    t.ok(await enter(owner), "and the other person's is still theirs")
  })

  t.test('after a change of name the person signs in with the new one, and the old one is free', async (t) => {
    const person = await idp.person()
    const browser = await enter(person)
    t.match(await save(browser, { username: 'fresh.name', email: '', 'confirm-password': person.password }), saved)
    t.ok(await enter({ ...person, username: 'Fresh.Name' }))
    await t.rejects(enter(person), /cannot sign in/)
    await t.rejects(enter({ ...person, username: person.email }), /cannot sign in/)
    const [event] = await eventsOf(person, 'account_updated')
    t.same(event?.['detail'], { claims: ['username', 'email'] })
    t.ok(await idp.person({ username: person.username }))
  })

  t.test('two tabs that change the address at once leave one address', async (t) => {
    const person = await idp.person()
    const browser = await enter(person)
    const change = (email: string) => save(browser, { email, 'confirm-password': person.password })
    const both = await Promise.all([change('one@example.net'), change('two@example.net')])
    t.same(
      both.map(({ status }) => status),
      [303, 303],
    )
    t.equal((await query('SELECT FROM account_emails WHERE sub = $1', [person.sub])).length, 1)
  })
})

t.test('the password', async (t) => {
  const client = await idp.client()
  const change = async (browser: Browser, current: string, wanted: string, more: Record<string, string> = {}) =>
    browser.submit(await browser.get('/account/security'), 'password-change', {
      'current-password': current,
      'new-password': wanted,
      ...more,
    })
  const changed = { status: 303, location: `${idp.issuer}/account/security?notice=password-changed` }
  const kept = { ...changed, location: `${changed.location}-applications-kept` }

  t.test(
    'a wrong current password or an invalid new one changes nothing, and never comes back to the browser',
    async (t) => {
      const person = await idp.person()
      const browser = await enter(person)
      const before = await state(person)
      for (const [current, wanted, status, fault] of [
        ['a wrong password', newPassword, 403, 'current-password-fault'],
        ['', newPassword, 422, 'current-password-fault'],
        [person.password, '', 422, 'new-password-fault'],
        [person.password, '7 letters', 422, 'new-password-fault'],
        [person.password, 'x'.repeat(257), 422, 'new-password-fault'],
        [person.password, 'passwordpassword', 422, 'new-password-fault'],
      ] as const) {
        const visit = await change(browser, current, wanted)
        t.equal(visit.status, status, fault)
        t.match(visit.text, `id="${fault}"`)
        for (const typed of [current, wanted]) if (typed) t.notMatch(visit.text, typed)
      }
      t.equal(await state(person), before)
      t.notMatch(idp.logged(), 'passwordpassword')
      await clearLimits()
    },
  )

  t.test('a form that arrives while its session is being ended does nothing', async (t) => {
    const person = await idp.person()
    const browser = await enter(person)
    const page = await browser.get('/account/security')
    const connection = await idp.signet.database.connect()
    await connection.query({ text: 'BEGIN' })
    await connection.query({ text: 'UPDATE sessions SET ended_at = now() WHERE sub = $1', values: [person.sub] })
    const values = { 'current-password': person.password, 'new-password': newPassword }
    const late = browser.submit(page, 'password-change', values)
    const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FOR NO KEY UPDATE%'"
    await eventually('the form to wait for the lock', async () => (await query(waiting)).length > 0)
    await connection.query({ text: 'COMMIT' })
    connection.release()
    t.ok(isToSignIn(await late))
    t.ok(await enter(person), 'with the old password')
  })

  for (const [who, isOneBrowser] of Object.entries({ 'two browsers': false, 'two tabs of one browser': true }))
    t.test(`${who} change it at once: one succeeds`, async (t) => {
      const person = await idp.person()
      const one = await enter(person)
      const two = isOneBrowser ? one : await enter(person)
      const pages = [await one.get('/account/security'), await two.get('/account/security')] as const
      const form = (wanted: string) => ({ 'current-password': person.password, 'new-password': wanted })
      const visits = await Promise.all([
        one.submit(pages[0], 'password-change', form(`${newPassword} one`)),
        two.submit(pages[1], 'password-change', form(`${newPassword} two`)),
      ])
      const winners = ['one', 'two'].filter((_, index) => visits[index]?.location?.endsWith('password-changed'))
      t.equal(winners.length, 1)
      t.ok(await enter({ ...person, password: `${newPassword} ${winners[0]}` }))
      t.equal((await eventsOf(person, 'password_changed')).length, 1)
      await clearLimits()
    })

  t.test(
    'with the box cleared it ends all other sessions and what depends on them, renews the cookie, and keeps offline access and this browser',
    async (t) => {
      const person = await idp.person()
      const here = await signIn(idp, client, { person, parameters: { scope: 'openid' } })
      const there = await signIn(idp, client, { person, parameters: { scope: 'openid' } })
      const phone = await signIn(idp, client, { person, parameters: { scope: 'openid offline_access' } })
      const stranger = await signIn(idp, client, { parameters: { scope: 'openid' } })
      const journeys = [here, there, phone, stranger]
      const tokens = await Promise.all(journeys.map(async ({ redeem }) => (await redeem()).body.access_token as string))
      const before = here.browser.cookies.get(here.browser.names.session) ?? ''

      t.match(await change(here.browser, person.password, newPassword, { 'end-applications': '' }), kept)
      const after = here.browser.cookies.get(here.browser.names.session) ?? ''
      t.not(after, before)
      t.match(
        (await here.browser.get('/account/security?notice=password-changed-applications-kept')).text,
        /has been changed.*still have access, and so do those that may keep it while you are away/,
      )
      const copy = idp.browser()
      copy.cookies.set(copy.names.session, before)
      t.ok(isToSignIn(await copy.get('/account')), 'a copy of the old cookie is useless')
      t.ok(isToSignIn(await there.browser.get('/account')))
      t.ok(isToSignIn(await phone.browser.get('/account')))
      t.equal((await stranger.browser.get('/account')).status, 200)
      const alive = await Promise.all(tokens.map((token) => isStatus(token, 200)))
      t.same(alive, [true, false, true, true])
      const expected = { sessions_ended: 2, applications: 'kept' }
      t.same((await eventsOf(person, 'password_changed'))[0]?.['detail'], expected)

      await t.rejects(enter(person), /cannot sign in/)
      t.ok(await enter({ ...person, password: newPassword }))
      await here.browser.submit(await here.browser.get('/account'), 'sign-out')
      t.ok(await isStatus(tokens[0] ?? '', 401), 'whatever depends on this session still ends with it')
      await clearLimits()
    },
  )
})

t.test('the box that ends the access of all applications', async (t) => {
  const client = await idp.client()
  const isTicked = (page: Visit) => /<input(?=[^>]*id="end-applications")(?=[^>]*checked)[^>]*>/.test(page.text)
  /** What a person has open: in this browser, in another one, and with offline access. */
  const open = async () => {
    const person = await idp.person()
    const go = (scope: string) => signIn(idp, client, { person, parameters: { scope } })
    const [here, there, phone] = [await go('openid'), await go('openid'), await go('openid offline_access')]
    const replies = await Promise.all([here, there, phone].map(({ redeem }) => redeem()))
    const tokens = replies.map(({ body }) => body.access_token as string)
    const alive = async () => Promise.all(tokens.map((token) => isStatus(token, 200)))
    const refresh = () =>
      idp.token(client, { grant_type: 'refresh_token', refresh_token: replies[2]?.body.refresh_token })
    return { person, browser: here.browser, alive, refresh }
  }
  const values = (person: Person) => ({ 'current-password': person.password, 'new-password': newPassword })

  t.test('a form without the box, such as one of an older page, is treated as if it were ticked', async (t) => {
    const { person, browser, alive } = await open()
    const page = await browser.get('/account/security')
    const { 'end-applications-offered': offered, ...hidden } = hiddenOf(page, 'password-change')
    t.equal(offered, '1')
    const visit = await browser.post('/account/password', { ...hidden, ...values(person) })
    t.match(visit.location, /notice=password-changed$/)
    t.same(await alive(), [false, false, false])
  })

  t.test(
    'if it is ticked, everything but this session ends, including offline access and the access of this browser',
    async (t) => {
      const { person, browser, alive, refresh } = await open()
      const page = await browser.get('/account/security')
      t.ok(isTicked(page))
      t.match(await browser.submit(page, 'password-change', values(person)), {
        location: `${idp.issuer}/account/security?notice=password-changed`,
      })
      t.same(await alive(), [false, false, false])
      t.match(await refresh(), { status: 400, body: { error: 'invalid_grant' } })
      const after = await browser.get('/account/security?notice=password-changed')
      t.match(
        after,
        { status: 200, text: /in all other browsers, and all applications have lost their access/ },
        'the session continues',
      )
      const { text } = await browser.get('/account/applications')
      t.match(text, `disconnect-${client.client_id}`, 'and consent is not forgotten')
      const expected = { sessions_ended: 2, applications: 'ended', grants_ended: 3 }
      t.same((await eventsOf(person, 'password_changed'))[0]?.['detail'], expected)
      const reasons = await query(
        `SELECT detail ->> 'reason' AS reason, count(*) AS grants FROM events WHERE sub = $1 AND type = 'grant_ended' GROUP BY 1`,
        [person.sub],
      )
      t.same(reasons, [{ reason: 'password_changed', grants: 3 }])
      const again = await signIn(idp, client, { person, browser })
      t.equal((await again.redeem()).status, 200, 'the session lets the application back in without a question')
    },
  )

  t.test('a refused form comes back with the box as the person left it, and has ended nothing', async (t) => {
    const { person, browser, alive } = await open()
    const page = await browser.get('/account/security')
    for (const [choice, ticked] of [
      [{}, true],
      [{ 'end-applications': '' }, false],
    ] as const) {
      const wrong = await browser.submit(page, 'password-change', {
        ...values(person),
        'current-password': 'x',
        ...choice,
      })
      t.equal(wrong.status, 403)
      t.equal(isTicked(wrong), ticked)
    }
    t.same(await alive(), [true, true, true])
    await clearLimits()
  })
})

t.test('the list of sessions', async (t) => {
  const client = await idp.client()
  const online = { parameters: { scope: 'openid' } }
  const sessionIds = async ({ sub }: Person) =>
    (await query('SELECT id FROM sessions WHERE sub = $1 AND ended_at IS NULL ORDER BY id', [sub])).map(
      ({ id }) => id as number,
    )

  t.test("somebody else's session is not ended, by whatever name", async (t) => {
    const [victim, attacker] = [await idp.person(), await idp.person()]
    const theirs = await enter(victim)
    await enter(victim)
    const own = await enter(attacker)
    await enter(attacker)
    const before = await state(victim)
    const handle = hiddenOf(await theirs.get('/account/sessions'), 'end-session-2')['session'] ?? ''
    const form = hiddenOf(await own.get('/account/sessions'), 'end-session-2')
    const secret = idp.signet.secrets['request-sealing']
    const [victimSession = 0] = await sessionIds(victim)
    // The last value could be made only by someone with the secret: the statement itself is limited to the person's own sessions, too.
    const names = [
      handle,
      String(victimSession),
      `${handle}A`,
      sessionHandle(secret, attacker.sub, victimSession as SessionId),
    ]
    for (const session of [...names, '0', '-1', 'NaN', '__proto__'])
      t.equal((await own.post('/account/sessions/end', { ...form, session })).status, 303)
    t.equal(await state(victim), before)
    t.equal((await sessionIds(attacker)).length, 2)
    t.same(await eventsOf(attacker, 'sessions_ended'), [])
    const others = { ...form, session: handle, others: '1', sub: victim.sub }
    t.match((await own.post('/account/sessions/end', others)).location, 'others-ended')
    t.equal(await state(victim), before, 'all others are all of the person’s own')
    t.equal((await sessionIds(attacker)).length, 1)
  })

  t.test('one session is ended with everything that depends on it, and the others continue', async (t) => {
    const person = await idp.person()
    const gone = await signIn(idp, client, { person, ...online })
    const kept = await signIn(idp, client, { person, ...online })
    const here = await enter(person)
    const tokens = await Promise.all(
      [gone, kept].map(async ({ redeem }) => (await redeem()).body.access_token as string),
    )
    const page = await here.get('/account/sessions')
    t.equal(page.text.match(/>This browser</g)?.length, 1)
    t.equal(page.text.match(/id="end-session-/g)?.length, 2)
    t.notMatch(page.text, 'id="end-session-1"', 'the current session is ended by signing out')
    const done = await here.submit(page, 'end-session-3')
    t.match(done.location, 'notice=session-ended')
    t.same(await Promise.all(tokens.map((token) => isStatus(token, 200))), [false, true])
    t.ok(isToSignIn(await gone.browser.get('/account')))
    t.equal((await kept.browser.get('/account')).status, 200)
    t.match((await here.submit(page, 'end-session-3')).location, 'session-ended', 'ending it twice is not an error')
    t.same(
      (await eventsOf(person, 'sessions_ended')).map(({ detail }) => detail),
      [{ sessions: 1 }],
    )
    t.match((await here.submit(page, 'end-other-sessions')).location, 'others-ended')
    t.same(await Promise.all(tokens.map((token) => isStatus(token, 200))), [false, false])
    t.notMatch((await here.get('/account/sessions')).text, 'id="end-other-sessions"')
  })

  t.test('expired sessions are not listed; of very many, the most recently used ones are', async (t) => {
    const person = await idp.person()
    const here = await enter(person)
    await query(
      `INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, used_at, expires_at, ended_at)
       SELECT sha256(n::text::bytea), '', $1, now(), '{pwd}', now() - CASE n WHEN 1 THEN interval '8 days' ELSE interval '1 hour' END,
         now() + CASE n WHEN 2 THEN interval '-1 day' ELSE interval '1 day' END, CASE n WHEN 3 THEN now() END
       FROM generate_series(1, 33) AS n`,
      [person.sub],
    )
    const page = await here.get('/account/sessions')
    t.equal(page.text.match(/id="end-session-/g)?.length, 19)
    t.match(page.text, 'And 11 more')
  })

  t.test('sessions are told apart by browser, system and network, and an ended one keeps neither', async (t) => {
    const person = await idp.person()
    const windows = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0'
    const phone =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1'
    const hostile = `<script>alert(1)</script>/1.0 (Call 555-0100 now) ${'x'.repeat(8_000)}`
    const enterAs = async (agent: string) => {
      const browser = idp.browser()
      const form = hiddenOf(await browser.get('/sign-in'), 'sign-in')
      const typed = { ...form, username: person.username, password: person.password }
      t.equal((await browser.post('/sign-in', typed, { 'user-agent': agent })).status, 303)
      return browser
    }
    await enterAs(phone)
    await enterAs(hostile)
    await enterAs('')
    const here = await enterAs(windows)
    const rows = () =>
      query('SELECT user_agent, network, ended_at FROM sessions WHERE sub = $1 ORDER BY id DESC', [person.sub])
    const stored = await rows()
    t.equal(stored[0]?.['user_agent'], windows)
    t.equal(String(stored[2]?.['user_agent']).length, 300)
    const { text } = await here.get('/account/sessions')
    const named = [...text.matchAll(/<p class="name">(.*?)<\/p>/g)].map(([, name = '']) => name.replace(/<[^>]*>/g, ''))
    const { network } = stored[0] as { network: string }
    t.same(named, [
      `Firefox on Windows · ${network}`,
      ...[`Unknown device · ${network}`, `Unknown device · ${network}`],
      `Safari on iOS · ${network}`,
    ])
    t.notMatch(text, '555-0100', 'nothing of a header is shown, only names that the parser knows')
    const german = await here.get('/account/sessions', { 'accept-language': 'de' })
    t.match(german.text, 'Firefox unter Windows')

    // Somebody signs in again in the same browser: the session continues, from where they are now.
    const form = hiddenOf(await here.get('/sign-in?prompt=login'), 'sign-in')
    await here.post(
      '/sign-in',
      { ...form, username: person.username, password: person.password },
      { 'user-agent': phone },
    )
    t.equal((await rows())[0]?.['user_agent'], phone)

    await query('UPDATE sessions SET user_agent = NULL, network = NULL WHERE sub = $1', [person.sub])
    t.match((await here.get('/account/sessions')).text, 'Browser and network were not recorded at this sign-in.')
    await query("UPDATE sessions SET user_agent = 'x', network = '::1' WHERE sub = $1", [person.sub])
    await here.submit(await here.get('/account/sessions'), 'end-session-2')
    await here.submit(await here.get('/account/sessions'), 'end-other-sessions')
    await here.submit(await here.get('/account/sessions'), 'sign-out')
    const ended = { user_agent: null, network: null, ended_at: Date }
    t.match(await rows(), [ended, ended, ended, ended])
  })

  t.test('password managers find the form to change the password, and the account that it is for', async (t) => {
    const person = await idp.person()
    const theForm = { status: 303, location: `${idp.issuer}/account/security#your-password` }
    const browser = idp.browser()
    const signedOut = await browser.get('/.well-known/change-password')
    t.ok(isToSignIn(signedOut))
    const signIn = await browser.follow(signedOut)
    const { username, password } = person
    t.match(await browser.submit(signIn, 'sign-in', { username, password }), theForm)
    t.match(await browser.get('/.well-known/change-password'), theForm)
    const { text } = await browser.get('/account/security')
    const form = /<form[^>]*action="\/account\/password"[\s\S]*?<\/form>/.exec(text)?.[0] ?? ''
    t.match(form, new RegExp(`<input type="text" name="username" autocomplete="username" value="${person.email}"`))
    // W3C, A Well-Known URL for Changing Passwords: without a 404 here, a client cannot tell whether the other address is meaningful.
    const absent = '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200'
    t.match(await idp.browser().get(absent), { status: 404 })
  })

  t.test('times are shown in the person’s zone, and the zone is named', async (t) => {
    const person = await idp.person({ zoneinfo: 'Asia/Tokyo' })
    const here = await enter(person)
    await query("UPDATE sessions SET auth_time = '2026-11-05T20:30:00Z' WHERE sub = $1", [person.sub])
    t.match(
      (await here.get('/account/sessions')).text,
      /Signed in: <time dateTime="2026-11-05T20:30:00.000Z">November 6, 2026 at 5:30.AM GMT\+9</i,
    )
  })
})

t.test('connected applications', async (t) => {
  t.test('an application of somebody else, or one that is not connected, is not disconnected', async (t) => {
    const client = await idp.client()
    const [victim, attacker] = [await idp.person(), await idp.person()]
    await signIn(idp, client, { person: victim })
    const { browser } = await signIn(idp, client, { person: attacker })
    const before = await state(victim)
    const page = await browser.get('/account/applications')
    const more = { sub: victim.sub, user: victim.sub }
    t.match((await browser.submit(page, `disconnect-${client.client_id}`, more)).location, 'notice=disconnected')
    t.equal(await state(victim), before)
    const again = await browser.submit(page, `disconnect-${client.client_id}`)
    t.equal(again.location, `${idp.issuer}/account/applications`, 'repeating it does nothing')
    t.equal((await eventsOf(attacker, 'application_disconnected')).length, 1)
  })

  t.test('disconnecting an application ends its access until it asks again; others keep theirs', async (t) => {
    const person = await idp.person()
    await idp.resource('https://invoices.example', ['invoices:read'])
    const notes = await idp.client({
      client_name: 'Notes',
      scope: 'openid email offline_access invoices:read',
      resources: ['https://invoices.example'],
    })
    const other = await idp.client({ client_name: 'Other' })
    const first = await signIn(idp, notes, { person, parameters: { scope: 'openid email offline_access' } })
    const { browser } = first
    const second = await signIn(idp, notes, { person, browser, parameters: { scope: 'openid invoices:read' } })
    const elsewhere = await signIn(idp, other, { person })
    const unredeemed = await signIn(idp, notes, { person, browser })
    const [one, two, kept] = await Promise.all(
      [first, second, elsewhere].map(async ({ redeem }) => (await redeem()).body),
    )

    const page = await browser.get('/account/applications')
    t.match(
      page.text,
      /Notes[\s\S]*recognise you when you come back[\s\S]*e-mail address[\s\S]*while you are away[\s\S]*invoices:read[\s\S]*Other/,
    )
    t.match((await browser.submit(page, `disconnect-${notes.client_id}`)).location, 'notice=disconnected')

    const refresh = (client: typeof notes, token: string) =>
      idp.token(client, { grant_type: 'refresh_token', refresh_token: token })
    t.match(await refresh(notes, one.refresh_token), { status: 400, body: { error: 'invalid_grant' } })
    t.ok(await isStatus(one.access_token, 401))
    t.match(await unredeemed.redeem(), { status: 400, body: { error: 'invalid_grant' } })
    t.match(await refresh(other, kept.refresh_token), { status: 200 })
    t.type(two.access_token, 'string')
    t.same(await query('SELECT DISTINCT end_reason FROM grants WHERE client_id = $1', [notes.client_id]), [
      { end_reason: 'disconnected' },
    ])
    const [event] = await eventsOf(person, 'application_disconnected')
    t.match(event, { client_id: notes.client_id, detail: { grants: 3 } })
    t.notMatch((await browser.get('/account/applications')).text, notes.client_id)
    const asked = await browser.follow(
      await browser.get(
        `/authorize?${new URLSearchParams(authorizationParameters(notes, pkce(), { scope: 'openid' }))}`,
      ),
    )
    t.match(asked.text, 'id="allow"')
  })

  t.test('the list has consents without grants and grants without a consent, but none that have expired', async (t) => {
    const person = await idp.person()
    const consented = await idp.client({ client_name: 'Consented' })
    await addConsent(idp.signet.database, person.sub, consented, { scopes: [], resources: [], claims: [] })
    const firstParty = await idp.client({ client_name: 'First party', first_party: true })
    const { browser, redeem } = await signIn(idp, firstParty, { person })
    await redeem()
    const listed = async () => (await browser.get('/account/applications')).text.match(/id="disconnect-[^"]*"/g)?.length
    t.equal(await listed(), 2)
    await browser.submit(await browser.get('/'), 'sign-out')
    await enter(person, browser)
    t.equal(await listed(), 2, 'offline access outlasts the session')
    await query('UPDATE refresh_families SET expires_at = now() FROM grants WHERE grant_id = grants.id AND sub = $1', [
      person.sub,
    ])
    t.equal(await listed(), 1)
    await browser.submit(await browser.get('/account/applications'), `disconnect-${consented.client_id}`)
    t.match((await browser.get('/account/applications')).text, 'No application has access')
  })
})
