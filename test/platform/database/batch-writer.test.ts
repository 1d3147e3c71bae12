import t from 'tap'
import { type BatchWriterOptions, createBatchWriter } from '../../../src/platform/database/batch-writer.ts'
import { DatabaseUnavailable } from '../../../src/platform/database/unavailable.ts'
import { listEvents } from '../../../src/records/events/recorded-events-store.ts'
import { createTokenCounter } from '../../../src/records/events/token-counter.ts'
import { createRefusalLog } from '../../../src/records/refusals/refusal-log.ts'
import { findRefusals } from '../../../src/records/refusals/refusals-store.ts'
import { migratedDatabase, noLog } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

interface Row {
  readonly id: number
  readonly text?: unknown
  readonly small?: unknown
  readonly owner?: unknown
}

const { openPool } = await migratedDatabase(t)
const db = openPool()
await db.query(`
  CREATE TABLE owners (name text PRIMARY KEY);
  INSERT INTO owners VALUES ('somebody');
  CREATE TABLE queued (id integer PRIMARY KEY, text varchar(20) NOT NULL, small smallint CHECK (small > 0), owner text REFERENCES owners)`)

const insert = async (rows: readonly Row[]) => {
  await db.query({
    text: `INSERT INTO queued SELECT * FROM jsonb_to_recordset($1) AS r(id integer, text text, small numeric, owner text)`,
    values: [JSON.stringify(rows)],
  })
}
const good = (id: number): Row => ({ id, text: 'good', small: 1, owner: 'somebody' })
const written = async () => {
  const { rows } = await db.query<{ id: number }>('SELECT id FROM queued ORDER BY id')
  return rows.map(({ id }) => id)
}

/** A queue on the table; it writes only when told to, unless `more` says otherwise. */
function writer(more: Partial<BatchWriterOptions<Row>> = {}) {
  const logged: { details: Record<string, unknown>; message: string }[] = []
  const note = (details: object, message: string) => logged.push({ details: { ...details }, message })
  const options = { what: 'rows', delayMs: 3_600_000, maxQueued: 1_000, maxBatch: 300, write: insert, ...more }
  return {
    logged,
    queue: createBatchWriter<Row>({ describe: ({ id }) => ({ id }), ...options, log: { info: note, warn: note } }),
  }
}

t.beforeEach(() => db.query('TRUNCATE queued'))

t.test('rows that PostgreSQL rejects are dropped and named, and all others are written', async (t) => {
  await db.query("INSERT INTO queued VALUES (8, 'before', 1, NULL)")
  const bad: Row[] = [
    { ...good(1), text: null },
    { ...good(2), text: 'a secret that is too long for the column' },
    { ...good(3), text: 'NUL \0' },
    { ...good(4), text: 'half a character \ud800' },
    { ...good(5), small: 1e9 },
    { ...good(6), small: 'NaN' },
    { ...good(7), small: -1 },
    good(8),
    { ...good(9), owner: 'nobody' },
    { ...good(10), id: 1e12 },
    { ...good(11), id: 'eleven' as never },
    { ...good(12), text: { toJSON: () => BigInt(1) } },
  ]
  const { queue, logged } = writer()
  for (let id = 0; id < 700; id++) {
    queue.add(good(1_000 + id))
    const [one] = id % 60 === 30 ? bad.splice(0, 1) : []
    if (one) queue.add(one)
  }
  t.same(bad, [])
  await queue.stop()
  t.same(await written(), [8, ...Array.from({ length: 700 }, (_, id) => 1_000 + id)])
  const dropped = logged.filter(({ message }) => message === 'Dropped one of the rows: it cannot be written.')
  t.equal(dropped.length, 12)
  t.same(logged.length, dropped.length, 'nothing else was logged')
  t.match(
    dropped.map(({ details }) => details['reason']),
    [
      '23502 text',
      '22001',
      /^22/,
      /^22/,
      '22003',
      '0A000',
      /^23514/,
      /^23505/,
      /^23503/,
      '22003',
      '22P02',
      'TypeError',
    ],
  )
  t.notMatch(JSON.stringify(logged), 'secret')
})

t.test('a queue of only bad rows finishes, and the next rows are written', async (t) => {
  const { queue, logged } = writer()
  for (let id = 0; id < 20; id++) queue.add({ ...good(id), text: null })
  await queue.stop()
  t.equal(logged.length, 20)
  queue.add(good(50))
  await queue.stop()
  t.same(await written(), [50])
})

t.test('while the database is unavailable rows wait in order, up to a limit, and each is written once', async (t) => {
  let answers = 2
  const { queue, logged } = writer({
    maxQueued: 100,
    maxBatch: 30,
    write: async (rows) => {
      if (answers-- <= 0) throw new DatabaseUnavailable('away')
      await insert(rows)
    },
  })
  for (let id = 0; id < 90; id++) queue.add(good(id))
  await queue.stop()
  t.equal((await written()).length, 60, 'it became unavailable in between')
  for (let id = 90; id < 200; id++) queue.add(good(id))
  await queue.stop()
  await queue.stop()
  t.equal((await written()).length, 60)
  answers = Infinity
  await queue.stop()
  t.same(
    await written(),
    Array.from({ length: 160 }, (_, id) => id),
    'the first ones',
  )
  queue.add(good(500))
  await queue.stop()
  t.same(
    logged.map(({ message }) => message).filter((message) => !message.startsWith('Some rows')),
    [
      'Deferred write of rows failed; it will be retried.',
      'The queue of rows was full; the excess was dropped.',
      'Deferred writes of rows work again.',
    ],
    'logged once, regardless of the number of attempts',
  )
  t.match(
    logged.filter(({ message }) => message === 'Some rows could not be written.').map(({ details }) => details),
    [{ unwritten: 30 }, { unwritten: 100 }, { unwritten: 100 }],
  )
})

t.test('rows of a statement that fails for any values wait until somebody repairs the cause', async (t) => {
  const { queue, logged } = writer()
  await db.query('ALTER TABLE queued RENAME TO elsewhere')
  queue.add(good(1))
  queue.add({ ...good(2), text: null })
  await queue.stop()
  t.match(logged, [{ message: 'Deferred write of rows failed; it will be retried.' }, { details: { unwritten: 2 } }])
  await db.query('ALTER TABLE elsewhere RENAME TO queued')
  await queue.stop()
  t.same(await written(), [1])
})

t.test('a queue keeps writing on its own, whatever failed before', async (t) => {
  let attempts = 0
  const { queue } = writer({
    delayMs: 1,
    write: async (rows) => {
      attempts++
      if (attempts === 1) throw new DatabaseUnavailable('away')
      await insert(rows)
    },
  })
  queue.add({ ...good(1), text: null })
  queue.add(good(2))
  await eventually('the good row', written, (ids) => ids.includes(2))
  queue.add(good(3))
  await eventually('the row that came later', written, (ids) => ids.includes(3))
  t.same(await written(), [2, 3])
})

t.test('rows with the same key become one row, even if one of them has to wait', async (t) => {
  let isAway = true
  const { queue } = writer({
    merging: { key: ({ id }) => String(id), merge: (a, b) => ({ ...b, small: Number(a.small) + Number(b.small) }) },
    write: async (rows) => {
      if (isAway) throw new DatabaseUnavailable('away')
      await insert(rows)
    },
  })
  queue.add(good(1))
  queue.add(good(1))
  const waiting = queue.stop()
  await Promise.resolve()
  queue.add({ ...good(1), text: 'newest' })
  queue.add(good(2))
  await waiting
  isAway = false
  await queue.stop()
  t.same((await db.query('SELECT id, text, small FROM queued ORDER BY id')).rows, [
    { id: 1, text: 'newest', small: 3 },
    { id: 2, text: 'good', small: 1 },
  ])
})

t.test('a refusal or count that cannot be stored does not block others', async (t) => {
  const warned: string[] = []
  const log = { ...noLog, warn: (details: object, message: string) => warned.push(JSON.stringify([details, message])) }
  const refusals = createRefusalLog(db, log)
  const about = { network: '::1', method: 'POST', route: '/token', clientId: undefined, detail: undefined }
  const told = { status: 400, entry: 'x', error: 'invalid_request', description: 'x' }
  refusals.record({ requestId: 'before', ...about, ...told })
  refusals.record({ requestId: 'bad', ...about, ...told, network: undefined as never })
  refusals.record({ requestId: 'worse', ...about, ...told, status: 400.5e9 })
  refusals.record({ requestId: 'after', ...about, ...told })
  await refusals.stop()
  for (const requestId of ['before', 'after'])
    t.match(await findRefusals(db, requestId, 10), [{ requestId }], 'it is on record')
  t.match(warned, [/23502 network.*"bad".*refusals/, /22003.*"worse"/])

  const counter = createTokenCounter(db, log)
  counter.count({ clientId: 'machine', grantId: 'one', audience: 'https://api.example' })
  counter.count({ clientId: 'machine', grantId: 'two', audience: 'https://api.example/\0' })
  // No foreign key, because the grant and its client may have been deleted meanwhile.
  counter.count({ clientId: 'machine', grantId: 'three', audience: 'https://api.example' })
  counter.count({ clientId: 'machine', grantId: 'three', audience: 'https://api.example' })
  await counter.stop()
  t.match(
    (await listEvents(db, { clientId: 'machine' }, 10)).map(({ grantId, detail }) => [grantId, detail['tokens']]),
    [
      ['one', 1],
      ['three', 2],
    ],
  )
})
