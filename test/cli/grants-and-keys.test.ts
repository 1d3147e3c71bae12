import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { jobQueueMigration } from '../../src/platform/database/job-schema.ts'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import { addConsent } from '../../src/records/consents/consents-store.ts'
import { createEndingWorker } from '../../src/records/endings/ending-worker.ts'
import type { Sub } from '../../src/records/ids.ts'
import { noLog } from '../database.ts'
import { openConsole } from './console.ts'
import { insertGrant } from './insert-grant.ts'

const { signet, json, database } = await openConsole(t)

t.test('commands on grants that do not exist fail', async (t) => {
  t.match(await signet('grants', 'list'), { code: 0, out: /^No grants found/ })
  t.same(await json('grants', 'list', '--client-id', "' OR 1=1 --"), [])
  t.match(await signet('grants', 'list', '--user', '__proto__'), { code: 1, out: '', err: /There is no user/ })
  for (const command of ['show', 'revoke'])
    for (const id of ["' OR 1=1 --", 'x'.repeat(8192), '-h3cdefghijklmnopqrstu'])
      t.match(await signet('grants', command, id), { code: 1, out: '', err: /^signet: There is no grant .{1,130}\n$/ })
})

t.test('a grant is found by user and by client, and is revoked once and permanently', async (t) => {
  const [one, two] = await Promise.all(
    ['one', 'two'].map(async (username) => {
      const sub = `sub-of-${username}` as Sub
      await insertAccount(database, { sub, profile: { username }, email: undefined, passwordHash: undefined })
      return { sub, ...(await insertGrant(database, sub)) }
    }),
  )
  if (!one || !two) throw new Error('Two grants were made.')
  t.equal((await json<unknown[]>('grants', 'list')).length, 2)
  t.match(await json('grants', 'list', '--user', 'ONE'), [{ grant_id: one.grantId, sub: one.sub }])
  t.match(await json('grants', 'list', '--client-id', two.clientId), [{ grant_id: two.grantId, sub: two.sub }])
  t.same(await json('grants', 'list', '--user', 'one', '--client-id', two.clientId), [])

  const shown = await json('grants', 'show', one.grantId)
  t.match(shown, { grant_id: one.grantId, client_id: one.clientId, sub: one.sub, scopes: ['openid'], resources: [] })
  t.notOk('ended_at' in shown)
  const revoked = await json('grants', 'revoke', one.grantId)
  t.match(revoked, { ...shown, ended_at: String, end_reason: 'revoked_by_operator' })
  t.same(await json('grants', 'revoke', one.grantId), revoked, 'revoking it again changes nothing')
  t.notOk('ended_at' in (await json('grants', 'show', two.grantId)), 'the other grant is still open')

  const { rows } = await database.query({
    text: `SELECT grant_id, sub, client_id, detail FROM events WHERE type = 'grant_ended'`,
  })
  const { grantId: grant_id, sub, clientId: client_id } = one
  t.same(rows, [{ grant_id, sub, client_id, detail: { reason: 'revoked_by_operator' } }], 'one event')
  const orders = await database.query({
    text: `SELECT grant_id, sub, client_id, detail FROM events WHERE type = 'grant_revoked'`,
  })
  t.match(orders.rows, [{ grant_id, sub, client_id, detail: { by: String } }], 'and one that says who revoked it')
  t.equal(orders.rows.length, 1)
})

t.test('revoke-all requires a user or a client, which must exist', async (t) => {
  const revokeAll = ['grants', 'revoke-all']
  t.match(await signet(...revokeAll), { code: 2, out: '', err: /Whose grants\? Give --user, --client-id or both/ })
  for (const half of [['--user', 'one'], ['--client-id', 'client_none'], []])
    t.match(await signet(...revokeAll, ...half, '--forget-consent'), { code: 2, out: '' })
  t.match(await signet(...revokeAll, '--client-id', "' OR 1=1 --"), { code: 1, out: '', err: /There is no client/ })
  t.match(await signet(...revokeAll, '--user', '__proto__'), { code: 1, out: '', err: /There is no user/ })
  t.match(await signet(...revokeAll, '--user', 'one', '--client-id', 'client_none'), { code: 1, err: /no client/ })
  t.match(await signet(...revokeAll, 'eHjD7_u-ArwtV50Qfx3ZPQ', '--user', 'one'), { code: 2, out: '' })
  const { rows } = await database.query({ text: `SELECT FROM events WHERE type = 'grants_revoked'` })
  t.same(rows, [])
})

t.test('revoke-all ends all grants of a user, of a client, or of a user at a client, and no others', async (t) => {
  /** Two people with a grant each at their own client, and a third grant of the first person at the second person's client. */
  const [ann, bob] = await Promise.all(
    ['ann', 'bob'].map(async (username) => {
      const sub = `sub-of-${username}` as Sub
      await insertAccount(database, { sub, profile: { username }, email: undefined, passwordHash: undefined })
      return { sub, ...(await insertGrant(database, sub)) }
    }),
  )
  if (!ann || !bob) throw new Error('Two people were made.')
  const third = await insertGrant(database, ann.sub, bob.clientId)
  await addConsent(
    database,
    ann.sub,
    { client_id: bob.clientId, document: undefined },
    { scopes: ['openid'], resources: [], claims: [] },
  )
  const hasConsent = async () => {
    const text = 'SELECT FROM consents WHERE sub = $1 AND client_id = $2'
    return (await database.query({ text, values: [ann.sub, bob.clientId] })).rowCount === 1
  }
  const isAlive = async (id: string) => !('ended_at' in (await json('grants', 'show', id)))
  const alive = () => Promise.all([ann.grantId, bob.grantId, third.grantId].map(isAlive))

  const both = ['grants', 'revoke-all', '--user', 'ANN', '--client-id', bob.clientId]
  t.same(await json(...both), { sub: ann.sub, client_id: bob.clientId, grants_ended: 1 })
  t.same(await alive(), [true, true, false])
  t.ok(await hasConsent(), 'the consent remains')
  t.match(await json('grants', 'show', third.grantId), { end_reason: 'revoked_by_operator' })
  t.same(await json(...both, '--forget-consent'), {
    ...{ sub: ann.sub, client_id: bob.clientId, grants_ended: 0, consent_forgotten: true },
  })
  t.notOk(await hasConsent())

  const { out } = await signet('grants', 'revoke-all', '--client-id', bob.clientId)
  t.match(out, /^client_id +client_\S+\ngrants_ended +1\n\nThe client can get new grants immediately/)
  t.same(await alive(), [true, false, false])
  const again = await insertGrant(database, ann.sub, bob.clientId)
  t.ok(await isAlive(again.grantId), 'a grant opened afterwards stays open')

  t.match(await signet('grants', 'revoke-all', '--user', ann.sub), {
    code: 0,
    out: /grants_ended +2\n\nSessions and consents are kept: .* signet users sign-out sub-of-ann\n$/,
  })
  t.same(await alive(), [false, false, false])
  t.notOk(await isAlive(again.grantId))
  const sessions =
    'SELECT FROM sessions JOIN accounts USING (sub) WHERE ended_at IS NULL AND sessions.epoch >= session_epoch AND sub = $1'
  const sessionsOfAnn = async () => (await database.query({ text: sessions, values: [ann.sub] })).rowCount
  t.equal(await sessionsOfAnn(), 3, 'sessions continue')
  const last = await insertGrant(database, ann.sub, bob.clientId)
  t.same(await json('users', 'sign-out', 'ann'), { sub: ann.sub, sessions_ended: 4, grants_ended: 1 })
  t.equal(await sessionsOfAnn(), 0)
  t.notOk(await isAlive(last.grantId))
  t.match(await json('users', 'show', 'ann'), { sub: ann.sub })

  const { rows } = await database.query({
    text: `SELECT sub, client_id, detail - 'by' AS detail FROM events WHERE type IN ('grants_revoked', 'sessions_ended') ORDER BY id`,
  })
  const ofBoth = { sub: ann.sub, client_id: bob.clientId }
  t.same(rows, [
    { ...ofBoth, detail: { grants: 1 } },
    { ...ofBoth, detail: { grants: 0, consent_forgotten: true } },
    { sub: null, client_id: bob.clientId, detail: { grants: 1 } },
    { sub: ann.sub, client_id: null, detail: { grants: 2 } },
    { sub: ann.sub, client_id: null, detail: { sessions: 4, grants: 1 } },
  ])
})

t.test('the number of ended grants is printed even if other processes update the rows or fail to', async (t) => {
  const sub = 'sub-of-many' as Sub
  await insertAccount(database, { sub, profile: { username: 'many' }, email: undefined, passwordHash: undefined })
  const { grantId, clientId } = await insertGrant(database, sub)
  const crowd = `INSERT INTO grants (id, client_id, sub, session_id, scopes, resources, auth_time, acr, amr)
                 SELECT id || n || $2, client_id, sub, session_id, scopes, resources, auth_time, acr, amr
                 FROM grants, generate_series(1, 2500) AS n WHERE id = $1`
  await database.query({ text: crowd, values: [grantId, 'first'] })
  const servers = [1, 2].map(() =>
    createEndingWorker(database, noLog, { betweenPolls: 5, betweenBatches: 1, afterFailure: 5 }),
  )
  for (const server of servers) server.run()
  t.same(await json('grants', 'revoke-all', '--client-id', clientId), { client_id: clientId, grants_ended: 2501 })
  await Promise.all(servers.map((server) => server.stop()))

  await insertGrant(database, sub, clientId)
  await database.query({ text: crowd, values: [grantId, 'second'] })
  await database.query(`
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a bad row'; END $$;
    CREATE TRIGGER fail BEFORE UPDATE ON grants FOR EACH ROW WHEN (NEW.id LIKE '%2500second') EXECUTE FUNCTION fail()`)
  t.match(await json('grants', 'revoke-all', '--user', sub), { sub, grants_ended: Number, more: true })
  t.match(await json('users', 'sign-out', sub), { sub, sessions_ended: Number, grants_ended: Number, more: true })
  const { code, out } = await signet('grants', 'revoke-all', '--user', sub)
  t.equal(code, 0)
  t.match(
    out,
    /grants_ended +\d+\nmore +yes\n\nThis is in effect now\..* The numbers count only the records updated so far\.\n/,
  )
  await database.query('DROP TRIGGER fail ON grants')
})

t.test('migrate reports the applied files, once', async (t) => {
  const fresh = await openConsole(t, {}, 'made')
  const first = await fresh.json<{ version: number; applied: string[] }>('migrate')
  const files = readdirSync(join(packageFolder, 'sql')).filter((file) => file.endsWith('.sql'))
  t.same(first, {
    schema: fresh.environment['SIGNET_DATABASE_SCHEMA'],
    version: files.length,
    applied: [...files.sort(), jobQueueMigration],
  })
  t.same(await fresh.json('migrate'), { ...first, applied: [] })
  t.match(await fresh.signet('migrate'), { code: 0, out: /The database was up to date\.\n$/ })
})
