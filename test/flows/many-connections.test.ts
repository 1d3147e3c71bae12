import t from 'tap'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { listConnectedApplications } from '../../src/records/grants/connected-applications-store.ts'
import type { SessionId } from '../../src/records/ids.ts'
import { listSessions } from '../../src/records/sessions/sessions-store.ts'
import { everyAccountPage } from '../support/account-pages.ts'
import { startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { createRowMeter } from '../support/row-meter.ts'
import { openSeedingPool } from '../support/seeding-pool.ts'

/*
 * The account page of a person with thousands of grants, sessions and consents. Its cost is counted in rows, and compared with the cost for
 * several times as many.
 */

const idp = await startSignet(t)
const { database, settings } = idp.signet
const cost = createRowMeter(database)
const seeding = openSeedingPool(t, idp)
const idle = settings.sessionIdleTtl
const clients = 110

const { person, browser } = await signIn(idp, await idp.client({ client_name: 'Real' }))
const { sub } = person

/** @param each open grants of each client; ten times as many sessions */
async function add(each: number): Promise<void> {
  await seeding.query({
    text: `INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at)
           SELECT sha256(random()::text::bytea), '', $1, now(), '{pwd}', now() + interval '1 day' FROM generate_series(1, $2::integer)`,
    values: [sub, each * 100],
  })
  await seeding.query({
    text: `INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr)
           SELECT gen_random_uuid(), 'crowd-' || client, $1, (SELECT max(id) FROM sessions) - n, '{openid,email}', '{}', now(), 'aal1', '{pwd}'
           FROM generate_series(1, $2::integer) AS client, generate_series(1, $3::integer) AS n`,
    values: [sub, clients, each],
  })
  await seeding.query('ANALYZE')
}

const applications = () => cost(() => inTransaction(database, (tx) => listConnectedApplications(tx, sub, idle, 100)))
const sessions = () => cost(() => inTransaction(database, (tx) => listSessions(tx, sub, 1 as SessionId, idle, 20)))

t.test('each list has the same cost, however long it is', async (t) => {
  await seeding.query({
    text: `WITH named AS (
             INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method,
               id_token_signed_response_alg, refresh_token_rotation)
             SELECT 'crowd-' || n, 'Crowd ' || n, '{authorization_code}', '{code}', 'openid', 'none', 'ES256', true
             FROM generate_series(1, $2::integer) AS n RETURNING client_id)
           INSERT INTO consents (sub, client_id, scopes, resources) SELECT $1, client_id, '{openid,phone}', '{}' FROM named`,
    values: [sub, clients],
  })
  await add(12)
  const few = { applications: await applications(), sessions: await sessions() }
  await add(30)
  const many = { applications: await applications(), sessions: await sessions() }
  t.ok(many.applications.read < few.applications.read * 1.3, JSON.stringify([few, many]))
  t.ok(many.sessions.read < few.sessions.read * 1.3, JSON.stringify([few, many]))
})

t.test('the page shows a limited number, and says that there is more', async (t) => {
  const { status, text } = await everyAccountPage(browser)
  t.equal(status, 200)
  t.equal(text.match(/id="disconnect-/g)?.length, 100)
  t.match(text, 'There are more applications than fit here.')
  t.equal(text.match(/id="end-session-/g)?.length, 19)
  t.match(text, 'And more than 981 others.')
  t.match(text, 'id="end-other-sessions"')
  t.match(
    text,
    /Crowd \d+[\s\S]*Since[\s\S]*e-mail address[\s\S]*telephone|phone/i,
    'with what consent and grants allow',
  )
})
