import t from 'tap'
import { convertNames, startConvertingNames } from '../../src/operations/convert-names.ts'
import { migratedDatabase, noLog } from '../database.ts'
import { eventually } from '../support/eventually.ts'

/** Which names are converted into which is tested in test/records/accounts/turkish-database.test.ts. */

const { openPool } = await migratedDatabase(t)
const db = openPool({ max: 5 })
const query = async (text: string, values: unknown[] = []) => (await db.query({ text, values })).rows
const usernames = async (sub: string) =>
  (await query('SELECT username FROM accounts WHERE sub LIKE $1 ORDER BY sub', [sub])).map(({ username }) => username)
const insert = (sub: string, username: string) =>
  query('INSERT INTO accounts (sub, username) VALUES ($1, $2)', [sub, username])
const isDone = async () => (await query('SELECT FROM names_to_convert')).length === 0

t.test('a name that changes during its conversion is not lost', async (t) => {
  await insert('changing', 'Émile')
  const changing = await db.connect()
  await changing.query('BEGIN')
  await changing.query(`UPDATE accounts SET username = 'Zoë' WHERE sub = 'changing'`)
  const { rows } = await changing.query('SELECT pg_backend_pid() AS pid')
  const converted = convertNames(db, noLog)
  await eventually('the conversion to wait for the account', async () => {
    const waiting = await query('SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))', [rows[0].pid])
    return waiting.length > 0
  })
  await changing.query('COMMIT')
  changing.release()
  await converted
  await convertNames(db, noLog)
  t.same(await usernames('changing'), ['zoë'])
  t.ok(await isDone())
})

t.test('an interrupted conversion leaves the account unchanged, and the next one completes it', async (t) => {
  await insert('cut-off', 'Ähre')
  await insert('later', 'Åse')
  await query(`
    CREATE FUNCTION cut_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'cut off'; END $$;
    CREATE TRIGGER cut_off BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.sub = 'cut-off') EXECUTE FUNCTION cut_off()`)
  const warnings: unknown[] = []
  await convertNames(db, { ...noLog, warn: (details: unknown) => warnings.push(details) })
  t.match(warnings, [{ sub: 'cut-off', err: { message: 'cut off' } }])
  t.same(await usernames('cut-off'), ['Ähre'])
  t.same(await usernames('later'), ['åse'], 'and does not block another one')
  t.notOk(await isDone())
  await query('DROP TRIGGER cut_off ON events')
  await convertNames(db, noLog)
  t.same(await usernames('cut-off'), ['ähre'])
  t.same(await query(`SELECT detail FROM events WHERE sub = 'cut-off'`), [
    { detail: { by: 'schedule', claims: ['username'] } },
  ])
})

t.test('an account that has an address in both forms keeps both, and the log says why', async (t) => {
  await insert('twice', 'twice')
  await query(
    `INSERT INTO account_emails (sub, email, is_primary)
     VALUES ('twice', 'ada@münchen.example', true), ('twice', 'ada@xn--mnchen-3ya.example', false)`,
  )
  const warnings: unknown[] = []
  await convertNames(db, { ...noLog, warn: (details: unknown) => warnings.push(details) })
  t.same(warnings, [{ reason: 'email_twice', sub: 'twice' }])
  t.same(await query(`SELECT email FROM account_emails WHERE sub = 'twice' AND is_primary`), [
    { email: 'ada@münchen.example' },
  ])
  t.ok(await isDone())
})

t.test('a deleted account is skipped', async (t) => {
  await insert('deleted', 'Öl')
  await query(`UPDATE accounts SET username = NULL, deleted_at = now() WHERE sub = 'deleted'`)
  t.notOk(await isDone())
  await convertNames(db, noLog)
  t.ok(await isDone())
})

t.test('a server converts batch after batch, continues after a failure that it logs once, and stops', async (t) => {
  await query(`INSERT INTO accounts (sub, username) SELECT 'many-' || i, 'É' || i FROM generate_series(1, 230) AS i`)
  await query('ALTER TABLE names_to_convert RENAME TO away')
  const warnings: string[] = []
  const log = { ...noLog, warn: (_: unknown, message: string) => warnings.push(message) }
  const stop = startConvertingNames(db, log, { betweenRounds: 5, betweenBatches: 1 })
  await eventually('a failure to be logged', () => warnings.length > 0)
  await query('ALTER TABLE away RENAME TO names_to_convert')
  await eventually('all names to be converted', isDone)
  await stop()
  t.same(warnings, ['Names stored by an earlier release could not be converted; this will be retried.'])
  t.ok((await usernames('many-%')).every((username) => /^é\d+$/.test(username)))
  await insert('afterwards', 'Ü')
  await stop()
  t.same(await usernames('afterwards'), ['Ü'])
})
