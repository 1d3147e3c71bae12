// Own process: it waits for most of its time.
import t, { type Test } from 'tap'
import type { Database } from '../../../src/platform/database/pool.ts'
import { inTransaction, type Queryable } from '../../../src/platform/database/queryable.ts'
import { DatabaseUnavailable, isUnavailable } from '../../../src/platform/database/unavailable.ts'
import { testDatabase, withoutPooler } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

async function seals(t: Test, options: Parameters<Awaited<ReturnType<typeof testDatabase>>['openPool']>[0] = {}) {
  const { openPool } = await testDatabase(t)
  const db = openPool(options)
  await db.query({ text: 'CREATE TABLE seals (name text PRIMARY KEY DEFERRABLE INITIALLY IMMEDIATE)' })
  return db
}

async function insertSeal(db: Queryable, name: string): Promise<void> {
  await db.query({ name: 'insertSeal', text: 'INSERT INTO seals (name) VALUES ($1)', values: [name] })
}

async function sealNames(db: Database): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>({ text: 'SELECT name FROM seals ORDER BY name' })
  return rows.map(({ name }) => name)
}

async function backend(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' })
  return rows[0]!.pid
}

t.test('a connection that is cut during the commit leaves the outcome unknown, and this is thrown', async (t) => {
  const db = await seals(t)
  // A deferred check keeps the COMMIT running for long enough to be cut.
  await db.query({
    text: `CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$;
           CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON seals DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()`,
  })
  let pid = 0
  const outcome = inTransaction(db, async (tx) => {
    pid = await backend(tx)
    await insertSeal(tx, 'cut')
    return 'done'
  })
  const rejected = t.rejects(outcome, new DatabaseUnavailable('It is not known whether the transaction was committed.'))
  await eventually(
    'the commit to be under way',
    async () => {
      const text = "SELECT query FROM pg_stat_activity WHERE pid = $1 AND state = 'active'"
      return (await db.query<{ query: string }>({ text, values: [pid] })).rows[0]?.query
    },
    (query) => query === 'COMMIT',
  )
  await db.query({ text: 'SELECT pg_terminate_backend($1)', values: [pid] })
  await rejected
  t.same(await sealNames(db), [], 'it was not committed here, but the caller cannot know that')
})

t.test('if a statement fails and the error is swallowed, the commit fails instead of seeming to succeed', async (t) => {
  const db = await seals(t)
  const outcome = inTransaction(db, async (tx) => {
    await insertSeal(tx, 'first')
    await insertSeal(tx, 'first').catch(() => {})
    return 'done'
  })
  await t.rejects(outcome, { message: 'A statement of the transaction failed, so nothing was committed.' })
  t.same(await sealNames(db), [])
})

withoutPooler(
  t,
  'a connection that the server cuts during other work of the transaction does not end the process',
  async (t) => {
    const db = await seals(t, { queryTimeoutMs: 1_000 })
    const outcome = inTransaction(db, async (tx) => {
      await insertSeal(tx, 'idle')
      const pid = await backend(tx)
      await eventually('the server to end the connection', async () => {
        const text = 'SELECT FROM pg_stat_activity WHERE pid = $1'
        return (await db.query({ text, values: [pid] })).rowCount === 0
      })
      await insertSeal(tx, 'too late')
    })
    const error = await outcome.catch((error: unknown) => error)
    t.ok(isUnavailable(error), String(error))
    t.same(await sealNames(db), [])
  },
)

withoutPooler(
  t,
  'the server cancels a slow statement before the client times out, and the work is rolled back',
  async (t) => {
    // A tenth of it lies between the two timeouts: enough for a busy machine.
    const db = await seals(t, { queryTimeoutMs: 10_000 })
    const outcome = inTransaction(db, async (tx) => {
      await insertSeal(tx, 'slow')
      await tx.query({ text: 'SELECT pg_sleep(30)' })
    })
    const error = await outcome.catch((error: unknown) => error)
    t.match(error, { code: '57014' })
    t.ok(isUnavailable(error))
    t.same(await sealNames(db), [])
  },
)

t.test('an error of the work is rethrown unchanged, nothing is kept, and the connection still works', async (t) => {
  const db = await seals(t, { max: 1 })
  const before = await backend(db)
  const refusal = new Error('The code has already been used.')
  await t.rejects(
    inTransaction(db, async (tx) => {
      await insertSeal(tx, 'refused')
      throw refusal
    }),
    refusal,
  )
  t.same(await sealNames(db), [])
  t.equal(await backend(db), before, 'the same connection')
})

t.test('a violated constraint is a program error, both at the statement and at the commit', async (t) => {
  const db = await seals(t, { max: 1 })
  const before = await backend(db)
  const early = await inTransaction(db, async (tx) => {
    await insertSeal(tx, 'twice')
    await insertSeal(tx, 'twice')
  }).catch((error: unknown) => error)
  const late = await inTransaction(db, async (tx) => {
    await tx.query({ text: 'SET CONSTRAINTS ALL DEFERRED' })
    await insertSeal(tx, 'twice')
    await insertSeal(tx, 'twice')
  }).catch((error: unknown) => error)
  for (const error of [early, late]) {
    t.match(error, { code: '23505' })
    t.notOk(isUnavailable(error))
  }
  t.same(await sealNames(db), [])
  t.equal(await backend(db), before, 'the connection still works')
})

t.test('a connection is not returned to the pool while a statement is still running on it', async (t) => {
  const db = await seals(t, { max: 1 })
  let before = 0
  const outcome = inTransaction(db, async (tx) => {
    before = await backend(tx)
    await tx.query({ text: 'SELECT pg_terminate_backend(pg_backend_pid())' })
  })
  t.ok(isUnavailable(await outcome.catch((error: unknown) => error)))
  t.not(await backend(db), before)
})

t.test('when a transaction has returned, its changes are visible to all', async (t) => {
  const db = await seals(t)
  const result = await inTransaction(db, async (tx) => {
    await insertSeal(tx, 'kept')
    t.same(await sealNames(db), [], 'not before')
    return 'done'
  })
  t.equal(result, 'done')
  t.same(await sealNames(db), ['kept'])
})
