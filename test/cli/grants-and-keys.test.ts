import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import { insertAccount } from '../../src/records/accounts/accounts-store.ts'
import { openConsole } from './console.ts'
import { insertGrant } from './insert-grant.ts'

const { signet, json, database } = await openConsole(t)

t.test('grants that are not there', async (t) => {
  t.match(await signet('grants', 'list'), { code: 0, out: /^There are no such grants/ })
  t.same(await json('grants', 'list', '--client-id', "' OR 1=1 --"), [])
  t.match(await signet('grants', 'list', '--user', '__proto__'), { code: 1, out: '', err: /There is no user/ })
  for (const command of ['show', 'revoke'])
    for (const id of ["' OR 1=1 --", 'x'.repeat(8192), '-h3cdefghijklmnopqrstu'])
      t.match(await signet('grants', command, id), { code: 1, out: '', err: /^signet: There is no grant .{1,130}\n$/ })
})

t.test('a grant is found by person and by client, and revoked once and for all', async (t) => {
  const [one, two] = await Promise.all(
    ['one', 'two'].map(async (username) => {
      const sub = `sub-of-${username}`
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
  t.same(await json('grants', 'revoke', one.grantId), revoked, 'once more changes nothing')
  t.notOk('ended_at' in (await json('grants', 'show', two.grantId)), 'the other one lives')

  const { rows } = await database.query({
    text: `SELECT grant_id, sub, client_id, detail FROM events WHERE type = 'grant_ended'`,
  })
  const { grantId: grant_id, sub, clientId: client_id } = one
  t.same(rows, [{ grant_id, sub, client_id, detail: { reason: 'revoked_by_operator' } }], 'one event')
  const orders = await database.query({
    text: `SELECT grant_id, sub, client_id, detail FROM events WHERE type = 'grant_revoked'`,
  })
  t.match(orders.rows, [{ grant_id, sub, client_id, detail: { by: String } }], 'and one that says who ended it')
  t.equal(orders.rows.length, 1)
})

t.test('migrate says what was applied, once', async (t) => {
  const fresh = await openConsole(t, {}, 'made')
  const first = await fresh.json<{ version: number; applied: string[] }>('migrate')
  const files = readdirSync(join(packageFolder, 'sql')).filter((file) => file.endsWith('.sql'))
  t.same(first, {
    schema: fresh.environment['SIGNET_DATABASE_SCHEMA'],
    version: files.length,
    applied: files.sort(),
  })
  t.same(await fresh.json('migrate'), { ...first, applied: [] })
  t.match(await fresh.signet('migrate'), { code: 0, out: /The database was up to date\.\n$/ })
})
