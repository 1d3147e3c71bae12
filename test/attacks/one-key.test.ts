import pg from 'pg'
import t, { type Test } from 'tap'
import { everyAccountPage } from '../support/account-pages.ts'
import { eventually } from '../support/eventually.ts'
import { basic, type Idp, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { clearLimits, cookiesOf, enter, formsOf } from './account-forms.ts'
import { type Answer, postForm, send } from './send.ts'

const pool = 2
const many = 200

const idp = await startSignet(t, { SIGNET_DATABASE_POOL: String(pool), SIGNET_TRUST_PROXY: 'loopback' })
const nodes = [idp, await idp.another()]
const { database } = idp.signet
const client = await idp.client()
const bystander = await signIn(idp, client)
let { refresh_token: bystanders } = (await bystander.redeem()).body

/** The test's own connection, outside of every node's pool. */
async function holder(t: Test) {
  const { databaseUrl, databaseSchema } = idp.signet.settings
  const connection = new pg.Client({ connectionString: databaseUrl, options: `-c search_path=${databaseSchema}` })
  await connection.connect()
  t.teardown(() => connection.end())
  return connection
}

/**
 * Locks rows, sends `many` requests that need them, half to each node, and sends other requests to each node meanwhile.
 *
 * @param lock locks at least one row
 * @returns the responses once the rows were free
 */
async function whileLocked(t: Test, lock: string, values: unknown[], attack: (node: Idp) => Promise<Answer>) {
  const admin = await holder(t)
  const { rows } = await admin.query('SELECT pg_backend_pid() AS pid')
  await admin.query('BEGIN')
  t.not((await admin.query(lock, values)).rowCount, 0, 'there is something to wait for')
  const answers = Promise.all(Array.from({ length: many }, (_, one) => attack(nodes[one % 2] as Idp)))
  const watcher = await holder(t)
  await eventually('both nodes to wait for the row', async () => {
    const text = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND state = 'active' AND application_name = 'signet'
                    AND ($1 = ANY (pg_blocking_pids(pid)) OR pg_blocking_pids(pid) <> '{}')`
    return (await watcher.query(text, [rows[0].pid])).rows.length >= 2
  })
  for (const node of nodes) {
    const ready = await send(node, { path: '/readyz' })
    t.equal(ready.status, 200, ready.text)
    const other = await postForm(
      node,
      '/token',
      new URLSearchParams({ grant_type: 'refresh_token', refresh_token: bystanders }).toString(),
      { authorization: basic(client.client_id, client.secret ?? '') },
    )
    t.equal(other.status, 200, `other clients are served: ${other.text}`)
    bystanders = other.json?.['refresh_token'] ?? bystanders
  }
  await admin.query('ROLLBACK')
  const responses = await answers
  const turnedAway = responses.filter(({ status }) => status === 503)
  t.ok(
    turnedAway.every(({ headers }) => headers['retry-after'] !== undefined),
    'whoever is turned away is told when to retry',
  )
  return responses.filter(({ status }) => status !== 503)
}

const statusesOf = (answers: readonly Answer[]) => [...new Set(answers.map(({ status }) => status))]

t.test('refreshes of one family', async (t) => {
  const app = await idp.client({ token_endpoint_auth_method: 'none' })
  const { refresh_token: first } = (await (await signIn(idp, app)).redeem()).body
  const refresh = (node: Idp, token = first) =>
    postForm(
      node,
      '/token',
      new URLSearchParams({ grant_type: 'refresh_token', refresh_token: token, client_id: app.client_id }).toString(),
    )
  const served = await whileLocked(
    t,
    'SELECT FROM refresh_families JOIN grants ON grants.id = grant_id WHERE client_id = $1 FOR UPDATE OF refresh_families',
    [app.client_id],
    refresh,
  )
  const again = await refresh(idp)
  t.same(statusesOf([...served, again]), [200])
  const successors = new Set([...served, again].map(({ json }) => json?.['refresh_token']))
  t.equal(successors.size, 1, 'all requests got the same successor')
  t.equal((await refresh(nodes[1] as Idp, String([...successors][0]))).status, 200, 'which works')
})

t.test('redemptions of one code', async (t) => {
  const app = await idp.client({ token_endpoint_auth_method: 'none' })
  const { code, pkce } = await signIn(idp, app)
  const form = { grant_type: 'authorization_code', code, code_verifier: pkce.verifier, client_id: app.client_id }
  const body = new URLSearchParams({ ...form, redirect_uri: app.redirect_uris[0] ?? '' }).toString()
  const redeem = (node: Idp) => postForm(node, '/token', body)
  const served = await whileLocked(
    t,
    'SELECT FROM authorization_codes JOIN grants ON grants.id = grant_id WHERE client_id = $1 FOR UPDATE OF authorization_codes',
    [app.client_id],
    redeem,
  )
  const answers = [...served, await redeem(idp)]
  t.equal(answers.filter(({ status }) => status === 200).length, 1, 'exactly one succeeds')
  t.same(new Set(answers.map(({ status }) => status)), new Set([200, 400]))
})

t.test('revocations of one token', async (t) => {
  const { refresh_token: token } = (await (await signIn(idp, client)).redeem()).body
  const body = new URLSearchParams({ token }).toString()
  const authorization = basic(client.client_id, client.secret ?? '')
  const served = await whileLocked(
    t,
    'SELECT FROM grants WHERE id = (SELECT grant_id FROM refresh_families ORDER BY created_at DESC LIMIT 1) FOR UPDATE',
    [],
    (node) => postForm(node, '/revoke', body, { authorization }),
  )
  t.same(statusesOf([...served, await postForm(idp, '/revoke', body, { authorization })]), [200])
  const { rows } = await database.query("SELECT count(*) AS ends FROM events WHERE type = 'token_revoked'")
  t.match(rows, [{ ends: 1 }], 'it ended once')
})

t.test('first tokens of one machine', async (t) => {
  await idp.resource('https://api.example', ['api:read'])
  const machine = await idp.client({
    grant_types: ['client_credentials'],
    scope: 'api:read',
    resources: ['https://api.example'],
    redirect_uris: [],
    response_types: [],
  })
  const authorization = basic(machine.client_id, machine.secret ?? '')
  const ask = (node: Idp) => postForm(node, '/token', 'grant_type=client_credentials', { authorization })
  const served = await whileLocked(
    t,
    'SELECT FROM client_secrets WHERE client_id = $1 FOR UPDATE',
    [machine.client_id],
    ask,
  )
  t.same(statusesOf([...served, await ask(idp)]), [200])
  const { rows } = await database.query('SELECT count(*) AS grants FROM grants WHERE client_id = $1', [
    machine.client_id,
  ])
  t.match(rows, [{ grants: 1 }])
})

t.test('requests of a browser about its own account', async (t) => {
  const { person, browser } = await signIn(idp, client)
  await enter(idp, person)
  const page = await everyAccountPage(browser)
  const headers = { cookie: cookiesOf(browser), origin: idp.issuer }
  const sessions = 'SELECT FROM sessions WHERE sub = $1 FOR UPDATE'

  t.test('account forms', async (t) => {
    const { path, values } = formsOf(page, person, client.client_id)['profile'] ?? { path: '', values: {} }
    const body = new URLSearchParams(values).toString()
    const served = await whileLocked(t, sessions, [person.sub], (node) => postForm(node, path, body, headers))
    t.same(statusesOf([...served, await postForm(idp, path, body, headers)]), [303])
  })

  t.test('authorization requests do not wait for a lock on the session', async (t) => {
    const trusted = await idp.client({ first_party: true, require_pkce: false })
    const query = new URLSearchParams({
      ...{ client_id: trusted.client_id, response_type: 'code', redirect_uri: trusted.redirect_uris[0] ?? '' },
      ...{ scope: 'openid', nonce: 'x' },
    })
    const ask = (node: Idp) => send(node, { path: `/authorize?${query}`, headers })
    const admin = await holder(t)
    await admin.query('BEGIN')
    await admin.query(sessions, [person.sub])
    const answers = await Promise.all(Array.from({ length: many }, (_, one) => ask(nodes[one % 2] as Idp)))
    await admin.query('ROLLBACK')
    t.same(statusesOf(answers), [303])
    t.ok(answers.every(({ location }) => location?.startsWith('https://app.example/callback?code=')))
  })

  t.test('consents to one application', async (t) => {
    const asked = await idp.client({ require_pkce: false })
    const query = new URLSearchParams({
      ...{ client_id: asked.client_id, response_type: 'code', redirect_uri: asked.redirect_uris[0] ?? '' },
      ...{ scope: 'openid', nonce: 'x', prompt: 'consent' },
    })
    const consent = await browser.follow(await browser.get(`/authorize?${query}`))
    const hidden = Object.fromEntries(
      [...consent.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [
        name,
        value,
      ]),
    )
    const body = new URLSearchParams({ ...hidden, decision: 'allow' }).toString()
    const give = (node: Idp) => postForm(node, '/consent', body, headers)
    await give(idp)
    const served = await whileLocked(
      t,
      'SELECT FROM consents WHERE sub = $1 AND client_id = $2 FOR UPDATE',
      [person.sub, asked.client_id],
      give,
    )
    t.same(statusesOf([...served, await give(idp)]), [303])
  })

  t.test('pages, a minute after the session was last used', async (t) => {
    await database.query("UPDATE sessions SET used_at = now() - interval '2 minutes' WHERE sub = $1", [person.sub])
    const admin = await holder(t)
    await admin.query('BEGIN')
    await admin.query(sessions, [person.sub])
    for (const node of nodes) t.equal((await send(node, { path: '/account', headers })).status, 200, 'nothing waits')
    await admin.query('ROLLBACK')
    t.equal((await send(idp, { path: '/account', headers })).status, 200)
    const { rows } = await database.query(
      "SELECT FROM sessions WHERE sub = $1 AND used_at > now() - interval '1 minute'",
      [person.sub],
    )
    t.equal(rows.length, 1, 'and the use is recorded once the row is free')
  })

  t.test('sign-ins with the right password', async (t) => {
    const body = new URLSearchParams({ username: person.username, password: person.password }).toString()
    const enterAgain = (node: Idp) => postForm(node, '/sign-in', body, { origin: idp.issuer })
    await clearLimits(idp)
    const served = await whileLocked(t, 'SELECT FROM accounts WHERE sub = $1 FOR UPDATE', [person.sub], enterAgain)
    t.ok(statusesOf(served).every((status) => [303, 429].includes(status)))
    await clearLimits(idp)
    t.equal((await enterAgain(idp)).status, 303)
  })

  t.test('sign-outs of one session', async (t) => {
    const leave = (node: Idp) => postForm(node, '/logout/confirm', '', headers)
    const served = await whileLocked(t, sessions, [person.sub], leave)
    t.same(statusesOf([...served, await leave(idp)]), [200])
  })
})

t.test('guesses at one account, which all count in one row', async (t) => {
  const person = await idp.person()
  const body = new URLSearchParams({ username: person.username, password: 'wrong' }).toString()
  const guess = (node: Idp) => postForm(node, '/sign-in', body, { origin: idp.issuer })
  await clearLimits(idp)
  await guess(idp)
  const served = await whileLocked(t, 'SELECT FROM rate_limits FOR UPDATE', [], guess)
  t.ok(statusesOf(served).every((status) => [403, 429].includes(status)))
  const looked = served.filter(({ status }) => status === 403).length
  t.ok(looked <= 9, `${looked} more were checked, of ten`)
})

t.test('guesses at one account from many networks, which count in one row', async (t) => {
  const person = await idp.person()
  const body = new URLSearchParams({ username: person.username, password: 'wrong' }).toString()
  let networks = 0
  const guess = (node: Idp) =>
    postForm(node, '/sign-in', body, { origin: idp.issuer, 'x-forwarded-for': `2001:${(++networks).toString(16)}::1` })
  await clearLimits(idp)
  await guess(idp)
  const served = await whileLocked(t, 'SELECT FROM failed_sign_ins FOR UPDATE', [], guess)
  t.same(statusesOf(served), [403])
})

t.test('and none of it caused a server error', async (t) => {
  for (const node of nodes) t.notMatch(node.logged(), 'unexpected failure')
})
