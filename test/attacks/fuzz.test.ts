import fc from 'fast-check'
import t from 'tap'
import { basic, type Idp, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { faultsOf } from './plain-answer.ts'
import { type Sent, send } from './send.ts'

const requests = 2000
/** At once, so that they meet in the middle, too. */
const abreast = 8

const formType = 'application/x-www-form-urlencoded'

const paths = [
  '/',
  ...['/authorize', '/sign-in', '/sign-up', '/consent', '/logout', '/logout/confirm'],
  ...['/token', '/userinfo', '/healthz', '/readyz', '/assets/signet.css', '/assets/form-post.js', '/no-such-path'],
  ...['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/.well-known/jwks.json'],
]

const names = [
  ...[
    'client_id',
    'client_secret',
    'redirect_uri',
    'response_type',
    'response_mode',
    'scope',
    'state',
    'nonce',
    'prompt',
  ],
  ...['max_age', 'code_challenge', 'code_challenge_method', 'id_token_hint', 'login_hint', 'ui_locales', 'resource'],
  ...['grant_type', 'code', 'code_verifier', 'refresh_token', 'access_token', 'request', 'request_uri', 'continue'],
  ...['csrf', 'account', 'decision', 'select', 'username', 'password', 'name', 'email', 'post_logout_redirect_uri'],
  ...['__proto__', 'constructor', 'toString', 'a[b]', ''],
]

/** A good request, to be spoilt a little. */
interface Good {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly parameters: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

/** Good requests, and values that have a meaning somewhere: with them a request gets far before it fails. */
async function meaningfulValues(idp: Idp) {
  const confidential = await idp.client({ grant_types: ['authorization_code', 'refresh_token', 'client_credentials'] })
  const open = await idp.client({ token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/cb'] })
  const journey = await signIn(idp, confidential)
  const unused = await signIn(idp, confidential, journey)
  const tokens = (await journey.redeem()).body
  const parameters = authorizationParameters(confidential, pkce())
  const cookie = [...journey.browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const waiting = new URL((await idp.browser().get(`/authorize?${new URLSearchParams(parameters)}`)).location ?? '')
  const sealed = waiting.searchParams.get('continue') ?? ''
  const authorization = basic(confidential.client_id, confidential.secret ?? '')
  const bearer = `Bearer ${tokens.access_token}`
  const own = { origin: idp.issuer, cookie }
  const redemption = { grant_type: 'authorization_code', code: unused.code, code_verifier: unused.pkce.verifier }
  const good: Good[] = [
    { method: 'GET', path: '/authorize', parameters, headers: { cookie } },
    { method: 'GET', path: '/authorize', parameters: { ...parameters, prompt: 'none', response_mode: 'form_post' } },
    { method: 'POST', path: '/authorize', parameters: { ...parameters, id_token_hint: tokens.id_token, max_age: '9' } },
    { method: 'GET', path: '/sign-in', parameters: { continue: sealed } },
    { method: 'POST', path: '/sign-in', parameters: { continue: sealed, select: '1' }, headers: own },
    { method: 'POST', path: '/sign-in', parameters: { username: 'nobody', password: 'wrong' }, headers: own },
    {
      method: 'POST',
      path: '/sign-up',
      parameters: { name: 'N', email: 'n@example.com', password: 'short' },
      headers: own,
    },
    { method: 'GET', path: '/consent', parameters: { continue: sealed }, headers: { cookie } },
    {
      method: 'POST',
      path: '/consent',
      parameters: { continue: sealed, account: 'x', decision: 'deny' },
      headers: own,
    },
    {
      method: 'GET',
      path: '/logout',
      parameters: { client_id: confidential.client_id, state: 's' },
      headers: { cookie },
    },
    { method: 'POST', path: '/logout', parameters: { id_token_hint: tokens.id_token } },
    { method: 'POST', path: '/logout/confirm', parameters: {}, headers: { origin: idp.issuer } },
    {
      method: 'POST',
      path: '/token',
      parameters: { ...redemption, redirect_uri: parameters['redirect_uri'] ?? '' },
      headers: { authorization },
    },
    {
      method: 'POST',
      path: '/token',
      parameters: { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, scope: 'openid' },
      headers: { authorization },
    },
    { method: 'POST', path: '/token', parameters: { grant_type: 'client_credentials' }, headers: { authorization } },
    { method: 'POST', path: '/token', parameters: { ...redemption, client_id: open.client_id } },
    { method: 'GET', path: '/userinfo', parameters: {}, headers: { authorization: bearer } },
    { method: 'POST', path: '/userinfo', parameters: { access_token: tokens.access_token } },
  ]
  return {
    good,
    values: [
      ...good.flatMap(({ parameters: has }) => Object.values(has)),
      ...['http://127.0.0.1:5000/cb', confidential.secret ?? '', idp.issuer, 'code', 'token', 'form_post', 'fragment'],
      ...[
        'login',
        'consent',
        'create',
        'openid profile',
        '0',
        '-1',
        '9'.repeat(30),
        'plain',
        'allow',
        'en de',
        '__proto__',
      ],
    ],
    headers: { cookie: [cookie, 'signet_session=x', '=;;,'], authorization: [authorization, bearer, 'Basic ///'] },
  }
}

type Meaningful = Awaited<ReturnType<typeof meaningfulValues>>

/** A parameter, encoded: meaningful, arbitrary, or beyond what can be read. */
function hostileValue(values: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...values).map(encodeURIComponent) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary' }).map(encodeURIComponent) },
    { weight: 1, arbitrary: fc.constantFrom('%00', '%ff', '%', '%zz', '%ed%a0%80', '+', '%0d%0aa:b', '%2500') },
    { weight: 1, arbitrary: fc.constantFrom('x'.repeat(1800), '%22'.repeat(600), encodeURIComponent('\ud83d\ude00')) },
    { weight: 1, arbitrary: fc.constantFrom(...values).map((value) => encodeURIComponent(value.slice(1))) },
  )
}

/** A good request with some of its parameters left out, and others added or replaced. */
function spoiltRequest({ good, values }: Meaningful): fc.Arbitrary<Sent> {
  const change = fc.tuple(fc.constantFrom(...names), fc.option(hostileValue(values), { nil: undefined }))
  return fc.tuple(fc.constantFrom(...good), fc.array(change, { maxLength: 3 })).map(([request, changes]) => {
    const { method, path, parameters, headers = {} } = request
    const pairs = new Map(Object.entries(parameters).map(([name, value]) => [name, encodeURIComponent(value)]))
    for (const [name, value] of changes)
      if (value === undefined) pairs.delete(name)
      else pairs.set(name, value)
    const form = [...pairs].map(([name, value]) => `${name}=${value}`).join('&')
    return method === 'GET'
      ? { method, path: `${path}?${form}`, headers }
      : { method, path, headers: { ...headers, 'content-type': formType }, body: form }
  })
}

/** Any method, path, parameters and headers. */
function arbitraryRequest(idp: Idp, { values, headers }: Meaningful): fc.Arbitrary<Sent> {
  const pair = fc.tuple(fc.constantFrom(...names), hostileValue(values)).map(([name, value]) => `${name}=${value}`)
  // Not so many that the address would be longer than Node takes: that is for requests.test.ts.
  const form = fc.array(pair, { maxLength: 8 }).map((pairs) => pairs.join('&'))
  const maybe = <V>(arbitrary: fc.Arbitrary<V>) => fc.option(arbitrary, { nil: undefined })
  return fc
    .record({
      method: fc.constantFrom('GET', 'GET', 'POST', 'POST', 'POST', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'),
      path: fc.constantFrom(...paths),
      query: maybe(form),
      body: maybe(fc.oneof({ weight: 8, arbitrary: form }, { weight: 1, arbitrary: fc.constant('{"a":1}') })),
      type: fc.constantFrom(formType, formType, formType, 'application/json', 'text/plain', 'x', 'multipart/form-data'),
      origin: maybe(fc.constantFrom(idp.issuer, idp.issuer, 'https://evil.example', 'null')),
      cookie: maybe(fc.constantFrom(...headers.cookie)),
      authorization: maybe(fc.constantFrom(...headers.authorization)),
      accept: maybe(fc.constantFrom('text/html', 'application/json', '*/*')),
    })
    .map(({ method, path, query, body, type, ...more }) => ({
      method,
      path: query === undefined ? path : `${path}?${query}`,
      headers: {
        ...(body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }),
        ...Object.fromEntries(Object.entries(more).filter(([, value]) => value !== undefined)),
      },
      ...(body === undefined ? {} : { body }),
    }))
}

t.test('two thousand requests made of good and bad parts, eight at a time: each gets a plain answer', async (t) => {
  const idp = await startSignet(t)
  const meaningful = await meaningfulValues(idp)
  const request = fc.oneof(
    { weight: 2, arbitrary: spoiltRequest(meaningful) },
    { weight: 1, arbitrary: arbitraryRequest(idp, meaningful) },
  )
  const together = fc.array(request, { minLength: abreast, maxLength: abreast })
  const seen = new Map<number, number>()
  await fc.assert(
    fc.asyncProperty(together, async (sent) => {
      const answers = await Promise.all(sent.map((one) => send(idp, one)))
      const faults = answers.flatMap((answer, index) => {
        seen.set(answer.status, (seen.get(answer.status) ?? 0) + 1)
        // HEAD and OPTIONS have no body to speak in.
        const silent = ['HEAD', 'OPTIONS'].includes(sent[index]?.method ?? '')
        return faultsOf(silent ? { ...answer, text: 'none' } : answer).map(
          (fault) => `${JSON.stringify(sent[index])}: ${fault}`,
        )
      })
      if (faults.length > 0) throw new Error(faults.join('\n'))
    }),
    { numRuns: requests / abreast, endOnFailure: false },
  )
  t.ok(
    [200, 303, 400, 401, 403].every((status) => seen.has(status)),
    `it got far: ${JSON.stringify([...seen])}`,
  )
  t.notMatch(idp.logged(), '"level":50', 'nothing was logged as a failure')
  t.equal((await send(idp, { path: '/readyz' })).status, 200)
})
