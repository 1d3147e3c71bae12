import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import t from 'tap'
import type { Step } from '../../src/key-ring/decide.ts'
import { readPrivateKey } from '../../src/key-ring/import-key.ts'
import { sealKey } from '../../src/key-ring/sealed-key.ts'
import { openMasterKey } from '../../src/platform/secrets/master-key.ts'
import { purposes } from '../../src/platform/secrets/purpose-secrets.ts'
import { everyAccountPage } from '../support/account-pages.ts'
import { decide, ofDevice, startDevice } from '../support/device.ts'
import { basic, type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { invited } from '../support/invitations.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { makeMaterial } from './fuzz-requests.ts'
import { createSearch, installationSecrets } from './leaks.ts'
import { type Sent, send, sendBytes } from './send.ts'

/** What was returned over HTTP. */
interface Answer {
  /** Method and path, without the query. */
  readonly endpoint: string
  /** What was sent: query and body. */
  readonly said: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

type Search = (text: string) => string[]

/** What an endpoint gives to its own caller. */
interface Given {
  /** Members of its JSON. */
  readonly json?: readonly string[]
  /** Names without the port that the issuer's cookies end in. */
  readonly cookies?: readonly string[]
  /** Parameters of its redirect, and of links on its page. */
  readonly redirect?: readonly string[]
  readonly links?: readonly string[]
  /** Values of its form's inputs. */
  readonly inputs?: readonly string[]
  /** Inputs, and parameters of its redirect, that repeat the request. */
  readonly again?: readonly string[]
}

/** All secrets that may be sent out, and where. Nothing else may contain any of them. */
const given: Readonly<Record<string, Given>> = {
  'POST /token': { json: ['access_token', 'id_token', 'refresh_token'] },
  'GET /authorize': {
    redirect: ['code', 'state', 'continue'],
    inputs: ['code', 'state'],
    again: ['error_description'],
  },
  'POST /authorize': { redirect: ['continue'] },
  'GET /sign-in': { cookies: ['signet_browser'], links: ['state'], again: ['continue'] },
  'POST /sign-in': { cookies: ['signet_session', 'signet_state'], redirect: ['continue'], again: ['username'] },
  'GET /sign-up': { cookies: ['signet_browser'], again: ['invitation'] },
  'POST /sign-up': { cookies: ['signet_session', 'signet_state'], again: ['name', 'email', 'invitation'] },
  'POST /device_authorization': { json: ['device_code'] },
  'GET /device': { cookies: ['signet_browser'] },
  'POST /device': { redirect: ['continue'], again: ['user_code'] },
  'POST /consent': { cookies: ['signet_state'], redirect: ['code', 'state'], inputs: ['state'] },
  'POST /account/password': { cookies: ['signet_session'] },
  'POST /account/sign-in': { again: ['username', 'email'] },
}

/** A response without what its caller was given. */
function beyondOwn(answer: Answer, search: Search, gave: (member: string, value: string) => void): string {
  const { endpoint, said, headers, body } = answer
  const { json = [], cookies = [], redirect = [], links = [], inputs = [], again = [] } = given[endpoint] ?? {}
  const cut = (members: readonly string[]) => (whole: string, member: string, value: string) => {
    if (members.includes(member)) gave(`${endpoint} ${member}`, value)
    else if (!again.includes(member) || search(value).some((name) => !search(said).includes(name))) return whole
    return ''
  }
  const parameter = /(?<=[?&#;])(\w+)=([^&#"]+)/g
  const values = headers.map(([name, value]) => {
    if (name === 'set-cookie') return value.replace(/^(\w+?)(?:_\d+)?=([^;]+)/, cut(cookies))
    return name === 'location' ? value.replace(parameter, cut(redirect)) : value
  })
  const text = body
    .replace(/"(\w+)":"([^"]*)"/g, cut(json))
    .replace(/<input\b[^>]* name="([^"]*)"[^>]* value="([^"]*)"[^>]*>/g, cut(inputs))
    .replace(parameter, cut(links))
  return [...headers.map(([name]) => name), ...values, text].join('\n')
}

function leaksInAnswers(search: Search, answers: readonly Answer[]): string[] {
  return answers.flatMap((answer) =>
    search(beyondOwn(answer, search, () => {})).map((name) => `${name}, in an answer of ${answer.endpoint}`),
  )
}

function leaksInLog(search: Search, log: string): string[] {
  return log.split('\n').flatMap((line) => search(line).map((name) => `${name}, in the log: ${line.slice(0, 300)}`))
}

/** Searches every row of every table, as text; binary values are in hexadecimal there. */
async function leaksInTables({ signet }: Idp, search: Search, seen = new Set<string>()): Promise<string[]> {
  const { database, settings } = signet
  const { rows: tables } = await database.query<{ name: string }>({
    text: 'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1',
    values: [settings.databaseSchema],
  })
  const leaks: string[] = []
  for (const { name } of tables) {
    const { rows } = await database.query<{ row: string }>({ text: `SELECT t::text AS row FROM "${name}" AS t` })
    if (rows.length > 0) seen.add(name)
    for (const { row } of rows)
      leaks.push(...search(row).map((secret) => `${secret}, in ${name}: ${row.slice(0, 300)}`))
  }
  return leaks
}

/** Records everything that is returned over HTTP from now on. */
function record(): Answer[] {
  const answers: Answer[] = []
  const { fetch } = globalThis
  t.intercept(globalThis, 'fetch', {
    value: async (...request: Parameters<typeof fetch>) => {
      const response = await fetch(...request)
      const [url, { method = 'GET', body = '' } = {}] = request
      answers.push({
        endpoint: `${method} ${new URL(String(url)).pathname}`,
        said: `${url}\n${body}`,
        headers: [...response.headers],
        body: await response.clone().text(),
      })
      return response
    },
  })
  return answers
}

const metricsToken = randomBytes(32).toString('base64url')
const idp = await startSignet(t, {
  ...{ SIGNET_LOG_LEVEL: 'trace', SIGNET_METRICS_TOKEN: metricsToken },
  // With this setting a replay counts as one immediately.
  SIGNET_REFRESH_GRACE: '0s',
})
const { database, keyRing, settings } = idp.signet
const answers = record()
/** Secrets that give their holder power. Those that Signet issues are added at the end. */
const secrets = new Map<string, string>()
/** Secrets that nobody outside may ever see. */
const inner = await installationSecrets(idp)
inner.set("the operator's token for the metrics", metricsToken)

const keep = (name: string, secret: string | undefined) => {
  if (secret === undefined) throw new Error(`No ${name}.`)
  secrets.set(`${name} ${secrets.size}`, secret)
}
/** Quotes, spaces and non-ASCII letters look different in each encoding. */
const oddPassword = () => `${randomBytes(8).toString('hex')} "&ï%2B ${randomBytes(8).toString('hex')}`
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const sendRecorded = async (sent: Sent) => {
  const { headers, text } = await send(idp, sent)
  answers.push({
    endpoint: `${sent.method ?? 'GET'} ${sent.path.split('?')[0]}`,
    said: `${sent.path}\n${sent.body ?? ''}`,
    headers: Object.entries(headers).flatMap(([name, value]) =>
      [value ?? []].flat().map((one) => [name, one] as const),
    ),
    body: text,
  })
}

/** One client's history with one person: sign-in, codes, tokens, refreshing, refusals, sign-out. */
async function live(client: TestClient): Promise<void> {
  const state = randomBytes(32).toString('base64url')
  keep('state', state)
  const person = await idp.person({ password: oddPassword() })
  const journey = await signIn(idp, client, { person, parameters: { state } })
  const { browser } = journey
  keep('password', person.password)
  keep('code verifier', journey.pkce.verifier)
  if (client.secret !== undefined) keep('client secret', client.secret)

  const authenticated = async (path: string, parameters: Record<string, string>) => {
    if (path === '/token') return idp.token(client, parameters)
    const body = new URLSearchParams(parameters)
    const headers: Record<string, string> = {}
    const [id, secret] = [client.client_id, client.secret ?? '']
    if (client.token_endpoint_auth_method === 'client_secret_basic') headers['authorization'] = basic(id, secret)
    else body.set('client_id', id)
    if (client.token_endpoint_auth_method === 'client_secret_post') body.set('client_secret', secret)
    const response = await fetch(idp.issuer + path, { method: 'POST', headers, body })
    return { status: response.status, body: JSON.parse((await response.text()) || '{}') }
  }
  const redeem = (more: Record<string, string> = {}) =>
    authenticated('/token', {
      grant_type: 'authorization_code',
      code: journey.code,
      redirect_uri: client.redirect_uris[0] ?? '',
      code_verifier: journey.pkce.verifier,
      ...more,
    })
  const refresh = (token: string) => authenticated('/token', { grant_type: 'refresh_token', refresh_token: token })

  await redeem({ code_verifier: pkce().verifier })
  const first = (await redeem()).body
  const second = (await refresh(first.refresh_token)).body
  const third = (await refresh(second.refresh_token)).body
  await refresh(second.refresh_token)
  await refresh(`${third.refresh_token}x`)
  for (const path of ['/introspect', '/revoke']) await authenticated(path, {})
  for (const token of [third.access_token, third.refresh_token, `${third.access_token}x`])
    await authenticated('/introspect', { token })
  await fetch(`${idp.issuer}/userinfo`, bearer(third.access_token))
  await fetch(`${idp.issuer}/userinfo`, { ...bearer(third.access_token), method: 'POST' })
  await fetch(`${idp.issuer}/userinfo`, bearer(`${third.access_token}x`))
  await fetch(`${idp.issuer}/userinfo?access_token=${third.access_token}`)
  await browser.get(`/logout?id_token_hint=${third.id_token}x`)

  // A common mistake: the password in the field for the name.
  const page = await browser.get('/sign-in')
  await browser.submit(page, 'sign-in', { username: person.password, password: 'wrong password' })
  await browser.submit(page, 'sign-in', { username: person.username, password: `${person.password}x` })
  const parameters = { ...authorizationParameters(client, pkce(), { state }), response_mode: 'form_post' }
  await browser.get(`/authorize?${new URLSearchParams(parameters)}`)
  await browser.get(`/authorize?${new URLSearchParams({ ...parameters, response_mode: 'fragment', prompt: 'none' })}`)
  const consent = await browser.follow(
    await browser.get(`/authorize?${new URLSearchParams({ ...parameters, prompt: 'consent' })}`),
  )
  await browser.follow(await browser.submit(consent, 'deny', { decision: 'deny' }))

  const account = await everyAccountPage(browser)
  const changed = oddPassword()
  keep('new password', changed)
  const passwords = { 'current-password': 'wrong', 'new-password': changed }
  await browser.submit(account, 'password-change', passwords)
  await browser.submit(account, 'password-change', {
    ...passwords,
    'current-password': person.password,
    'end-applications': '',
  })
  await browser.submit(account, 'sign-in-save', { username: 'renamed', 'confirm-password': person.password })
  await browser.submit(account, 'profile-save', { nickname: 'Nick', birthdate: 'never' })
  await refresh(first.refresh_token)
  await browser.submit(await browser.get('/account/applications'), `disconnect-${client.client_id}`)

  await redeem()
  await refresh(third.refresh_token)
  await authenticated('/revoke', { token: third.refresh_token })
  const leaving = await browser.get('/logout')
  await browser.get(`/logout?id_token_hint=${third.id_token}`)
  await browser.submit(leaving, 'confirm-logout')
}

/** People without an application, and programs that probe. */
async function probe(): Promise<void> {
  const newcomer = idp.browser()
  const password = 'a phrase that nobody has thought of'
  await newcomer.submit(await newcomer.get('/sign-up'), 'sign-up', { email: 'new@example.com', password: 'short' })
  await newcomer.submit(await newcomer.get('/sign-up'), 'sign-up', { email: 'new@example.com', password })
  keep('password at sign-up', password)
  const link = await invited(idp, 'invited@example.com')
  keep('invitation', link.split('=')[1])
  const invitation = await newcomer.get(link)
  for (const chosen of ['short', password]) await newcomer.submit(invitation, 'sign-up', { password: chosen })
  await newcomer.get(link)
  const wellKnown = ['openid-configuration', 'oauth-authorization-server', 'jwks.json'].map(
    (name) => `/.well-known/${name}`,
  )
  const pages = ['/', '/inspect', '/errors', '/account', '/assets/signet.css', '/nowhere', '/authorize']
  for (const path of [...wellKnown, ...pages, '/healthz', '/readyz', '/metrics', '/token'])
    for (const method of ['GET', 'OPTIONS', 'PUT']) await sendRecorded({ method, path })
  await fetch(`${idp.issuer}/metrics`, bearer(`${metricsToken}x`))
}

/** Secrets in wrong places: in each parameter of each valid request, in headers, in paths, in text that is not HTTP. */
async function misplace(): Promise<void> {
  const { good, secrets: more } = await makeMaterial(idp)
  for (const [name, secret] of more) secrets.set(name, secret)
  const journey = await signIn(idp, await idp.client())
  const tokens = (await journey.redeem()).body
  keep('code verifier', journey.pkce.verifier)
  const { access_token: access, refresh_token: refresh, id_token: idToken } = tokens
  const [state = ''] = secrets.values()
  const pasted: string[] = [access, refresh, idToken, journey.code, journey.pkce.verifier, state]
  let turn = 0
  // These are stored as sent until the code is redeemed; and a person's profile and user name are shown to them.
  const kept = ['nonce', 'code_challenge']
  for (const { method, path, parameters, headers = {} } of good) {
    const isShown = (name: string) =>
      path === '/account/profile' || (path === '/account/sign-in' && name === 'username')
    const names = Object.keys(parameters()).filter((name) => !kept.includes(name) && !isShown(name))
    for (const name of [...names, 'client_id', undefined]) {
      const form = parameters()
      if (form['client_assertion'] !== undefined) keep('assertion', form['client_assertion'])
      const misplaced = name && { [name]: pasted[turn++ % pasted.length] ?? '' }
      const body = new URLSearchParams({ ...form, ...misplaced }).toString()
      const type = { 'content-type': 'application/x-www-form-urlencoded' }
      await sendRecorded(
        method === 'GET'
          ? { path: `${path}?${body}`, headers }
          : { method, path, headers: { ...headers, ...type }, body },
      )
    }
    await database.query({ text: 'DELETE FROM rate_limits' })
  }
  for (const secret of pasted) {
    for (const path of ['/', '/assets/', '/errors?request_id=', '/inspect?token=', '/%ff'].map((at) => at + secret))
      await sendRecorded({ path, headers: { accept: 'text/html' } })
    const names = ['authorization', 'origin', 'x-request-id', 'traceparent', 'if-none-match', 'content-type', 'cookie']
    for (const name of [...names, 'expect'])
      await sendRecorded({ method: 'POST', path: '/token', headers: { [name]: secret }, body: 'grant_type=password' })
    for (const authorization of [`Bearer ${secret}x`, basic(secret, secret), `Basic ${secret}`])
      for (const path of ['/userinfo', '/token', '/introspect', '/metrics'])
        await sendRecorded({ method: path === '/metrics' ? 'GET' : 'POST', path, headers: { authorization } })
    const bytes = [
      `GET /authorize?code=${secret} HTTP/1.1\r\nconnection: close\r\n\r\n`,
      `${secret}\r\n\r\n`,
      `GET / HTTP/1.1\r\n${secret}\r\n\r\n`,
    ]
    for (const sent of bytes)
      answers.push({ endpoint: 'bytes', said: '', headers: [], body: await sendBytes(idp, sent) })
  }
}

/** Keys take over, are revoked, and are imported. */
async function turnKeys(): Promise<void> {
  const decide = (step: (now: number) => Step) =>
    keyRing.decide({ by: 'test', reason: 'because' }, ({ now }) => ({ steps: [step(now)], result: undefined }))
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
  const opened = readPrivateKey(pem)
  const key = await sealKey(opened.privateKey, opened.alg, 'from-elsewhere', await openMasterKey(settings, true))
  const standby = () =>
    [...keyRing.keys()].find(([{ alg }, state]) => alg === 'ES256' && state === 'standby')?.[0].kid ?? ''
  const kid = standby()
  await decide((now) => ({ what: 'activate', kid, activatesAt: now }))
  await decide((now) => ({ what: 'import', key, at: now }))
  for (const [name, secret] of await installationSecrets(idp)) inner.set(name, secret)
  await decide((now) => ({ what: 'revoke', kid: 'from-elsewhere', revokedAt: now }))
  for (const [name, secret] of await installationSecrets(idp)) inner.set(name, secret)
  await fetch(`${idp.issuer}/.well-known/jwks.json`, { headers: { 'signet-verifier': 'a service' } })
  // Refusals of unreadable keys do not quote them.
  for (const broken of [pem.slice(0, 150), pem.replace('-----BEGIN', '----BEGIN'), JSON.stringify({ d: pem })])
    try {
      readPrivateKey(broken)
    } catch (err) {
      idp.signet.log.warn({ err }, 'a key could not be imported')
    }
}

/** A device asks, a person allows it, and it asks once more. Another one is denied. */
async function connect(): Promise<void> {
  const client = await idp.client(ofDevice)
  const person = await idp.person()
  keep('password', person.password)
  const browser = idp.browser()
  for (const decision of ['allow', 'deny'] as const) {
    const device = await startDevice(idp, client)
    await device.poll()
    await decide(browser, person, device, decision)
    for (let sent = 0; sent < 2; sent++) await device.poll()
  }
}

/** A part of the database disappears in the middle of requests. */
async function fail(client: TestClient) {
  const { redeem, person } = await signIn(idp, client)
  keep('password', person.password)
  for (const table of ['grants', 'rate_limits'])
    await database.query({ text: `ALTER TABLE ${table} RENAME TO ${table}_away` })
  const reply = await redeem()
  const browser = idp.browser()
  const form = { username: person.username, password: person.password }
  const page = await browser.submit(await browser.get('/sign-in'), 'sign-in', form)
  for (const table of ['grants', 'rate_limits'])
    await database.query({ text: `ALTER TABLE ${table}_away RENAME TO ${table}` })
  return { reply, page, redeem }
}

const confidential = await idp.client()
await live(confidential)
await live(
  await idp.client({ token_endpoint_auth_method: 'client_secret_post', id_token_signed_response_alg: 'RS256' }),
)
await live(await idp.client({ token_endpoint_auth_method: 'none' }))
await connect()
await probe()
await misplace()
await turnKeys()
const failure = await fail(confidential)
await fetch(`${idp.issuer}/metrics`, bearer(metricsToken))
await Promise.all([idp.signet.tokenCounter.stop(), idp.signet.refusals.stop(), idp.signet.verifiersLastSeen.stop()])

const givenOut = new Map<string, string>()
const members = new Set<string>()
const searchTyped = createSearch(secrets)
for (const answer of answers)
  beyondOwn(answer, searchTyped, (member, value) => {
    members.add(member)
    // A `state` of other requests is a single letter.
    if (value.length > 40) givenOut.set(value, member)
  })
for (const [value, member] of givenOut) keep(member, value)
const search = createSearch(new Map([...inner, ...secrets]))
const logged = idp.logged()

t.test('there were secrets to look for, and all those that may be sent out were', async (t) => {
  const kinds = new Set([...secrets.keys()].map((name) => name.replace(/ \d+$/, '')))
  for (const kind of ['assertion', 'client secret', 'code verifier', 'password', 'new password', 'state'])
    t.ok(kinds.has(kind), kind)
  const listed = Object.entries(given).flatMap(([endpoint, { again: _, ...lists }]) =>
    Object.values(lists).flatMap((list: readonly string[]) => list.map((member) => `${endpoint} ${member}`)),
  )
  t.same(members, new Set(listed))
  const names = [...inner.keys()]
  t.ok(names.filter((name) => /^(d|p|q|dp|dq|qi) of /.test(name)).length >= 5 + 3 * 6, 'the members of private keys')
  for (const name of ['the master key', 'd of from-elsewhere', ...purposes.map((one) => `${one} 1`)])
    t.ok(names.includes(name), name)
  const wasRequested = (asked: string) => answers.some(({ endpoint }) => endpoint === asked)
  for (const endpoint of [
    'POST /introspect',
    'POST /revoke',
    'POST /userinfo',
    'GET /errors',
    'OPTIONS /token',
    'bytes',
  ])
    t.ok(wasRequested(endpoint), endpoint)
  t.ok(answers.some(({ endpoint, body }) => endpoint === 'GET /metrics' && body.includes('signet_refusals_total{')))
})

t.test('no response contains more than its recipient was given', async (t) => {
  t.same(leaksInAnswers(search, answers), [])
})

t.test('the log contains none of it, and no query', async (t) => {
  t.match(logged, '"route":"/token"')
  t.same(leaksInLog(search, logged), [])
  t.notMatch(logged, /code=|continue=|id_token_hint=|state=/)
})

t.test('no table contains any of it', async (t) => {
  const { rows } = await database.query<{ type: string }>({ text: 'SELECT DISTINCT type FROM events' })
  const happened = rows.map(({ type }) => type)
  for (const type of ['code_replayed', 'refresh_reused', 'password_changed', 'consent_refused', 'key_revoked'])
    t.ok(happened.includes(type), type)
  const seen = new Set<string>()
  t.same(await leaksInTables(idp, search, seen), [])
  for (const table of [
    'events',
    'refusals',
    'sessions',
    'signing_keys',
    'purpose_secrets',
    'verifiers',
    'refresh_families',
  ])
    t.ok(seen.has(table), table)
})

t.test('a failure of the database reveals nothing, and loses nothing', async (t) => {
  const { reply, page, redeem } = failure
  t.match(reply, { status: 500, body: { error: 'server_error' } })
  t.equal(page.status, 500)
  t.match(reply.body.error_description, reply.headers.get('x-request-id') ?? 'none', 'the request id leads to the log')
  for (const text of [JSON.stringify(reply.body), page.text]) t.notMatch(text, /relation|grants|rate_limits|\n\s+at /)
  for (const { headers } of [reply, page]) t.match(logged, headers.get('x-request-id') ?? 'none')
  t.equal((await redeem()).status, 200)
})

t.test('a leak in the log, in a table, in a header or in a page would be found', async (t) => {
  const [[dName = '', d = ''] = []] = [...inner].filter(([name]) => name.startsWith('d of '))
  const one = (kind: string) => [...secrets].find(([name]) => name.startsWith(kind)) ?? ['', '']
  const [tokenName, token] = one('POST /token access_token')
  const [cookieName, cookie] = one('POST /sign-in signet_session')

  const before = idp.logged().length
  idp.signet.log.trace({ request: { headers: { authorization: `Bearer ${token}` } } }, 'planted')
  const [inLog = '', ...more] = leaksInLog(search, idp.logged().slice(before))
  t.match(inLog, `${tokenName}, in the log`)
  t.same(more, [])

  const hex = Buffer.from(d, 'base64url').toString('hex')
  await database.query({ text: 'INSERT INTO verifiers VALUES ($1, now())', values: [hex] })
  t.match((await leaksInTables(idp, search)).join(), `${dName}, in verifiers`)

  const found = (answer: Partial<Answer>) =>
    leaksInAnswers(search, [{ endpoint: 'POST /token', said: '', headers: [], body: '', ...answer }])
  const debug = Buffer.from(`signet_session=${cookie}; path=/`).toString('base64')
  t.same(found({ headers: [['x-debug', debug]] }), [`${cookieName}, in an answer of POST /token`])
  t.equal(found({ headers: [['set-cookie', `signet_session=${cookie}`]] }).length, 1, 'by an endpoint that sets none')
  t.same(found({ body: `{"access_token":"${token}"}` }), [], 'where it belongs')
  t.equal(found({ body: `{"access_token":"x","hint":"${token}"}` }).length, 1, 'in another member')
  t.equal(found({ endpoint: 'GET /errors', body: `{"access_token":"${token}"}` }).length, 1, 'by another endpoint')
  const typed = { endpoint: 'POST /sign-in', body: `<input name="username" value="${cookie}">` }
  t.equal(found(typed).length, 1, 'that nobody has typed')
  t.same(found({ ...typed, said: `username=${cookie}` }), [])
})

t.test('in any encoding', async (t) => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const { d = '', ...publicJwk } = privateKey.export({ format: 'jwk' })
  const password = oddPassword()
  const unsigned = [{ alg: 'ES256' }, { sub: 'x', aud: 'https://api.example' }].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  )
  const token = [...unsigned, randomBytes(64).toString('base64url')].join('.')
  const search = createSearch(new Map(Object.entries({ d, password, token })))
  t.same(search(`${JSON.stringify(publicJwk)} ${unsigned.join('.')}.x`), [], 'public values are not secrets')

  const bytes = Buffer.from(d, 'base64url')
  const pem = (type: 'pkcs8' | 'sec1') => privateKey.export({ format: 'pem', type }).toString()
  const json = (value: unknown, times: number): string =>
    times ? json(JSON.stringify(value), times - 1) : String(value)
  const percent = (text: Buffer) => text.toString('hex').replace(/../g, '%$&')
  const html = password.replaceAll('&', '&amp;').replaceAll('"', '&quot;')
  const encodings = {
    d: [
      ...[json({ d }, 1), json({ d }, 3), d.slice(0, 31), d.slice(-31), bytes.toString('base64'), inspect(bytes)],
      ...['', 'a', 'ab', 'abc'].map((before) => Buffer.concat([Buffer.from(before), bytes, bytes]).toString('base64')),
      ...[bytes.toString('hex'), bytes.toString('hex').toUpperCase(), `\\x${bytes.toString('hex')}`, percent(bytes)],
      ...[encodeURIComponent(bytes.toString('base64')), BigInt(`0x${bytes.toString('hex')}`).toString()],
      ...[json({ bytes }, 1), pem('pkcs8'), pem('sec1'), json({ pem: pem('pkcs8') }, 2)],
      ...[pem('sec1').replaceAll('\n', '\r\n  '), encodeURIComponent(d).toString(), Buffer.from(d).toString('base64')],
    ],
    password: [
      ...[password, json({ password }, 1), json({ password }, 3), `("${password.replaceAll('"', '""')}",1)`, html],
      ...[encodeURIComponent(password), new URLSearchParams({ password }).toString(), percent(Buffer.from(password))],
      ...[basic('client', password).slice(6), Buffer.from(`a:${password}`).toString('base64')],
    ],
    token: [token, token.split('.')[2] ?? '', `x${token}x`, Buffer.from(`Bearer ${token}`).toString('base64url')],
  }
  for (const [name, texts] of Object.entries(encodings))
    for (const text of texts) t.same(search(`{"a":"${text}"}`), [name], text)
})
