import t from 'tap'
import { createPool } from '../../../src/platform/database/pool.ts'
import { inTransaction } from '../../../src/platform/database/queryable.ts'
import { isUnavailable } from '../../../src/platform/database/unavailable.ts'
import { noLog, testDatabase, withoutPooler } from '../../database.ts'
import { fakePostgres } from './fake-postgres.ts'

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as Error & { code?: string },
  )

t.test('a named statement returns what the same statement returns without a name, every time', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool({ max: 1, namedStatements: true })
  await pool.query({ text: 'CREATE TABLE things (id int PRIMARY KEY, name text)' })
  const statements = [
    {
      text: `SELECT $1::text AS text, $2::text AS nothing, $3::int AS number, $4::bool AS yes, $5::timestamptz AS moment,
                    $6::bytea AS bytes, $7::text[] AS texts, $8::jsonb AS json, $9::bigint AS big, NULL::text[] AS none,
                    'é€😀'::text AS letters, ARRAY[1, 2]::bigint[] AS bigs, '{}'::text[] AS empty`,
      values: [
        ...['a\\b"c', null, 7, true, new Date('2026-11-30T20:19:47.123Z'), Buffer.from([0, 1, 255])],
        ...[['a', 'b,c', '"d"\\', ''], { a: [1, null, { b: 'c' }] }, Number.MAX_SAFE_INTEGER],
      ],
    },
    { text: 'SELECT n, repeat(n::text, 100) AS long FROM generate_series(1, 5000) AS n' },
    { text: 'SELECT 1 AS one WHERE false' },
    { text: 'SELECT 1 AS same, 2 AS same' },
    { text: 'SELECT FROM generate_series(1, 3)', values: [] },
    { text: "INSERT INTO things VALUES (1, 'a') ON CONFLICT (id) DO UPDATE SET name = 'b'" },
    { text: 'UPDATE things SET name = $1 WHERE id = $2 RETURNING id, name', values: ['c', 1] },
    { text: 'DELETE FROM things WHERE id = $1', values: [99] },
  ]
  for (const [index, statement] of statements.entries()) {
    const { rows, rowCount, command } = await pool.query(statement)
    for (const time of ['first', 'second', 'third'])
      t.strictSame(
        await pool.query({ name: `statement-${index}`, ...statement }),
        { rows, rowCount, command },
        `${statement.text}, the ${time} time`,
      )
  }
})

t.test('moments are read as pg reads them', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool()
  const moments = [
    ...[
      '2026-11-30 20:19:47+00',
      '2026-11-30 20:19:47.5+00',
      '2026-11-30 20:19:47.05+00',
      '2026-11-30 20:19:47.123456+00',
    ],
    ...[
      '2026-11-30 20:19:47.57+00',
      '2026-02-28 23:59:59.999999+00',
      '2024-02-29 00:00:00+00',
      '1969-12-31 23:59:59.001+00',
    ],
    ...['0099-01-01 00:00:00+00', '0100-01-01 00:00:00.1+00', '12026-01-01 00:00:00+00', '0044-03-15 12:00:00+00 BC'],
    ...['infinity', '-infinity', '1900-06-01 12:00:00.25-03:30'],
  ]
  for (const zone of ['UTC', 'Asia/Kathmandu', 'Europe/London'])
    await inTransaction(pool, async (tx) => {
      await tx.query({ text: `SET LOCAL TimeZone = '${zone}'` })
      const { rows } = await tx.query<{ moment: unknown; milliseconds: number }>({
        text: `SELECT moment, CASE WHEN isfinite(moment) THEN floor(extract(epoch FROM moment) * 1000)::float8 END AS milliseconds
               FROM unnest($1::timestamptz[]) AS moment`,
        values: [moments],
      })
      for (const [index, { moment, milliseconds }] of rows.entries())
        t.equal(moment instanceof Date ? moment.getTime() : null, milliseconds, `${moments[index]} in ${zone}`)
    })
})

t.test('a named statement that fails at its first execution works at the next one', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool({ max: 1, namedStatements: true })
  await pool.query({ text: 'CREATE TABLE things (id int PRIMARY KEY)' })
  await pool.query({ text: 'INSERT INTO things VALUES (1)' })
  const insert = (id: unknown) =>
    pool.query({ name: 'insert', text: 'INSERT INTO things VALUES ($1) RETURNING id', values: [id] })
  t.match(await failure(insert(1)), { code: '23505' }, 'in its execution')
  t.match(await failure(insert('x')), { code: '22P02' }, 'in its parameters')
  t.same((await insert(2)).rows, [{ id: 2 }])
  const missing = { name: 'missing', text: 'SELECT later.id FROM later' }
  t.match(await failure(pool.query(missing)), { code: '42P01' }, 'when it is parsed')
  await pool.query({ text: 'CREATE TABLE later (id int)' })
  t.same((await pool.query(missing)).rows, [])
})

t.test('the stack of an error names the caller', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool({ namedStatements: true })
  const callerOfAll = async (name: string | undefined) =>
    await pool.query({ ...(name !== undefined && { name }), text: 'SELECT 1 / $1::int', values: [0] })
  for (const name of ['division', undefined])
    t.match((await failure(callerOfAll(name)))?.stack, /division by zero[\s\S]*callerOfAll/)
})

t.test('a parameter or a value that cannot be converted fails the statement, and nothing else', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool({ max: 1, namedStatements: true })
  const circular: { self?: unknown } = {}
  circular.self = circular
  const echo = (value: unknown) => pool.query({ name: 'echo', text: 'SELECT $1::jsonb AS value', values: [value] })
  t.match(await failure(echo(circular)), { message: /circular/ })
  const many = { name: 'many', text: 'SELECT 9007199254740990 + n AS n FROM generate_series(1::bigint, 3) AS n' }
  for (const time of ['first', 'second'])
    t.match(await failure(pool.query(many)), { name: 'RangeError', message: /9007199254740992/ }, time)
  t.same((await echo({ a: 1 })).rows, [{ value: { a: 1 } }], 'the connection still works')
  t.equal(pool.totalCount, 1)
})

t.test('two statements cannot have the same name', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool({ max: 1, namedStatements: true })
  await pool.query({ name: 'same', text: 'SELECT 1 AS one' })
  t.match(await failure(pool.query({ name: 'same', text: 'SELECT 2 AS two' })), { message: /same/ })
  t.same((await pool.query({ name: 'same', text: 'SELECT 1 AS one' })).rows, [{ one: 1 }])
})

withoutPooler(t, 'a statement whose columns change fails once on each connection, and never wrongly', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool({ max: 1, namedStatements: true })
  await pool.query({ text: "CREATE TABLE things AS SELECT 1 AS a, 'x' AS b" })
  const all = { name: 'all', text: 'SELECT * FROM things' }
  t.same((await pool.query(all)).rows, [{ a: 1, b: 'x' }])
  await pool.query({ text: 'ALTER TABLE things DROP COLUMN a' })
  const error = await failure(pool.query(all))
  t.ok(isUnavailable(error), 'the request can be repeated')
  t.match(error, { message: /cached plan/ })
  t.same((await pool.query(all)).rows, [{ b: 'x' }])
  await pool.query({ text: 'ALTER TABLE things ADD COLUMN a text' })
  const inside = await failure(inTransaction(pool, (tx) => tx.query(all)))
  t.ok(isUnavailable(inside), 'in a transaction, too')
  t.same((await pool.query(all)).rows, [{ b: 'x', a: null }])
})

withoutPooler(t, 'a prepared statement that the server no longer has fails once', async (t) => {
  const { openPool } = await testDatabase(t)
  const pool = openPool({ max: 1, namedStatements: true })
  const one = { name: 'one', text: 'SELECT 1 AS one' }
  await pool.query(one)
  await pool.query({ text: 'DEALLOCATE ALL' })
  t.ok(isUnavailable(await failure(pool.query(one))))
  t.same((await pool.query(one)).rows, [{ one: 1 }])
})

t.test(
  'the columns are asked for once per connection, but every time if a pooler gives sessions to others',
  async (t) => {
    for (const session of ['own', 'shared'] as const) {
      const { connection, parsed, described } = await fakePostgres(t)
      const pool = createPool({
        ...{ connection, schema: 'signet', max: 1, log: noLog, session },
        ...{ connectTimeoutMs: 30_000, queryTimeoutMs: 30_000 },
      })
      t.teardown(() => pool.end())
      for (let time = 0; time < 3; time++) await pool.query({ name: 'update', text: 'UPDATE things SET a = 1' })
      t.same(parsed.filter(Boolean), ['update'])
      t.equal(described.length, session === 'own' ? 1 : 3)
    }
  },
)

t.test('a named statement that is not answered ends its connection, and those that wait get another', async (t) => {
  const { connection, accepted } = await fakePostgres(
    t,
    () => undefined,
    ({ text }) => (text === 'UPDATE first' ? new Promise(() => {}) : undefined),
  )
  const pool = createPool({
    ...{ connection, schema: 'signet', max: 1, log: noLog, connectTimeoutMs: 60_000, queryTimeoutMs: 300 },
  })
  t.teardown(() => pool.end())
  const first = failure(pool.query({ name: 'first', text: 'UPDATE first' }))
  const second = pool.query({ name: 'second', text: 'UPDATE second' })
  const error = await first
  t.ok(isUnavailable(error), String(error))
  t.match(error, { message: /did not answer in time/ })
  t.equal((await second).command, 'UPDATE')
  t.equal(accepted(), 2)
})
