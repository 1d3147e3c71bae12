import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { digest } from '../../src/platform/secrets/digest.ts'
import type { Browser, Visit } from '../support/browser.ts'
import { freePort, type Idp, type Person, startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'
import { type Answer, postForm, send } from './send.ts'

// A page on a neighbouring host, or on another port or path of this one, can set cookies that browsers also send to us: before ours (they
// have a longer path) or after them. Only the `__Host-` prefix keeps them out (RFC 6265bis §4.1.3.2), and it needs https.

interface Party {
  readonly person: Person
  readonly browser: Browser
}

const password = 'a long enough phrase'

async function party(idp: Idp): Promise<Party> {
  const person = await idp.person({ name: 'As it was', password })
  const browser = idp.browser()
  const form = { username: person.username, password: person.password }
  await browser.submit(await browser.get('/sign-in'), 'sign-in', form)
  return { person, browser }
}

const line = (cookies: Iterable<[name: string, value: string]>) =>
  [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')

/** Under their names without the prefix, which a neighbour can set. */
const tossed = ({ browser }: Party) =>
  line([...browser.cookies].map(([name, value]) => [name.replace('__Host-', ''), value]))

/** The values of the form that has `id`, as a browser would send them. */
function formOf({ text }: { readonly text: string }, id: string): Record<string, string> {
  const form = [...text.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)].find(([html]) => html.includes(`id="${id}"`))
  const inputs = [...(form?.[0] ?? '').matchAll(/<input\b([^>]*)>/g)].flatMap(([, attributes = '']) => {
    const name = /\bname="([^"]*)"/.exec(attributes)?.[1]
    return name === undefined ? [] : [[name, /\bvalue="([^"]*)"/.exec(attributes)?.[1] ?? '']]
  })
  return Object.fromEntries(inputs) as Record<string, string>
}

const post = (idp: Idp, path: string, form: Record<string, string>, headers: Record<string, string>) =>
  postForm(idp, path, new URLSearchParams(form).toString(), headers)

/** Everything that belongs to an account, as text. */
async function stateOf(idp: Idp, { sub }: Person): Promise<string> {
  const tables = ['accounts', 'account_emails', 'account_credentials', 'consents', 'grants', 'sessions']
  const rows = await Promise.all(
    tables.map((table) =>
      idp.signet.database.query({
        // Except when a session was last used, which the test is not about.
        text: `SELECT to_jsonb(x) - 'used_at' AS row FROM ${table} AS x WHERE sub = $1 ORDER BY 1`,
        values: [sub],
      }),
    ),
  )
  return JSON.stringify(rows.map(({ rows }) => rows))
}

const shownTo = ({ text }: { readonly text: string }, { person }: Party) => text.includes(person.email)

t.test('an https issuer: cookies that a neighbour sets are ignored', async (t) => {
  const idp = await startSignet(t, { SIGNET_ISSUER: 'https://id.example', SIGNET_PORT: String(await freePort()) })
  const attacker = await party(idp)
  const victim = await party(idp)
  const own = line(victim.browser.cookies)
  t.match(own, /__Host-signet_browser=.*__Host-signet_session=/)
  const planted = tossed(attacker)

  t.test('alone, such a cookie signs nobody in', async (t) => {
    t.match(await send(idp, { path: '/account', headers: { cookie: planted } }), { status: 303 })
    for (const prefix of ['__Secure-', '__host-', '__HOST-', ' ', '$', '__Host-__Host-', 'x__Host-'])
      t.match(
        await send(idp, {
          path: '/account',
          headers: { cookie: planted.replaceAll('signet_', `${prefix}signet_`) },
        }),
        { status: 303, location: /^\/sign-in\?/ },
        `under a name with ${JSON.stringify(prefix)}`,
      )
  })

  t.test("next to our own cookies, in any order and number, it changes nobody's session", async (t) => {
    for (const cookie of [
      `${planted}; ${own}`,
      `${own}; ${planted}`,
      `${planted}; ${planted}; ${own}; ${planted}`,
      `${`${planted}; `.repeat(20)}${own}`,
      `signet_session=; ${own}; signet_session="x`,
    ]) {
      const page = await send(idp, { path: '/account', headers: { cookie } })
      t.ok(shownTo(page, victim) && !shownTo(page, attacker))
      const before = await stateOf(idp, attacker.person)
      const form = { ...formOf(page, 'profile-save'), name: `Renamed ${randomBytes(4).toString('hex')}` }
      const saved = await post(idp, '/account/profile', form, { cookie, origin: idp.issuer })
      t.equal(saved.location, '/account?notice=profile-saved')
      t.match((await send(idp, { path: '/account', headers: { cookie: own } })).text, form.name)
      t.equal(await stateOf(idp, attacker.person), before)
    }
  })

  t.test(
    'with a token that matches it, it submits no form, even if the browser does not say where it comes from',
    async (t) => {
      const page = await attacker.browser.get('/sign-in')
      const csrf = formOf(page, 'sign-in')['csrf'] ?? ''
      t.ok(csrf)
      const login = { csrf, username: attacker.person.username, password: attacker.person.password }
      for (const cookie of [planted, `${planted}; ${own}`, `${own}; ${planted}`, ''])
        for (const headers of [{}, { origin: 'https://evil.id.example' }, { 'sec-fetch-site': 'same-site' }] as const)
          t.match(
            await post(idp, '/sign-in', login, { ...headers, ...(cookie === '' ? {} : { cookie }) }),
            { status: 403, location: undefined, setCookies: [] },
            `login CSRF with ${JSON.stringify(headers)}`,
          )
      const mine = await attacker.browser.get('/sign-in')
      const { status } = await post(
        idp,
        '/sign-in',
        { ...login, csrf: formOf(mine, 'sign-in')['csrf'] ?? '' },
        {
          cookie: line(attacker.browser.cookies),
        },
      )
      t.equal(status, 303, 'under its own name the token matches')
    },
  )

  t.test('it makes no browser known: the attacker gains no guesses when the victim signs in with it', async (t) => {
    const value = randomBytes(32).toString('base64url')
    const form = { username: victim.person.username, password }
    const { status } = await post(idp, '/sign-in', form, {
      cookie: `signet_browser=${value}`,
      origin: idp.issuer,
    })
    t.equal(status, 303)
    const known = await idp.signet.database.query({
      text: 'SELECT FROM sessions WHERE browser_digest = $1',
      values: [digest(value)],
    })
    t.equal(known.rowCount, 0)
  })
})

t.test('an issuer on loopback, whose cookies have no prefix', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client()

  /** The attacker's session before or after the victim's, and the page that the victim received before it was set. */
  const orders = (victim: Party, attacker: Party) => {
    const [mine, theirs] = [victim, attacker].map(
      ({ browser }) => `${idp.cookieNames.session}=${browser.cookies.get(browser.names.session)}`,
    )
    const browser = `${idp.cookieNames.browser}=${victim.browser.cookies.get(victim.browser.names.browser)}`
    return [`${theirs}; ${browser}; ${mine}`, `${browser}; ${mine}; ${theirs}`]
  }

  /** Sends a form that the victim received, with both cookies: which one counts is not guessed, so nobody is signed in. */
  const sends = async (
    t: Test,
    prepare: (victim: Party) => Promise<{ path: string; form: Record<string, string> }>,
    check: (answer: Answer) => void,
  ) => {
    for (const index of [0, 1]) {
      const attacker = await party(idp)
      const victim = await party(idp)
      const { path, form } = await prepare(victim)
      const before = await stateOf(idp, attacker.person)
      const cookie = orders(victim, attacker)[index] ?? ''
      check(await post(idp, path, form, { cookie, origin: idp.issuer }))
      t.equal(await stateOf(idp, attacker.person), before, index === 0 ? 'set before' : 'set after')
    }
  }

  t.test("a profile that the victim saves is not saved in the attacker's account", async (t) => {
    await sends(
      t,
      async ({ browser }) => ({
        path: '/account/profile',
        form: { ...formOf(await browser.get('/account'), 'profile-save'), name: 'Mine' },
      }),
      ({ location }) => t.match(location, /^\/sign-in\?continue=/),
    )
  })

  t.test('nor a new password, nor an address', async (t) => {
    await sends(
      t,
      async ({ browser }) => ({
        path: '/account/password',
        form: {
          ...formOf(await browser.get('/account/security'), 'password-change'),
          'current-password': password,
          'new-password': 'quiet lamps over harbours',
        },
      }),
      ({ location }) => t.match(location, /^\/sign-in\?continue=/),
    )
    await sends(
      t,
      async ({ browser, person }) => ({
        path: '/account/sign-in',
        form: {
          ...formOf(await browser.get('/account/sign-in'), 'sign-in-save'),
          username: person.username,
          email: 'mine@example.com',
          'confirm-password': password,
        },
      }),
      ({ location }) => t.match(location, /^\/sign-in\?continue=/),
    )
  })

  t.test('nor a consent: the person who gives it is asked again', async (t) => {
    await sends(
      t,
      async ({ browser }) => {
        const parameters = authorizationParameters(client, pkce())
        const page = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
        return { path: '/consent', form: { ...formOf(page, 'allow'), decision: 'allow' } }
      },
      ({ status, location }) => {
        t.equal(status, 303)
        t.match(location, /^\/authorize\?continue=/)
      },
    )
  })

  t.test('cookies with our names but foreign values do not replace a session', async (t) => {
    const victim = await party(idp)
    const own = line(victim.browser.cookies)
    const name = idp.cookieNames.session
    for (const planted of [name, `x=${name}`, `${name.slice(0, -1)}=n`, `${name.toUpperCase()}=x`, ';;;'])
      t.ok(shownTo(await send(idp, { path: '/account', headers: { cookie: `${planted}; ${own}` } }), victim), planted)
  })

  t.test(
    'a form from elsewhere is refused, even if the attacker set both cookie and token as a matching pair',
    async (t) => {
      const stranger = idp.browser()
      const page: Visit = await stranger.get('/sign-in')
      const attacker = await idp.person()
      const victim = await party(idp)
      const form: Record<string, string> = {
        ...formOf(page, 'sign-in'),
        username: attacker.username,
        password: attacker.password,
      }
      const planted = line(stranger.cookies)
      t.ok(form['csrf'] && planted)
      for (const cookie of [
        planted,
        `${planted}; ${line(victim.browser.cookies)}`,
        `${line(victim.browser.cookies)}; ${planted}`,
      ])
        for (const headers of [
          { origin: 'http://localhost:1' },
          { origin: 'null' },
          { 'sec-fetch-site': 'same-site' },
          { 'sec-fetch-site': 'cross-site' },
        ] as Record<string, string>[])
          t.match(
            await post(idp, '/sign-in', form, { ...headers, cookie }),
            { status: 403, location: undefined, setCookies: [] },
            JSON.stringify(headers),
          )
      t.match(
        await post(idp, '/sign-in', form, { cookie: planted, origin: idp.issuer }),
        { status: 303 },
        'from here it is accepted',
      )
    },
  )

  t.test(
    "after signing in, the victim acts in the victim's own account, whatever cookies were set before",
    async (t) => {
      const attacker = await party(idp)
      const victim = idp.browser()
      victim.cookies.set(victim.names.session, attacker.browser.cookies.get(attacker.browser.names.session) ?? '')
      const person = await idp.person()
      const before = await idp.signet.database.query({
        text: 'SELECT count(*) FROM grants WHERE sub = $1',
        values: [attacker.person.sub],
      })
      const parameters = authorizationParameters(client, pkce(), { prompt: 'login' })
      const back = await passPages(victim, await victim.get(`/authorize?${new URLSearchParams(parameters)}`), person)
      t.match(back.location, 'code=')
      const { rows } = await idp.signet.database.query({
        text: 'SELECT sub FROM grants ORDER BY created_at DESC LIMIT 1',
      })
      t.equal(rows[0]?.['sub'], person.sub)
      const after = await idp.signet.database.query({
        text: 'SELECT count(*) FROM grants WHERE sub = $1',
        values: [attacker.person.sub],
      })
      t.same(after.rows, before.rows)
      t.ok((await signIn(idp, client, { browser: victim, person })).code, 'and stays there')
    },
  )
})
