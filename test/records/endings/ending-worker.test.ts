import t from 'tap'
import { insertAccount } from '../../../src/records/accounts/accounts-store.ts'
import { createEndingWorker } from '../../../src/records/endings/ending-worker.ts'
import { recordEnding } from '../../../src/records/endings/endings-store.ts'
import type { Sub } from '../../../src/records/ids.ts'
import { insertGrant } from '../../cli/insert-grant.ts'
import { migratedDatabase, noLog } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

const { openPool } = await migratedDatabase(t)
const database = openPool()
const hour = 3_600_000

/** Creates a person with an open grant, and a decision that ends it. The rows are not updated yet. */
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

t.test('an ending that fails is retried later and does not delay another', async (t) => {
  const bad = await decide('bad')
  const good = await decide('good')
  await database.query(`
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a bad row'; END $$;
    CREATE TRIGGER fail BEFORE UPDATE ON grants FOR EACH ROW WHEN (NEW.sub = 'bad') EXECUTE FUNCTION fail()`)
  const warnings: unknown[] = []
  const log = { ...noLog, warn: (details: unknown) => warnings.push(details) }
  const endings = createEndingWorker(database, log, { betweenPolls: 10, betweenBatches: 1, afterFailure: 10 })
  endings.run()
  await eventually('the rows of the good one to be updated', () => hasEnded(good))
  await eventually('the bad one to be logged', () => warnings.length > 0)
  await endings.stop()
  t.match(
    warnings,
    [{ err: { message: /^Ending \d+ failed/, cause: { message: 'a bad row' } } }],
    'once, not in a loop',
  )

  await database.query("DROP TRIGGER fail ON grants; UPDATE endings SET due_at = now() WHERE sub = 'bad'")
  const again = createEndingWorker(database, noLog, { betweenPolls: 10, betweenBatches: 1, afterFailure: 10 })
  again.run()
  await eventually('the rows of the bad one to be updated', () => hasEnded(bad))
  await again.stop()
})

t.test(
  'the follower is idle without work, follows its own decisions immediately and those of other processes in time',
  async (t) => {
    const idle = createEndingWorker(database, noLog)
    idle.wake()
    await idle.stop()
    const sleepy = createEndingWorker(database, noLog, { betweenPolls: hour, betweenBatches: 1, afterFailure: 1 })
    // With nothing to do, it looks once and waits.
    sleepy.run()
    const grant = await decide('own')
    // Repeatedly, because it may be between two looks.
    await eventually('the update although the next look is an hour away', async () => {
      sleepy.wake()
      return hasEnded(grant)
    })
    await sleepy.stop()
    const ofOthers = await decide('others')
    sleepy.wake()
    t.notOk(await hasEnded(ofOthers), 'not after it was stopped')
    const another = createEndingWorker(database, noLog, { betweenPolls: 5, betweenBatches: 1, afterFailure: 1 })
    another.run()
    await eventually('another process to update the rows', () => hasEnded(ofOthers))
    await another.stop()
  },
)
