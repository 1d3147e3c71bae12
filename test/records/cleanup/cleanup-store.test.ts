// Own process: it waits for most of its time.
import t from 'tap'
import { deleteExpired } from '../../../src/records/cleanup/cleanup-store.ts'
import { startSignet } from '../../support/idp.ts'
import { signIn } from '../../support/journey.ts'

t.test('ended records are deleted after their retention time, and active ones are kept', async (t) => {
  const idp = await startSignet(t)
  const db = idp.signet.database
  const client = await idp.client()
  const spent = await signIn(idp, client, { parameters: { scope: 'openid' } })
  await spent.redeem()
  const living = await signIn(idp, client)
  const { refresh_token } = (await living.redeem()).body
  const over = await signIn(idp, client)
  const ended = (await over.redeem()).body.refresh_token
  const counts = async () => {
    const { rows } = await db.query<Record<string, number>>(
      `SELECT (SELECT count(*) FROM authorization_codes) AS codes, (SELECT count(*) FROM refresh_families) AS families,
         (SELECT count(*) FROM grants) AS grants, (SELECT count(*) FROM sessions) AS sessions`,
    )
    return rows[0]
  }

  t.equal(await deleteExpired(db, 3600), false)
  t.same(await counts(), { codes: 3, families: 2, grants: 3, sessions: 3 }, 'nothing is old enough yet')

  await db.query("UPDATE authorization_codes SET expires_at = now() - interval '2 hours'")
  await db.query(
    "UPDATE refresh_families SET expires_at = now() - interval '2 hours' WHERE created_at = (SELECT max(created_at) FROM refresh_families)",
  )
  await db.query("UPDATE sessions SET ended_at = now() - interval '2 hours' WHERE id = (SELECT max(id) FROM sessions)")
  await Promise.all([deleteExpired(db, 3600), deleteExpired(db, 3600), deleteExpired(db, 3600)])
  t.same(await counts(), { codes: 0, families: 1, grants: 1, sessions: 2 })
  t.equal((await idp.token(client, { grant_type: 'refresh_token', refresh_token })).status, 200)
  t.equal((await idp.token(client, { grant_type: 'refresh_token', refresh_token: ended })).status, 400)
})

t.test('nothing is deleted that a long-lived token of a resource depends on', async (t) => {
  const idp = await startSignet(t)
  const db = idp.signet.database
  const { redeem } = await signIn(idp, await idp.client(), { parameters: { scope: 'openid' } })
  const { access_token: token } = (await redeem()).body
  const userinfo = async () =>
    (await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status
  await db.query("UPDATE authorization_codes SET expires_at = now() - interval '2 hours'")
  await idp.resource('https://api.example', ['api:read'], { accessTokenTtl: 3 * 3600 })
  await deleteExpired(db, 3600)
  t.equal(await userinfo(), 200)
  await db.query('UPDATE resources SET access_token_ttl = NULL')
  await deleteExpired(db, 3600)
  t.equal(await userinfo(), 401)
})

t.test('a killed node is forgotten after a day, and a running one is kept', async (t) => {
  const { database } = (await startSignet(t)).signet
  await database.query(`INSERT INTO nodes (id, started_at, seen_at) VALUES
    ('killed', now() - interval '3 days', now() - interval '25 hours'),
    ('runs', now() - interval '3 days', now() - interval '1 minute')`)
  await deleteExpired(database, 3600)
  const { rows } = await database.query("SELECT id FROM nodes WHERE id IN ('killed', 'runs')")
  t.same(rows, [{ id: 'runs' }])
})

t.test('links in mails and pushed requests are deleted some time after they have expired, used ones too', async (t) => {
  const { database } = (await startSignet(t)).signet
  const hours = [-1, 1, 167, 169]
  const tables: Record<string, [columns: string, values: string, kept: number[]]> = {
    email_verifications: [
      'sub, email, browser_digest, code_mac, code_version',
      `'person', 'a@example.com', '', '', 1`,
      [-1, 1, 167],
    ],
    unfinished_sign_ins: ['browser_digest, sub, password_digest, auth_time', `'', 'person', '', now()`, [-1]],
    // They may contain names and addresses (login_hint). Some of them are open in a browser for an hour.
    pushed_requests: ['client_id, parameters, is_signed', `'client', '[]', false`, [-1, 1]],
    // They contain hashes of passwords.
    email_changes: ['sub, previous_email, new_email', `'person', 'a@example.com', 'b@example.com'`, [-1]],
    invitations: [
      'email, invited_by, created_at, accepted_at',
      `ago || '@example.com', 'operator', now(), now()`,
      [-1, 1, 167],
    ],
  }
  for (const [table, [columns, values, kept]] of Object.entries(tables)) {
    await database.query({
      text: `INSERT INTO ${table} (digest, expires_at, ${columns})
             SELECT ago::text::bytea, now() - ago * interval '1 hour', ${values} FROM unnest($1::integer[]) AS ago`,
      values: [hours],
    })
    await deleteExpired(database, 3600)
    const { rows } = await database.query<{ ago: string }>(
      `SELECT encode(digest, 'escape') AS ago FROM ${table} ORDER BY expires_at DESC`,
    )
    t.same(
      rows.map(({ ago }) => Number(ago)),
      kept,
      table,
    )
  }
})

t.test('a challenge that was answered is kept until no node accepts it, whatever its clock says', async (t) => {
  const { database } = (await startSignet(t)).signet
  await database.query(`INSERT INTO spent_challenges (digest, expires_at) VALUES
    ('valid', now() + interval '1 minute'), ('expired', now() - interval '59 minutes'), ('long ago', now() - interval '61 minutes')`)
  await deleteExpired(database, 3600)
  const { rows } = await database.query("SELECT encode(digest, 'escape') AS digest FROM spent_challenges ORDER BY 1")
  t.same(rows, [{ digest: 'expired' }, { digest: 'valid' }])
})

t.test('a password that was replaced is deleted as soon as it undoes nothing any more', async (t) => {
  const { database } = (await startSignet(t)).signet
  await database.query(`INSERT INTO replaced_passwords (sub, secret, expires_at) VALUES
    ('expired', 'a hash', now() - interval '1 second'), ('kept', 'a hash', now() + interval '1 minute')`)
  await deleteExpired(database, 3600)
  t.same((await database.query('SELECT sub FROM replaced_passwords')).rows, [{ sub: 'kept' }])
})

t.test('records that anybody can cause are bounded', async (t) => {
  const idp = await startSignet(t)
  const db = idp.signet.database
  const count = async (table: 'refusals' | 'rate_limits') =>
    (await db.query<{ count: number }>(`SELECT count(*) FROM ${table}`)).rows[0]?.count

  t.test('refusals are kept for a week, and at most a million', async (t) => {
    await fetch(`${idp.issuer}/no-such-path`)
    await idp.signet.refusals.stop()
    t.equal(await deleteExpired(db, 30 * 86_400), false)
    t.equal(await count('refusals'), 1)
    await db.query("UPDATE refusals SET at = now() - interval '8 days'")
    await deleteExpired(db, 30 * 86_400)
    t.equal(await count('refusals'), 0)

    const insert = `INSERT INTO refusals (id, request_id, network, method, route, status, entry, error, description)
                    OVERRIDING SYSTEM VALUE SELECT i, '', '', '', '', 400, '', '', '' FROM generate_series($1::int, $2::int) AS i`
    await db.query(insert, [1_000_000, 1_000_700])
    await db.query(insert, [2_000_100, 2_000_100])
    t.equal(await deleteExpired(db, 30 * 86_400), false, 'less than a batch')
    t.equal(await count('refusals'), 601)
  })

  t.test(
    'expired counters of attempts, and those of a clock that was ahead, are deleted immediately, in batches',
    async (t) => {
      const expiring = (minutes: number, n: number) =>
        db.query(
          `INSERT INTO rate_limits SELECT 'made-up:' || $1 || ':' || i, 1, $2 FROM generate_series(1, $3::int) AS i`,
          [minutes, Date.now() + minutes * 60_000, n],
        )
      await expiring(-1, 700)
      await expiring(10, 3)
      await expiring(3 * 1440, 3)
      t.equal(await deleteExpired(db, 3600), true, 'there may be more')
      t.equal(await count('rate_limits'), 203)
      t.equal(await deleteExpired(db, 3600), false)
      t.equal(await count('rate_limits'), 3)
    },
  )
})

t.test(
  "a grant stays ended if the session that it ended with is deleted before the grant's own row is updated",
  async (t) => {
    const idp = await startSignet(t)
    const db = idp.signet.database
    const { redeem } = await signIn(idp, await idp.client(), { parameters: { scope: 'openid' } })
    const { access_token: token } = (await redeem()).body
    const userinfo = async () =>
      (await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status
    t.equal(await userinfo(), 200)
    await db.query("UPDATE sessions SET ended_at = now() - interval '2 hours'")
    t.equal(await userinfo(), 401)
    await deleteExpired(db, 3600)
    t.same((await db.query('SELECT FROM sessions')).rowCount, 0)
    t.equal(await userinfo(), 401)
  },
)
