import t, { type Test } from 'tap'
import { createPool, type PoolOptions } from '../../../src/platform/database/pool.ts'
import { isUnavailable } from '../../../src/platform/database/unavailable.ts'
import { noLog } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'
import { fakePostgres } from './fake-postgres.ts'

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

async function limited(t: Test, limit: number, more: Partial<PoolOptions> = {}) {
  const lines: string[] = []
  const log = { ...noLog, warn: (_details: object, message: string) => lines.push(message) }
  const server = await fakePostgres(t)
  server.limit = limit
  const pool = createPool({
    ...{ connection: server.connection, schema: 'signet', max: 10, log },
    ...{ connectTimeoutMs: 30_000, queryTimeoutMs: 30_000 },
    ...more,
  })
  t.teardown(() => pool.end())
  return { server, pool, lines }
}

t.test('if the server allows fewer connections than the pool, every caller is served', async (t) => {
  const { server, pool, lines } = await limited(t, 3)
  const numbers = Array.from({ length: 200 }, (_, index) => `SELECT ${index}`)
  const answers = await Promise.all(numbers.map((text) => pool.query(text)))
  t.equal(answers.length, 200)
  t.same(server.asked.map(({ text }) => text).sort(), [...numbers].sort(), 'each was sent once')
  t.equal(pool.totalCount, 3)
  const before = server.accepted()
  for (let round = 0; round < 10; round += 1) await Promise.all(numbers.map((text) => pool.query(text)))
  const attempts = server.accepted() - before
  t.ok(attempts < 8, `${attempts} of 2000 statements tried another connection`)
  await eventually(
    'the limit to be in the log',
    () => lines.length,
    (count) => count > 0,
  )
  t.match(lines, [/^The database refuses more connections/])
})

t.test('if the server has no free connection at all, waiting callers are served as soon as it has one', async (t) => {
  const { server, pool } = await limited(t, 0)
  const answers = [1, 2, 3].map((number) => pool.query(`SELECT ${number}`))
  await eventually('more than one attempt', server.accepted, (accepted) => accepted > 3)
  server.limit = 1
  t.equal((await Promise.all(answers)).length, 3)
})

t.test('a caller that waits too long gets the reason, and the connection goes to the next one', async (t) => {
  const { server, pool } = await limited(t, 1, { connectTimeoutMs: 500 })
  const held = await pool.connect()
  const late = await failure(pool.query('SELECT 1'))
  t.match(late, {
    name: 'DatabaseUnavailable',
    message:
      'No database connection was free within 500 ms. 1 of 1 are in use. Opening another failed: too many connections for role "signet"',
  })
  t.ok(isUnavailable(late))
  held.release()
  t.equal((await pool.query('SELECT 2')).command, 'SELECT')
  t.same(
    server.asked.map(({ text }) => text),
    ['SELECT 2'],
  )
  t.equal(pool.waitingCount, 0)
})

t.test('if the queue is full, further callers are rejected immediately', async (t) => {
  const { pool } = await limited(t, 1)
  const held = await pool.connect()
  const waiting = Array.from({ length: 1_000 }, () => pool.connect())
  t.equal(pool.waitingCount, 1_000)
  t.match(await failure(pool.query('SELECT 1')), {
    name: 'DatabaseUnavailable',
    message: '1000 requests are already waiting for a database connection.',
  })
  held.release()
  for (const next of waiting) (await next).release()
  t.equal(pool.waitingCount, 0)
})

t.test('makeRoom leaves a connection to another part of the process', async (t) => {
  const { server, pool } = await limited(t, 3)
  const held = await Promise.all([1, 2, 3].map(() => pool.connect()))
  pool.makeRoom()
  pool.makeRoom()
  const waiting = pool.query('SELECT 1')
  held[0]?.release()
  t.equal(pool.totalCount, 2, 'the first one returned was closed')
  held[1]?.release()
  await waiting
  held[2]?.release()
  t.equal(server.accepted(), 3)
})

t.test('connections that break while callers wait are replaced', async (t) => {
  const { server, pool } = await limited(t, 2)
  const held = await Promise.all([pool.connect(), pool.connect()])
  const waiting = [1, 2, 3].map((number) => pool.query(`SELECT ${number}`))
  for (const connection of held) connection.release(new Error('broken'))
  t.equal((await Promise.all(waiting)).length, 3)
  t.ok(server.accepted() >= 3)
})

t.test('a pool that ends closes released connections and rejects waiting and new callers', async (t) => {
  const { pool } = await limited(t, 1)
  const held = await pool.connect()
  const waiting = failure(pool.query('SELECT 1'))
  const ended = pool.end()
  t.match(await waiting, { name: 'DatabaseUnavailable', message: 'The connection pool has ended.' })
  t.match(await failure(pool.connect()), { message: 'The connection pool has ended.' })
  held.release()
  await ended
  t.equal(pool.totalCount, 0)
  t.throws(() => held.release(), { message: 'The connection has already been released.' })
  await pool.end()
})
