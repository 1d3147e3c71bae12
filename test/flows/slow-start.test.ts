// Own process: it waits for most of its time.
import type { ChildProcess } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import t, { type Test } from 'tap'
import { clientConfig } from '../../src/platform/database/hosts.ts'
import { migrate } from '../../src/platform/database/migrations.ts'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { answer } from '../cli/console.ts'
import { type Spawned, spawnSignet } from '../cli/spawned.ts'
import { noLog, testDatabase } from '../database.ts'
import { freshFolder } from '../platform/database/own-server.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/idp.ts'
import { insertTestKeys, testMasterKey } from '../support/signing-keys.ts'

/**
 * Percentage of the time that a starved process may run. 5 takes twice as long, too long for every run of the tests: SIGNET_TEST_STARVED=5
 * node build/test/flows/slow-start.test.js
 */
const percent = Number(process.env['SIGNET_TEST_STARVED'] ?? 12)

// Each wait has its own deadline.
t.setTimeout(600_000)

interface Installation {
  readonly settings: Record<string, string>
  readonly database: pg.Client
}

async function emptyInstallation(t: Test): Promise<Installation> {
  const { url, schema, connection } = await testDatabase(t)
  const database = new pg.Client(clientConfig(connection))
  await database.connect()
  await database.query(`SET search_path = ${schema}`)
  t.teardown(() => database.end())
  const settings = {
    SIGNET_DATABASE_URL: url,
    SIGNET_DATABASE_SCHEMA: schema,
    SIGNET_KEYS_DIR: `${freshFolder(t)}/keys`,
    SIGNET_ISSUER: `http://localhost:${await freePort()}`,
  }
  return { settings, database }
}

async function migrated(t: Test): Promise<Installation> {
  const installation = await emptyInstallation(t)
  const { SIGNET_DATABASE_URL: connectionString = '', SIGNET_DATABASE_SCHEMA: schema = '' } = installation.settings
  await migrate({ connection: { connectionString }, schema, log: noLog })
  return installation
}

const serve = async (t: Test, settings: Record<string, string>) =>
  spawnSignet(t, { ...settings, SIGNET_PORT: String(await freePort()) }, 'serve')
const isReady = ({ out }: Spawned) => out().includes('Signet is ready')

/** Waits until a condition holds; throws if one of these processes exits first. */
async function until(holds: () => Promise<boolean> | boolean, what: string, ...alive: Spawned[]): Promise<void> {
  const ended = alive.map(async ({ ended, err }) => {
    await ended
    throw new Error(`The process ended before ${what}: ${err()}`)
  })
  for (const early of ended) early.catch(() => {}) // it may exit later
  await Promise.race([eventually(`a time when ${what}`, holds), ...ended])
}

/** Lets processes run for some milliseconds, stops them for many more, and so on, like a machine without spare CPU time. */
function starve(t: Test, ...children: ChildProcess[]): () => void {
  const running = 40
  let isOver = false
  const signal = (name: NodeJS.Signals) => {
    for (const child of children) child.kill(name)
  }
  const cycle = async () => {
    while (!isOver) {
      signal('SIGSTOP')
      await pause((running * (100 - percent)) / percent)
      signal('SIGCONT')
      await pause(running)
    }
  }
  const cycling = cycle()
  const end = () => {
    isOver = true
    return cycling
  }
  t.teardown(end)
  return end
}

t.test('while another node sets up the installation, a server says so, and SIGTERM stops it immediately', async (t) => {
  const { settings, database } = await migrated(t)
  await database.query('BEGIN')
  await database.query(`SELECT pg_advisory_xact_lock(hashtext('signet-installation'), hashtext(current_schema()))`)
  const server = await serve(t, settings)
  await until(() => server.err().includes('Another node is setting up this installation'), 'it says so', server)
  server.child.kill('SIGTERM')
  const { code, out, err } = await server.ended
  t.same({ code, out }, { code: 1, out: '' })
  t.match(err, /signet: Interrupted before the server was ready\.\n$/)
  await database.query('ROLLBACK')
  const { rows } = await database.query('SELECT (SELECT count(*)::int FROM purpose_secrets) AS secrets')
  t.same(rows, [{ secrets: 0 }])
})

t.test('a command waits until the other node is finished, and then does its work', async (t) => {
  const { settings, database } = await migrated(t)
  await insertTestKeys({ query: ({ text, values }) => database.query(text, values) })
  const environment = { ...settings, SIGNET_MASTER_KEY: testMasterKey }
  const rotate = ['keys', 'rotate', '--now', '--json']
  const run = (stopSignal: AbortSignal) =>
    answer(rotate, { environment, folder: '/nowhere', stopSignal, onError: () => said() })
  let said = () => {}
  const waits = () =>
    new Promise<void>((resolve) => {
      said = resolve
    })

  await database.query('BEGIN')
  await database.query('SELECT FROM key_ring FOR UPDATE')
  const stop = new AbortController()
  let waiting = waits()
  const interrupted = run(stop.signal)
  await waiting
  stop.abort()
  t.match(await interrupted, {
    code: 1,
    out: '',
    err: /deciding about signing keys; waiting .*\nsignet: Interrupted; n/,
  })

  waiting = waits()
  const created = run(new AbortController().signal)
  await waiting
  await database.query('COMMIT')
  t.match(await created, {
    code: 0,
    err: /^signet: Another node is deciding about signing keys; waiting for it to finish\.\n/,
  })
})

t.test('a start that is suspended for longer than a request may wait continues where it was', async (t) => {
  const { settings, database } = await migrated(t)
  // Its first statement under the lock has to wait. The answer comes while it is suspended and cannot read it.
  await database.query('BEGIN')
  await database.query('LOCK TABLE installation IN ACCESS EXCLUSIVE MODE')
  const server = await serve(t, settings)
  const asks = `SELECT FROM pg_locks WHERE relation = 'installation'::regclass AND NOT granted`
  await until(async () => (await database.query(asks)).rowCount === 1, 'it asks for the issuer on record', server)
  server.child.kill('SIGSTOP')
  await database.query('COMMIT')
  await pause(6_000)
  server.child.kill('SIGCONT')
  await until(() => isReady(server), 'it is ready', server)
  server.child.kill('SIGTERM')
  t.equal((await server.ended).code, 0)
})

t.test(`with ${percent} % of the CPU time, two nodes start at the same moment, and keys are rotated`, async (t) => {
  const { settings, database } = await emptyInstallation(t)
  const nodes = [await serve(t, settings), await serve(t, settings)]
  // The program is loaded, and the part that could be interrupted begins.
  const record = `SELECT to_regclass('schema_migrations') IS NOT NULL AS there`
  await until(async () => (await database.query(record)).rows[0].there, 'the migrations begin', ...nodes)
  const feed = starve(t, ...nodes.map(({ child }) => child))
  await until(() => nodes.every(isReady), 'both are ready', ...nodes)
  feed()
  const { rows } = await database.query(
    `SELECT alg, count(*)::int AS keys FROM signing_keys GROUP BY alg ORDER BY alg COLLATE "C"`,
  )
  t.same(
    rows,
    [...signingAlgorithms].sort().map((alg) => ({ alg, keys: 3 })),
    'one set of keys',
  )
  const rotation = spawnSignet(t, settings, 'keys', 'rotate', '--now', '--json')
  starve(t, rotation.child)
  const { code, out, err } = await rotation.ended
  t.equal(code, 0, err)
  t.match(
    JSON.parse(out),
    signingAlgorithms.map((alg) => ({ alg, signs: true })),
  )
  for (const { child, ended, err } of nodes) {
    child.kill('SIGTERM')
    t.equal((await ended).code, 0)
    t.notMatch(err(), /"level":[56]0/)
  }
})
