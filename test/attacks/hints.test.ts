import { generateKeyPairSync, sign } from 'node:crypto'
import t from 'tap'
import { type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { faultsOf } from './plain-answer.ts'
import { send } from './send.ts'

const idp = await startSignet(t)

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Values that are not an ID token of this issuer for this client, but may look like one. */
async function badHints(idp: Idp, client: TestClient): Promise<Record<string, string>> {
  const journey = await signIn(idp, client)
  const tokens = (await journey.redeem()).body as Record<'id_token' | 'access_token' | 'refresh_token', string>
  const [header = '', payload = '', signature = ''] = tokens.id_token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>
  const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url').toString()) as Record<string, string>
  return {
    'an access token': tokens.access_token,
    'a refresh token': tokens.refresh_token,
    'alg none': `${encode({ alg: 'none', typ: 'JWT' })}.${payload}.`,
    'alg none, with a signature': `${encode({ alg: 'none', typ: 'JWT', kid })}.${payload}.${signature}`,
    'alg HS256': `${encode({ alg: 'HS256', typ: 'JWT', kid })}.${payload}.${signature}`,
    'altered claims': `${header}.${encode({ ...claims, sub: 'somebody-else' })}.${signature}`,
    'no signature': `${header}.${payload}.`,
    'a truncated signature': `${header}.${payload}.${signature.slice(0, -2)}`,
    'another type': `${encode({ alg, typ: 'logout+jwt', kid })}.${payload}.${signature}`,
    'no key': `${encode({ alg, typ: 'JWT' })}.${payload}.${signature}`,
    'an unknown key': `${encode({ alg, typ: 'JWT', kid: '__proto__' })}.${payload}.${signature}`,
    "another installation's": foreignToken(idp),
    nonsense: 'x',
    'a built-in property name': '__proto__',
    'the first half': tokens.id_token.slice(0, 60),
  }
}

/** An ID token signed by another installation, with a key that has the name of one of ours. */
function foreignToken(idp: Idp): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const [first] = JSON.parse(String(idp.signet.keyRing.jwkSet().body)).keys as { kid: string; alg: string }[]
  const input = `${encode({ alg: 'ES256', typ: 'JWT', kid: first?.kid })}.${encode({ iss: idp.issuer, sub: 'x', aud: 'x' })}`
  return `${input}.${sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

t.test('an id_token_hint', async (t) => {
  const client = await idp.client({ post_logout_redirect_uris: ['https://app.example/bye'] })
  const journey = await signIn(idp, client)
  const { browser, person } = journey
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const another = await idp.client()
  const othersHint = (await (await signIn(idp, another, { browser, person })).redeem()).body.id_token as string
  const authorize = (more: Record<string, string>) =>
    send(idp, {
      path: `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`,
      headers: { cookie },
    })
  const answered = (location: string | undefined) => new URL(location ?? '', 'http://x').searchParams

  t.test('that is invalid is refused at the application, without a page', async (t) => {
    for (const [name, hint] of Object.entries({ ...(await badHints(idp, client)), "another client's": othersHint }))
      for (const more of [{}, { prompt: 'none' }, { prompt: 'login' }] as Record<string, string>[]) {
        const answer = await authorize({ ...more, id_token_hint: hint })
        t.same(faultsOf(answer), [], name)
        t.equal(answered(answer.location).get('error'), 'invalid_request', name)
      }
  })

  t.test('that is invalid signs nobody out and does not redirect', async (t) => {
    for (const [name, hint] of Object.entries(await badHints(idp, client))) {
      const parameters = { id_token_hint: hint, post_logout_redirect_uri: 'https://app.example/bye' }
      const answer = await send(idp, { path: `/logout?${new URLSearchParams(parameters)}`, headers: { cookie } })
      t.same(faultsOf(answer), [], name)
      t.match(answer, { status: 400, location: undefined, setCookies: [] }, name)
    }
    t.match((await browser.get('/')).text, 'id="sign-out"')
  })

  t.test("of another client does not authorise this one's redirect", async (t) => {
    for (const more of [{}, { client_id: client.client_id }] as Record<string, string>[]) {
      const parameters = { id_token_hint: othersHint, post_logout_redirect_uri: 'https://app.example/bye', ...more }
      const answer = await send(idp, { path: `/logout?${new URLSearchParams(parameters)}`, headers: { cookie } })
      t.match(answer, { status: 400, location: undefined })
    }
    t.match((await browser.get('/')).text, 'id="sign-out"')
  })

  t.test('of somebody else: login_required if silent, else the sign-in page, and never the wrong person', async (t) => {
    const stranger = await signIn(idp, client)
    const strangersHint = (await stranger.redeem()).body.id_token as string
    t.equal(
      answered((await authorize({ id_token_hint: strangersHint, prompt: 'none' })).location).get('error'),
      'login_required',
    )
    const page = await browser.follow(
      await browser.get((await authorize({ id_token_hint: strangersHint })).location ?? ''),
    )
    t.match(page.text, 'id="sign-in"')
    t.notMatch(page.text, 'id="continue-as"')
    const form = { username: person.username, password: person.password }
    const back = await browser.follow(await browser.submit(page, 'sign-in', form))
    t.equal(answered(back.location).get('error'), 'login_required')
    t.equal(answered(back.location).get('code'), null)
  })
})

t.test('prompt and max_age', async (t) => {
  const client = await idp.client({ first_party: true })
  const { browser } = await signIn(idp, client)
  const ask = async (more: Record<string, string>) =>
    browser.get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), more))}`)
  const errorOf = (location: string | undefined) => new URL(location ?? '', 'http://x').searchParams.get('error')

  t.test('no page is shown, whatever would need the person', async (t) => {
    const strict = await idp.client()
    for (const [client_id, more, error] of [
      [client.client_id, { max_age: '0' }, 'login_required'],
      [client.client_id, { scope: 'admin' }, 'invalid_scope'],
      [strict.client_id, {}, 'consent_required'],
      [strict.client_id, { response_mode: 'fragment' }, null],
    ] as const) {
      const { status, location } = await ask({ prompt: 'none', client_id, ...more })
      t.equal(status, 303)
      t.equal(errorOf(location), error, JSON.stringify(more))
    }
  })

  t.test('none cannot be combined, and unknown values are refused', async (t) => {
    for (const prompt of [
      'none login',
      'login none',
      'none none consent',
      'NONE',
      'none\tlogin',
      '__proto__',
      'login,consent',
    ])
      t.equal(errorOf((await ask({ prompt })).location), 'invalid_request', prompt)
  })

  t.test('an invalid max_age is refused, and an exceeded one requires sign-in', async (t) => {
    for (const max_age of ['-1', '1.5', '1e3', 'Infinity', 'NaN', '0x10', ' 1', '9'.repeat(10), '١'])
      t.equal(errorOf((await ask({ max_age })).location), 'invalid_request', max_age)
    for (const max_age of ['0', '00'])
      t.match((await ask({ max_age })).location, '/sign-in?continue=', 'the person must sign in now')
    await idp.signet.database.query({ text: "UPDATE sessions SET auth_time = auth_time - interval '61 seconds'" })
    t.match((await ask({ max_age: '60' })).location, '/sign-in?continue=')
    t.match((await ask({ max_age: '3600' })).location, 'code=')
  })

  t.test("the client's own max_age applies if the request has none", async (t) => {
    const hasty = await idp.client({ first_party: true, default_max_age: 60 })
    t.match((await ask({ client_id: hasty.client_id })).location, '/sign-in?continue=')
    t.match((await ask({ client_id: hasty.client_id, max_age: '3600' })).location, 'code=')
  })
})
