import { createServer } from 'node:net'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { createPool } from '../../../src/platform/database/pool.ts'
import { DatabaseUnavailable, isUnavailable } from '../../../src/platform/database/unavailable.ts'
import { noLog, testDatabase } from '../../database.ts'
import { freePort } from '../../support/idp.ts'
import { freshFolder } from './own-server.ts'

const options = { schema: 'signet', max: 1, connectTimeoutMs: 200, queryTimeoutMs: 200, log: noLog }
const somebody = { user: 'signet', password: 'x', database: 'signet' }

async function failure(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  )
}

t.test('program and settings errors are not taken for an outage', async (t) => {
  const { openPool, connection } = await testDatabase(t)
  const pool = openPool()
  for (const text of [
    'SELECT 1/0',
    'SELECT nothing',
    'SELEKT',
    "SELECT 'x'::int",
    'SELECT * FROM nowhere',
    'SELECT (2^60)::bigint',
  ])
    t.notOk(isUnavailable(await failure(pool.query({ text }))), text)
  const base = 'connectionString' in connection ? new pg.Client(connection) : connection
  const { host, port } = base
  const wrong = createPool({
    ...options,
    connection: { ...somebody, host, port, password: 'wrong' },
    connectTimeoutMs: 5_000,
  })
  t.teardown(() => wrong.end())
  const refused = await failure(wrong.query({ text: 'SELECT 1' }))
  t.match(refused, { code: /^28/ })
  t.notOk(isUnavailable(refused), 'a wrong password needs a person')
  t.notOk(isUnavailable(new Error('Something else.')))
  t.notOk(
    isUnavailable(Object.assign(new Error('no such file'), { code: 'ENOENT', syscall: 'open' })),
    'a missing file',
  )
  t.notOk(isUnavailable(new AggregateError([])))
  for (const none of [undefined, null, 'ECONNREFUSED', { code: 'ECONNREFUSED' }]) t.notOk(isUnavailable(none))
})

t.test('nobody at the address (a port, a name with several addresses, a socket) is an outage', async (t) => {
  const free = await freePort()
  for (const host of ['127.0.0.1', 'localhost', join(freshFolder(t), 'run'), 'nowhere.invalid']) {
    const pool = createPool({ ...options, connection: { ...somebody, host, port: free }, connectTimeoutMs: 5_000 })
    t.teardown(() => pool.end())
    const error = await failure(pool.query({ text: 'SELECT 1' }))
    t.ok(isUnavailable(error), `${host}: ${error}`)
  }
})

t.test('a server that accepts the connection and stays silent or hangs up is an outage', async (t) => {
  for (const react of ['silent', 'hangs up'] as const) {
    const server = createServer((socket) => void (react === 'hangs up' && socket.end()))
    const sockets = new Set<{ destroy(): void }>()
    server.on('connection', (socket) => sockets.add(socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      for (const socket of sockets) socket.destroy()
      server.close()
    })
    const { port } = server.address() as { port: number }
    const pool = createPool({ ...options, connection: { ...somebody, host: '127.0.0.1', port } })
    t.teardown(() => pool.end())
    const [first, second] = await Promise.all([
      failure(pool.query({ text: 'SELECT 1' })),
      failure(pool.query({ text: 'SELECT 1' })),
    ])
    t.ok(isUnavailable(first), `${react}: ${first}`)
    t.ok(isUnavailable(second), `${react}, and a caller that waits for the connection: ${second}`)
  }
})

t.test('having no free connection, in the pool or on the server, is an outage', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool({ max: 1, connectTimeoutMs: 1_000 })
  const client = await pool.connect()
  t.ok(isUnavailable(await failure(pool.query({ text: 'SELECT 1' }))))
  client.release()
  for (const code of ['53300', '57P03', '57P01', '08006', '25006', '53100'])
    t.ok(isUnavailable(Object.assign(new Error('from the server'), { code })), code)
})

t.test('a lock that cannot be obtained in time and a statement that times out are outages', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool()
  await pool.query({ text: 'CREATE TABLE seals ()' })
  const holder = await pool.connect()
  await holder.query('BEGIN; LOCK TABLE seals')
  const impatient = await pool.connect()
  await impatient.query("SET lock_timeout = '10ms'")
  t.notOk(isUnavailable(await failure(impatient.query('LOCK TABLE seals'))), 'outside a transaction it is a fault')
  await impatient.query('BEGIN')
  const refused = await failure(impatient.query('LOCK TABLE seals'))
  t.match(refused, { code: '55P03' })
  t.ok(isUnavailable(refused))
  impatient.release(true)
  holder.release(true)
  const hurried = await pool.connect()
  await hurried.query("SET statement_timeout = '10ms'")
  const slow = await failure(hurried.query('SELECT pg_sleep(30)'))
  hurried.release(true)
  t.match(slow, { code: '57014' })
  t.ok(isUnavailable(slow))
})

t.test('an unknown commit is an outage', async (t) => {
  t.ok(isUnavailable(new DatabaseUnavailable('It is not known.')))
})
