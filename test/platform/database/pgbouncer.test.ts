import t, { type Test } from 'tap'
import { type DatabaseConnection, hostsOf } from '../../../src/platform/database/hosts.ts'
import { destroyConnection, openConnection } from '../../../src/platform/database/open-connection.ts'
import { type ProbeOptions, probePooler } from '../../../src/platform/database/pooler.ts'
import { testServer } from '../../database-server.ts'
import { documentedSettings, type PooledDatabase, pooledDatabase, whyNoPooler } from '../../support/pgbouncer.ts'

const reason = await whyNoPooler()

/** A test that needs PgBouncer. */
function pooled(name: string, work: (t: Test) => Promise<void>): void {
  if (reason === undefined) t.test(name, work)
  else t.test(`${name} (skipped: ${reason})`, { skip: true }, async () => {})
}

const open = (connection: DatabaseConnection) =>
  openConnection({
    hosts: hostsOf(connection),
    applicationName: 'signet migrate',
    connectTimeoutMs: 20_000,
    setup: { schema: 'signet', session: 'untouched' },
  })

/** Probes as a start does. */
async function probe({ url, schema }: Pick<PooledDatabase, 'url' | 'schema'>, more: Partial<ProbeOptions> = {}) {
  const connection = { connectionString: url }
  const { client } = await open(connection)
  try {
    return await probePooler(client, {
      hosts: hostsOf(connection),
      schema,
      preparedStatements: 'auto',
      queryTimeoutMs: 5_000,
      ...more,
    })
  } finally {
    destroyConnection(client)
  }
}

/** The SQL that a message tells the operator to run. */
function sqlIn(message: string): string {
  return message.match(/ALTER ROLE .*;/)?.[0] ?? ''
}

const ready = documentedSettings()

t.test('a direct connection is recognized by one statement', async (t) => {
  const { connection } = await testServer()
  const { client } = await open(connection)
  t.teardown(() => client.end())
  let statements = 0
  const query = client.query.bind(client) as (...args: unknown[]) => Promise<unknown>
  Object.assign(client, {
    query: (...args: unknown[]) => {
      statements += 1
      return query(...args)
    },
  })
  const options = {
    hosts: hostsOf(connection),
    schema: 'signet',
    preparedStatements: 'auto',
    queryTimeoutMs: 5_000,
  } as const
  t.same(await probePooler(client, options), {
    route: { hasPooler: false, session: 'own', namedStatements: true },
    advice: [],
  })
  t.equal(statements, 1)
  t.match(await probePooler(client, { ...options, preparedStatements: 'off' }), { route: { namedStatements: false } })
})

pooled("session mode: the session is exclusive, whatever the role's settings", async (t) => {
  const db = await pooledDatabase(t, { mode: 'session', role: { DateStyle: 'German' } })
  t.same(await probe(db), { route: { hasPooler: true, session: 'own', namedStatements: false }, advice: [] })
  t.match(await probe(db, { preparedStatements: 'on' }), { route: { namedStatements: true } })
})

pooled('session mode with too small a pool is recognized, and the error says how large it must be', async (t) => {
  const db = await pooledDatabase(t, { mode: 'session', ini: { default_pool_size: 1, query_wait_timeout: 1 } })
  await t.rejects(probe(db), { name: 'PoolerError', message: /no second connection .* SIGNET_DATABASE_POOL \+ 3/ })
})

pooled('transaction mode works with a role that is set up for it', async (t) => {
  for (const ini of [
    {},
    { default_pool_size: 1 },
    // Used in rotation, two server connections look like two sessions to two clients that take turns.
    { default_pool_size: 2, min_pool_size: 2, server_round_robin: 1 },
    { default_pool_size: 3, min_pool_size: 3, server_round_robin: 1 },
  ]) {
    const db = await pooledDatabase(t, { mode: 'transaction', role: ready, ini })
    for (let turn = 0; turn < 4; turn += 1)
      t.same(
        await probe(db),
        { route: { hasPooler: true, session: 'shared', namedStatements: false }, advice: [] },
        JSON.stringify(ini),
      )
  }
})

pooled('transaction mode with another role: the error says what is wrong and which SQL corrects it', async (t) => {
  const db = await pooledDatabase(t, { mode: 'transaction', role: { default_transaction_isolation: 'serializable' } })
  const error = (await probe(db).catch((error: unknown) => error)) as Error
  t.match(error, {
    name: 'PoolerError',
    message: /transaction mode.* search_path is "\$user", public, default_transaction_isolation is serializable\./,
  })
  t.match(error.message, /RECONNECT/)
  await db.ask(sqlIn(error.message))
  await t.rejects(probe(db), { name: 'PoolerError' }, "the pooler's open connections are unchanged")
  await db.console('RECONNECT')
  t.match(await probe(db), { route: { session: 'shared' }, advice: [] })
})

pooled('limits on statements are reported as advice', async (t) => {
  const db = await pooledDatabase(t, {
    mode: 'transaction',
    role: { search_path: 'signet', statement_timeout: "'1min'" },
  })
  const { route, advice } = await probe(db)
  t.match(route, { session: 'shared' })
  t.equal(advice.length, 1)
  t.match(advice[0]?.finding, /statement_timeout is 1min, idle_in_transaction_session_timeout is 0\./)
  await db.ask(sqlIn(advice[0]?.advice ?? ''))
  await db.console('RECONNECT')
  t.same((await probe(db)).advice, [])
})

pooled('a search_path with more than the schema is rejected, because tables could come from elsewhere', async (t) => {
  const db = await pooledDatabase(t, { mode: 'transaction' })
  for (const search_path of ['signet, public', 'public, signet', '"Signet"', 'signet2', "''"]) {
    await db.setRole({ search_path })
    await t.rejects(probe(db), { name: 'PoolerError', message: /search_path is/ }, search_path)
  }
})

pooled('statement mode is rejected', async (t) => {
  const db = await pooledDatabase(t, { mode: 'statement', role: ready })
  await t.rejects(probe(db), { name: 'PoolerError', message: /statement mode, which allows no transactions/ })
})

pooled('named statements in transaction mode are rejected if the pooler does not separate them', async (t) => {
  const db = await pooledDatabase(t, { mode: 'transaction', role: ready })
  const probed = probe(db, { preparedStatements: 'on' })
  if (db.keepsStatements) t.match(await probed, { route: { namedStatements: true } })
  else await t.rejects(probed, { name: 'PoolerError', message: /PREPARED_STATEMENTS is on, .* already exists/ })
})
