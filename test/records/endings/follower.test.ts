import t from 'tap'
import { migrate } from '../../../src/platform/database/migrations.ts'
import { insertAccount } from '../../../src/records/accounts/accounts-store.ts'
import { recordEnding } from '../../../src/records/endings/endings-store.ts'
import { createEndings } from '../../../src/records/endings/follower.ts'
import type { Sub } from '../../../src/records/ids.ts'
import { insertGrant } from '../../cli/insert-grant.ts'
import { noLog, testDatabase } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

const { connection, schema, openPool } = await testDatabase(t)
await migrate({ connection, schema, log: noLog })
const database = openPool()
const hour = 3_600_000

/** A person with an open grant, and a decision that ends it; the rows have not followed. */
async function decide(name: string): Promise<string> {
  const sub = name as Sub
  await insertAccount(database, { sub, profile: {}, email: undefined, passwordHash: undefined })
  const { grantId } = await insertGrant(database, sub)
  await recordEnding(database, { kind: 'account', reason: 'password_set', sub, epoch: 1 }, undefined, 0)
  return grantId
}

const hasEnded = async (grantId: string) =>
  (await database.query({ text: 'SELECT FROM grants WHERE id = $1 AND ended_at IS NOT NULL', values: [grantId] }))
    .rowCount === 1

t.test('an ending that fails is tried again later and keeps no other one waiting', async (t) => {
  const bad = await decide('bad')
  const good = await decide('good')
  await database.query(`
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a bad row'; END $$;
    CREATE TRIGGER fail BEFORE UPDATE ON grants FOR EACH ROW WHEN (NEW.sub = 'bad') EXECUTE FUNCTION fail()`)
  const warnings: unknown[] = []
  const log = { ...noLog, warn: (details: unknown) => warnings.push(details) }
  const endings = createEndings(database, log, { betweenLooks: 10, betweenBatches: 1, afterFailure: 10 })
  endings.run()
  await eventually('the good one to follow', () => hasEnded(good))
  await eventually('the bad one to be logged', () => warnings.length > 0)
  await endings.stop()
  t.match(
    warnings,
    [{ err: { message: /^Ending \d+ failed/, cause: { message: 'a bad row' } } }],
    'once, not in a loop',
  )

  await database.query("DROP TRIGGER fail ON grants; UPDATE endings SET due_at = now() WHERE sub = 'bad'")
  const again = createEndings(database, noLog, { betweenLooks: 10, betweenBatches: 1, afterFailure: 10 })
  again.run()
  await eventually('the bad one to follow', () => hasEnded(bad))
  await again.stop()
})

t.test(
  'at rest it does nothing; what its own process has decided follows at once, and what others decide by and by',
  async (t) => {
    const idle = createEndings(database, noLog)
    idle.due()
    await idle.stop()
    const sleepy = createEndings(database, noLog, { betweenLooks: hour, betweenBatches: 1, afterFailure: 1 })
    // With nothing to do, it looks once and rests.
    sleepy.run()
    const grant = await decide('own')
    // Again and again: it may be between two looks.
    await eventually('it to follow although the next look is an hour away', async () => {
      sleepy.due()
      return hasEnded(grant)
    })
    await sleepy.stop()
    const ofOthers = await decide('others')
    sleepy.due()
    t.notOk(await hasEnded(ofOthers), 'not after it was stopped')
    const another = createEndings(database, noLog, { betweenLooks: 5, betweenBatches: 1, afterFailure: 1 })
    another.run()
    await eventually('another process to follow', () => hasEnded(ofOthers))
    await another.stop()
  },
)
