// Own process: it takes long.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { decodeProtectedHeader } from 'jose'
import pg from 'pg'
import t, { type Test } from 'tap'
import type { Finding } from '../../src/cli/doctor/finding.ts'
import { queueMail } from '../../src/operations/queue-mail.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { answer, emptyFolder } from '../cli/console.ts'
import { eventually } from '../support/eventually.ts'
import { basic, freePort, type Idp, type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { documentedSettings, type PooledDatabase, pooledDatabase, whyNoPooler } from '../support/pgbouncer.ts'
import { testMasterKey } from '../support/signing-keys.ts'

const reason = await whyNoPooler()

/** A test that needs PgBouncer. */
function pooled(name: string, work: (t: Test) => Promise<void>): void {
  if (reason === undefined) t.test(name, work)
  else t.test(`${name} (skipped: ${reason})`, { skip: true }, async () => {})
}

const roleSettings = documentedSettings()
const api = 'https://notes.example'
const password = 'a long and winding password'

function settingsFor(t: Test, db: PooledDatabase): Record<string, string> {
  return {
    SIGNET_DATABASE_URL: db.url,
    SIGNET_DATABASE_SCHEMA: db.schema,
    SIGNET_MASTER_KEY: testMasterKey,
    SIGNET_KEYS_DIR: emptyFolder(t),
    SIGNET_DATA_DIR: emptyFolder(t),
    SIGNET_KEY_LEASE: '6s',
  }
}

async function post(idp: Idp, path: string, client: TestClient, form: Record<string, string>): Promise<Reply> {
  const response = await fetch(`http://127.0.0.1:${idp.signet.settings.port}${path}`, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { authorization: basic(client.client_id, client.secret ?? '') },
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

const ready = (idp: Idp) => fetch(`http://127.0.0.1:${idp.signet.settings.port}/readyz`)

/** The findings of `signet doctor`, by the name of the check. */
async function doctor(environment: Record<string, string>): Promise<Map<string, Finding>> {
  // An issuer where nothing listens: only the internal checks matter.
  const url = `http://127.0.0.1:${await freePort()}`
  const { out } = await answer(['doctor', '--json', '--url', url], { environment, folder: '/' })
  const { findings } = JSON.parse(out) as { findings: Finding[] }
  return new Map(findings.map((finding) => [finding.check, finding]))
}

/** Signs up on one node, redeems, refreshes and introspects on the other, and back: everything that follows a sign-in. */
async function wholeJourney(one: Idp, two: Idp, client: TestClient, resourceServer: TestClient) {
  const proof = pkce()
  const parameters = authorizationParameters(client, proof, {
    prompt: 'create',
    scope: 'openid offline_access notes:read',
  })
  const browser = one.browser()
  const page = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
  const email = `${Math.random().toString(36).slice(2)}@example.com`
  let visit = await browser.follow(await browser.submit(page, 'sign-up', { email, password, username: '' }))
  if (visit.text.includes('id="allow"'))
    visit = await browser.follow(await browser.submit(visit, 'allow', { decision: 'allow' }))
  const code = new URL(visit.location ?? 'about:blank').searchParams.get('code') ?? ''
  const redeemed = await two.token(client, {
    ...{ grant_type: 'authorization_code', code, code_verifier: proof.verifier },
    redirect_uri: client.redirect_uris[0] ?? '',
  })
  const refresh = (idp: Idp, refresh_token: string) => idp.token(client, { grant_type: 'refresh_token', refresh_token })
  const second = await refresh(one, redeemed.body.refresh_token)
  const third = await refresh(two, second.body.refresh_token ?? redeemed.body.refresh_token)
  const introspected = await post(one, '/introspect', resourceServer, { token: third.body.access_token })
  const machine = await two.token(resourceServer, { grant_type: 'client_credentials' })
  const revoked = await post(two, '/revoke', client, { token: third.body.refresh_token ?? redeemed.body.refresh_token })
  const afterwards = await post(one, '/introspect', resourceServer, { token: third.body.access_token })
  return {
    statuses: [redeemed, second, third, introspected, machine, revoked, afterwards].map(({ status }) => status),
    active: [introspected.body.active, afterwards.body.active],
    kid: decodeProtectedHeader(third.body.access_token).kid,
  }
}

pooled('PgBouncer in transaction mode: two nodes start on an empty database and do everything', async (t) => {
  const db = await pooledDatabase(t, { mode: 'transaction', role: roleSettings, ini: { default_pool_size: 4 } })
  const ports = [await freePort(), await freePort()]
  const settings = {
    ...settingsFor(t, db),
    SIGNET_ISSUER: `http://localhost:${ports[0]}`,
    SIGNET_DATABASE_PREPARED_STATEMENTS: db.keepsStatements ? 'on' : 'auto',
  }
  const [one, two] = (await Promise.all(
    ports.map((port) => startSignet(t, { ...settings, SIGNET_PORT: String(port) })),
  )) as [Idp, Idp]
  const command = async (...args: string[]) => {
    const { code, out, err } = await answer(args, {
      environment: { ...settings, SIGNET_LOG_LEVEL: 'silent' },
      folder: '/',
    })
    if (code !== 0) throw new Error(`signet ${args.join(' ')}: ${err}`)
    return out
  }
  const resourceServer = await one.client({ grant_types: ['client_credentials'], scope: '' })
  await one.resource(api, ['notes:read'], { servedBy: [resourceServer.client_id] })
  const client = await one.client({ resources: [api], scope: 'openid offline_access notes:read' })

  t.test("ten people's journeys at once, over both nodes", async (t) => {
    const journeys = await Promise.all(
      Array.from({ length: 10 }, (_, index) => {
        const [near, far] = index % 2 === 0 ? [one, two] : [two, one]
        return wholeJourney(near, far, client, resourceServer)
      }),
    )
    for (const { statuses, active } of journeys) {
      t.same(statuses, [200, 200, 200, 200, 200, 200, 200])
      t.same(active, [true, false])
    }
    for (const node of [one, two]) t.equal((await ready(node)).status, 200)
  })

  t.test('a change by a command takes effect immediately, although no node is notified', async (t) => {
    for (const node of [one, two]) {
      const lines = node
        .logged()
        .split('\n')
        .filter((line) => line.includes('transaction mode'))
      t.equal(lines.length, 1, 'the node logs once that it works without notifications')
      const { status } = await node.token(resourceServer, { grant_type: 'client_credentials' })
      t.equal(status, 200)
    }
    await command('clients', 'delete', resourceServer.client_id)
    for (const node of [one, two])
      t.match(await node.token(resourceServer, { grant_type: 'client_credentials' }), { status: 401 })
  })

  t.test('mails are sent once, although no node is notified of them', async (t) => {
    const addresses = Array.from({ length: 10 }, (_, index) => `person${index}@example.com`)
    await Promise.all(
      addresses.map((to) =>
        inTransaction(one.signet.database, (tx) =>
          queueMail(tx, one.signet, { to, locale: 'en', mail: { kind: 'test' } }),
        ),
      ),
    )
    await eventually(
      'the queue to be empty',
      async () => (await db.ask('SELECT id FROM signet_jobs.jobs')).length === 0,
    )
    const sent = [one, two].flatMap(({ signet: { settings } }) => {
      const folder = settings.mail.delivery === 'files' ? settings.mail.folder : ''
      return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []
    })
    // Both nodes have the same folder.
    const recipients = [...new Set(sent)].map((file) => /^To: (.*)\r$/m.exec(readFileSync(file, 'utf8'))?.[1])
    // The people who have signed up got mails, too.
    t.same(recipients.filter((to) => addresses.includes(to ?? '')).sort(), addresses)
  })

  t.test('keys are rotated by a command, and every node signs with the new one within its lease', async (t) => {
    const kid = async (idp: Idp) => {
      const journey = await signIn(idp, client)
      return decodeProtectedHeader((await journey.redeem()).body.access_token).kid
    }
    const before = await kid(one)
    await command('keys', 'rotate', '--now', '--reason', 'test')
    for (const node of [one, two])
      await eventually('the node to sign with the next key', async () => (await kid(node)) !== before)
    t.equal(await kid(one), await kid(two))
  })

  t.test('killing server connections under load causes at most a 503', async (t) => {
    const machine = await one.client({ grant_types: ['client_credentials'], scope: '' })
    const statuses = new Set<number>()
    let isOver = false
    const load = [one, two].flatMap((node) =>
      [0, 1, 2].map(async () => {
        while (!isOver) {
          statuses.add((await node.token(machine, { grant_type: 'client_credentials' })).status)
          statuses.add((await node.browser().get(`/authorize?client_id=${client.client_id}`)).status)
          await post(node, '/introspect', machine, { token: 'none' }).then(({ status }) => statuses.add(status))
        }
      }),
    )
    const kill = `SELECT pg_terminate_backend(pid) FROM (
                    SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
                    AND pid <> pg_backend_pid() ORDER BY random() LIMIT 2) AS victims`
    try {
      for (let kills = 0; kills < 15; kills += 1) {
        await db.ask(kill)
        await pause(20)
      }
    } finally {
      isOver = true
      await Promise.all(load)
    }
    t.same(
      [...statuses].filter((status) => ![200, 400, 503].includes(status)),
      [],
    )
    for (const node of [one, two]) {
      await eventually('the node to be ready again', async () => (await ready(node)).status === 200)
      t.equal((await node.token(machine, { grant_type: 'client_credentials' })).status, 200)
    }
  })

  t.test('doctor detects the pooler, and what the role lacks', async (t) => {
    const findings = await doctor({ ...settings, SIGNET_ISSUER: one.issuer })
    t.match(findings.get('database-pooler'), { status: 'good', finding: /transaction mode.* clients for each request/ })
    t.match(findings.get('database-connections'), { status: 'skipped' })
    t.match(findings.get('migrations'), { status: 'good' })
    t.match(findings.get('key-pairs'), { status: 'good' })
    await db.setRole({ statement_timeout: '0' })
    t.match((await doctor(settings)).get('database-pooler'), {
      status: 'warning',
      advice: /ALTER ROLE .* SET statement_timeout = '4500ms';/,
    })
    await db.setRole(roleSettings)
  })

  t.test("nothing is left in the server's sessions, and nothing outside the schema", async (t) => {
    t.same(await db.ask("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"), [])
    t.same(
      await db.ask(
        `SELECT nspname FROM pg_namespace WHERE nspname NOT IN ('signet', 'signet_jobs', 'public', 'information_schema') AND nspname !~ '^pg_'`,
      ),
      [],
    )
    // One transaction in each of the pooler's server connections.
    const clients = Array.from({ length: 4 }, () => new pg.Client(db.url))
    for (const one of clients) one.on('error', () => {})
    t.teardown(() => Promise.all(clients.map((one) => one.end())))
    for (const one of clients) await one.connect()
    for (const one of clients) await one.query('BEGIN')
    for (const one of clients) {
      const { rows } = await one.query(
        `SELECT current_setting('search_path') AS path, current_setting('statement_timeout') AS timeout,
                (SELECT count(*)::int FROM pg_prepared_statements WHERE name !~ '^PGBOUNCER_') AS prepared,
                (SELECT count(*)::int FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS locks,
                (SELECT count(*)::int FROM pg_listening_channels()) AS channels`,
      )
      t.same(rows, [{ path: 'signet', timeout: '4500ms', prepared: 0, locks: 0, channels: 0 }])
    }
    for (const one of clients) await one.query('COMMIT')
  })
})

pooled('PgBouncer in session mode: the role needs no settings, and nodes are notified of changes', async (t) => {
  const db = await pooledDatabase(t, { mode: 'session', ini: { default_pool_size: 20 } })
  const idp = await startSignet(t, settingsFor(t, db))
  const client = await idp.client()
  t.equal((await (await signIn(idp, client)).redeem()).status, 200)
  t.same(await db.ask("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"), [])
  const machine = await idp.client({ grant_types: ['client_credentials'], scope: '' })
  await eventually('the node to keep the client in memory', async () => {
    await idp.token(machine, { grant_type: 'client_credentials' })
    return idp.signet.clients.cached(machine.client_id) !== undefined
  })
  await db.ask(`DELETE FROM signet.clients WHERE client_id = '${machine.client_id}'`)
  await eventually('the node to forget it', () => idp.signet.clients.cached(machine.client_id) === undefined)
})

pooled(
  'PgBouncer in transaction mode with a role that lacks the schema setting: nothing starts, and nothing is created',
  async (t) => {
    const db = await pooledDatabase(t, { mode: 'transaction' })
    const environment = { ...settingsFor(t, db), SIGNET_LOG_LEVEL: 'silent' }
    for (const command of [['serve'], ['clients', 'list']]) {
      const { code, out, err } = await answer(command, { environment, folder: '/' })
      t.same({ code, out }, { code: 1, out: '' })
      t.match(
        err,
        /^signet: .*transaction mode.* search_path is "\$user", public.* ALTER ROLE .* SET search_path = "signet";.*\n$/,
      )
    }
    t.same(await db.ask("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"), [])
    t.same(await db.ask("SELECT nspname FROM pg_namespace WHERE nspname = 'signet'"), [])
  },
)
