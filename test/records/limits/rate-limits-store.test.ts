import t from 'tap'
import { migrate } from '../../../src/platform/database/migrations.ts'
import { deleteExpired } from '../../../src/records/cleanup/cleanup-store.ts'
import { countOne, forgetCount, takeOneBack } from '../../../src/records/limits/rate-limits-store.ts'
import { noLog, testDatabase } from '../../database.ts'

const { openPool, connection, schema } = await testDatabase(t)
const db = openPool()
await migrate({ connection, schema, log: noLog })
const hour = 3600
const shift = (key: string, seconds: number) =>
  db.query('UPDATE rate_limits SET expire = expire + $2::bigint * 1000 WHERE key = $1', [key, seconds])

t.test('whoever races, each is counted, and the window ends when it began to', async (t) => {
  const counts = await Promise.all(Array.from({ length: 50 }, () => countOne(db, 'raced', hour)))
  t.same(
    counts.map(({ counted }) => counted).sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, n) => n + 1),
  )
  t.ok(counts.every(({ endsIn }) => endsIn > 0 && endsIn <= hour * 1000))
  await shift('raced', 60 - hour)
  const { counted, endsIn } = await countOne(db, 'raced', hour)
  t.equal(counted, 51)
  t.ok(endsIn <= 60_000, 'counting does not make it longer')
})

t.test('a window that is over is followed by a new one', async (t) => {
  await countOne(db, 'over', hour)
  await countOne(db, 'over', hour)
  await shift('over', -hour)
  t.match(await countOne(db, 'over', hour), { counted: 1 })
})

t.test(
  'a clock that was a year ahead for a moment locks nobody out, one that was a little ahead frees nobody',
  async (t) => {
    for (let n = 0; n < 3; n++) await countOne(db, 'ahead', hour)
    await shift('ahead', 300)
    t.match(await countOne(db, 'ahead', hour), { counted: 4 }, 'five minutes ahead: it goes on')
    await shift('ahead', 365 * 86_400)
    const { counted, endsIn } = await countOne(db, 'ahead', hour)
    t.equal(counted, 1)
    t.ok(endsIn <= hour * 1000)
    await countOne(db, 'left behind', hour)
    await shift('left behind', 365 * 86_400)
    await countOne(db, 'forgotten', hour)
    await shift('forgotten', -hour - 1)
    await deleteExpired(db, hour)
    const { rows } = await db.query("SELECT key FROM rate_limits WHERE key IN ('ahead', 'left behind', 'forgotten')")
    t.same(rows, [{ key: 'ahead' }], 'the cleaner takes those that are over, and those that cannot be')
  },
)

t.test('taking back never gives more than there was', async (t) => {
  await countOne(db, 'back', hour)
  await countOne(db, 'back', hour)
  for (let n = 0; n < 5; n++) await takeOneBack(db, 'back')
  t.match(await countOne(db, 'back', hour), { counted: 1 })
  await shift('back', -hour)
  await takeOneBack(db, 'back')
  await takeOneBack(db, 'nobody')
  t.match(await countOne(db, 'nobody', hour), { counted: 1 })
  await countOne(db, 'nobody', hour)
  await forgetCount(db, 'nobody')
  t.match(await countOne(db, 'nobody', hour), { counted: 1 })
})
