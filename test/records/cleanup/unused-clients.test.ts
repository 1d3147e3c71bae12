import t from 'tap'
import { deleteExpired } from '../../../src/records/cleanup/cleanup-store.ts'
import { startSignet } from '../../support/idp.ts'
import { signIn } from '../../support/journey.ts'
import { registered } from '../../support/registration.ts'

/* Clients that registered themselves are deleted if nobody gives them access. */
const idp = await startSignet(t, { SIGNET_REGISTRATION: 'open' })
const { database } = idp.signet
const age = (clientId: string) =>
  database.query({
    text: `UPDATE client_registrations SET registered_at = now() - interval '25 hours' WHERE client_id = $1`,
    values: [clientId],
  })
const clean = () => deleteExpired(database, 3600, { unusedClientsFor: 86_400 })
const usedAt = async (clientId: string) => {
  const { rows } = await database.query<{ used_at: Date | null }>({
    text: 'SELECT used_at FROM client_registrations WHERE client_id = $1',
    values: [clientId],
  })
  return rows[0]?.used_at
}

t.test('a client that nobody has used in time is deleted, with an event, and others are not', async (t) => {
  const [unused, used, fresh] = [await registered(idp), await registered(idp), await registered(idp)]
  const ofOperator = await idp.client()
  await signIn(idp, used.client)
  await age(unused.body.client_id)
  await age(used.body.client_id)
  await clean()
  t.equal((await unused.read()).status, 401)
  t.equal((await used.read()).status, 200)
  t.equal((await fresh.read()).status, 200)
  const { rows } = await database.query({ text: 'SELECT client_id FROM clients WHERE deleted_at IS NULL' })
  t.same(
    rows.map((row) => row['client_id']).sort(),
    [used.body.client_id, fresh.body.client_id, ofOperator.client_id].sort(),
  )
  const { rows: events } = await database.query({
    text: `SELECT detail FROM events WHERE type = 'client_deleted' AND client_id = $1`,
    values: [unused.body.client_id],
  })
  t.same(events, [{ detail: { by: 'schedule', reason: 'never_used' } }])
  const refused = await idp.token(unused.client, { grant_type: 'authorization_code', code: 'x', redirect_uri: 'x' })
  t.equal(refused.body.error, 'invalid_client')
})

t.test('the first grant of a person marks a client as used, and later ones do not move the mark', async (t) => {
  const { client, body } = await registered(idp)
  t.equal(await usedAt(body.client_id), null)
  const { person, browser } = await signIn(idp, client)
  const first = await usedAt(body.client_id)
  t.ok(first instanceof Date)
  await signIn(idp, client, { person, browser })
  t.same(await usedAt(body.client_id), first)
})

t.test('a client to which somebody is just giving access stays', async (t) => {
  const { body, read } = await registered(idp)
  await age(body.client_id)
  const connection = await database.connect()
  try {
    await connection.query({ text: 'BEGIN' })
    await connection.query({ text: 'SELECT FROM clients WHERE client_id = $1 FOR KEY SHARE', values: [body.client_id] })
    await clean()
    await connection.query({
      text: 'UPDATE client_registrations SET used_at = now() WHERE client_id = $1',
      values: [body.client_id],
    })
    await connection.query({ text: 'COMMIT' })
  } finally {
    connection.release()
  }
  await clean()
  t.equal((await read()).status, 200)
})

t.test('expired initial access tokens stay in the list for a week', async (t) => {
  await database.query({
    text: `INSERT INTO registration_tokens (digest, note, expires_at) VALUES
           ('a', 'old', now() - interval '8 days'), ('b', 'recent', now() - interval '6 days'), ('c', 'usable', now() + interval '1 day')`,
  })
  await clean()
  const { rows } = await database.query({ text: 'SELECT note FROM registration_tokens ORDER BY id' })
  t.same(rows, [{ note: 'recent' }, { note: 'usable' }])
})
