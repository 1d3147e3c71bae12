import { decodeJwt } from 'jose'
import t from 'tap'
import { personalClaimNames } from '../../src/tokens/personal-claims.ts'
import { type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'
import { send } from './send.ts'

/*
 * The parameter `claims` (OpenID Connect Core §5.5) names claims one by one. It must give no client more than its registration allows, and more than
 * the person has seen and allowed.
 */
const idp = await startSignet(t)
const { database, refusals } = idp.signet

interface Asked {
  readonly userinfo?: Record<string, unknown>
  readonly id_token?: Record<string, unknown>
}

const asking = (claims: Asked, more: Record<string, string> = {}) => ({
  ...{ scope: 'openid offline_access', claims: JSON.stringify(claims) },
  ...more,
})

const everyScope = 'openid profile email address phone offline_access'
const profile = { name: 'Ada Lovelace', birthdate: '1815-12-10', phone_number: '+41441234567' }

const setScope = (client: TestClient, scope: string, more = '') => idp.changeClient(client, `scope = $2${more}`, scope)

async function userinfo(token: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  return (await response.json()) as Record<string, unknown>
}

/** The names of the claims about the person in the ID token and at userinfo. */
async function seen({ body }: Reply): Promise<{ idToken: string[]; userinfo: string[] }> {
  const personal = (claims: object) =>
    Object.keys(claims)
      .filter((name) => personalClaimNames.includes(name))
      .sort()
  return { idToken: personal(decodeJwt(body.id_token)), userinfo: personal(await userinfo(body.access_token)) }
}

const url = (client: TestClient, parameters: Record<string, string>) =>
  `/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), parameters))}`

/** The answer to a request that leads to no page. */
const answerTo = (location: string | undefined) => Object.fromEntries(new URL(location ?? 'http://none').searchParams)

const refresh = (client: TestClient, { body }: Reply, more: Record<string, string> = {}) =>
  idp.token(client, { grant_type: 'refresh_token', refresh_token: body.refresh_token, ...more })

t.test('hostile JSON is refused, quickly and with the same answer', async (t) => {
  const client = await idp.client({ scope: everyScope })
  const deep = (levels: number) => `${'{"userinfo":'.repeat(levels)}null${'}'.repeat(levels)}`
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`c${n}`, null]))
  const malformed: Record<string, string> = {
    'no JSON': '{',
    'two documents': '{}{}',
    'a list': '[]',
    null: 'null',
    'a text': '"email"',
    'a number': '1',
    'nested too deeply': deep(33),
    'brackets that do not close': '['.repeat(2000),
    'a member twice': '{"userinfo":{"email":null},"userinfo":{"address":null}}',
    'a claim twice': '{"userinfo":{"email":null,"email":{"essential":true}}}',
    'a claim twice, once escaped': '{"userinfo":{"email":null,"\\u0065mail":null}}',
    'a member of a claim twice': '{"userinfo":{"email":{"value":"a","value":"b"}}}',
    __proto__: '{"__proto__":{"userinfo":{"email":null}}}',
    'a claim __proto__': '{"userinfo":{"__proto__":{"email":null}}}',
    'userinfo as a list': '{"userinfo":["email"]}',
    'userinfo as a text': '{"userinfo":"email"}',
    'userinfo true': '{"userinfo":true}',
    'a claim true': '{"userinfo":{"email":true}}',
    'a claim as a text': '{"id_token":{"email":"a@example.com"}}',
    'a claim as a list': '{"id_token":{"email":[]}}',
    'essential as a text': '{"userinfo":{"email":{"essential":"true"}}}',
    'essential null': '{"userinfo":{"email":{"essential":null}}}',
    'values as a text': '{"userinfo":{"email":{"values":"a"}}}',
    'values as an object': '{"userinfo":{"email":{"values":{"length":1}}}}',
    'no values': '{"userinfo":{"email":{"values":[]}}}',
    'too many values': JSON.stringify({ userinfo: { email: { values: Array(21).fill('a') } } }),
    'value and values': '{"userinfo":{"email":{"value":"a","values":["a"]}}}',
    'too many claims': JSON.stringify({ userinfo: many(101) }),
    'too many claims of the ID token': JSON.stringify({ id_token: many(101) }),
    'a name that is too long': JSON.stringify({ userinfo: { ['x'.repeat(201)]: null } }),
    'a subject that is no text': '{"id_token":{"sub":{"value":1}}}',
    'a subject that is an object': '{"userinfo":{"sub":{"values":[{"toString":"x"}]}}}',
  }
  for (const [what, claims] of Object.entries(malformed))
    for (const method of ['GET', 'POST'] as const) {
      const parameters = authorizationParameters(client, pkce(), { claims, scope: 'openid' })
      const browser = idp.browser()
      const answer = await browser.follow(
        method === 'GET'
          ? await browser.get(`/authorize?${new URLSearchParams(parameters)}`)
          : await browser.post('/authorize', parameters),
      )
      const { error, error_uri: uri, code } = answerTo(answer.location)
      t.same([error, code], ['invalid_request', undefined], `${what}, ${method}`)
      t.match(uri, '#claims_malformed', what)
      t.notMatch(answer.location, /example\.com|xxx/, 'nothing of it is quoted')
    }
  const long = JSON.stringify({ userinfo: many(100), id_token: { x: { value: 'x'.repeat(4000) } } })
  t.match(answerTo((await send(idp, { path: url(client, { claims: long }) })).location), { error: 'invalid_request' })
})

t.test('what is not understood is ignored, and no claim is ever an error', async (t) => {
  const client = await idp.client({ scope: everyScope })
  const fine: string[] = [
    '{}',
    '{"userinfo":null,"id_token":null}',
    '{"userinfo":{},"id_token":{}}',
    '{"verified_claims":[1],"userinfo":{"email":{"essential":true,"other":{"deep":[[]]}}}}',
    '{"userinfo":{"constructor":null,"toString":{"essential":true},"hasOwnProperty":null}}',
    '{"id_token":{"name#de":{"essential":true},"":null,"http://a.example/x":{"value":{"a":1}}}}',
    '{"id_token":{"email":{"value":null},"acr":null}}',
    '{"userinfo":{"email":{"essential":true,"value":"somebody-else@example.com"}}}',
  ]
  const person = await idp.person(profile)
  const browser = idp.browser()
  for (const claims of fine) {
    const { response, redeem } = await signIn(idp, client, { browser, person, parameters: { claims, scope: 'openid' } })
    t.equal(response.get('error'), null, claims)
    const reply = await redeem()
    t.equal(reply.status, 200, claims)
    const about = await userinfo(reply.body.access_token)
    if (claims.includes('"email":{"essential"')) t.equal(about['email'], person.email, 'the value is only a wish')
    for (const name of ['constructor', 'toString', 'name#de', '']) t.notOk(Object.hasOwn(about, name))
  }
})

t.test('a claim cannot replace or add one of the protocol', async (t) => {
  const client = await idp.client({ first_party: true })
  const names = 'iss aud exp iat nonce amr azp sid at_hash auth_time client_id scope grant_id cnf act'.split(' ')
  const wanted = Object.fromEntries(names.map((name) => [name, { essential: true, value: 'forged' }]))
  const { redeem } = await signIn(idp, client, { parameters: asking({ id_token: wanted, userinfo: wanted }) })
  const { body } = await redeem()
  t.notMatch(JSON.stringify([decodeJwt(body.id_token), decodeJwt(body.access_token)]), 'forged')
  t.same(Object.keys(await userinfo(body.access_token)), ['sub'])
  for (const name of ['client_id', 'scope', 'grant_id', 'cnf', 'act', 'azp'])
    t.notOk(Object.hasOwn(decodeJwt(body.id_token), name), name)
})

t.test('a claim whose scope the client is not registered for appears nowhere, and the operator is told', async (t) => {
  const client = await idp.client({ scope: 'openid offline_access email' })
  const person = await idp.person(profile)
  const [dropped, allowed] = [
    ['name', 'birthdate', 'phone_number', 'address', 'groups', 'no such claim\u202e'],
    ['email'],
  ]
  const wanted = Object.fromEntries([...dropped, ...allowed, 'sub', 'acr'].map((name) => [name, { essential: true }]))
  const browser = idp.browser()
  const proof = pkce()
  const parameters = authorizationParameters(client, proof, asking({ userinfo: wanted, id_token: wanted }))
  const signInPage = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
  const { username, password } = person
  const page = await browser.follow(await browser.submit(signInPage, 'sign-in', { username, password }))
  t.match(page.text, 'see your e-mail address')
  for (const words of ['see your name', 'date of birth', 'phone', 'postal', 'groups']) t.notMatch(page.text, words)
  const back = await browser.submit(page, 'allow', { decision: 'allow' })
  const reply = await idp.token(client, {
    ...{ grant_type: 'authorization_code', code: answerTo(back.location)['code'] ?? '' },
    ...{ redirect_uri: parameters['redirect_uri'] ?? '', code_verifier: proof.verifier },
  })
  t.same(await seen(reply), { idToken: allowed, userinfo: allowed })
  const { rows } = await database.query({
    text: `SELECT claims, userinfo_claims, id_token_claims FROM consents JOIN grants USING (sub, client_id) WHERE sub = $1`,
    values: [person.sub],
  })
  t.same(rows, [{ claims: allowed, userinfo_claims: allowed, id_token_claims: allowed }])

  await setScope(client, everyScope)
  t.same(await seen(await refresh(client, reply)), { idToken: allowed, userinfo: allowed }, 'nor later')
  await refusals.stop()
  const notes = await database.query<{ entry: string; detail: string }>({
    text: 'SELECT entry, detail FROM refusals WHERE client_id = $1',
    values: [client.client_id],
  })
  t.equal(notes.rows.length, 1)
  t.match(notes.rows[0], {
    entry: 'claims_dropped',
    detail: /^claims: "name" "birthdate" .*"no such claim\\u202e"; client /,
  })
  t.match(notes.rows[0]?.detail, 'not registered for: profile phone address groups')
})

t.test('claims need the scope openid', async (t) => {
  await idp.resource('https://api.example', ['read'])
  const client = await idp.client({ scope: `${everyScope} read`, resources: ['https://api.example'] })
  const person = await idp.person(profile)
  const wanted = { userinfo: { email: null, sub: { value: 'somebody-else' } } }
  const { redeem } = await signIn(idp, client, { person, parameters: asking(wanted, { scope: 'read offline_access' }) })
  const first = await redeem()
  t.equal(first.status, 200)
  t.notOk(first.body.id_token)
  const { rows } = await database.query({
    text: 'SELECT claims, userinfo_claims FROM consents JOIN grants USING (sub, client_id) WHERE sub = $1',
    values: [person.sub],
  })
  t.same(rows, [{ claims: [], userinfo_claims: [] }])
})

t.test('what the page did not show is not allowed by its button', async (t) => {
  const client = await idp.client({ scope: 'openid offline_access email' })
  const { browser, person } = await signIn(idp, client, { parameters: { scope: 'openid' } })
  const wanted = { userinfo: { email: null, phone_number: null } }
  const page = await browser.follow(await browser.get(url(client, asking(wanted))))
  t.match(page.text, 'see your e-mail address')
  t.notMatch(page.text, 'phone')

  await setScope(client, 'openid offline_access email phone')
  const again = await browser.follow(await browser.submit(page, 'allow', { decision: 'allow' }))
  t.match(again.text, 'see your phone number', 'the page is shown again, with what came back')
  const consented = async () => {
    const { rows } = await database.query<{ claims: string[] }>({
      text: 'SELECT claims FROM consents WHERE sub = $1',
      values: [person.sub],
    })
    return rows[0]?.claims
  }
  t.same(await consented(), [])

  const sealedIn = (text: string) => /name="continue" value="([^"]+)"/.exec(text)?.[1] ?? ''
  const small = await browser.follow(await browser.get(url(client, asking({ userinfo: { email: null } }))))
  const swapped = await browser.submit(small, 'allow', { decision: 'allow', continue: sealedIn(again.text) })
  t.match(swapped.location, /\/authorize\?continue=/, 'the proof of another page')
  t.same(await consented(), [])
  const done = await browser.submit(again, 'allow', { decision: 'allow' })
  t.ok(answerTo(done.location)['code'])
  t.same([...((await consented()) ?? [])].sort(), ['email', 'phone_number'])
})

t.test('a claim is gone at once when its scope is taken from the client', async (t) => {
  const client = await idp.client({ scope: everyScope })
  const both = { email: null, name: null }
  const parameters = asking({ userinfo: both, id_token: both })
  const person = await idp.person(profile)
  const { browser, redeem } = await signIn(idp, client, { person, parameters })
  let tokens = await redeem()
  t.same(await seen(tokens), { idToken: ['email', 'name'], userinfo: ['email', 'name'] })
  const unredeemed = await signIn(idp, client, { browser, person, parameters })

  await setScope(client, 'openid offline_access profile')
  t.same(Object.keys(await userinfo(tokens.body.access_token)), ['sub', 'name'], 'with a token from before')
  tokens = await refresh(client, tokens)
  t.same(await seen(tokens), { idToken: ['name'], userinfo: ['name'] })
  t.same(await seen(await unredeemed.redeem()), { idToken: ['name'], userinfo: ['name'] }, 'with a code from before')
  await setScope(client, everyScope)
  t.same(await seen(await refresh(client, tokens)), { idToken: ['email', 'name'], userinfo: ['email', 'name'] })
})

t.test('a claim is gone when the person no longer allows it', async (t) => {
  const client = await idp.client({ scope: everyScope })
  const wanted = { userinfo: { email: null }, id_token: { email: null } }
  const { browser, person, redeem } = await signIn(idp, client, { parameters: asking(wanted) })
  const tokens = await redeem()
  t.same((await seen(tokens)).userinfo, ['email'])
  // As if it had been allowed in another grant and withdrawn since: the scopes of this grant stay.
  await database.query({ text: `UPDATE consents SET claims = '{}' WHERE sub = $1`, values: [person.sub] })
  t.same(await seen(await refresh(client, tokens)), { idToken: [], userinfo: [] })
  const silent = await browser.get(url(client, asking(wanted, { prompt: 'none' })))
  t.equal(answerTo(silent.location)['error'], 'consent_required')

  const page = await browser.get('/account/applications')
  await browser.submit(page, `disconnect-${client.client_id}`)
  t.match(await userinfo(tokens.body.access_token), { error: 'invalid_token' })
  const { rows } = await database.query({ text: 'SELECT FROM consents WHERE sub = $1', values: [person.sub] })
  t.same(rows, [])
})

t.test(
  'consent to a claim is no consent to its scope or to other claims; consent to the scope covers them',
  async (t) => {
    const client = await idp.client({ scope: everyScope })
    const person = await idp.person(profile)
    const { browser } = await signIn(idp, client, { person, parameters: asking({ userinfo: { email: null } }) })
    const silently = async (parameters: Record<string, string>) => {
      const { location } = await browser.get(url(client, { ...parameters, prompt: 'none' }))
      return answerTo(location)['error'] ?? 'allowed'
    }
    t.equal(await silently(asking({ userinfo: { email: null } })), 'allowed', 'the same')
    t.equal(await silently(asking({ id_token: { email: { essential: true } } })), 'allowed', 'the same, elsewhere')
    t.equal(await silently(asking({})), 'allowed', 'less')
    t.equal(await silently({ scope: 'openid email' }), 'consent_required', 'the scope')
    t.equal(
      await silently(asking({ userinfo: { email: null, email_verified: null } })),
      'consent_required',
      'another one',
    )
    t.equal(await silently(asking({ id_token: { name: null } })), 'consent_required')

    await signIn(idp, client, { browser, person, parameters: { scope: 'openid profile' } })
    t.equal(await silently(asking({ userinfo: { name: null, email: null }, id_token: { birthdate: null } })), 'allowed')
    t.equal(await silently({ scope: 'openid email' }), 'consent_required', 'still')
    const { rows } = await database.query<{ scopes: string[]; claims: string[] }>({
      text: 'SELECT scopes, claims FROM consents WHERE sub = $1',
      values: [person.sub],
    })
    t.same([[...(rows[0]?.scopes ?? [])].sort(), rows[0]?.claims], [['offline_access', 'openid', 'profile'], ['email']])
  },
)

t.test('an application on a loopback address is asked about claims each time', async (t) => {
  const loopback = { token_endpoint_auth_method: 'none' as const, redirect_uris: ['http://127.0.0.1/callback'] }
  const client = await idp.client({ ...loopback, scope: everyScope, first_party: true })
  const { browser } = await signIn(idp, client, { parameters: asking({ userinfo: { email: null } }) })
  const page = await browser.follow(await browser.get(url(client, asking({ userinfo: { email: null } }))))
  t.match(page.text, 'id="allow"')
  t.match(page.text, 'see your e-mail address')
})

t.test("an operator's own application needs no consent, and loses the claims when it is no longer one", async (t) => {
  const client = await idp.client({ scope: everyScope, first_party: true })
  const wanted = { userinfo: { email: null }, id_token: { name: null } }
  const { redeem, person } = await signIn(idp, client, {
    ...{ person: await idp.person(profile), parameters: asking(wanted) },
  })
  const tokens = await redeem()
  t.same(await seen(tokens), { idToken: ['name'], userinfo: ['email'] })
  const { rows } = await database.query({ text: 'SELECT FROM consents WHERE sub = $1', values: [person.sub] })
  t.same(rows, [], 'nobody was asked')
  await setScope(client, everyScope, ', first_party = false')
  t.match(await userinfo(tokens.body.access_token), { error: 'insufficient_scope' })
})

t.test('groups as claims are those that the client may see', async (t) => {
  const client = await idp.client({ scope: 'openid offline_access groups', groups: ['staff'] })
  const person = await idp.person()
  await database.query(`INSERT INTO groups (name) VALUES ('staff'), ('directors')`)
  await database.query({
    text: `INSERT INTO group_members (sub, group_name) VALUES ($1, 'staff'), ($1, 'directors')`,
    values: [person.sub],
  })
  const both = { groups: null, roles: { essential: true } }
  const { redeem } = await signIn(idp, client, { person, parameters: asking({ userinfo: both, id_token: both }) })
  const { body } = await redeem()
  t.match(await userinfo(body.access_token), { groups: ['staff'] })
  t.same(decodeJwt(body.id_token)['groups'], ['staff'])
  t.notOk('roles' in decodeJwt(body.id_token), 'the client is not registered for the scope roles')
  t.notMatch(JSON.stringify(decodeJwt(body.access_token)), 'staff', 'nothing of it is in the access token')
})

t.test('a request for a subject is answered for nobody else', async (t) => {
  const client = await idp.client({ scope: everyScope })
  const [ada, bob] = [await idp.person(), await idp.person()]
  const { browser, redeem } = await signIn(idp, client, { person: ada, parameters: { scope: 'openid' } })
  const hint = (await redeem()).body.id_token as string
  const about = (request: object, target: keyof Asked = 'id_token') =>
    asking({ [target]: { sub: request } }, { scope: 'openid' })
  const silently = async (parameters: Record<string, string>) => {
    const { location } = await browser.get(url(client, { ...parameters, prompt: 'none' }))
    return answerTo(location)['error'] ?? 'allowed'
  }
  for (const target of ['id_token', 'userinfo'] as const) {
    t.equal(await silently(about({ value: ada.sub }, target)), 'allowed')
    t.equal(await silently(about({ values: [bob.sub, ada.sub] }, target)), 'allowed')
    t.equal(await silently(about({ value: bob.sub }, target)), 'login_required')
    t.equal(await silently(about({ value: ada.username }, target)), 'login_required', 'by another name')
    t.equal(await silently(about({ value: ada.sub.toLowerCase() }, target)), 'login_required')
    t.equal(await silently(about({ values: ['', `${ada.sub} `] }, target)), 'login_required')
    t.equal(await silently(about({ essential: true }, target)), 'allowed', 'no value')
  }
  t.equal(await silently({ ...about({ value: ada.sub }), id_token_hint: hint }), 'allowed')
  t.equal(await silently({ ...about({ value: bob.sub }), id_token_hint: hint }), 'login_required')

  const named = { id_token: { sub: { value: ada.sub } }, userinfo: { sub: { value: bob.sub } } }
  const contradictory = await browser.get(url(client, asking(named)))
  t.equal(answerTo(contradictory.location)['error'], 'login_required', 'nobody is asked to sign in for nothing')

  const signInPage = await browser.follow(await browser.get(url(client, about({ value: bob.sub }))))
  t.match(signInPage.text, 'id="sign-in"', 'the session of somebody else is not enough')
  const wrong = await passPages(browser, signInPage, ada)
  t.match(answerTo(wrong.location), { error: 'login_required', code: undefined })
  const right = await passPages(browser, await browser.get(url(client, about({ value: bob.sub }))), bob)
  t.ok(answerTo(right.location)['code'])
})

t.test('a client that somebody has allowed nothing cannot recognise them by their subject', async (t) => {
  const [known, stranger] = [await idp.client({ scope: everyScope }), await idp.client({ scope: everyScope })]
  const { browser, person } = await signIn(idp, known, { parameters: { scope: 'openid' } })
  const silently = async (client: TestClient, sub: string) => {
    const parameters = asking({ id_token: { sub: { value: sub } } }, { scope: 'openid', prompt: 'none', state: 'same' })
    const { location } = await browser.get(url(client, parameters))
    // The id of the request and the salt of session_state are new in each response.
    return location?.replace(/request_id(?:=|%3D)\w+|session_state=[\w.-]+/g, '')
  }
  const other = await idp.person()
  t.match(await silently(known, person.sub), 'code=')
  t.match(await silently(stranger, person.sub), 'error=login_required')
  t.equal(await silently(stranger, person.sub), await silently(stranger, other.sub))
})

t.test('a pairwise client names people by the subjects that it knows, and learns nothing about others', async (t) => {
  const client = await idp.client({ subject_type: 'pairwise', scope: 'openid' })
  const { browser, person, redeem } = await signIn(idp, client, { parameters: { scope: 'openid' } })
  const own = decodeJwt((await redeem()).body.id_token).sub
  t.not(own, person.sub)
  const silently = async (sub: unknown) => {
    const parameters = asking({ id_token: { sub: { value: sub } } }, { scope: 'openid', prompt: 'none' })
    const { location } = await browser.get(url(client, parameters))
    return answerTo(location)['error'] ?? 'allowed'
  }
  t.equal(await silently(own), 'allowed')
  t.equal(await silently(person.sub), 'login_required', "the account's own subject")
})

t.test('rows of the previous release have no claims, and its consents do not widen them', async (t) => {
  const client = await idp.client({ scope: everyScope })
  const { person, redeem } = await signIn(idp, client, { parameters: asking({ userinfo: { email: null } }) })
  const tokens = await redeem()
  // What the previous release writes: it knows neither column.
  await database.query({
    text: `INSERT INTO consents (sub, client_id, scopes, resources) VALUES ($1, $2, '{openid,phone}', '{}')
           ON CONFLICT (sub, client_id) DO UPDATE SET updated_at = now(), scopes = ARRAY(SELECT DISTINCT unnest(consents.scopes || '{openid,phone}'))`,
    values: [person.sub, client.client_id],
  })
  t.same((await seen(await refresh(client, tokens))).userinfo, ['email'])
  await database.query({
    text: `INSERT INTO grants (id, client_id, sub, scopes, resources, auth_time, acr, amr, epoch, client_epoch)
           SELECT 'of the previous release', client_id, sub, scopes, resources, auth_time, acr, amr, epoch, client_epoch FROM grants WHERE sub = $1`,
    values: [person.sub],
  })
  const { rows } = await database.query({
    text: `SELECT userinfo_claims, id_token_claims FROM grants WHERE id = 'of the previous release'`,
  })
  t.same(rows, [{ userinfo_claims: [], id_token_claims: [] }])
})
