import t from 'tap'
import type { Queryable } from '../../../src/platform/database/queryable.ts'
import { startCleaner } from '../../../src/records/cleanup/cleaner.ts'
import { noLog } from '../../database.ts'

const pace = { betweenRounds: 1, betweenBatches: 1 }

t.test(
  'it goes on for ever, also after the database was away, until it is ended, and then asks nothing any more',
  async (t) => {
    let asked = 0
    let warned = 0
    const seen = deferred()
    const db = {
      query: async () => {
        asked++
        if (asked === 3) throw new Error('away')
        if (asked === 40) seen.resolve()
        return { rows: [{ deleted: 0, kept: 1 }] }
      },
    } as unknown as Queryable
    // It keeps no process alive by itself.
    const alive = setInterval(() => {}, 1_000)
    t.teardown(() => clearInterval(alive))
    const stop = startCleaner(db, { ...noLog, warn: () => warned++ }, 900, pace)
    await seen.promise
    await stop()
    const before = asked
    await new Promise((resolve) => setTimeout(resolve, 20))
    t.equal(asked, before)
    t.equal(warned, 1)
  },
)

function deferred() {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
