import t, { type Test } from 'tap'
import { type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { createSearch, dressesOf, installationSecrets } from './leaks.ts'

/** A secret, under the name that a finding gets. */
type Secrets = Map<string, string>

/** Everything that came back over HTTP while `work` ran, headers and bodies. */
async function recorded(t: Test, work: () => Promise<void>): Promise<string> {
  const { fetch } = globalThis
  const texts: string[] = []
  const restore = t.intercept(globalThis, 'fetch', {
    value: async (...request: Parameters<typeof fetch>) => {
      const response = await fetch(...request)
      texts.push(JSON.stringify([...response.headers]), await response.clone().text())
      return response
    },
  })
  await work()
  restore.restore()
  return texts.join('\n')
}

/** Every row of every table, as text; what is binary, in hexadecimal. */
async function everyRow(idp: Idp): Promise<[table: string, row: string][]> {
  const { database, settings } = idp.signet
  const { rows: tables } = await database.query<{ name: string }>({
    text: 'SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 ORDER BY 1',
    values: [settings.databaseSchema],
  })
  const rows: [string, string][] = []
  for (const { name } of tables) {
    const found = await database.query<{ row: string }>({ text: `SELECT t::text AS row FROM "${name}" AS t` })
    for (const { row } of found.rows) rows.push([name, row])
  }
  return rows
}

const found = (secrets: Secrets, text: string) => createSearch(secrets)(text)

/** What a whole life brings forth: sign-in and sign-up, codes, tokens, refreshing, refusals, sign-out. */
async function live(idp: Idp, clients: TestClient[], secrets: Secrets): Promise<void> {
  const keep = (name: string, secret: unknown) => {
    if (typeof secret !== 'string' || secret.length < 16) throw new Error(`The ${name} is no secret: ${secret}`)
    secrets.set(`${name} ${secrets.size}`, secret)
  }
  for (const client of clients) {
    const journey = await signIn(idp, client)
    const { browser, person } = journey
    keep('password', person.password)
    keep('code', journey.code)
    keep('code verifier', journey.pkce.verifier)
    for (const [name, value] of browser.cookies) keep(`cookie ${name}`, value)
    if (client.secret !== undefined) keep('client secret', client.secret)

    await journey.redeem(journey.code, { code_verifier: pkce().verifier })
    const first = (await journey.redeem()).body
    const refresh = (token: string) => idp.token(client, { grant_type: 'refresh_token', refresh_token: token })
    const second = (await refresh(first.refresh_token)).body
    const third = (await refresh(second.refresh_token)).body
    for (const tokens of [first, second, third])
      for (const name of ['access_token', 'id_token', 'refresh_token']) keep(name, tokens[name])
    await refresh(`${third.refresh_token}x`)
    await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${third.access_token}` } })
    await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${third.access_token}x` } })
    await fetch(`${idp.issuer}/userinfo?access_token=${third.access_token}`)
    await browser.get(`/logout?id_token_hint=${third.id_token}x`)

    // What people do by mistake: the password where the name belongs.
    const page = await browser.get('/sign-in')
    await browser.submit(page, 'sign-in', { username: person.password, password: 'wrong password' })
    await browser.submit(page, 'sign-in', { username: person.username, password: `${person.password}x` })
    const silent = authorizationParameters(client, pkce(), { response_mode: 'form_post' })
    const formPost = await browser.get(`/authorize?${new URLSearchParams(silent)}`)
    keep('code by form_post', /name="code" value="([^"]*)"/.exec(formPost.text)?.[1])
    await journey.redeem()
    await refresh(third.refresh_token)
    await browser.get(`/logout?id_token_hint=${third.id_token}`)
  }
  const newcomer = idp.browser()
  const password = 'a phrase that nobody has thought of'
  await newcomer.submit(await newcomer.get('/sign-up'), 'sign-up', { email: 'new@example.com', password: 'short' })
  await newcomer.submit(await newcomer.get('/sign-up'), 'sign-up', { email: 'new@example.com', password })
  keep('password at sign-up', password)
  for (const [name, value] of newcomer.cookies) keep(`cookie ${name}`, value)
}

t.test('a whole life leaves no secret behind', async (t) => {
  const idp = await startSignet(t, { SIGNET_LOG_LEVEL: 'trace' })
  const clients = [
    await idp.client(),
    await idp.client({ token_endpoint_auth_method: 'client_secret_post', id_token_signed_response_alg: 'RS256' }),
    await idp.client({ token_endpoint_auth_method: 'none' }),
  ]
  const secrets: Secrets = new Map()
  const answers = await recorded(t, () => live(idp, clients, secrets))
  const inner = await installationSecrets(idp)
  t.ok(secrets.size > 40 && inner.size >= 4 + 1 + 2 + 12, 'there is something to look for')

  t.test('in the log', async (t) => {
    const logged = idp.logged()
    t.match(logged, '"route":"/token"', 'something was logged')
    t.same(found(secrets, logged), [])
    t.same(found(inner, logged), [])
    t.notMatch(logged, /code=|continue=|id_token_hint=|state=/, 'nor a query')
  })

  t.test('in any table', async (t) => {
    const rows = await everyRow(idp)
    t.ok(new Set(rows.map(([table]) => table)).size >= 12, 'nearly every table has rows')
    for (const [table, row] of rows) t.same([...found(secrets, row), ...found(inner, row)], [], table)
  })

  t.test('in any answer, those apart that were given to their owner', async (t) => {
    t.match(answers, 'access_token', 'answers were recorded')
    t.same(found(inner, answers), [], 'what is inside stays inside')
    const passwords = new Map([...secrets].filter(([name]) => /^(password|client secret|code verifier)/.test(name)))
    t.ok(passwords.size >= 9)
    // The one that was typed into the name's field stands there again, for the person to see.
    const shownAgain = new RegExp(`value="(${[...passwords.values()].join('|')})"`, 'g')
    t.same(found(passwords, answers.replace(shownAgain, '')), [])
  })

  t.test('and this test would find one', async (t) => {
    const [[name = '', secret = ''] = []] = [...secrets]
    for (const dress of dressesOf(secret)) t.same(found(secrets, `{"a":"${dress}"}`), [name])
  })
})

t.test('a failure of the database tells nothing either', async (t) => {
  const idp = await startSignet(t, { SIGNET_LOG_LEVEL: 'trace' })
  const client = await idp.client()
  const { code, redeem, person } = await signIn(idp, client)
  await idp.signet.database.query({ text: 'ALTER TABLE grants RENAME TO grants_away' })
  await idp.signet.database.query({ text: 'ALTER TABLE rate_limits RENAME TO rate_limits_away' })
  const reply = await redeem()
  t.match(reply, { status: 500, body: { error: 'server_error' } })
  t.match(reply.body.error_description, reply.headers.get('x-request-id') ?? 'none', 'the request id leads to the log')
  const browser = idp.browser()
  const page = await browser.get('/sign-in')
  const failed = await browser.submit(page, 'sign-in', { username: person.username, password: person.password })
  t.equal(failed.status, 500)
  for (const text of [JSON.stringify(reply.body), failed.text]) t.notMatch(text, /relation|grants|rate_limits|\n\s+at /)
  t.match(idp.logged(), failed.headers.get('x-request-id') ?? 'none')
  for (const secret of [code, person.password, client.secret ?? '']) t.notMatch(idp.logged(), secret)
  await idp.signet.database.query({ text: 'ALTER TABLE grants_away RENAME TO grants' })
  t.equal((await redeem()).status, 200, 'and nothing was lost')
})
