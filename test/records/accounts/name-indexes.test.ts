import t from 'tap'
import { migrate } from '../../../src/platform/database/migrations.ts'
import { nameIndexes } from '../../../src/records/accounts/accounts-store.ts'
import { ownAddressIndexes } from '../../../src/records/accounts/names-to-convert-store.ts'
import { noLog, testDatabase } from '../../database.ts'

t.test('the unique indexes by which the code recognizes taken names exist in the database', async (t) => {
  const { connection, schema, openPool } = await testDatabase(t)
  await migrate({ connection, schema, log: noLog })
  const { rows } = await openPool({ max: 1 }).query<{ indexname: string }>({
    text: `SELECT indexname FROM pg_indexes WHERE schemaname = $1 AND tablename IN ('accounts', 'account_emails')
             AND indexdef LIKE 'CREATE UNIQUE INDEX %'`,
    values: [schema],
  })
  const unique = rows.map(({ indexname }) => indexname)
  for (const index of [...nameIndexes.keys(), ...ownAddressIndexes.keys()]) t.ok(unique.includes(index), index)
})
