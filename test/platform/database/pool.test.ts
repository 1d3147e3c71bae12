// Own process: it waits for most of its time.
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { createPool } from '../../../src/platform/database/pool.ts'
import { inTransaction } from '../../../src/platform/database/queryable.ts'
import { isUnavailable } from '../../../src/platform/database/unavailable.ts'
import { noLog, testDatabase, withoutPooler } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'
import { freshFolder, joinIn, poolOn, serverPids } from './own-server.ts'

t.test('if the server hangs, nobody waits forever, and everything works again when it resumes', async (t) => {
  const embedded = await joinIn(t, join(freshFolder(t), 'data'))
  const pool = poolOn(t, embedded, { max: 3, connectTimeoutMs: 3_000, queryTimeoutMs: 3_000 })
  await Promise.all([1, 2].map(() => pool.query({ text: 'SELECT pg_sleep(0.05)' }))) // two idle connections
  const caught = (error: unknown) => error
  const pids = await serverPids(embedded)
  t.teardown(() => {
    for (const pid of pids) signal(pid, 'SIGCONT') // even if the test fails: the server must be able to stop
  })

  let frozen = false
  const transaction = inTransaction(pool, async (tx) => {
    await tx.query({ text: 'SELECT 1' })
    for (const pid of pids) signal(pid, 'SIGSTOP')
    frozen = true
    await tx.query({ text: 'SELECT 1' })
  }).catch(caught)
  await eventually('the server to be suspended', () => frozen)
  const statements = Array.from({ length: 12 }, () => pool.query({ text: 'SELECT 1' }).catch(caught))
  for (const error of await Promise.all([transaction, ...statements])) t.ok(isUnavailable(error), String(error))

  for (const pid of pids) signal(pid, 'SIGCONT')
  const { rows } = await eventually('the server to answer again', () =>
    pool.query<{ one: number }>({ text: 'SELECT 1 AS one' }),
  )
  t.same(rows, [{ one: 1 }])
  t.ok(pool.totalCount <= 3, 'no connection leaked')
})

withoutPooler(t, 'idle connections that the server ends are replaced, with a line in the log', async (t) => {
  const lines: string[] = []
  const { openPool } = await testDatabase(t)
  const pool = openPool({ log: { ...noLog, warn: (_details, message) => lines.push(message) } })
  const admin = openPool()
  const pid = async () => (await pool.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' })).rows[0]!.pid
  const before = await pid()
  await admin.query({ text: 'SELECT pg_terminate_backend($1)', values: [before] })
  await eventually('a line in the log', () => lines.length > 0)
  t.not(await pid(), before)
  t.same(lines, ['An idle database connection was lost.'])
})

withoutPooler(t, 'the schema is set when the session starts, whatever else the URL says', async (t) => {
  const { url, schema, openPool } = await testDatabase(t)
  await openPool().query({ text: 'CREATE TABLE here (n bigint)' })
  for (const connectionString of [
    url,
    `${url}${url.includes('?') ? '&' : '?'}options=-c%20search_path%3Dpublic%20-c%20work_mem%3D5MB`,
  ]) {
    const pool = openPool({ connection: { connectionString } })
    const { rows } = await pool.query({
      text: "SELECT current_schema() AS schema, current_setting('work_mem') AS work_mem, count(*) FROM here",
    })
    t.match(rows, [{ schema, work_mem: connectionString === url ? /MB$/ : '5MB', count: 0 }])
  }
})

withoutPooler(t, 'a session does not depend on defaults of the server or the environment', async (t) => {
  const { openPool, schema, connection } = await testDatabase(t)
  const strange = {
    PGPORT: '1',
    // For a user's own server, a URL without sslmode leaves it to the environment.
    ...('connectionString' in connection ? {} : { PGSSLMODE: 'require' }),
    PGOPTIONS: '-c search_path=public',
    PGDATABASE: 'nowhere',
    PGUSER: 'nobody',
  }
  const before = { ...process.env }
  Object.assign(process.env, strange)
  t.teardown(() => {
    for (const name of Object.keys(strange)) {
      if (before[name] === undefined) delete process.env[name]
      else process.env[name] = before[name]
    }
  })
  const { rows } = await openPool().query({
    text: `SELECT current_schema() AS schema, current_setting('TimeZone') AS zone, current_setting('DateStyle') AS dates,
                  current_setting('transaction_isolation') AS isolation, current_setting('application_name') AS name,
                  current_setting('statement_timeout') AS statement, current_setting('idle_in_transaction_session_timeout') AS idle`,
  })
  t.match(rows, [
    {
      ...{
        schema,
        zone: 'UTC',
        dates: /^ISO/,
        isolation: 'read committed',
        name: 'signet',
        statement: '9s',
        idle: '10s',
      },
    },
  ])
})

t.test('bigint is returned as an exact number or an error, and timestamps as dates', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool()
  const { rows } = await pool.query({
    text: `SELECT count(*) AS count, 9007199254740991::bigint AS most, (-9007199254740991)::bigint AS least,
                  ARRAY[1, NULL, 3]::bigint[] AS several, NULL::bigint AS none,
                  '2026-11-22 10:00:00.123+02'::timestamptz AS moment, 1.50::numeric AS exact`,
  })
  t.strictSame(rows, [
    {
      ...{ count: 1, most: Number.MAX_SAFE_INTEGER, least: Number.MIN_SAFE_INTEGER, several: [1, null, 3], none: null },
      ...{ moment: new Date('2026-11-22T08:00:00.123Z'), exact: '1.50' },
    },
  ])
  for (const text of ['SELECT 9007199254740992::bigint AS n', 'SELECT ARRAY[1, 9007199254740992]::bigint[] AS n'])
    await t.rejects(pool.query({ text }), { name: 'RangeError', message: /9007199254740992/ })
  t.same((await pool.query({ text: 'SELECT 1::bigint AS n' })).rows, [{ n: 1 }], 'the pool still works')
})

t.test('other users of the driver in this process still get bigint as a string', async (t) => {
  const { openPool, url } = await testDatabase(t)
  await openPool().query({ text: 'SELECT 1::bigint AS n' })
  const other = new pg.Client(url)
  await other.connect()
  t.teardown(() => other.end())
  t.same((await other.query('SELECT 1::bigint AS n')).rows, [{ n: '1' }])
})

t.test('an invalid schema name opens no pool', async (t) => {
  const connection = { connectionString: 'postgres://x@127.0.0.1/x' }
  const rest = { connection, max: 1, connectTimeoutMs: 1, queryTimeoutMs: 1, log: noLog }
  for (const schema of [
    '',
    'Signet',
    'a b',
    'a;b',
    '1a',
    'a"',
    'pg_x',
    'information_schema',
    'a'.repeat(64),
    'é',
    'a\n',
    'a,public',
  ])
    t.throws(
      () => createPool({ ...rest, schema }),
      { name: 'TypeError', message: JSON.stringify(schema) },
      JSON.stringify(schema),
    )
  for (const schema of ['signet', '_', 'a1', 'order', 'a'.repeat(63)]) {
    const pool = createPool({ ...rest, schema })
    await pool.end()
  }
})

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // it has exited
  }
}
