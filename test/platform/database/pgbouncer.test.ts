import t from 'tap'
import { pooledDatabase, whyNoPooler } from '../../support/pgbouncer.ts'

const reason = await whyNoPooler(t)
t.test(`pgbouncer ${reason ?? ''}`, async (t) => {
  const db = await pooledDatabase(t, { mode: 'transaction', role: { search_path: 'signet' } })
  t.comment(db)
  t.comment(await db.console('SHOW SERVERS'))
})
