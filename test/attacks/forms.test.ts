import t, { type Test } from 'tap'
import type { Browser, Visit } from '../support/browser.ts'
import { type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm } from './send.ts'

const idp = await startSignet(t)

const authorize = (client: TestClient, more: Record<string, string> = {}) =>
  `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`

/** The values that a page's form would send, found by the id of an element in it. */
function formOf(page: Visit, id: string): Record<string, string> {
  const form = /<form\b[^>]*>[\s\S]*?<\/form>/g
  const html = [...page.text.matchAll(form)].map(([text]) => text).find((text) => text.includes(`id="${id}"`)) ?? ''
  return Object.fromEntries(
    [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  )
}

const cookiesOf = (browser: Browser) => [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')

/** What a POST says about where it comes from, as an attacker's page sends it. */
const foreign: Record<string, Record<string, string>> = {
  'another origin': { origin: 'https://evil.example' },
  'an origin of null': { origin: 'null' },
  'the issuer on another port': { origin: 'http://localhost:1' },
  'the issuer over https': { origin: 'https://localhost' },
  'the issuer with something after it': { origin: '{issuer}.evil.example' },
  'the issuer with a slash': { origin: '{issuer}/' },
  'two origins': { origin: '{issuer} https://evil.example' },
  'another site': { 'sec-fetch-site': 'cross-site' },
  'a neighbouring site': { 'sec-fetch-site': 'same-site' },
  'no site, as for a typed link': { 'sec-fetch-site': 'none' },
  'another origin, and a referrer of ours': { origin: 'https://evil.example', referer: '{issuer}/sign-in' },
  'nothing, and no token': {},
}

interface Form {
  readonly path: string
  readonly form: Record<string, string>
  readonly cookie: string
  /** Whether the form has had no effect. */
  readonly hasNoEffect: () => Promise<boolean>
}

t.test('every form from elsewhere, complete and valid, has no effect', async (t) => {
  const client = await idp.client()
  const person = await idp.person()

  const forms: Record<string, () => Promise<Form>> = {
    'sign-in (login CSRF)': async () => {
      const browser = idp.browser()
      const page = await browser.get('/sign-in')
      const form = { ...formOf(page, 'sign-in'), username: person.username, password: person.password }
      return { path: '/sign-in', form, cookie: cookiesOf(browser), hasNoEffect: () => isSignedOut(browser) }
    },
    'sign-in, continuing as the person who is signed in': async () => {
      const { browser } = await signIn(idp, client, { person })
      const page = await browser.follow(await browser.get(authorize(client, { prompt: 'select_account' })))
      return {
        path: '/sign-in',
        form: formOf(page, 'continue-as'),
        cookie: cookiesOf(browser),
        hasNoEffect: async () => true,
      }
    },
    'sign-up': async () => {
      const browser = idp.browser()
      const page = await browser.get('/sign-up')
      const form = { ...formOf(page, 'sign-up'), email: 'forged@example.com', password: 'a long enough phrase' }
      return {
        path: '/sign-up',
        form,
        cookie: cookiesOf(browser),
        hasNoEffect: async () => (await accountsOf(idp)) === 0,
      }
    },
    consent: async () => {
      const asking = await idp.client()
      const { browser } = await signIn(idp, client, { person })
      const page = await browser.follow(await browser.get(authorize(asking)))
      return {
        path: '/consent',
        form: { ...formOf(page, 'allow'), decision: 'allow' },
        cookie: cookiesOf(browser),
        hasNoEffect: async () => (await grantsOf(idp, asking)) === 0,
      }
    },
    'sign-out': async () => {
      const { browser } = await signIn(idp, client, { person })
      const page = await browser.get('/logout')
      return {
        path: '/logout/confirm',
        form: formOf(page, 'confirm-logout'),
        cookie: cookiesOf(browser),
        hasNoEffect: async () => !(await isSignedOut(browser)),
      }
    },
    'sign-out from the start page': async () => {
      const { browser } = await signIn(idp, client, { person })
      const page = await browser.get('/')
      return {
        path: '/logout/confirm',
        form: formOf(page, 'sign-out'),
        cookie: cookiesOf(browser),
        hasNoEffect: async () => !(await isSignedOut(browser)),
      }
    },
  }

  for (const [name, prepare] of Object.entries(forms))
    t.test(name, async (t) => {
      const { path, form, cookie, hasNoEffect } = await prepare()
      t.ok(form['csrf'], 'the page gave a token')
      const { csrf, ...withoutToken } = form
      const post = (values: Record<string, string>, headers: Record<string, string>) =>
        postForm(idp, path, new URLSearchParams(values).toString(), { cookie, ...headers })
      const isRefused = async (t: Test, answer: Answer, why: string, status = 403) => {
        t.same(faultsOf(answer), [], why)
        t.match(answer, { status, location: undefined, setCookies: [] }, why)
        t.ok(await hasNoEffect(), `${why}: nothing has happened`)
      }
      for (const [where, headers] of Object.entries(foreign)) {
        const filled = Object.entries(headers).map(([header, value]) => [header, value.replace('{issuer}', idp.issuer)])
        const values = where === 'nothing, and no token' ? withoutToken : form
        await isRefused(t, await post(values, Object.fromEntries(filled)), where)
      }
      // For old browsers that do not say where a form comes from, the token decides.
      const elsewhere = await idp.browser().get('/sign-in')
      await isRefused(
        t,
        await post({ ...form, csrf: formOf(elsewhere, 'sign-in')['csrf'] ?? '' }, {}),
        "another browser's token",
      )
      for (const wrong of ['', 'x', '__proto__', (csrf ?? '').slice(0, -2), `${csrf}A`])
        await isRefused(t, await post({ ...form, csrf: wrong }, {}), `the token '${wrong}'`)
      const doubled = `${new URLSearchParams(form)}&csrf=${csrf}`
      await isRefused(t, await postForm(idp, path, doubled, { cookie }), 'two tokens', 400)
      const noCookie = await postForm(idp, path, new URLSearchParams(form).toString())
      t.match(noCookie, { status: 403, location: undefined }, 'a token without the cookie')
      const good = await post(form, {})
      t.ok([200, 303].includes(good.status), 'and with the right token it has its effect')
    })
})

async function isSignedOut(browser: Browser): Promise<boolean> {
  return /href="\/sign-in"/.test((await browser.get('/')).text)
}

async function accountsOf(idp: Idp): Promise<number> {
  const { rows } = await idp.signet.database.query({
    text: "SELECT FROM account_emails WHERE email = 'forged@example.com'",
  })
  return rows.length
}

async function grantsOf(idp: Idp, { client_id: id }: TestClient): Promise<number> {
  const { rows } = await idp.signet.database.query({ text: 'SELECT FROM grants WHERE client_id = $1', values: [id] })
  return rows.length
}

t.test('a consent form is bound to the person, the sign-in and the request that its page described', async (t) => {
  const client = await idp.client()
  const [one, two] = [await idp.person({ name: 'Person One' }), await idp.person({ name: 'Person Two' })]
  const consentFor = async (browser: Browser, more: Record<string, string> = {}) =>
    browser.follow(await browser.get(authorize(client, { prompt: 'consent', ...more })))
  const signInAs = async (browser: Browser, person: typeof one) =>
    browser.submit(await browser.get('/sign-in'), 'sign-in', { username: person.username, password: person.password })
  const grantsFor = async (sub: string) =>
    (await idp.signet.database.query({ text: 'SELECT FROM grants WHERE sub = $1', values: [sub] })).rows.length
  const allow = { decision: 'allow' }

  t.test('sent after another tab signed in somebody else, it grants nothing for either', async (t) => {
    const browser = idp.browser()
    await signInAs(browser, one)
    const page = await consentFor(browser)
    t.match(page.text, 'Person One')
    await signInAs(browser, two)
    const anew = await browser.follow(await browser.submit(page, 'allow', allow))
    t.match(anew.text, 'Person Two')
    t.notMatch(anew.text, 'Person One')
    t.same([await grantsFor(one.sub), await grantsFor(two.sub)], [0, 0])
  })

  t.test('sent after signing out, and after signing in again, it is shown again', async (t) => {
    const browser = idp.browser()
    await signInAs(browser, one)
    const page = await consentFor(browser)
    await browser.submit(await browser.get('/logout'), 'confirm-logout')
    t.match((await browser.follow(await browser.submit(page, 'allow', allow))).text, 'id="sign-in"')
    await signInAs(browser, one)
    t.match((await browser.follow(await browser.submit(page, 'allow', allow))).text, 'id="allow"')
    t.equal(await grantsFor(one.sub), 0)
  })

  t.test('its proof does not match another request', async (t) => {
    const browser = idp.browser()
    await signInAs(browser, one)
    const asked = await consentFor(browser, { scope: 'openid' })
    const wider = await consentFor(browser, { scope: 'openid profile email offline_access' })
    const { account } = formOf(asked, 'allow')
    const mixed = await browser.post('/consent', { ...formOf(wider, 'allow'), ...allow, account: account ?? '' })
    t.match((await browser.follow(mixed)).text, 'id="allow"')
    t.equal(await grantsFor(one.sub), 0)
  })

  t.test('a refused consent is not remembered, and is asked for again', async (t) => {
    const browser = idp.browser()
    await signInAs(browser, two)
    const other = await idp.client()
    const page = await browser.follow(await browser.get(authorize(other)))
    const refused = await browser.submit(page, 'deny', { decision: 'deny' })
    t.equal(new URL(refused.location ?? '').searchParams.get('error'), 'access_denied')
    t.match((await browser.follow(await browser.get(authorize(other)))).text, 'id="allow"')
  })

  t.test('a second person in the same browser is asked separately', async (t) => {
    const browser = idp.browser()
    const fresh = await idp.client()
    t.ok((await passPages(browser, await browser.get(authorize(fresh)), one)).location)
    await signInAs(browser, two)
    t.match((await browser.follow(await browser.get(authorize(fresh)))).text, 'id="allow"')
  })
})

t.test('a request that another site posts carries no cookie, and the person decides', async (t) => {
  const client = await idp.client({ post_logout_redirect_uris: ['https://app.example/bye'] })
  const { browser } = await signIn(idp, client)

  t.test('/logout by POST alone signs nobody out', async (t) => {
    const form = { client_id: client.client_id, post_logout_redirect_uri: 'https://app.example/bye' }
    const page = await browser.follow(await browser.post('/logout', form, { origin: 'https://evil.example' }))
    t.match(page.text, 'id="confirm-logout"')
    t.notOk(await isSignedOut(browser))
  })

  t.test('/logout by a link that was made for somebody else asks first', async (t) => {
    const other = (await (await signIn(idp, client)).redeem()).body.id_token as string
    const page = await browser.get(`/logout?id_token_hint=${other}`)
    t.match(page.text, 'id="confirm-logout"')
    t.notOk(await isSignedOut(browser))
  })

  t.test('/authorize by POST with a line end in state is refused without it, and adds no header', async (t) => {
    for (const state of ['a\r\nSet-Cookie: evil=1', 'a\nLocation: https://evil.example', 'a\tb']) {
      const asked = new URL(authorize(client, { state }), idp.issuer).searchParams
      const back = await browser.follow(await browser.post('/authorize', Object.fromEntries(asked)))
      const answered = new URL(back.location ?? '').searchParams
      t.match([answered.get('error'), answered.get('state')], ['invalid_request', null])
      t.equal(back.headers.get('set-cookie'), null)
    }
  })

  t.test('/authorize by POST with a hostile state returns it unchanged, and adds no header', async (t) => {
    for (const state of ['"><script>alert(1)</script>', '%0d%0a', '\u2028é€😀']) {
      const back = await browser.follow(
        await browser.post(
          '/authorize',
          Object.fromEntries(new URL(authorize(client, { state }), idp.issuer).searchParams),
        ),
      )
      t.equal(new URL(back.location ?? '').searchParams.get('state'), state)
      t.equal(back.headers.get('set-cookie'), null)
      t.match(back.location, /^https:\/\/app\.example\/callback\?code=/)
      t.match(back.location, /^[\x21-\x7e]+$/, 'an address has no other characters')
      const posted = await browser.get(authorize(client, { state, response_mode: 'form_post' }))
      t.notMatch(posted.text, '<script>alert')
      t.notMatch(posted.text, /value="[^"]*<script/)
    }
  })
})

t.test('a name with line ends, or with characters that reverse the text, creates no account', async (t) => {
  const browser = idp.browser()
  const page = await browser.get('/sign-up')
  for (const name of ['two\nlines', 'a\u202eb', '\u2066x', 'a\u2028b'])
    t.match(
      await browser.submit(page, 'sign-up', { name, email: 'plain@example.com', password: 'a long enough phrase' }),
      { status: 422, location: undefined },
      encodeURIComponent(name),
    )
})
