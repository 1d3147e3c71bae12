import { randomBytes } from 'node:crypto'
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { packageFolder } from '../../../src/platform/config/installation-folder.ts'
import { migrate } from '../../../src/platform/database/migrations.ts'
import type { Sub } from '../../../src/records/ids.ts'
import { insertSession } from '../../../src/records/sessions/sessions-store.ts'
import { noLog, testDatabase } from '../../database.ts'

const { connection, schema, openPool } = await testDatabase(t)
const db = openPool({ max: 8 })
const query = async (text: string, values: unknown[] = []) => (await db.query({ text, values })).rows

t.test('the migration adds the browsers of existing sessions', async (t) => {
  const released = mkdtempSync(join(tmpdir(), 'signet-test-'))
  t.teardown(() => rmSync(released, { recursive: true, force: true }))
  const migrations = readdirSync(join(packageFolder, 'sql'))
    .filter((file) => file.endsWith('.sql'))
    .sort()
  const before = migrations.slice(
    0,
    migrations.findIndex((file) => file.includes('failed-sign-ins')),
  )
  for (const file of before) copyFileSync(join(packageFolder, 'sql', file), join(released, file))
  await migrate({ connection, schema, log: noLog, folder: released })

  await query("INSERT INTO accounts (sub, epoch, session_epoch) VALUES ('person', 3, 2), ('program', 0, 0)")
  await query(`INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at, ended_at, epoch) VALUES
    ('1', 'laptop', 'person', '2026-01-01', '{}', '2027-01-01', NULL, 2),
    ('2', 'laptop', 'person', '2026-03-01', '{}', '2027-01-01', NULL, 3),
    ('3', 'laptop', 'person', '2026-02-01', '{}', '2027-01-01', '2026-02-02', 1),
    ('4', 'phone', 'person', '2026-01-05', '{}', '2027-01-01', '2026-01-06', 3),
    ('5', 'thief', 'person', '2026-01-07', '{}', '2027-01-01', NULL, 1)`)
  await query(`INSERT INTO sessions (digest, browser_digest, sub, auth_time, amr, expires_at, epoch)
    SELECT sha256(i::text::bytea), i::text::bytea, 'program', '2026-01-01'::timestamptz + i * interval '1 minute', '{}', '2027-01-01', 0
    FROM generate_series(1, 150) AS i`)
  await migrate({ connection, schema, log: noLog })
  const known = await query(
    "SELECT convert_from(browser_digest, 'UTF8') AS browser, used_at FROM known_browsers WHERE sub = 'person' ORDER BY 1",
  )
  const laptop = await query("SELECT auth_time FROM sessions WHERE digest = '2'")
  t.same(
    known.map(({ browser }) => browser),
    ['laptop', 'phone'],
    'without those whose sessions were ended by a decision about the account',
  )
  t.same(known[0]?.used_at, laptop[0]?.auth_time, 'since the last sign-in')
  t.same(
    await query(
      `SELECT count(*), min(convert_from(browser_digest, 'UTF8')::int) AS oldest FROM known_browsers WHERE sub = 'program'`,
    ),
    [{ count: 100, oldest: 51 }],
    'the hundred used last',
  )
})

t.test('an account remembers the hundred browsers that were used last', async (t) => {
  await query("INSERT INTO accounts (sub) VALUES ('one'), ('other')")
  await query(`INSERT INTO known_browsers (sub, browser_digest, used_at)
    SELECT sub, i::text::bytea, now() - i * interval '1 minute' FROM generate_series(1, 100) AS i, (VALUES ('one'), ('other')) AS a (sub)`)
  const signIn = (browserDigest: Buffer) =>
    insertSession(db, {
      ...{
        digest: randomBytes(32),
        browserDigest,
        sub: 'one' as Sub,
        authTime: Date.now(),
        amr: ['pwd'],
        ttl: 60,
        sidVersion: 1,
      },
      replaces: undefined,
    })
  const known = async (sub: string) =>
    (await query("SELECT encode(browser_digest, 'escape') AS browser FROM known_browsers WHERE sub = $1", [sub])).map(
      ({ browser }) => browser,
    )
  await signIn(Buffer.from('100'))
  t.equal((await known('one')).length, 100, 'a known browser displaces none')
  await signIn(Buffer.from('new'))
  const after = await known('one')
  t.equal(after.length, 100)
  t.ok(after.includes('new') && after.includes('100'))
  t.notOk(after.includes('99'), 'the one unused for longest')

  // Without the lock that a sign-in takes first: none fails, and the next one leaves a hundred.
  await Promise.all(Array.from({ length: 24 }, (_, n) => signIn(Buffer.from(`browser ${n % 12}`))))
  await signIn(Buffer.from('last'))
  t.equal((await known('one')).length, 100)
  t.equal((await known('other')).length, 100)

  await query("UPDATE accounts SET disabled_at = now() WHERE sub = 'one'")
  t.equal(await signIn(Buffer.from('too late')), undefined)
  t.notOk((await known('one')).includes('too late'), 'a browser that is not signed in does not become known')
})
