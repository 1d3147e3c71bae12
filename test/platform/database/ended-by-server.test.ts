import t, { type Test } from 'tap'
import { createPool } from '../../../src/platform/database/pool.ts'
import { inTransaction } from '../../../src/platform/database/queryable.ts'
import { isUnavailable } from '../../../src/platform/database/unavailable.ts'
import { noLog } from '../../database.ts'
import { type AndThen, fakePostgres, fatal } from './fake-postgres.ts'

const shutdown = fatal('57P01', 'terminating connection due to administrator command')

async function onePool(t: Test, andThen: AndThen) {
  const server = await fakePostgres(t, andThen)
  const pool = createPool({
    ...{ connection: server.connection, schema: 'signet', max: 1, log: noLog },
    ...{ connectTimeoutMs: 30_000, queryTimeoutMs: 30_000 },
  })
  t.teardown(() => pool.end())
  return { ...server, pool }
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

/*
 * Each of these once ended the process: the server's FATAL arrives in the same chunk as the ReadyForQuery before it, so the client
 * emits `error` before any code of ours that awaited the answer can run.
 */

t.test('the server may end a connection with its answer, while another caller waits for it', async (t) => {
  const { pool, accepted } = await onePool(t, ({ text, connection }) =>
    text === `SELECT ${connection}` ? shutdown : undefined,
  )
  const [first, second, third] = await Promise.all([
    pool.query({ text: 'SELECT 1' }),
    inTransaction(pool, (tx) => tx.query({ text: 'UPDATE' })),
    pool.query({ text: 'SELECT 2' }),
    inTransaction(pool, (tx) => tx.query({ text: 'UPDATE' })),
  ])
  t.equal(first.command, 'SELECT', 'the answered statement counts')
  t.equal(second.command, 'UPDATE', 'the waiting caller gets another connection')
  t.equal(third.command, 'SELECT')
  t.equal(accepted(), 3)
})

t.test('the server may end a new connection as soon as it is open', async (t) => {
  const { pool } = await onePool(t, ({ text, connection }) => (text === '' && connection === 1 ? shutdown : undefined))
  t.match(await failure(pool.query({ text: 'SELECT 1' })), { code: '57P01' })
  t.equal((await pool.query({ text: 'SELECT 1' })).command, 'SELECT', 'the next one works')
})

t.test('the server may end a connection as soon as it is set up', async (t) => {
  const { pool, accepted } = await onePool(t, ({ text, connection }) =>
    text.includes('set_config') && connection === 1 ? shutdown : undefined,
  )
  t.equal((await pool.query({ text: 'SELECT 1' })).command, 'SELECT')
  t.equal(accepted(), 2)
})

t.test('a transaction whose connection ends between two statements fails with the first error', async (t) => {
  for (const last of ['BEGIN', 'UPDATE first']) {
    const { pool, asked } = await onePool(t, ({ text }) => (text === last ? shutdown : undefined))
    const error = await failure(
      inTransaction(pool, async (tx) => {
        await tx.query({ text: 'UPDATE first' })
        await tx.query({ text: 'UPDATE second' })
      }),
    )
    t.match(error, { code: '57P01', message: 'terminating connection due to administrator command' }, last)
    t.ok(isUnavailable(error))
    t.equal(asked.at(-1)?.text, last, 'nothing was sent after it')
  }
})

t.test('a transaction whose connection ends before the commit is known not to be committed', async (t) => {
  const { pool } = await onePool(t, ({ text }) => (text === 'UPDATE' ? shutdown : undefined))
  const error = await failure(inTransaction(pool, (tx) => tx.query({ text: 'UPDATE' })))
  t.match(error, { code: '57P01' }, 'and not "It is not known whether..."')
})

t.test('an acknowledged commit counts, whatever follows', async (t) => {
  const { pool } = await onePool(t, ({ text }) => (text === 'COMMIT' ? shutdown : undefined))
  t.equal(await inTransaction(pool, async () => 'done'), 'done')
  t.equal((await pool.query({ text: 'SELECT 1' })).command, 'SELECT', 'the pool still works')
})

t.test('many callers share one connection in the order in which they arrived', async (t) => {
  const { pool, asked } = await onePool(t, () => undefined)
  const numbers = Array.from({ length: 50 }, (_, index) => index)
  await Promise.all(numbers.map((number) => pool.query({ text: `SELECT ${number}` })))
  t.same(
    asked.map(({ text }) => text),
    numbers.map((number) => `SELECT ${number}`),
  )
})

t.test('statements are named only if this is allowed', async (t) => {
  for (const namedStatements of [true, false]) {
    const { connection, parsed } = await fakePostgres(t)
    const pool = createPool({
      ...{ connection, schema: 'signet', max: 1, connectTimeoutMs: 30_000, queryTimeoutMs: 30_000, log: noLog },
      namedStatements,
    })
    t.teardown(() => pool.end())
    const statement = { name: 'ready', text: 'SELECT 1', values: [] }
    await pool.query(statement)
    await inTransaction(pool, (tx) => tx.query(statement))
    t.same(parsed, namedStatements ? ['', 'ready'] : [''], 'the parsed ones, the setup first')
  }
})
