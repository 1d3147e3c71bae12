import t from 'tap'
import { startCleaner } from '../../../src/records/cleanup/cleaner.ts'
import { migratedDatabase, noLog } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

const clock = { now: () => Date.now() }
const keeping = { eventsFor: undefined, unusedClientsFor: undefined }
const pace = { betweenRounds: 1, betweenBatches: 1 }

const { openPool } = await migratedDatabase(t)
const db = openPool()

const expired = `INSERT INTO client_assertions SELECT 'machine', n::text::bytea, now() - interval '1 day' FROM generate_series(1, $1::integer) AS n`
const left = async (table: string) => Number((await db.query(`SELECT count(*) FROM ${table}`)).rows[0].count)
await db.query(`INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method,
                  id_token_signed_response_alg, refresh_token_rotation)
                VALUES ('machine', 'x', '{}', '{}', '', 'none', 'ES256', false)`)

t.test('the cleaner continues after any failure, and sends nothing after it is stopped', async (t) => {
  const warned: string[] = []
  const stop = startCleaner(
    db,
    { ...noLog, warn: (_details, message) => warned.push(message) },
    900,
    keeping,
    clock,
    pace,
  )
  t.teardown(stop)
  await db.query('ALTER TABLE resources RENAME TO elsewhere')
  await eventually('a failed round', () => warned.length > 0)
  await db.query('ALTER TABLE elsewhere RENAME TO resources')
  await db.query(expired, [1_200])
  await eventually(
    'the expired rows to go',
    () => left('client_assertions'),
    (count) => count === 0,
  )
  t.same(warned, ['Expired rows of any table could not be deleted.'])
  await stop()
  await db.query(expired, [1])
  t.equal(await left('client_assertions'), 1, 'the loop had ended when stop() resolved')
})

t.test('a failing statement stops none of the others and is logged once', async (t) => {
  // Deletes of the table that is cleaned first always fail, as with a damaged index.
  await db.query(`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
    CREATE TRIGGER refuse BEFORE DELETE ON authorization_codes FOR EACH STATEMENT EXECUTE FUNCTION refuse()`)
  await db.query('DELETE FROM client_assertions')
  await db.query(expired, [1_200])
  const warned: object[] = []
  const stop = startCleaner(db, { ...noLog, warn: (details) => warned.push(details) }, 900, keeping, clock, pace)
  t.teardown(stop)
  await eventually(
    'the expired rows to go',
    () => left('client_assertions'),
    (count) => count === 0,
  )
  await db.query(expired, [10])
  await eventually(
    'the later rows to be deleted',
    () => left('client_assertions'),
    (count) => count === 0,
  )
  t.match(warned, [{ table: 'authorization_codes', err: { message: 'no' } }])
  t.equal(warned.length, 1)
})

t.test('a batch that fails as a whole is retried with fewer rows', async (t) => {
  await db.query(`
    DROP TRIGGER refuse ON authorization_codes;
    CREATE FUNCTION refuse_many() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF (SELECT count(*) FROM gone) > 20 THEN RAISE EXCEPTION 'too many at once'; END IF;
        RETURN NULL;
      END $$;
    CREATE TRIGGER refuse_many AFTER DELETE ON client_assertions REFERENCING OLD TABLE AS gone
      FOR EACH STATEMENT EXECUTE FUNCTION refuse_many()`)
  await db.query(expired, [200])
  const stop = startCleaner(db, noLog, 900, keeping, clock, pace)
  t.teardown(stop)
  await eventually(
    'the expired rows to go',
    () => left('client_assertions'),
    (count) => count === 0,
  )
  t.pass('all of them were deleted')
})

t.test('nothing is deleted while the clocks disagree about what has expired', async (t) => {
  await db.query('DROP TRIGGER refuse_many ON client_assertions')
  await db.query(expired, [1])
  let ahead = -31_536_000_000
  const warned: object[] = []
  const log = { ...noLog, warn: (details: object) => warned.push(details) }
  const stop = startCleaner(db, log, 900, keeping, { now: () => Date.now() + ahead }, pace)
  t.teardown(stop)
  await eventually('a round', () => warned.length > 0)
  t.match(warned, [{ err: { message: /disagree/ } }])
  t.equal(await left('client_assertions'), 1)
  ahead = 0
  await eventually(
    'the row to be deleted',
    () => left('client_assertions'),
    (count) => count === 0,
  )
})
