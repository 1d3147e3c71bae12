// Own process: it waits for most of its time.
import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { examine } from '../../src/cli/doctor/examine.ts'
import { readRing } from '../../src/key-ring/decide.ts'
import { deleteClient } from '../../src/operations/client-registration.ts'
import { createPool, type PoolOptions } from '../../src/platform/database/pool.ts'
import { probeDisk, recordNodeSeen } from '../../src/platform/database/primary-store.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { isUnavailable } from '../../src/platform/database/unavailable.ts'
import { spawnSignet } from '../cli/spawned.ts'
import { noLog } from '../database.ts'
import { freshFolder } from '../platform/database/own-server.ts'
import { mountSmallDisk, startPrimary, startStandby, untilReplayed, urlOf } from '../support/clusters.ts'
import { eventually } from '../support/eventually.ts'
import { type Idp, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { readiness, untilReady } from '../support/readiness.ts'
import { testMasterKey } from '../support/signing-keys.ts'

const folder = freshFolder(t)
const noDisk = await mountSmallDisk(t, join(folder, 'a'), 96)
const first = await startPrimary(t, join(folder, 'a'), folder)
const { primary, standby } = await startStandby(t, join(folder, 'b'), first, folder)
const schema = 'signet'
const environment = {
  SIGNET_DATABASE_URL: `${urlOf(primary.cluster, standby.address, primary.address)}?target_session_attrs=read-write`,
  SIGNET_DATABASE_SCHEMA: schema,
  SIGNET_DATABASE_POOL: '10',
}
const idp = await startSignet(t, environment)

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

const endHeartbeats =
  "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'signet listener%'"

/** Where a node listens: both nodes have the same issuer. */
const originOf = ({ signet }: Idp) => `http://127.0.0.1:${signet.settings.port}`

/** Which server a node's pool is connected to. */
async function serverOf({ signet }: Idp): Promise<unknown> {
  const { rows } = await signet.database.query("SELECT current_setting('cluster_name') AS name")
  return rows[0]?.name
}

function poolOn(url: string, more: Partial<PoolOptions> = {}) {
  const pool = createPool({
    ...{ connection: { connectionString: url }, schema, max: 2, log: noLog },
    ...{ connectTimeoutMs: 20_000, queryTimeoutMs: 20_000 },
    ...more,
  })
  t.teardown(() => pool.end())
  return pool
}

t.test('of two hosts, the standby first, the one that accepts writes is used', async (t) => {
  await untilReady(idp.issuer)
  t.equal(await serverOf(idp), 'primary')
  t.match(await signIn(idp, await idp.client()), { code: String })
  t.same(await standby.ask("SELECT query FROM pg_stat_activity WHERE application_name LIKE 'signet%'"), [])

  const another = await idp.another()
  const nodes = () => primary.ask<{ nodes: number }>('SELECT count(*)::int AS nodes FROM signet.nodes')
  t.same(await nodes(), [{ nodes: 2 }], 'each running node has its row')
  await another.stop()
  t.same(await nodes(), [{ nodes: 1 }], 'and removes it when it stops')
})

t.test('losing the heartbeat connection replaces the others, too', async (t) => {
  const { database } = idp.signet
  const backend = async () => (await database.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid
  const before = await backend()
  await primary.ask(endHeartbeats)
  await eventually('the pool to have another connection', backend, (pid) => pid !== before)
  await untilReady(idp.issuer)
  t.match(idp.logged(), 'Replacing all database connections.')
})

t.test(
  "with a role limited to fewer connections than the pool's, thirty simultaneous sign-ins all succeed",
  async (t) => {
    const client = await idp.client()
    const people = await Promise.all(Array.from({ length: 30 }, () => idp.person()))
    idp.signet.database.dropConnections('the test starts without connections')
    t.teardown(() => primary.ask('ALTER ROLE signet CONNECTION LIMIT -1'))
    await primary.ask('ALTER ROLE signet CONNECTION LIMIT 4')
    // signIn throws at the first page that is answered with 503.
    const signedIn = await Promise.all(people.map((person) => signIn(idp, client, { person }).catch((error) => error)))
    t.same(
      signedIn.filter(({ code }) => !code).map(({ message }) => message),
      [],
    )
    t.equal(signedIn.length, 30)
    const { totalCount, waitingCount } = idp.signet.database
    t.ok(totalCount <= 4 && waitingCount === 0, `${totalCount} connections`)
    await eventually(
      'the limit to be logged',
      () => idp.logged().includes('database refuses more connections'),
      Boolean,
    )
    await untilReady(idp.issuer)

    // The pool holds all connections that the role may have, and needs them. The heartbeat still gets one.
    const { database } = idp.signet
    await primary.ask('ALTER ROLE signet CONNECTION LIMIT -1')
    // The pool may have found that it can have only one connection. Then it takes a while until it tries another.
    const held = [
      await eventually('a connection', () => database.connect()),
      await eventually('a second connection', () => database.connect()),
      await eventually('a third connection', () => database.connect()),
    ]
    await primary.ask('ALTER ROLE signet CONNECTION LIMIT 3')
    await primary.ask(endHeartbeats)
    await eventually(
      'the heartbeat to be refused',
      () => idp.logged().includes('Heartbeat: the database cannot be reached'),
      Boolean,
    )
    let enough = false
    const demand = Array.from({ length: 10 }, async () => {
      while (!enough) await database.query('SELECT pg_sleep(0.01)')
    })
    for (const connection of held) connection.release()
    await untilReady(idp.issuer).finally(() => {
      enough = true
    })
    await Promise.all(demand)
  },
)

t.test(
  `a full disk: the node is not ready, and is ready again when there is space${noDisk ? ` (skipped: ${noDisk})` : ''}`,
  { skip: noDisk !== undefined },
  async (t) => {
    const pool = poolOn(primary.url)
    const filler = join(folder, 'a', 'filler')
    t.teardown(() => rmSync(filler, { force: true }))
    fill(filler)

    await recordNodeSeen(pool, 'a node')
    t.pass('a row still fits into its page')
    t.match(await failure(probeDisk(pool)), { code: '53100' }, 'so the heartbeat occasionally uses new disk space, too')

    // A statement that fails for lack of space makes the heartbeat check.
    const large = 'CREATE TABLE large AS SELECT repeat(n::text, 100) FROM generate_series(1, 20000) AS n'
    t.match(await failure(idp.signet.database.query(large)), { code: '53100' })
    const { problems } = await eventually(
      'the node not to be ready',
      () => readiness(idp.issuer),
      ({ status }) => status === 503,
    )
    t.same(problems, ["the database's disk is full"])

    rmSync(filler)
    await untilReady(idp.issuer)
  },
)

/** Fills a disk completely. */
function fill(file: string): void {
  const handle = openSync(file, 'w')
  try {
    for (let size = 1 << 20; size >= 1; size = Math.floor(size / 2))
      try {
        for (const chunk = Buffer.alloc(size, 1); ; ) writeSync(handle, chunk)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      }
  } finally {
    closeSync(handle)
  }
}

t.test('a start on a standby alone says what is wrong, and exits', async (t) => {
  const { code, err } = await spawnSignet(
    t,
    { SIGNET_DATABASE_URL: standby.url, SIGNET_MASTER_KEY: testMasterKey, SIGNET_KEYS_DIR: join(folder, 'keys') },
    'serve',
  ).ended
  t.equal(code, 1)
  t.match(err, /^signet: The PostgreSQL server at .* accepts no writes: it is a standby, or it was made read-only\. /)
  t.match(err, 'point SIGNET_DATABASE_URL to it')
  t.notMatch(err, standby.cluster.credentials.applicationPassword)
})

t.test('the doctor examines a standby, and says so', async (t) => {
  const findings = await examine({
    environment: {
      ...{ SIGNET_DATABASE_URL: standby.url, SIGNET_MASTER_KEY: testMasterKey, SIGNET_KEYS_DIR: join(folder, 'keys') },
      SIGNET_ISSUER: idp.issuer,
    },
    folder,
    stopSignal: new AbortController().signal,
  })
  t.match(
    findings.find(({ check }) => check === 'database'),
    { status: 'bad', finding: /is read-only: it is a standby/ },
  )
  t.match(
    findings.find(({ check }) => check === 'migrations'),
    { status: 'good' },
    'its contents can be read',
  )
})

t.test('the keys on a standby confirm nothing', async (t) => {
  const looking = poolOn(standby.url, { allowReadOnly: true })
  const options = { delays: { clockSkew: 60 } as never, isOurs: () => true, wall: Date.now }
  await t.rejects(readRing(looking, options), { name: 'DatabaseReadOnly' })
})

t.test('after a failover a node follows, and one that has only the old primary is not ready', async (t) => {
  await idp.resource('https://api.example', ['jobs:run'])
  const job = await idp.client({
    grant_types: ['client_credentials'],
    scope: 'jobs:run',
    resources: ['https://api.example'],
  })
  const onlyOld = await idp.another({ SIGNET_DATABASE_URL: primary.url })
  const token = async (node: Idp) => (await node.token(job, { grant_type: 'client_credentials' })).status
  await untilReady(originOf(onlyOld))
  t.same([await token(idp), await token(onlyOld)], [200, 200])

  await untilReplayed(primary, standby)
  await primary.ask('ALTER SYSTEM SET default_transaction_read_only = on')
  await primary.ask('SELECT pg_reload_conf()')
  await standby.ask('SELECT pg_promote(true, 60)')
  await deleteClient(
    { database: poolOn(standby.url), endings: idp.signet.endings },
    { kind: 'operator', by: 'test' },
    job.client_id,
  )

  // The client still exists on the old primary.
  await eventually(
    'the deleted client to be refused',
    () => token(idp),
    (status) => status === 401,
  )
  await eventually(
    'tokens based on the old primary to be refused',
    () => token(onlyOld),
    (status) => status === 503,
  )
  t.equal(await serverOf(idp), 'standby')
  await untilReady(idp.issuer)
  t.match(await readiness(originOf(onlyOld)), {
    status: 503,
    problems: ['the database accepts no writes: it is a standby, or it was made read-only'],
  })
  t.match(await signIn(idp, await idp.client()), { code: String }, 'everything works there')
})

t.test('a refused write drops all connections, once, and new ones work as soon as the server does', async (t) => {
  const reported: string[] = []
  const pool = poolOn(standby.url, { onUnwritable: (code) => reported.push(code) })
  const both = await Promise.all([pool.connect(), pool.connect()])
  await standby.ask('ALTER SYSTEM SET default_transaction_read_only = on')
  await standby.ask('SELECT pg_reload_conf()')
  const write = { text: 'UPDATE key_ring SET decisions = decisions' }
  const setting = { text: "SELECT current_setting('default_transaction_read_only') AS value" }
  for (const connection of both)
    await eventually(
      'the server to be read-only',
      () => connection.query(setting),
      ({ rows }) => rows[0]?.value === 'on',
    )

  for (const connection of both) t.match(await failure(connection.query(write)), { code: '25006' })
  t.same(reported, ['25006'])
  for (const connection of both) connection.release()
  t.equal(pool.totalCount, 0)
  const refused = await failure(inTransaction(pool, (tx) => tx.query(write)))
  t.match(refused, { name: 'DatabaseReadOnly', message: /^The PostgreSQL server at .* accepts no writes/ })
  t.ok(isUnavailable(refused))
  await eventually(
    'no host to be usable',
    () => readiness(idp.issuer),
    ({ status }) => status === 503,
  )

  await standby.ask('ALTER SYSTEM RESET default_transaction_read_only')
  await standby.ask('SELECT pg_reload_conf()')
  await eventually(
    'the server to accept writes',
    () => failure(pool.query(write)),
    (error) => error === undefined,
  )
  await untilReady(idp.issuer)
})
