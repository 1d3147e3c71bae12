import t from 'tap'
import { follow } from '../../src/cli/follow.ts'
import { idsPerBatch, listEventsAfter, newestEventId } from '../../src/records/events/recorded-events-store.ts'
import { migratedDatabase } from '../database.ts'

t.test('if one poll returns very many events, each matching event is printed once', async (t) => {
  const { openPool } = await migratedDatabase(t)
  const db = openPool({ max: 2 })
  const every = 2_000
  const last = 2 * idsPerBatch + every
  await db.query(
    `INSERT INTO events (type, sub)
     SELECT CASE WHEN i % $1 = 0 THEN 'signed_in' ELSE 'tokens_issued' END, 'sub' FROM generate_series(1, $2::int) AS i`,
    [every, last],
  )
  const stop = new AbortController()
  const printed: number[] = []
  const print = ({ id }: { id: number }) => {
    printed.push(id)
    // One more poll, then stop.
    if (id === last) db.query("INSERT INTO events (type, sub) VALUES ('signed_in', 'sub'), ('signed_in', 'other')")
    if (id > last) stop.abort()
  }
  const growing = {
    newestId: () => newestEventId(db),
    listAfter: (id: number) => listEventsAfter(db, { types: ['signed_in'], sub: 'sub' }, id),
    idsPerBatch,
  }
  await follow(growing, 0, [], print, stop.signal)
  t.same(printed, [...Array.from({ length: last / every }, (_, n) => (n + 1) * every), last + 1])
})
