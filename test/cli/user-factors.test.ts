import t from 'tap'
import { recordIssuer } from '../../src/platform/database/installation-store.ts'
import type { Sub } from '../../src/records/ids.ts'
import { givePasskey } from '../support/passkeys.ts'
import { openConsole } from './console.ts'

const issuer = 'http://localhost:4321'
const { signet, json, database } = await openConsole(t, { SIGNET_ISSUER: issuer })
await recordIssuer(database, issuer)

const rows = async (text: string, values: unknown[] = []) => (await database.query({ text, values })).rows

async function createWithFactors(name: string, password?: { readonly isShort: boolean }): Promise<Sub> {
  const { sub } = await json<{ sub: Sub }>('users', 'create', '--username', name)
  if (password)
    await rows(`INSERT INTO account_credentials (sub, kind, secret, is_short) VALUES ($1, 'password', 'hash', $2)`, [
      sub,
      password.isShort,
    ])
  await givePasskey({ issuer, signet: { database } } as never, { sub }, { name: 'Key\u202e<b>' })
  await rows(
    `WITH credential AS (INSERT INTO account_credentials (sub, kind) VALUES ($1, 'recovery_codes') RETURNING id),
          code_set AS (INSERT INTO recovery_code_sets (sub, id) SELECT $1, id FROM credential RETURNING id)
     INSERT INTO recovery_codes (id, mac, version, used_at)
     SELECT id, mac, 1, used_at FROM code_set CROSS JOIN (VALUES ('a'::bytea, now()), ('b', NULL), ('c', NULL)) AS codes (mac, used_at)`,
    [sub],
  )
  return sub
}

t.test('what a user signs in with is listed, without anything secret', async (t) => {
  const sub = await createWithFactors('listed', { isShort: false })
  const factors = await json<Record<string, unknown>[]>('users', 'factors', 'listed')
  t.match(factors, [
    { kind: 'password', changed_at: /^20/, created_at: /^20/ },
    { kind: 'passkey', synced: false, created_at: /^20/ },
    { kind: 'recovery_codes', codes_left: 2, used_at: /^20/ },
  ])
  t.notMatch(JSON.stringify(factors), 'hash')
  const { out } = await signet('users', 'factors', sub)
  t.match(out, /kind +name +synced/)
  t.notMatch(out, '\u202e', 'a name cannot rearrange the terminal')
  await json('users', 'create', '--username', 'nothing')
  t.match(await signet('users', 'factors', 'nothing'), {
    code: 0,
    out: /nothing to sign in with\. To give them a link that lets them in: signet/,
  })
  t.match(await signet('users', 'factors', 'nobody'), { code: 1, err: /There is no user nobody/ })
})

t.test('a reset needs a reason, and something to reset', async (t) => {
  const { sub } = await json<{ sub: Sub }>('users', 'create', '--username', 'without')
  t.match(await signet('users', 'reset-factors', sub), { code: 2, err: /--reason/ })
  t.match(await signet('users', 'reset-factors', sub, '--reason', ' '), { code: 2, err: /must not be empty/ })
  t.match(await signet('users', 'reset-factors', sub, '--reason', 'lost'), { code: 1, err: /nothing was changed/ })
  t.same(await rows(`SELECT FROM events WHERE type = 'factors_reset'`), [])
})

t.test('a reset removes everything but the password, ends all sessions, and records who did it and why', async (t) => {
  const sub = await createWithFactors('reset', { isShort: true })
  await rows(
    `INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at, epoch, sid_version)
     VALUES ('x', 'y', $1, now(), '{pwd}', now() + interval '1 day', 0, 1)`,
    [sub],
  )
  const { code, out } = await signet('users', 'reset-factors', 'reset', '--reason', 'lost the phone')
  t.equal(code, 0)
  t.match(out, /passkey, *recovery_codes|passkey recovery_codes/)
  t.match(out, /sessions_ended +1/)
  t.match(out, `Have the user set a longer one: signet users recover ${sub}`)
  t.same(await rows('SELECT kind, secret FROM account_credentials WHERE sub = $1', [sub]), [
    { kind: 'password', secret: 'hash' },
  ])
  t.same(
    await rows('SELECT FROM passkeys WHERE sub = $1 UNION ALL SELECT FROM recovery_code_sets WHERE sub = $1', [sub]),
    [],
  )
  t.match(await rows(`SELECT detail FROM events WHERE sub = $1 AND type = 'factors_reset'`, [sub]), [
    { detail: { by: /./, reason: 'lost the phone', removed: ['passkey', 'recovery_codes'] } },
  ])
})

t.test('if nothing is left to sign in with, the command says what to do', async (t) => {
  const sub = await createWithFactors('passkey-only')
  const { out } = await signet('users', 'reset-factors', sub, '--reason', 'lost the phone')
  t.match(out, `signet users recover ${sub} --print-link --reason`)
})
