import t from 'tap'
import { sealRequest } from '../../src/interaction/continue-value.ts'
import { cookieNames } from '../../src/platform/http/cookies.ts'
import { parseParameters } from '../../src/protocol/http/parameters.ts'
import type { Browser } from '../support/browser.ts'
import { freePort, type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { invited } from '../support/invitations.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { type Answer, postForm, send } from './send.ts'

const authorize = (client: TestClient, more: Record<string, string> = {}) =>
  `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`

const cookiesOf = (browser: Browser) => [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')

/** The pages that are not part of a request: no application has opened them and waits. (None waits for a wrong method, either.) */
const standalonePages = new Set([
  'start',
  'account',
  'errors',
  'inspect',
  'not found',
  'a wrong method',
  'no such asset',
])

/** Every page, requested as a browser does. */
async function everyPage(idp: Idp): Promise<Record<string, Answer>> {
  const client = await idp.client({ logo_uri: 'https://app.example/logo.png', client_uri: 'https://app.example/' })
  const { browser } = await signIn(idp, client)
  const cookie = cookiesOf(browser)
  const get = (path: string) => send(idp, { path, headers: { cookie, accept: 'text/html' } })
  const follow = async (path: string): Promise<Answer> => {
    const answer = await get(path)
    return answer.location?.startsWith('/') ? follow(answer.location) : answer
  }
  const form = (path: string, values: Record<string, string>) =>
    postForm(idp, path, new URLSearchParams(values).toString(), { origin: idp.issuer })
  const expired = sealRequest(idp.signet.secrets['request-sealing'], {
    parameters: parseParameters(authorize(client).slice('/authorize?'.length)),
    receivedAt: 0,
    selected: undefined,
    isSigned: false,
    pushed: undefined,
  })
  return {
    start: await get('/'),
    account: await get('/account'),
    errors: await get('/errors'),
    inspect: await get('/inspect'),
    'sign-in': await get('/sign-in'),
    'sign-in within a request': await follow(authorize(client, { prompt: 'login' })),
    'sign-in with a wrong password': await form('/sign-in', { username: 'x', password: 'x' }),
    'choosing an account': await follow(authorize(client, { prompt: 'select_account' })),
    'sign-up': await get('/sign-up'),
    'sign-up with faults': await form('/sign-up', { email: 'x' }),
    'an invitation': await get(await invited(idp, 'invited@example.com')),
    'an invitation that is not valid': await get('/sign-up?invitation=x'),
    consent: await follow(authorize(client, { prompt: 'consent' })),
    'the response as a form': await get(authorize(client, { response_mode: 'form_post' })),
    'an error as a form': await get(authorize(client, { response_mode: 'form_post', prompt: 'login none' })),
    'confirming sign-out': await get('/logout'),
    'signed out': await form('/logout/confirm', {}),
    'a bad client': await get('/authorize?client_id=nobody'),
    'a forged form': await postForm(idp, '/sign-in', 'username=x'),
    expired: await get(`/sign-in?continue=${expired}`),
    'not found': await get('/no-such-page'),
    'a wrong method': await send(idp, { method: 'DELETE', path: '/sign-in', headers: { accept: 'text/html' } }),
    'a wrong body': await send(idp, {
      method: 'POST',
      path: '/sign-in',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    }),
    'no such asset': await get('/assets/no-such.css'),
  }
}

t.test('every page', async (t) => {
  const idp = await startSignet(t)
  for (const [name, { headers, text }] of Object.entries(await everyPage(idp)))
    t.test(name, async (t) => {
      t.match(headers['content-type'], 'text/html; charset=utf-8')
      const policy = new Map(
        String(headers['content-security-policy'] ?? '')
          .split(';')
          .map((directive) => {
            const [key = '', ...sources] = directive.trim().split(' ')
            return [key, sources.join(' ')]
          }),
      )
      t.equal(policy.get('default-src'), "'none'")
      t.equal(policy.get('script-src'), "'self'")
      t.equal(policy.get('style-src'), "'self'")
      t.equal(policy.get('frame-ancestors'), "'none'")
      t.equal(policy.get('base-uri'), "'none'")
      // Browsers also apply it to the redirect that follows a form, so it would stop people on their way back.
      t.equal(policy.get('form-action'), name === 'inspect' ? "'none'" : undefined)
      t.notMatch(headers['content-security-policy'], /unsafe|nonce|\*/)
      t.equal(headers['x-frame-options'], 'DENY')
      t.equal(headers['x-content-type-options'], 'nosniff')
      t.equal(headers['referrer-policy'], 'same-origin')
      t.equal(headers['cache-control'], 'no-store')
      t.equal(headers['cross-origin-opener-policy'], standalonePages.has(name) ? 'same-origin' : undefined)
      t.notOk(
        Object.keys(headers).some((header) => header.startsWith('access-control-')),
        'no CORS',
      )
      t.notOk('server' in headers || 'x-powered-by' in headers)
      for (const [script] of text.matchAll(/<script\b[^>]*>[^<]*/g))
        t.match(script, /^<script src="\/assets\/(?:(?:inspect|webauthn)\/)?[a-z-]+\.js"[^>]*>$/)
      t.notMatch(text, /<style|\sstyle=|\son[a-z]+=|javascript:/i)
      t.notMatch(text, /<form(?![^>]*method="post")/, 'no form puts typed values into an address')
    })
})

t.test('whatever must not be stored is not', async (t) => {
  const idp = await startSignet(t)
  const client = await idp.client({ first_party: true, post_logout_redirect_uris: ['https://app.example/bye'] })
  const person = await idp.person()
  const form = new URLSearchParams({ username: person.username, password: person.password }).toString()
  const waiting = await send(idp, { path: authorize(client) })
  const posted = await postForm(idp, '/authorize', authorize(client).slice('/authorize?'.length))
  const signedIn = await postForm(idp, '/sign-in', form, { origin: idp.issuer })
  const cookie = signedIn.setCookies.map((line) => line.replace(/;.*/, '')).join('; ')
  const signedUp = await postForm(
    idp,
    '/sign-up',
    new URLSearchParams({ email: 'new@example.com', password: 'a long enough phrase' }).toString(),
    { origin: idp.issuer },
  )
  const { access_token: token } = (await (await signIn(idp, client)).redeem()).body
  const answers: Record<string, Answer> = {
    'the redirect to the sign-in page': waiting,
    'a request that came by POST': posted,
    'a session cookie': signedIn,
    'a session cookie after sign-up': signedUp,
    'a code': await send(idp, { path: authorize(client), headers: { cookie } }),
    'an error response': await send(idp, { path: authorize(client, { prompt: 'none' }) }),
    "a person's data": await send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } }),
    'no data': await send(idp, { path: '/userinfo' }),
    'a refusal': await postForm(idp, '/token', 'grant_type=client_credentials'),
    'the sign-out page': await postForm(idp, '/logout', `client_id=${client.client_id}`),
    'signed out': await postForm(idp, '/logout/confirm', '', { origin: idp.issuer, cookie }),
  }
  for (const [name, { headers }] of Object.entries(answers)) t.equal(headers['cache-control'], 'no-store', name)
  for (const path of ['/.well-known/jwks.json', '/.well-known/openid-configuration', '/assets/signet.css'])
    t.match((await send(idp, { path })).headers['cache-control'], /^public, max-age=[1-9]/, `${path} may be stored`)
})

t.test('cookies', async (t) => {
  const attributesOf = async (idp: Idp) => {
    const person = await idp.person()
    const form = new URLSearchParams({ username: person.username, password: person.password }).toString()
    const { setCookies } = await postForm(idp, '/sign-in', form, { origin: idp.issuer })
    return setCookies.map((line) => line.replace(/=[A-Za-z0-9_-]{43};/, ';').replace(/Max-Age=\d+/, 'Max-Age')).sort()
  }

  t.test('of an https issuer are limited to its host, and not sent over plain http', async (t) => {
    const idp = await startSignet(t, { SIGNET_ISSUER: 'https://id.example', SIGNET_PORT: String(await freePort()) })
    t.same(await attributesOf(idp), [
      '__Host-signet_browser; Max-Age; Path=/; HttpOnly; Secure; SameSite=Lax',
      '__Host-signet_session; Max-Age; Path=/; HttpOnly; Secure; SameSite=Lax',
      // It says nothing, and is for a script in a frame.
      '__Host-signet_state; Max-Age; Path=/; Secure; SameSite=None',
    ])
    const page = await send(idp, { path: '/sign-in' })
    t.match(page.headers['strict-transport-security'], /^max-age=\d{8}/)

    const person = await idp.person()
    const form = new URLSearchParams({ username: person.username, password: person.password }).toString()
    const { setCookies } = await postForm(idp, '/sign-in', form, { origin: idp.issuer })
    const session = /__Host-signet_session=([^;]*)/.exec(setCookies.join())?.[1] ?? ''
    const shownWith = async (cookie: string) =>
      (await send(idp, { path: '/', headers: { cookie } })).text.includes('id="sign-out"')
    t.ok(await shownWith(`__Host-signet_session=${session}`))
    t.notOk(await shownWith(`signet_session=${session}`), 'a name that a neighbour can set is ignored')
    const left = await postForm(idp, '/logout/confirm', '', {
      origin: idp.issuer,
      cookie: `__Host-signet_session=${session}`,
    })
    t.match(left.setCookies, [
      /^__Host-signet_session=; Max-Age=0; Path=\/; Expires=Thu, 01 Jan 1970 [^;]*; HttpOnly; Secure; SameSite=Lax$/,
    ])
  })

  t.test('of two installations on one host do not interfere: browsers send cookies to every port', async (t) => {
    const other = 'https://id.example:8443'
    const nodes = [await startSignet(t), await startSignet(t)]
    const jar = new Map<string, string>()
    const cookie = () => [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    for (const node of nodes) {
      const { username, password } = await node.person()
      const form = new URLSearchParams({ username, password }).toString()
      const { setCookies } = await postForm(node, '/sign-in', form, { origin: node.issuer, cookie: cookie() })
      for (const line of setCookies) jar.set(line.split('=')[0] ?? '', /=([^;]*)/.exec(line)?.[1] ?? '')
    }
    for (const node of nodes)
      t.match((await send(node, { path: '/', headers: { cookie: cookie() } })).text, 'id="sign-out"', node.issuer)
    t.equal(jar.size, 6)
    t.same(cookieNames(other), {
      session: '__Host-signet_session_8443',
      browser: '__Host-signet_browser_8443',
      signIn: '__Host-signet_sign_in_8443',
      state: '__Host-signet_state_8443',
    })
    t.same(cookieNames('https://id.example').session, '__Host-signet_session', 'without a port, as before')
    t.same(cookieNames('http://localhost').session, 'signet_session')
  })

  t.test('of a loopback issuer have all attributes that plain http allows', async (t) => {
    const idp = await startSignet(t)
    const { port } = new URL(idp.issuer)
    t.same(await attributesOf(idp), [
      `signet_browser_${port}; Max-Age; Path=/; HttpOnly; SameSite=Lax`,
      `signet_session_${port}; Max-Age; Path=/; HttpOnly; SameSite=Lax`,
      `signet_state_${port}; Max-Age; Path=/; SameSite=Lax`,
    ])
    t.notOk('strict-transport-security' in (await send(idp, { path: '/sign-in' })).headers)
  })
})

t.test('CORS', async (t) => {
  const idp = await startSignet(t)
  const origin = 'https://app.example'
  const preflight = (path: string, method = 'POST') =>
    send(idp, {
      method: 'OPTIONS',
      path,
      headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': 'authorization' },
    })
  const corsHeaders = ({ headers }: Answer) => Object.keys(headers).filter((name) => name.startsWith('access-control-'))
  const protocol = ['/token', '/userinfo', '/.well-known/jwks.json', '/.well-known/openid-configuration']
  protocol.push('/.well-known/oauth-authorization-server')

  t.test('any page may call endpoints that take no cookies, but never with credentials', async (t) => {
    for (const path of protocol) {
      const allowed = await preflight(path, path === '/token' ? 'POST' : 'GET')
      t.match(allowed, { status: 204, headers: { 'access-control-allow-origin': '*' } }, path)
      t.notOk('access-control-allow-credentials' in allowed.headers, path)
      const answer = await send(idp, { method: path === '/token' ? 'POST' : 'GET', path, headers: { origin } })
      t.equal(answer.headers['access-control-allow-origin'], '*', `${path}, errors too`)
      t.notOk('access-control-allow-credentials' in answer.headers, path)
      t.notOk('set-cookie' in answer.headers, path)
    }
  })

  t.test('headers that tracing libraries add pass the preflight in every browser', async (t) => {
    // Fetch, CORS-preflight fetch, step 7: without credentials `*` stands for every name but Authorization.
    const passes = (allowed: readonly string[], name: string) =>
      allowed.includes(name) || (name !== 'authorization' && allowed.includes('*'))
    const sent = [
      ...['traceparent', 'tracestate', 'baggage', 'sentry-trace', 'b3', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-sampled'],
      ...[
        'uber-trace-id',
        'x-datadog-trace-id',
        'x-datadog-parent-id',
        'x-datadog-origin',
        'x-amzn-trace-id',
        'newrelic',
      ],
      ...['x-request-id', 'x-requested-with', 'authorization', 'content-type', 'if-none-match', 'signet-verifier'],
    ]
    for (const path of protocol) {
      const { headers } = await preflight(path)
      const allowed = String(headers['access-control-allow-headers']).toLowerCase().split(/, */)
      t.same(
        sent.filter((name) => !passes(allowed, name)),
        [],
        path,
      )
      // Browsers that predate the wildcard look for the name itself.
      for (const name of ['authorization', 'content-type', 'if-none-match']) t.ok(allowed.includes(name), name)
    }
  })

  t.test('no other site may read a page', async (t) => {
    for (const path of [
      '/',
      '/authorize',
      '/sign-in',
      '/sign-up',
      '/consent',
      '/logout',
      '/logout/confirm',
      '/no-such-page',
    ]) {
      t.same(corsHeaders(await preflight(path)), [], `preflight for ${path}`)
      t.same(corsHeaders(await send(idp, { path, headers: { origin } })), [], path)
      t.same(corsHeaders(await postForm(idp, path, '', { origin })), [], `POST ${path}`)
    }
  })
})
