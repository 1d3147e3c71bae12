import t from 'tap'
import { signOutEveryone } from '../../../src/records/sessions/sign-out-everyone-store.ts'
import { migratedDatabase } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'

t.test('signing everybody out works past any number of ended sessions and grants, and spares machines', async (t) => {
  const { openPool } = await migratedDatabase(t)
  const db = openPool({ max: 1 })
  await db.query(`INSERT INTO accounts (sub) SELECT 'sub-' || i FROM generate_series(1, 3) AS i`)
  await db.query(
    `INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method,
       id_token_signed_response_alg, refresh_token_rotation)
     VALUES ('client', 'Client', '{}', '{}', '', 'none', 'ES256', true)`,
  )
  // More than one batch has ended already; open ones come before and after these.
  const endedOf = (i: string) => `CASE WHEN ${i} BETWEEN 10 AND 5500 THEN now() END`
  await db.query(
    `INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at, ended_at)
     SELECT sha256(i::text::bytea), '', 'sub-' || 1 + i % 3, now(), '{}', now(), ${endedOf('i')} FROM generate_series(1, 5600) AS i`,
  )
  await db.query(
    `INSERT INTO grants (id, client_id, sub, scopes, resources, ended_at, end_reason)
     SELECT 'grant-' || i, 'client', CASE WHEN i <> 3 THEN 'sub-1' END, '{}', '{}', ${endedOf('i')},
       CASE WHEN i BETWEEN 10 AND 5500 THEN 'signed_out' END FROM generate_series(1, 5600) AS i`,
  )
  await db.query(
    `INSERT INTO known_browsers (sub, browser_digest, used_at) SELECT 'sub-' || i % 3, sha256(i::text::bytea), now() FROM generate_series(1, 5600) AS i`,
  )
  t.same(await signOutEveryone(db, { by: 'somebody' }), { sessions: 109, grants: 108 })
  t.same((await db.query('SELECT FROM known_browsers')).rowCount, 0, 'any number of browsers is forgotten')
  const { rows } = await db.query(
    `SELECT (SELECT count(*) FROM sessions WHERE ended_at IS NULL) AS sessions,
       ARRAY(SELECT id FROM grants WHERE ended_at IS NULL) AS grants,
       (SELECT sum((detail ->> 'sessions')::int) FROM events WHERE type = 'sessions_ended') AS told`,
  )
  t.same(rows, [{ sessions: 0, grants: ['grant-3'], told: 109 }])
  t.same(await signOutEveryone(db, { by: 'somebody' }), { sessions: 0, grants: 0 })
})

t.test('a grant that is being opened while everybody is signed out ends, too', async (t) => {
  const { openPool } = await migratedDatabase(t)
  const db = openPool({ max: 3 })
  await db.query(`INSERT INTO accounts (sub) VALUES ('sub')`)
  await db.query(
    `INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method,
       id_token_signed_response_alg, refresh_token_rotation)
     VALUES ('client', 'Client', '{}', '{}', '', 'none', 'ES256', true)`,
  )
  const opener = await db.connect()
  await opener.query('BEGIN')
  await opener.query(
    `INSERT INTO grants (id, client_id, sub, scopes, resources) VALUES ('late', 'client', 'sub', '{offline_access}', '{}')`,
  )
  const signedOut = signOutEveryone(db, { by: 'somebody' })
  await eventually('the command to wait for the grant', async () => {
    const { rowCount } = await db.query(
      `SELECT FROM pg_locks WHERE NOT granted AND relation = 'grants'::regclass AND mode = 'ShareLock'`,
    )
    return rowCount === 1
  })
  await opener.query('COMMIT')
  opener.release()
  t.same(await signedOut, { sessions: 0, grants: 1 })
})
