import t from 'tap'
import { openPushedRequest } from '../../src/interaction/pushed-request.ts'
import { openGrant } from '../../src/operations/open-grant.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import { soundParameters } from '../../src/protocol/http/parameters.ts'
import { noClaims } from '../../src/records/grants/claims-of-request.ts'
import { findPushedRequest } from '../../src/records/pushed-requests/pushed-requests-store.ts'
import { findSession } from '../../src/records/sessions/sessions-store.ts'
import type { Browser } from '../support/browser.ts'
import { basic, defaultRedirectUri, type Person, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'
import { clientKey, digestOf, push, withRequestUri } from '../support/request-objects.ts'
import { faultsOf } from './plain-answer.ts'
import { postForm, send } from './send.ts'

const idp = await startSignet(t)

const parametersOf = (client: TestClient, more: Record<string, string> = {}, proof = pkce()) =>
  authorizationParameters(client, proof, more)

async function pushed(client: TestClient, more: Record<string, string> = {}): Promise<string> {
  const { status, body } = await push(idp, client, parametersOf(client, more))
  if (status !== 201) throw new Error(`Not pushed: ${status} ${JSON.stringify(body)}`)
  return body.request_uri
}

const answered = (location: string | undefined) => new URL(location ?? '', 'http://x').searchParams

const alter = (requestUri: string, change: string) =>
  idp.signet.database.query({
    text: `UPDATE pushed_requests SET ${change} WHERE digest = $1`,
    values: [digestOf(requestUri)],
  })

/** Completes a request in a browser, and returns the authorization response. */
async function complete(browser: Browser, url: string, person: Person) {
  return answered((await passPages(browser, await browser.get(url), person)).location)
}

t.test('the id of a pushed request is random, and only its digest is stored', async (t) => {
  const client = await idp.client()
  const [one, other] = [await pushed(client), await pushed(client)]
  t.match(one, /^urn:ietf:params:oauth:request_uri:[A-Za-z0-9_-]{43}$/)
  t.not(one, other)
  t.match(await findPushedRequest(idp.signet.database, digestOf(one), client.client_id), { completed: false })
  const { rows } = await idp.signet.database.query({ text: 'SELECT pushed_requests::text AS row FROM pushed_requests' })
  t.notMatch(JSON.stringify(rows), one.slice(-43))
  t.notMatch(idp.logged(), one.slice(-43), 'nor is it logged')
})

t.test('credentials are not stored with the parameters', async (t) => {
  const client = await idp.client({ token_endpoint_auth_method: 'client_secret_post' })
  const form = { ...parametersOf(client), client_secret: client.secret ?? '', extra: 'unknown' }
  const { status, json } = await postForm(idp, '/par', new URLSearchParams(form).toString())
  t.equal(status, 201)
  const id = String(json?.['request_uri']).slice(-43)
  const { parameters } = await openPushedRequest(idp.signet, id, client.client_id, true)
  const names = [...soundParameters(parameters).values.keys()]
  t.ok(names.includes('code_challenge'))
  t.notOk(names.some((name) => name === 'client_secret' || name === 'extra'))
})

t.test('parameters are stored sealed, each for its own request', async (t) => {
  const client = await idp.client()
  const { database } = idp.signet
  const [one, other] = [await pushed(client, { login_hint: 'ada@example.com' }), await pushed(client)]
  const { rows } = await database.query({ text: 'SELECT pushed_requests::text AS row FROM pushed_requests' })
  t.notMatch(JSON.stringify(rows), /ada@example|code_challenge/)
  await database.query({
    text: 'UPDATE pushed_requests SET parameters = (SELECT parameters FROM pushed_requests WHERE digest = $2) WHERE digest = $1',
    values: [digestOf(one), digestOf(other)],
  })
  const opened = openPushedRequest(idp.signet, one.slice(-43), client.client_id, true)
  t.match(await opened.catch((error: unknown) => error), { entry: 'request_uri_unusable', detail: /has been revoked/ })
})

t.test('nobody pushes in the name of a client that they cannot authenticate as', async (t) => {
  const client = await idp.client()
  const other = await idp.client()
  const anybody = await idp.client({ token_endpoint_auth_method: 'none' })
  const key = await clientKey()
  const withKey = await idp.client({ token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks })
  const tries: Record<string, [form: Record<string, string>, headers?: Record<string, string>]> = {
    'no credentials': [parametersOf(client)],
    'a wrong secret': [parametersOf(client), { authorization: basic(client.client_id, 'wrong') }],
    'an unknown client': [{ ...parametersOf(client), client_id: 'nobody' }],
    'no client at all': [{ ...parametersOf(client), client_id: '' }],
    'the client_id of another client': [
      parametersOf(client),
      { authorization: basic(other.client_id, other.secret ?? '') },
    ],
    'a public client with a secret': [parametersOf(anybody), { authorization: basic(anybody.client_id, 'x') }],
    'a key client without an assertion': [parametersOf(withKey)],
    'two methods': [
      { ...parametersOf(client), client_secret: client.secret ?? '' },
      { authorization: basic(client.client_id, client.secret ?? '') },
    ],
  }
  for (const [name, [form, headers = {}]] of Object.entries(tries)) {
    const answer = await postForm(idp, '/par', new URLSearchParams(form).toString(), headers)
    t.same(faultsOf(answer), [], name)
    t.match(answer.status, 'authorization' in headers && answer.json?.['error'] === 'invalid_client' ? 401 : 400, name)
    t.match(answer.json?.['error'], /^invalid_(?:client|request)$/, name)
  }
})

t.test('what the authorization endpoint would refuse is not stored', async (t) => {
  const client = await idp.client()
  const count = async () => (await idp.signet.database.query({ text: 'SELECT FROM pushed_requests' })).rowCount
  const before = await count()
  const refused: Record<string, [error: string, more: Record<string, string>]> = {
    'an unregistered redirect URI': ['invalid_request', { redirect_uri: 'https://evil.example/' }],
    'no redirect URI': ['invalid_request', { redirect_uri: '' }],
    'no response type': ['invalid_request', { response_type: '' }],
    'a token in the URL': ['unsupported_response_type', { response_type: 'token' }],
    'no PKCE': ['invalid_request', { code_challenge: '', code_challenge_method: '' }],
    'plain PKCE': ['invalid_request', { code_challenge_method: 'plain' }],
    'a scope of nobody': ['invalid_scope', { scope: 'nobodys:scope' }],
    'a resource of nobody': ['invalid_target', { resource: 'https://nobody.example' }],
    'an unknown prompt': ['invalid_request', { prompt: 'x' }],
    'a state too long to return': ['invalid_request', { state: 'x'.repeat(9000) }],
    registration: ['registration_not_supported', { registration: '{}' }],
    'a request_uri': ['invalid_request', { request_uri: await pushed(client) }],
    'a request_uri alone': ['invalid_request', { request_uri: 'https://app.example/r' }],
    'an unsigned object': ['invalid_request_object', { request: 'e30.e30.' }],
  }
  for (const [name, [error, more]] of Object.entries(refused)) {
    const { status, body, headers } = await push(idp, client, parametersOf(client, more))
    t.match({ status, body }, { status: 400, body: { error } }, name)
    t.equal(headers.get('cache-control'), 'no-store', name)
  }
  const doubled = `${new URLSearchParams(parametersOf(client))}&state=again`
  const answer = await postForm(idp, '/par', doubled, { authorization: basic(client.client_id, client.secret ?? '') })
  t.match(answer, { status: 400, json: { error: 'invalid_request' } }, 'a parameter twice')
  t.equal(await count(), (before ?? 0) + 1, 'only the one that served as request_uri')
})

t.test('a pushed request belongs to the client that pushed it, and others learn nothing about it', async (t) => {
  const client = await idp.client()
  const other = await idp.client()
  const requestUri = await pushed(client)
  const person = await idp.person()
  const { browser } = await signIn(idp, other, { person })
  const refusal = async (url: string) => {
    const { status, location, text } = await browser.get(url)
    return { status, location, text: text.replaceAll(/[\w-]{16}/g, '') }
  }
  const ofOther = await refusal(withRequestUri(other, requestUri))
  t.match(ofOther, { status: 400, location: undefined })
  t.match(ofOther.text, 'The request_uri is unknown, expired or already used, or belongs to another client.')
  const beside = await refusal(withRequestUri(other, requestUri, parametersOf(other, { state: 'x' })))
  t.match(beside, { status: 400, location: undefined }, 'not even to the redirect URI beside it')
  const prefix = 'urn:ietf:params:oauth:request_uri:'
  for (const guess of [
    '',
    'x',
    'A'.repeat(43),
    'A'.repeat(44),
    'A'.repeat(4000),
    '../x',
    "' OR 1",
    requestUri.slice(-43, -1),
  ])
    t.same(
      await refusal(withRequestUri(other, `${prefix}${guess}`)),
      ofOther,
      `as for one that does not exist: ${guess.slice(0, 50)}`,
    )
  for (const near of [
    requestUri.toUpperCase(),
    `${requestUri}#x`,
    `${requestUri}?`,
    ` ${requestUri}`,
    `${requestUri} `,
  ])
    t.match((await refusal(withRequestUri(client, near))).status, 400, near)
  t.match((await refusal(`/authorize?${new URLSearchParams({ request_uri: requestUri })}`)).status, 400, 'no client')
  t.ok(
    (await complete(browser, withRequestUri(client, requestUri), person)).get('code'),
    'and it is not used up by that',
  )
})

t.test('nothing beside a pushed request counts', async (t) => {
  const client = await idp.client({ redirect_uris: ['https://app.example/callback', 'https://app.example/other'] })
  const requestUri = await pushed(client, { state: 'pushed', scope: 'openid' })
  const person = await idp.person()
  const evil = {
    ...{ redirect_uri: 'https://app.example/other', state: 'beside', scope: 'openid email', prompt: 'none' },
  }
  const url = withRequestUri(client, requestUri, { ...evil, response_mode: 'fragment', response_type: 'token' })
  const browser = idp.browser()
  const back = await passPages(browser, await browser.get(url), person)
  t.match(back.location, /^https:\/\/app\.example\/callback\?code=/)
  t.equal(answered(back.location).get('state'), 'pushed')
  const faulty = await browser.get(`${withRequestUri(client, await pushed(client))}&state=1&state=2&nonce=%ff`)
  t.match(faulty.location, '/consent?continue=', 'not even if it is faulty')
  const both = await browser.get(withRequestUri(client, await pushed(client), { request: 'e30.e30.' }))
  t.match(both, { status: 400, location: undefined }, 'but a request object beside it is refused (RFC 9101 §5)')
})

t.test('it can be opened again until it has its response, and never after that', async (t) => {
  const client = await idp.client()
  const person = await idp.person()
  const requestUri = await pushed(client, { state: 'the-state' })
  const url = withRequestUri(client, requestUri)
  const [one, two] = [idp.browser(), idp.browser()]
  for (const browser of [one, two, one]) t.match((await browser.follow(await browser.get(url))).text, 'id="sign-in"')
  const open = await two.follow(await two.get(url))
  t.ok((await complete(one, url, person)).get('code'))
  for (const browser of [one, two]) {
    const again = answered((await browser.get(url)).location)
    t.match(Object.fromEntries(again), { error: 'invalid_request_uri', state: 'the-state', iss: idp.issuer })
    t.notOk(again.get('code'))
  }
  const late = await passPages(two, open, person)
  t.equal(answered(late.location).get('error'), 'invalid_request_uri', 'nor where it was open before')
  t.match(
    (await one.post('/authorize', Object.fromEntries(new URLSearchParams(url.split('?')[1])))).location,
    'invalid_request_uri',
  )
})

t.test('it is spent when the person refuses, too', async (t) => {
  const client = await idp.client()
  const person = await idp.person()
  const url = withRequestUri(client, await pushed(client))
  const { browser } = await signIn(idp, await idp.client(), { person })
  const page = await browser.follow(await browser.get(url))
  const denied = await browser.submit(page, 'deny', { decision: 'deny' })
  t.equal(answered(denied.location).get('error'), 'access_denied')
  t.equal(answered((await browser.get(url)).location).get('error'), 'invalid_request_uri')
})

t.test('two tabs that complete it at the same time get one code together', async (t) => {
  const client = await idp.client({ first_party: true })
  const person = await idp.person()
  const { browser } = await signIn(idp, client, { person })
  for (let round = 0; round < 5; round++) {
    const url = withRequestUri(client, await pushed(client))
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => answered((await browser.follow(await browser.get(url))).location)),
    )
    t.equal(answers.filter((answer) => answer.get('code') !== null).length, 1)
    t.equal(answers.filter((answer) => answer.get('error') === 'invalid_request_uri').length, 5)
  }
  const { rowCount } = await idp.signet.database.query({
    text: 'SELECT FROM grants WHERE client_id = $1',
    values: [client.client_id],
  })
  t.equal(rowCount, 6, 'one for the first sign-in, and one for each round')
})

t.test('two people who complete it at the same time get one code together', async (t) => {
  const client = await idp.client()
  const url = withRequestUri(client, await pushed(client))
  const other = await idp.client()
  const signedIn = await Promise.all([1, 2, 3].map(() => signIn(idp, other)))
  const pages = await Promise.all(
    signedIn.map(async ({ browser }) => ({ browser, page: await browser.follow(await browser.get(url)) })),
  )
  const answers = await Promise.all(
    pages.map(async ({ browser, page }) => {
      const visit = await browser.submit(page, 'allow', { decision: 'allow' })
      return answered((await browser.follow(visit)).location)
    }),
  )
  t.equal(answers.filter((answer) => answer.get('code') !== null).length, 1)
  t.equal(answers.filter((answer) => answer.get('error') === 'invalid_request_uri').length, 2)
})

t.test(
  'a person who presses the button twice gets a code, but only within seconds, and only in that session',
  async (t) => {
    const client = await idp.client()
    const person = await idp.person()
    const requestUri = await pushed(client)
    const url = withRequestUri(client, requestUri)
    const { browser } = await signIn(idp, await idp.client(), { person })
    const page = await browser.follow(await browser.get(url))
    const other = await signIn(idp, await idp.client(), { person })
    const elsewhere = await other.browser.follow(await other.browser.get(url))
    const press = async (by: Browser, on: typeof page) =>
      answered((await by.follow(await by.submit(on, 'allow', { decision: 'allow' }))).location)
    t.ok((await press(browser, page)).get('code'))
    // A slow machine must not need more than the time that the rule allows.
    await alter(requestUri, "completed_at = now() + interval '1 minute'")
    t.ok((await press(browser, page)).get('code'))
    t.equal(
      (await press(other.browser, elsewhere)).get('error'),
      'invalid_request_uri',
      'another session of the person',
    )
    t.equal(answered((await browser.get(url)).location).get('error'), 'invalid_request_uri', 'no new beginning')
    await alter(requestUri, "completed_at = now() - interval '11 seconds'")
    t.equal((await press(browser, page)).get('error'), 'invalid_request_uri')
  },
)

t.test('a sign-out between the last check and the code does not use it up', async (t) => {
  const client = await idp.client({ first_party: true })
  const { browser } = await signIn(idp, client)
  const cookie = browser.cookies.get(browser.names.session) ?? ''
  const session = await findSession(idp.signet.database, digest(cookie), 3600)
  const requestUri = await pushed(client)
  await idp.signet.database.query({ text: 'UPDATE sessions SET ended_at = now() WHERE id = $1', values: [session?.id] })
  const request = {
    ...{
      target: { client, redirectUri: defaultRedirectUri },
      responseType: 'code' as const,
      scopes: ['openid'],
      resources: [],
      acr: { classes: [] },
    },
    ...{
      claims: noClaims,
      codeChallenge: undefined,
      nonce: undefined,
      pushedRequest: { digest: digestOf(requestUri), isContinued: false },
    },
  }
  const caller = { requestId: 'request', network: '127.0.0.1' }
  const actor = { kind: 'person', sub: session!.account.sub, caller, language: 'en' } as const
  t.equal(await openGrant(idp.signet, actor, request, { session: session!, consent: undefined, groups: [] }), undefined)
  t.match(await findPushedRequest(idp.signet.database, digestOf(requestUri), client.client_id), { completed: false })
})

t.test('after its time no browser can begin with it, but one that has begun can go on', async (t) => {
  const client = await idp.client()
  const person = await idp.person()
  const requestUri = await pushed(client, { state: 'the-state' })
  const url = withRequestUri(client, requestUri)
  const begun = idp.browser()
  const page = await begun.follow(await begun.get(url))
  await alter(requestUri, "expires_at = now() - interval '1 second'")
  for (const browser of [begun, idp.browser()])
    t.match(Object.fromEntries(answered((await browser.get(url)).location)), {
      error: 'invalid_request_uri',
      state: 'the-state',
    })
  t.ok(answered((await passPages(begun, page, person)).location).get('code'))
})

t.test('when its row is gone, what has begun with it ends on a page', async (t) => {
  const client = await idp.client()
  const requestUri = await pushed(client)
  const browser = idp.browser()
  const page = await browser.follow(await browser.get(withRequestUri(client, requestUri)))
  await idp.signet.database.query({
    text: 'DELETE FROM pushed_requests WHERE digest = $1',
    values: [digestOf(requestUri)],
  })
  t.match(await browser.get(page.url), { status: 400, location: undefined })
})

t.test('the registration of the client is checked again when a browser arrives', async (t) => {
  const client = await idp.client()
  const requestUri = await pushed(client)
  await idp.changeClient(client, "redirect_uris = '{https://app.example/new}'")
  t.match(await idp.browser().get(withRequestUri(client, requestUri)), { status: 400, location: undefined })
})

t.test('a client that must push its requests cannot send them in any other way', async (t) => {
  const key = await clientKey()
  const client = await idp.client({ require_pushed_authorization_requests: true, jwks: key.jwks })
  const plain = parametersOf(client)
  const refused = (location: string | undefined) =>
    t.match(Object.fromEntries(answered(location)), { error: 'invalid_request', state: plain['state'] })
  refused((await send(idp, { path: `/authorize?${new URLSearchParams(plain)}` })).location)
  const posted = await idp.browser().post('/authorize', plain)
  refused((await idp.browser().get(posted.location ?? '')).location)
  const object = await key.sign(plain)
  refused((await send(idp, { path: withRequestUri(client, '', { request: object }) })).location)
  t.match((await send(idp, { path: withRequestUri(client, await pushed(client)) })).location, '/sign-in?continue=')
})

t.test('a pushed request of the maximum size works at every step, and a longer one is refused', async (t) => {
  const client = await idp.client()
  const person = await idp.person()
  const claims = JSON.stringify({ 'not understood': 'y'.repeat(24_000) })
  const browser = idp.browser()
  t.ok((await complete(browser, withRequestUri(client, await pushed(client, { claims })), person)).get('code'))
  const tooLong = await push(idp, client, parametersOf(client, { login_hint: 'x'.repeat(33_000) }))
  t.equal(tooLong.status, 413)
})

t.test('the page shows the claims of a pushed request, and only they are given', async (t) => {
  const client = await idp.client({ scope: 'openid email profile' })
  const claims = JSON.stringify({ userinfo: { email: null, phone_number: null }, id_token: { name: null } })
  const person = await idp.person()
  const { browser } = await signIn(idp, client, { person, parameters: { scope: 'openid' } })
  const requestUri = await pushed(client, { claims, scope: 'openid' })
  const page = await browser.follow(await browser.get(withRequestUri(client, requestUri)))
  t.match(page.text, 'see your e-mail address')
  t.match(page.text, 'see your name')
  t.notMatch(page.text, 'phone')
  t.ok(answered((await browser.submit(page, 'allow', { decision: 'allow' })).location).get('code'))
  const { rows } = await idp.signet.database.query<{ claims: string[] }>({
    text: 'SELECT claims FROM consents WHERE sub = $1',
    values: [person.sub],
  })
  t.same([...(rows[0]?.claims ?? [])].sort(), ['email', 'name'])
  const malformed = await push(idp, client, parametersOf(client, { claims: '{"userinfo":[]}' }))
  t.match(malformed.status, 400)
})

t.test('what asks for a new sign-in is measured from the arrival of the browser', async (t) => {
  const client = await idp.client()
  const person = await idp.person()
  const requestUri = await pushed(client, { prompt: 'login' })
  // This sign-in is newer than the pushed request, but older than the arrival.
  const { browser } = await signIn(idp, client, { person })
  const first = await browser.follow(await browser.get(withRequestUri(client, requestUri)))
  t.match(first.text, 'id="sign-in"')
  t.ok(answered((await passPages(browser, first, person)).location).get('code'))
})

t.test('one network cannot fill the table for public clients, and nobody for any client', async (t) => {
  const client = await idp.client({ token_endpoint_auth_method: 'none' })
  const confidential = await idp.client()
  await idp.signet.database.query({
    text: "UPDATE rate_limits SET points = 299 WHERE key LIKE 'pushed-request-network:%'",
  })
  await pushed(client)
  await idp.signet.database.query({
    text: "UPDATE rate_limits SET points = 1000000 WHERE key LIKE 'pushed-request-network:%'",
  })
  const { status, body, headers } = await push(idp, client, parametersOf(client))
  t.match({ status, body }, { status: 429, body: { error: 'temporarily_unavailable' } })
  t.ok(Number(headers.get('retry-after')) > 0)
  t.equal((await push(idp, confidential, parametersOf(confidential))).status, 201, 'servers are not limited by network')
  const selfRegistered = await idp.client()
  await idp.changeClient(selfRegistered, 'self_registered = true')
  const ofAnybody = await push(idp, selfRegistered, parametersOf(selfRegistered))
  t.equal(ofAnybody.status, 429, 'but clients that anybody can register are')
  await idp.signet.database.query({
    text: "UPDATE rate_limits SET points = 1000000 WHERE key LIKE 'pushed-request-client:%'",
  })
  t.equal((await push(idp, confidential, parametersOf(confidential))).status, 429, 'but by client')
})

t.test('other methods are refused', async (t) => {
  for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
    const answer = await send(idp, { method, path: '/par' })
    t.match(answer, { status: 405, headers: { allow: 'POST' } }, method)
  }
})

t.test('a request without a form is refused', async (t) => {
  const answer = await send(idp, { method: 'POST', path: '/par' })
  t.match(answer, { status: 400, json: { error: 'invalid_client' } })
  const json = await send(idp, {
    method: 'POST',
    path: '/par',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  })
  t.equal(json.status, 415)
})
