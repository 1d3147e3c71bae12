import t from 'tap'
import { deleteAccount } from '../../../src/operations/delete-account.ts'
import { deleteExpired } from '../../../src/records/cleanup/cleanup-store.ts'
import { startSignet } from '../../support/idp.ts'
import { signIn } from '../../support/journey.ts'

const day = 86_400
const idp = await startSignet(t)
const { database: db } = idp.signet
const operator = { kind: 'operator', by: 'operator@host' } as const

const rowsOf = async (sub: string) =>
  (
    await db.query<{ id: number; type: string; network: string | null; at: Date }>(
      'SELECT id, type, network, at FROM events WHERE sub = $1 ORDER BY at, id',
      [sub],
    )
  ).rows
const addressesOf = async (sub: string) => (await rowsOf(sub)).filter(({ network }) => network !== null).length

/** Inserts old events about somebody, each with an address. */
const plant = (sub: string | null, count: number, age: string, at = 'now() - $3::interval') =>
  db.query(
    `INSERT INTO events (type, network, sub, at) SELECT 'signed_in', '203.0.113.7', $1, ${at} FROM generate_series(1, $2::int)`,
    [sub, count, age],
  )
const settle = () => db.query("UPDATE erasures SET requested_at = requested_at - interval '2 minutes'")
const erase = async () => {
  await settle()
  for (let rounds = 0; await deleteExpired(db, 7 * day); rounds++)
    if (rounds > 50) throw new Error('It does not finish.')
}

t.test('direct access to the table can neither change an event nor delete a recent one', async (t) => {
  const { person } = await signIn(idp, await idp.client())
  for (const change of [
    "UPDATE events SET type = 'signed_out'",
    'UPDATE events SET network = NULL',
    "UPDATE events SET at = now() - interval '2 years'",
    "UPDATE events SET sub = 'somebody else'",
    'DELETE FROM events',
    "DELETE FROM events WHERE at < now() - interval '29 days'",
    'TRUNCATE events',
  ]) {
    await plant(person.sub, 1, '29 days 23 hours')
    await t.rejects(db.query(change), { message: 'events are append-only' }, change)
  }
  await deleteAccount(idp.signet, operator, person.sub)
  for (const change of [
    "UPDATE events SET network = '198.51.100.1' WHERE sub = $1",
    "UPDATE events SET network = NULL, type = 'signed_out' WHERE sub = $1",
    'UPDATE events SET network = NULL, at = now() WHERE sub = $1',
  ])
    await t.rejects(db.query(change, [person.sub]), { message: 'events are append-only' }, `deleted: ${change}`)
  await erase()
})

t.test('nobody can be passed off as deleted', async (t) => {
  const { person } = await signIn(idp, await idp.client())
  const before = await addressesOf(person.sub)
  t.ok(before > 0)
  const tables = await db.connect()
  const tryAs = async (...statements: string[]) => {
    await tables.query('BEGIN')
    try {
      for (const statement of statements) await tables.query(statement)
    } finally {
      await tables.query('ROLLBACK')
    }
  }
  const erasing = `UPDATE events SET network = NULL WHERE sub = '${person.sub}'`
  const schema = `pretended_${idp.signet.settings.databaseSchema}`.slice(0, 63)
  await t.rejects(
    tryAs(
      'CREATE TEMP TABLE accounts (sub text, deleted_at timestamptz)',
      `INSERT INTO pg_temp.accounts VALUES ('${person.sub}', now())`,
      erasing,
    ),
    { message: 'events are append-only' },
    'a temporary table',
  )
  await t.rejects(
    tryAs(
      `CREATE SCHEMA ${schema}`,
      `CREATE FUNCTION ${schema}.always(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS 'SELECT true'`,
      `CREATE OPERATOR ${schema}.< (LEFTARG = timestamptz, RIGHTARG = timestamptz, FUNCTION = ${schema}.always)`,
      `SELECT set_config('search_path', '${schema}, pg_catalog, ' || current_setting('search_path'), true)`,
      `DELETE FROM events WHERE sub = '${person.sub}'`,
    ),
    { message: 'events are append-only' },
    'an operator',
  )
  const deleting = `UPDATE accounts SET deleted_at = now() WHERE sub = '${person.sub}'`
  for (const undoing of [
    `UPDATE accounts SET deleted_at = NULL WHERE sub = '${person.sub}'`,
    `UPDATE accounts SET sub = 'somebody else' WHERE sub = '${person.sub}'`,
    `DELETE FROM accounts WHERE sub = '${person.sub}'`,
  ])
    await t.rejects(tryAs(deleting, erasing, undoing), { message: 'the deletion of an account is final' }, undoing)
  tables.release()
  t.equal(await addressesOf(person.sub), before)
})

t.test(
  'events are deleted in batches when they are older than the setting, and are kept if it says forever',
  async (t) => {
    const old = async () =>
      Number((await db.query("SELECT count(*) FROM events WHERE at < now() - interval '360 days'")).rows[0].count)
    await plant(null, 700, '366 days')
    await plant(null, 3, '364 days')
    await deleteExpired(db, 7 * day)
    t.equal(await old(), 703, 'forever')
    t.equal(await deleteExpired(db, 7 * day, { eventsFor: 365 * day }), true, 'there may be more')
    t.equal(await old(), 203)
    t.equal(await deleteExpired(db, 7 * day, { eventsFor: 365 * day }), false)
    t.equal(await old(), 3)
  },
)

t.test('the events about a deleted person are kept without addresses; those of others keep them', async (t) => {
  const client = await idp.client()
  const [{ person: gone, redeem }, { person: stays, redeem: redeemTheirs }] = [
    await signIn(idp, client),
    await signIn(idp, client),
  ]
  const { refresh_token } = (await redeem()).body
  await redeemTheirs()
  await idp.token(client, { grant_type: 'refresh_token', refresh_token })
  await idp.signet.deferredEvents.stop()
  const before = await rowsOf(gone.sub)
  t.match(
    before.map(({ type, network }) => [type, network]),
    ['signed_in', 'grant_opened', 'consent_given', 'tokens_issued', 'tokens_issued'].map((type) => [type, /^127/]),
  )
  const others = await addressesOf(stays.sub)

  await deleteAccount(idp.signet, operator, gone.sub)
  await deleteExpired(db, 7 * day)
  t.equal(await addressesOf(gone.sub), before.length, 'not before all running requests have ended')
  await erase()
  t.equal(await addressesOf(gone.sub), 0)
  const after = await rowsOf(gone.sub)
  t.same(
    after.slice(0, before.length),
    before.map((row) => ({ ...row, network: null })),
    'nothing else has changed',
  )
  t.ok(after.some(({ type }) => type === 'account_deleted'))
  t.equal(await addressesOf(stays.sub), others)
  t.same((await db.query('SELECT FROM erasures')).rowCount, 0, 'nothing is left to do')
})

t.test('very many events lose their addresses, even with equal timestamps and several nodes at work', async (t) => {
  const people = [await idp.person(), await idp.person(), await idp.person()]
  for (const { sub } of people) {
    await plant(sub, 1_300, '3 days')
    await plant(sub, 500, '2 days', "date_trunc('day', now()) - $3::interval - random() * interval '1 day'")
    await deleteAccount(idp.signet, operator, sub)
  }
  await settle()
  await Promise.all([erase(), erase(), erase()])
  for (const { sub } of people) t.equal(await addressesOf(sub), 0)
  t.same((await db.query('SELECT FROM erasures')).rowCount, 0)
})

t.test('events after the deletion are recorded without an address', async (t) => {
  const client = await idp.client()
  const { person, redeem } = await signIn(idp, client)
  await redeem()
  await deleteAccount(idp.signet, operator, person.sub)
  await erase()
  t.equal((await redeem()).body.error, 'invalid_grant', 'the code was spent')
  t.match((await rowsOf(person.sub)).at(-1), { type: 'code_replayed', network: null })
  t.equal(await addressesOf(person.sub), 0)
})
