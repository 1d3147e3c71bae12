import { randomBytes } from 'node:crypto'
import t from 'tap'
import { defaultRedirectUri, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { type Mutation, mutationNames, mutations, unreadable, wireOf, write } from './mutations.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm, send } from './send.ts'

/** `page`: shown to the person, without a redirect. `on`: the request is still valid. Otherwise the error at the redirect URI. */
type Outcome = 'page' | 'on' | `${string}_${string}`

/** Outcomes that differ from that of an unreadable parameter: without the parameter, and with an impossible value. */
const outcomes: Record<string, { missing: Outcome; '8 KB long': Outcome; 'of a wrong type': Outcome }> = {
  client_id: { missing: 'page', '8 KB long': 'page', 'of a wrong type': 'page' },
  redirect_uri: { missing: 'page', '8 KB long': 'page', 'of a wrong type': 'page' },
  response_type: refused('unsupported_response_type', 'invalid_request'),
  scope: refused('invalid_scope'),
  // It could not be returned, and without it the client could not tell which request the error belongs to.
  state: { missing: 'on', '8 KB long': 'page', 'of a wrong type': 'on' },
  code_challenge: refused('invalid_request', 'invalid_request'),
  code_challenge_method: refused('invalid_request', 'invalid_request'),
  nonce: refused('on'),
  prompt: refused('invalid_request'),
  max_age: refused('invalid_request'),
  login_hint: refused('on'),
  id_token_hint: refused('invalid_request'),
  ui_locales: refused('on'),
  response_mode: refused('invalid_request'),
  resource: refused('invalid_target'),
  display: refused('on'),
  acr_values: refused('on'),
  request: refused('invalid_request_object'),
  request_uri: refused('invalid_request_uri'),
  registration: refused('registration_not_supported'),
}

function refused(wrongType: Outcome, missing: Outcome = 'on') {
  // These are refused before the length of all parameters is known.
  const unsupported = /^(?:registration_not_supported|invalid_request_.+)$/.test(wrongType)
  return {
    missing,
    '8 KB long': unsupported ? wrongType : ('invalid_request' as const),
    'of a wrong type': wrongType,
  }
}

function expected(name: string, mutation: Mutation): Outcome {
  const outcome = outcomes[name]!
  if (mutation === 'missing' || mutation === 'empty') return outcome.missing
  if (mutation === '8 KB long' || mutation === 'of a wrong type') return outcome[mutation]
  // RFC 8707 §2: the only parameter that may be repeated. The issuer is a resource for every client, `x` for none.
  if (name === 'resource' && mutation === 'doubled') return 'on'
  if (name === 'resource' && mutation === 'doubled, one of them empty') return 'invalid_target'
  return outcome.missing === 'page' ? 'page' : 'invalid_request'
}

const idp = await startSignet(t)

t.test('every parameter of an authorization request, corrupted in every way', async (t) => {
  const client = await idp.client({ scope: 'openid offline_access' })
  const idToken = (await (await signIn(idp, client)).redeem()).body.id_token as string
  const good = {
    ...authorizationParameters(client, pkce(), { state: 'the-state' }),
    nonce: 'n',
    prompt: 'login',
    max_age: '600',
    login_hint: 'somebody@example.com',
    id_token_hint: idToken,
    ui_locales: 'en',
    response_mode: 'query',
    resource: idp.issuer,
    display: 'page',
    acr_values: 'aal1',
  }

  const get = (query: string) => send(idp, { path: `/authorize?${query}` })
  /** As a form, and then to the redirect's target, as a browser would. */
  const post = async (form: string) => {
    const answer = await postForm(idp, '/authorize', form)
    if (!answer.location?.startsWith('/authorize?continue=')) return answer
    return send(idp, { path: answer.location })
  }

  t.equal(outcomeOf(await get(write(wireOf(good))), 'the-state'), 'on', 'without corruption it is valid')
  for (const [method, ask] of [
    ['GET', get],
    ['POST', post],
  ] as const)
    t.test(`by ${method}`, async (t) => {
      for (const name of Object.keys(outcomes))
        await t.test(name, async (t) => {
          for (const mutation of mutationNames) {
            const answer = await ask(write(mutations[mutation](wireOf(good), name)))
            const state = name === 'state' && mutation !== 'of a wrong type' ? mutatedState(mutation) : 'the-state'
            const sentState = name === 'state' && mutation === 'of a wrong type' ? '{"a":[1]}' : state
            t.same(faultsOf(answer), [], mutation)
            t.equal(outcomeOf(answer, sentState), expected(name, mutation), mutation)
          }
        })
    })
})

t.test('a refusal uses the mode that the request names, or the default of its response type', async (t) => {
  const client = await idp.client({ redirect_uris: [defaultRedirectUri, 'https://app.example/second'] })
  const app = await idp.client({ token_endpoint_auth_method: 'none', redirect_uris: ['com.example.app:/cb'] })
  const jws = (payload: object | string, header: object = { alg: 'none' }, seal = '') =>
    [header, payload]
      .map((part) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'))
      .concat(seal)
      .join('.')
  /** Where the error was sent (query, fragment or form), and which. By GET and by POST, which must agree. */
  const refusalOf = async (more: Record<string, string>, of = client) => {
    const parameters = authorizationParameters(of, pkce(), { state: 'the-state', ...more })
    const query = new URLSearchParams(parameters).toString()
    const posted = await postForm(idp, '/authorize', query)
    const answers = [
      await send(idp, { path: `/authorize?${query}` }),
      posted.location?.startsWith('/') ? await send(idp, { path: posted.location }) : posted,
    ].map(({ location, text, status }) => {
      const redirectUri = of.redirect_uris[0] ?? ''
      if (location?.startsWith(`${redirectUri}#`) || location?.startsWith(`${redirectUri}?`)) {
        const answered = new URLSearchParams(location.slice(redirectUri.length + 1))
        if (answered.get('state') !== 'the-state') return 'without state'
        return `${location[redirectUri.length] === '#' ? 'fragment' : 'query'}: ${answered.get('error')}`
      }
      if (!text.includes(`action="${redirectUri}"`)) return `${status} ${location}`
      return `form: ${/name="error" value="([^"]*)"/.exec(text)?.[1]}`
    })
    t.equal(answers[1], answers[0], 'the same by POST as by GET')
    return answers[0]
  }

  t.test('an object that cannot be verified names neither a mode nor anything else', async (t) => {
    const evil = {
      redirect_uri: 'https://evil.example/',
      client_id: app.client_id,
      state: 'evil',
      response_type: 'token',
    }
    for (const request of [
      ...[jws({ response_mode: 'form_post' }), jws({ response_mode: 'form_post' }, { alg: 'RS256' }, 'AAAA')],
      ...[jws({ ...evil, response_mode: 'form_post' }), jws({ ...evil, redirect_uri: client.redirect_uris[1] })],
      ...['x', '..', '.....', 'a.b.c.d.e', jws('{'), jws('[]'), jws('null'), jws({ response_mode: '__proto__' })],
    ]) {
      const refused = 'invalid_request_object'
      t.equal(await refusalOf({ request }), `query: ${refused}`, request.slice(0, 40))
      t.equal(await refusalOf({ request, response_mode: 'form_post' }), `form: ${refused}`, request.slice(0, 40))
    }
    const unregistered = { redirect_uri: 'https://evil.example/', request: jws({ redirect_uri: defaultRedirectUri }) }
    t.equal(await refusalOf(unregistered), '400 undefined', 'nor does it make another redirect URI valid')
  })

  t.test('of a response type that returns tokens in the fragment', async (t) => {
    for (const type of ['id_token', 'token', 'id_token token', 'code id_token', 'code token', 'code id_token token']) {
      const refused = 'unsupported_response_type'
      t.equal(await refusalOf({ response_type: type }), `fragment: ${refused}`, type)
      t.equal(await refusalOf({ response_type: type, response_mode: 'query' }), `fragment: ${refused}`, type)
      t.equal(await refusalOf({ response_type: type, response_mode: 'form_post' }), `form: ${refused}`, type)
      t.equal(await refusalOf({ response_type: type, response_mode: 'x' }), `fragment: ${refused}`, type)
      t.equal(await refusalOf({ response_type: type, request: 'x' }), 'fragment: invalid_request_object', type)
    }
    for (const type of ['none', 'tokens', 'code code', '__proto__'])
      t.equal(await refusalOf({ response_type: type }), 'query: unsupported_response_type', type)
    t.equal(await refusalOf({ prompt: 'none' }), 'query: login_required')
    t.equal(await refusalOf({ response_mode: 'x', response_type: 'code' }), 'query: invalid_request')
  })
})

t.test('no response has headers of more than 8 KB, however long the values that it returns are', async (t) => {
  const bye = `https://app.example/${'b'.repeat(1980)}`
  const client = await idp.client({
    scope: 'openid offline_access',
    redirect_uris: [`https://app.example/${'c'.repeat(1980)}`],
    post_logout_redirect_uris: [bye],
  })
  const person = await idp.person()
  const { browser, redeem } = await signIn(idp, client, { person })
  const hint = (await redeem()).body.id_token as string
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const octetsOf = ({ headers, setCookies }: Answer) =>
    [...Object.entries(headers), ...setCookies.map((line) => ['set-cookie', line] as const)]
      .map(([name, value]) => `${name}: ${value}\r\n`.length)
      .reduce((sum, octets) => sum + octets, 20)

  /** Texts that grow in different ways: unchanged, in form encoding, in JSON, in UTF-8. */
  const texts = ['x', '"', ' ', '\u00e9', '\u{1f511}', '"\u00e9'].flatMap((text) =>
    [1000, 2000, 3400, 8000].map((octets) => text.repeat(octets / Buffer.byteLength(text))),
  )
  let [returned, pages, longest] = [0, 0, 0]
  const take = (answer: Answer, state: string, what: string) => {
    longest = Math.max(longest, octetsOf(answer))
    if (octetsOf(answer) > 8192) t.fail(`${what}: ${octetsOf(answer)} octets`)
    const { location } = answer
    if (location === undefined) pages += answer.status === 400 ? 1 : 0
    else if (!location.startsWith('/')) {
      returned += 1
      if (new URL(location).searchParams.get('state') !== state) t.fail(`${what}: not the state that was sent`)
    }
  }
  for (const state of texts) {
    const short = `${[...state][0]} ${state.length}`
    const parameters = authorizationParameters(client, pkce(), { state })
    for (const more of [{}, { prompt: 'login' }, { request: 'x' }]) {
      const query = new URLSearchParams({ ...parameters, ...more }).toString()
      take(await send(idp, { path: `/authorize?${query}`, headers: { cookie } }), state, `GET ${short}`)
      const posted = await postForm(idp, '/authorize', query, { cookie })
      take(posted, state, `POST ${short}`)
      if (posted.location?.startsWith('/'))
        take(await send(idp, { path: posted.location, headers: { cookie } }), state, `then GET ${short}`)
    }
    const out = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: bye, state }).toString()
    // Without the session, so that nobody is signed out.
    take(await send(idp, { path: `/logout?${out}` }), state, `sign-out, GET ${short}`)
    const posted = await postForm(idp, '/logout', out)
    take(posted, state, `sign-out, POST ${short}`)
    if (posted.location?.startsWith('/')) take(await send(idp, { path: posted.location }), state, `sign-out ${short}`)
  }
  t.ok(longest > 6000 && returned > 50 && pages > 50, `longest ${longest}, ${returned} came back, ${pages} pages`)

  t.test('a state of the usual length is returned', async (t) => {
    for (const state of ['x'.repeat(3000), randomBytes(1500).toString('base64'), JSON.stringify({ to: '/a?b=c&d' })]) {
      const parameters = authorizationParameters(client, pkce(), { state, prompt: 'none', scope: 'openid profile' })
      const { location } = await send(idp, { path: `/authorize?${new URLSearchParams(parameters)}` })
      t.equal(new URL(location ?? '').searchParams.get('state'), state)
    }
  })
})

/** A state that was sent twice, or in unreadable bytes, is not returned: it is unclear which one the client expects. */
function mutatedState(mutation: Mutation): string | undefined {
  if (unreadable.has(mutation) || mutation === 'missing' || mutation === 'empty') return undefined
  return 'x'.repeat(8192)
}

function outcomeOf({ status, text, location, headers }: Answer, state: string | undefined): string {
  if (location === undefined) return text.startsWith('<!doctype html>') ? 'page' : `no page, status ${status}`
  if (location.startsWith('/sign-in?continue=')) return 'on'
  if (!location.startsWith(`${defaultRedirectUri}?`)) return `sent to ${location}`
  if (status !== 303 || headers['cache-control'] !== 'no-store') return 'a redirect that may be stored'
  const answered = new URL(location).searchParams
  if (answered.get('iss') === null || answered.get('code') !== null) return 'not a proper error response'
  if ((answered.get('state') ?? undefined) !== state) return `state ${answered.get('state')}`
  return answered.get('error') ?? 'no error'
}
