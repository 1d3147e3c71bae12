import pg from 'pg'
import t, { type Test } from 'tap'
import { clientConfig } from '../../../src/platform/database/hosts.ts'
import { installationLock } from '../../../src/platform/database/installation-store.ts'
import {
  briefWait,
  inLockedTransaction,
  type Lock,
  type LockWait,
} from '../../../src/platform/database/locked-transaction.ts'
import type { Queryable } from '../../../src/platform/database/queryable.ts'
import { testDatabase } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

const { connection, schema, openPool } = await testDatabase(t)
const pool = openPool()
await pool.query('CREATE TABLE work (step text)')

const unlimitedWait = (): LockWait => ({
  signal: new AbortController().signal,
  timeoutMs: Number.POSITIVE_INFINITY,
  report: () => {},
})
const unlimited = unlimitedWait()

/** Another process that holds the lock in its own transaction. */
async function holdLock(t: Test, lock: Lock): Promise<pg.Client> {
  const client = new pg.Client(clientConfig(connection))
  client.on('error', () => {}) // one test kills it
  await client.connect()
  await client.query(`SET search_path = ${schema}`)
  t.teardown(() => client.end().catch(() => {}))
  await client.query('BEGIN')
  t.ok(await lock.tryLock(client))
  return client
}

t.test('work under one lock never overlaps, and all of it is done', async (t) => {
  let inside = 0
  const overlaps: number[] = []
  const work = Array.from({ length: 20 }, (_, number) =>
    inLockedTransaction(pool, installationLock, unlimitedWait(), async (tx) => {
      overlaps.push(inside++)
      await tx.query({ text: 'INSERT INTO work VALUES ($1)', values: [`overlap ${number}`] })
      inside--
      return number
    }),
  )
  t.same(
    await Promise.all(work),
    Array.from({ length: 20 }, (_, number) => number),
  )
  t.same(new Set(overlaps), new Set([0]))
  t.equal((await pool.query(`SELECT FROM work WHERE step LIKE 'overlap %'`)).rowCount, 20)
})

t.test('while another process holds the lock, the wait is reported and keeps no transaction open', async (t) => {
  const holder = await holdLock(t, installationLock)
  let resolveReport: (sentence: string) => void = () => {}
  const report = new Promise<string>((resolve) => {
    resolveReport = resolve
  })
  const waiter = openPool({ max: 1 })
  const waiting = inLockedTransaction(
    waiter,
    installationLock,
    { ...unlimited, report: resolveReport },
    async () => 'done',
  )
  t.equal(await report, 'Another node is setting up this installation; waiting for it to finish.')
  // Between two attempts its connection is back in the pool.
  await eventually(
    'the waiting process to return its connection between two attempts',
    () => waiter.idleCount === 1,
    undefined,
    1,
  )
  await holder.query('COMMIT')
  t.equal(await waiting, 'done')
})

t.test('the lock of a killed process is released', async (t) => {
  const holder = await holdLock(t, installationLock)
  const { rows } = await holder.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const waiting = inLockedTransaction(pool, installationLock, unlimited, async () => 'done')
  await pool.query({ text: 'SELECT pg_terminate_backend($1)', values: [rows[0]?.pid] })
  t.equal(await waiting, 'done')
})

t.test('an aborted signal ends the wait with its reason, and nothing was done', async (t) => {
  const holder = await holdLock(t, installationLock)
  const asked = new AbortController()
  const wait = { ...unlimited, signal: asked.signal, report: () => asked.abort() }
  await t.rejects(
    inLockedTransaction(pool, installationLock, wait, async () => t.fail('the lock is not free')),
    { name: 'AbortError' },
  )
  await holder.query('COMMIT')
  await t.rejects(
    inLockedTransaction(pool, installationLock, wait, async () => t.fail('it was aborted before')),
    { name: 'AbortError' },
    'and nothing begins after that',
  )
})

t.test('an aborted signal does not interrupt work that has begun', async (t) => {
  const asked = new AbortController()
  const work = inLockedTransaction(pool, installationLock, { ...unlimited, signal: asked.signal }, async (tx) => {
    asked.abort()
    await tx.query({ text: `INSERT INTO work VALUES ('kept')` })
    return 'done'
  })
  t.equal(await work, 'done')
  t.equal((await pool.query(`SELECT FROM work WHERE step = 'kept'`)).rowCount, 1)
})

t.test('a server waits for a limited time, and the error says for what', async (t) => {
  await holdLock(t, installationLock)
  await t.rejects(
    inLockedTransaction(pool, installationLock, { ...briefWait, timeoutMs: 50 }, async () => {}),
    { name: 'DatabaseUnavailable', message: 'Another node was setting up this installation for more than 0.05 s.' },
  )
})

t.test('this transaction may be idle for longer than others, and only this one', async (t) => {
  const one = openPool({ max: 1, queryTimeoutMs: 5_000 })
  const limit = async (db: Queryable) => {
    const { rows } = await db.query<{ limit: string }>({
      text: "SELECT current_setting('idle_in_transaction_session_timeout') AS limit",
    })
    return rows[0]?.limit
  }
  const inside = await inLockedTransaction(one, installationLock, unlimited, limit)
  t.same([inside, await limit(one)], ['15s', '5s'])
})
