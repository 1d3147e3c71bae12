import t from 'tap'
import type { ClientId } from '../../src/records/ids.ts'
import { sessionIdFor } from '../../src/tokens/authentication.ts'
import { startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'

const bye = 'https://app.example/bye'

/** The `src` of each frame of a page, as a browser reads it. */
const framesOf = (html: string) =>
  [...html.matchAll(/<iframe src="([^"]*)"/g)].map(([, src = '']) => src.replaceAll('&amp;', '&'))

const directive = (headers: Headers, name: string) =>
  headers
    .get('content-security-policy')
    ?.split(';')
    .find((part) => part.trim().startsWith(`${name} `))
    ?.trim()

t.test('front-channel logout and session management', async (t) => {
  const idp = await startSignet(t)
  const application = (host: string, more: object = {}) =>
    idp.client({
      redirect_uris: [`https://${host}/callback`],
      post_logout_redirect_uris: [`https://${host}/bye`],
      frontchannel_logout_uri: `https://${host}/out?own=1`,
      frontchannel_logout_session_required: true,
      ...more,
    })
  const [first, second] = [await application('app.example'), await application('two.example')]
  const plain = await idp.client({ post_logout_redirect_uris: [bye] })
  const authorize = (client: TestClient, more: Record<string, string> = {}) =>
    `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`

  t.test('the page after a sign-out loads the page of each application of the session, and of no other', async (t) => {
    const journey = await signIn(idp, first)
    const { browser, person } = journey
    const hint = (await journey.redeem()).body.id_token as string
    // The grant of this one ends with the session.
    await signIn(idp, second, { browser, person, parameters: { scope: 'openid' } })
    await signIn(idp, plain, { browser, person })
    // In another browser.
    await signIn(idp, await application('elsewhere.example'), { person })
    const claims = JSON.parse(Buffer.from(hint.split('.')[1] ?? '', 'base64url').toString())

    const query = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: bye, state: `a&b"'<>` })
    const page = await browser.get(`/logout?${query}`)
    t.equal(page.status, 200)
    const frames = framesOf(page.text).map((src) => new URL(src))
    t.same(frames.map(({ host }) => host).sort(), ['app.example', 'two.example'])
    for (const { searchParams } of frames) {
      t.same([...searchParams.keys()], ['own', 'iss', 'sid'])
      t.equal(searchParams.get('iss'), idp.issuer)
    }
    const sids = Object.fromEntries(frames.map(({ host, searchParams }) => [host, searchParams.get('sid')]))
    t.equal(sids['app.example'], claims.sid, 'the one in its ID token')
    t.not(sids['two.example'], claims.sid, 'each client has its own')

    t.equal(
      directive(page.headers, 'frame-src')?.split(' ').sort().join(' '),
      'frame-src https://app.example https://two.example',
    )
    for (const other of ['default-src', 'frame-ancestors', 'base-uri'])
      t.equal(directive(page.headers, other), `${other} 'none'`)
    t.equal(page.headers.get('x-frame-options'), 'DENY')
    t.equal(page.headers.get('referrer-policy'), 'same-origin', 'the address has the ID token')
    t.equal(page.headers.get('cache-control'), 'no-store')
    for (const [frame] of page.text.matchAll(/<iframe[^>]*>/g))
      t.match(frame, / sandbox="allow-scripts allow-same-origin" referrerpolicy="no-referrer"/)

    const to = `${bye}?state=a%26b%22%27%3C%3E`
    t.ok(page.text.includes(`<a class="button primary" id="continue" href="${to}" rel="noreferrer">`))
    t.ok(page.text.includes(`<noscript><meta http-equiv="refresh" content="5;url=${to}"/></noscript>`))
    t.notOk(browser.cookies.has(browser.names.session))
    t.equal((await browser.get(`/logout?${query}`)).location, to, 'the second time there is nobody to be told')
  })

  t.test('our own sign-out button leads there too, and then nowhere else', async (t) => {
    const { browser } = await signIn(idp, first)
    const page = await browser.submit(await browser.get('/'), 'sign-out')
    t.equal(framesOf(page.text).length, 1)
    t.notMatch(page.text, /http-equiv="refresh"|id="continue"/)
  })

  t.test(
    'and so does a confirmed sign-out; an application whose access was ended before is told as well',
    async (t) => {
      const { browser, person } = await signIn(idp, first)
      await signIn(idp, second, { browser, person })
      await idp.signet.database.query(
        `UPDATE grants SET ended_at = now(), end_reason = 'access_removed' WHERE client_id = $1 AND ended_at IS NULL`,
        [second.client_id],
      )
      const asked = await browser.get(`/logout?client_id=${first.client_id}&post_logout_redirect_uri=${bye}`)
      const page = await browser.submit(asked, 'confirm-logout')
      t.same(
        framesOf(page.text)
          .map((src) => new URL(src).host)
          .sort(),
        ['app.example', 'two.example'],
      )
      t.match(page.text, 'id="continue"')
    },
  )

  t.test('without such applications there is no page in between', async (t) => {
    const journey = await signIn(idp, plain)
    const hint = (await journey.redeem()).body.id_token
    const left = await journey.browser.get(`/logout?id_token_hint=${hint}&post_logout_redirect_uri=${bye}`)
    t.equal(left.location, bye)
    t.equal(directive(left.headers, 'frame-src'), undefined)
  })

  t.test('a URI that got into the database another way cannot write into the policy', async (t) => {
    const odd = await application('odd.example')
    await idp.changeClient(odd, 'frontchannel_logout_uri = $2', "https://a;script-src*,x/'unsafe-inline'")
    const { browser, person } = await signIn(idp, odd)
    await signIn(idp, first, { browser, person })
    const page = await browser.submit(await browser.get('/'), 'sign-out')
    t.equal(framesOf(page.text).length, 1)
    t.equal(directive(page.headers, 'frame-src'), 'frame-src https://app.example')
    t.equal(directive(page.headers, 'script-src'), "script-src 'self'")
  })

  t.test('session_state is in every response of an authentication request', async (t) => {
    const { browser, person, response } = await signIn(idp, first)
    const value = /^[\w-]{43}\.[\w-]{22}$/
    t.match(response.get('session_state'), value)
    const values = [response.get('session_state')]
    const stateIn = (location: string | undefined) => {
      const url = new URL(location ?? '')
      return new URLSearchParams(url.hash === '' ? url.search : url.hash.slice(1)).get('session_state')
    }
    const again = await browser.get(authorize(first))
    values.push(stateIn(again.location))
    values.push(stateIn((await browser.get(authorize(first, { response_mode: 'fragment' }))).location))
    const form = await browser.get(authorize(first, { response_mode: 'form_post' }))
    values.push(/name="session_state" value="([^"]*)"/.exec(form.text)?.[1] ?? null)
    values.push(stateIn((await browser.get(authorize(first, { prompt: 'login none' }))).location))
    values.push(stateIn((await idp.browser().get(authorize(first, { prompt: 'none' }))).location))
    values.push((await signIn(idp, second, { browser, person })).response.get('session_state'))
    for (const one of values) t.match(one, value)
    t.equal(new Set(values).size, values.length, 'each has its own salt')

    const oauth = await browser.get(authorize(first, { scope: '' }))
    const { location } = oauth
    if (location?.startsWith('https://app.example')) t.equal(stateIn(location), null, 'nothing without openid')
    const app = await idp.client({
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['com.example.app:/callback'],
    })
    const response2 = (await signIn(idp, app, { browser, person })).response
    t.equal(response2.has('code'), true)
    t.equal(response2.has('session_state'), false, 'an app has no page that could embed ours')
  })

  t.test('the state of a browser changes when somebody signs in or out, and never otherwise', async (t) => {
    const { browser, person } = await signIn(idp, first)
    const state = () => browser.cookies.get(browser.names.state)
    const signedIn = state()
    t.match(signedIn, /^[\w-]{43}$/)
    await browser.get(authorize(first))
    await browser.get(authorize(first, { prompt: 'login none' }))
    await signIn(idp, second, { browser, person })
    t.equal(state(), signedIn)
    browser.cookies.delete(browser.names.state)
    await browser.get(authorize(first))
    t.equal(state(), signedIn, 'it is computed, not remembered')

    await browser.submit(await browser.get('/'), 'sign-out')
    const signedOut = state()
    t.not(signedOut, signedIn)
    t.match(signedOut, /^[\w-]{43}$/)
    await browser.get(authorize(first, { prompt: 'none' }))
    await browser.get('/logout')
    t.equal(state(), signedOut)
    await browser.submit(await browser.get('/sign-in'), 'sign-in', person as unknown as Record<string, string>)
    t.notOk([signedIn, signedOut].includes(state()), 'a sign-in that no application asked for')
  })

  t.test('a session that was ended elsewhere changes the state once', async (t) => {
    const { browser, person } = await signIn(idp, first)
    const before = browser.cookies.get(browser.names.state)
    await idp.signet.database.query('UPDATE sessions SET ended_at = now() WHERE sub = $1', [person.sub])
    await browser.get(authorize(first, { prompt: 'none' }))
    const after = browser.cookies.get(browser.names.state)
    t.not(after, before)
    await browser.get(authorize(second, { prompt: 'none' }))
    t.equal(browser.cookies.get(browser.names.state), after, 'or two applications would keep each other busy')
  })

  t.test('requests that another site makes cannot feign a sign-out', async (t) => {
    const { browser } = await signIn(idp, first)
    const { names, cookies } = browser
    const state = cookies.get(names.state)
    // Browsers send no other cookie with them.
    const headers = { cookie: `${names.state}=${state}`, 'sec-fetch-site': 'cross-site' }
    const fetched = idp.browser()
    for (const path of [
      '/logout',
      authorize(first, { prompt: 'none' }),
      authorize(first),
      '/sign-in',
      '/check-session',
    ])
      t.notOk(
        (await fetched.get(path, headers)).headers.getSetCookie().some((line) => line.startsWith(names.state)),
        path,
      )
  })

  t.test('the state says nothing about the session, and signs nobody in', async (t) => {
    const { browser, person } = await signIn(idp, first)
    const { names } = browser
    const state = browser.cookies.get(names.state) ?? ''
    const thief = idp.browser()
    for (const name of [names.session, names.signIn, names.browser]) thief.cookies.set(name, state)
    t.notMatch((await thief.get('/')).text, person.username)
    const { rows } = await idp.signet.database.query('SELECT id, sid_version FROM sessions WHERE sub = $1', [
      person.sub,
    ])
    const session = { id: rows[0].id, sidVersion: rows[0].sid_version }
    for (const id of [first.client_id, 'browser state', '', 'state'] as ClientId[])
      t.notOk(
        state.startsWith((await sessionIdFor(idp.signet.secrets, session, id)).slice(0, 20)),
        'not the sid of anybody',
      )
  })

  t.test('/check-session may be embedded by anybody, and nothing else', async (t) => {
    const page = await idp.browser().get('/check-session')
    t.equal(page.status, 200)
    t.equal(directive(page.headers, 'frame-ancestors'), 'frame-ancestors *')
    t.equal(directive(page.headers, 'default-src'), "default-src 'none'")
    t.equal(directive(page.headers, 'script-src'), "script-src 'self'")
    for (const header of ['x-frame-options', 'set-cookie']) t.equal(page.headers.get(header), null, header)
    t.equal(page.headers.get('cross-origin-resource-policy'), 'cross-origin')
    t.equal(page.headers.get('cross-origin-embedder-policy'), 'require-corp')
    t.match(page.headers.get('cache-control'), /^public/)
    t.match(page.text, `<script src="/assets/check-session.js" data-cookie="${idp.cookieNames.state}"></script>`)
    for (const path of ['/', '/sign-in', '/logout', '/check-session/']) {
      const { headers } = await idp.browser().get(path)
      t.equal(directive(headers, 'frame-ancestors'), "frame-ancestors 'none'", path)
      t.equal(headers.get('x-frame-options'), 'DENY', path)
    }
  })
})
