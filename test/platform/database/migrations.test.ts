// Own process: it waits for most of its time.
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { packageFolder } from '../../../src/platform/config/installation-folder.ts'
import { MigrationError, migrate } from '../../../src/platform/database/migrations.ts'
import { noLog, type TestDatabase, testDatabase } from '../../database.ts'
import { eventually } from '../../support/eventually.ts'
import { freshFolder } from './own-server.ts'

type Files = Readonly<Record<string, string>>

function folderWith(t: Test, files: Files, name = 'sql'): string {
  const folder = join(freshFolder(t), name)
  mkdirSync(folder)
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
  return folder
}

const two: Files = {
  '001.do.rings.sql': 'CREATE TABLE rings (name text PRIMARY KEY); INSERT INTO rings VALUES ($$first$$);',
  '002.do.seals.sql': 'CREATE TABLE seals (ring text REFERENCES rings);\nINSERT INTO seals VALUES ($$first$$);',
}

type Place = Pick<TestDatabase, 'connection' | 'schema'>

function run({ connection, schema }: Place, folder?: string, log = noLog, signal?: AbortSignal) {
  return migrate({ connection, schema, log, signal, ...(folder ? { folder } : {}) })
}

/** A node that has begun the second of two migrations and completes it when `finish` is called. */
async function slowNode(t: Test, db: TestDatabase) {
  const gate = await clientOf(t, db)
  await gate.query(`BEGIN; SELECT pg_advisory_xact_lock(hashtext('${db.schema}'))`)
  const folder = folderWith(t, {
    ...two,
    // lock_timeout also applies to advisory locks.
    '002.do.seals.sql': `SET LOCAL lock_timeout = 0; ${two['002.do.seals.sql']}
                         SELECT pg_advisory_xact_lock(hashtext(current_schema()));`,
  })
  const migrated = run(db, folder)
  const pool = db.openPool()
  await eventually('the slow node to be in its second migration', async () => {
    const { rows } = await pool.query({
      text: `SELECT FROM pg_stat_activity WHERE application_name = 'signet migrate' AND wait_event = 'advisory'
             AND datname = current_database() AND query LIKE '%seals%'`,
    })
    return rows.length > 0
  })
  return {
    folder,
    finish: async () => {
      await gate.query('COMMIT')
      return migrated
    },
  }
}

/** A separate session that bypasses any pooler. */
async function clientOf(t: Test, { direct }: Pick<TestDatabase, 'direct'>): Promise<pg.Client> {
  const client = new pg.Client('connectionString' in direct ? direct : { ...direct, ssl: false })
  client.on('error', () => {})
  await client.connect()
  t.teardown(() => client.end())
  return client
}

async function tables(db: TestDatabase): Promise<string[]> {
  const { rows } = await db.openPool().query<{ name: string }>({
    text: 'SELECT relname AS name FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = $1 ORDER BY 1',
    values: ['r'],
  })
  return rows.map(({ name }) => name)
}

async function versions(db: TestDatabase): Promise<number[]> {
  const { rows } = await db
    .openPool()
    .query<{ version: number }>({ text: 'SELECT version FROM schema_migrations ORDER BY 1' })
  return rows.map(({ version }) => version)
}

t.test('if five nodes migrate an empty schema together, each file is applied once, and all succeed', async (t) => {
  const db = await testDatabase(t)
  const folder = folderWith(t, two)
  const results = await Promise.all([1, 2, 3, 4, 5].map(() => run(db, folder)))
  t.same(
    results.map(({ version }) => version),
    [2, 2, 2, 2, 2],
  )
  // One node may apply the first file and another the second.
  t.same(results.flatMap(({ applied }) => applied).sort(), ['001.do.rings.sql', '002.do.seals.sql'])
  t.same((await db.openPool().query({ text: 'SELECT name FROM rings' })).rows, [{ name: 'first' }])
})

t.test('a missing schema is created, by one of five nodes', async (t) => {
  const db = await testDatabase(t)
  const schema = `${db.schema}_new`
  t.teardown(() => db.openPool().query({ text: `DROP SCHEMA ${schema} CASCADE` }))
  await Promise.all([1, 2, 3, 4, 5].map(() => run({ ...db, schema }, folderWith(t, two))))
  const { rows } = await db.openPool().query({ text: `SELECT ring FROM ${schema}.seals` })
  t.same(rows, [{ ring: 'first' }])
})

t.test('a killed node leaves the schema as it was before the file, and the next node applies it', async (t) => {
  const db = await testDatabase(t)
  const pool = db.openPool()
  await run(db, folderWith(t, { '001.do.rings.sql': two['001.do.rings.sql']! }))
  const slow = { ...two, '002.do.seals.sql': `${two['002.do.seals.sql']}\nSELECT pg_sleep(30);` }
  const killed = run(db, folderWith(t, slow)).catch((error: unknown) => error)
  await eventually('the second migration to be under way', async () => {
    const { rowCount } = await pool.query({
      text: `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'signet migrate'
             AND wait_event = 'PgSleep' AND query LIKE '%seals%'`,
    })
    return rowCount !== 0
  })
  t.type(await killed, Error)
  t.same(await tables(db), ['rings', 'schema_migrations'])
  t.same(await versions(db), [1])
  t.match(await run(db, folderWith(t, two)), { applied: ['002.do.seals.sql'], version: 2 })
})

t.test('while one node migrates, the others wait, report so, and find nothing left to do', async (t) => {
  const db = await testDatabase(t)
  const slow = await slowNode(t, db)
  const lines: { details: object; message: string }[] = []
  const log = { ...noLog, warn: (details: object, message: string) => lines.push({ details, message }) }
  const waiting = run(db, slow.folder, log)
  await eventually('the waiting node to report what it waits for', () => lines.length > 0)
  t.match(lines, [{ message: /^Waiting for another node that is migrating the database/, details: { pid: Number } }])
  t.same(await versions(db), [1], 'completed files are visible before the rest')
  t.match(await slow.finish(), { applied: ['001.do.rings.sql', '002.do.seals.sql'] })
  t.same(await waiting, { applied: [], version: 2 })
})

t.test('between its attempts a waiting node has no open transaction, so it does not hold back VACUUM', async (t) => {
  const db = await testDatabase(t)
  const slow = await slowNode(t, db)
  const waiting = run(db, slow.folder)
  const pool = db.openPool()
  await eventually('the waiting node to be idle, without a snapshot', async () => {
    const { rows } = await pool.query({
      text: `SELECT FROM pg_stat_activity WHERE application_name = 'signet migrate' AND datname = current_database()
             AND state = 'idle' AND backend_xmin IS NULL AND query LIKE '%ROLLBACK%'`,
    })
    return rows.length > 0
  })
  await slow.finish()
  await waiting
})

t.test('a node that is asked to stop while it waits stops waiting', async (t) => {
  const db = await testDatabase(t)
  const slow = await slowNode(t, db)
  const stop = new AbortController()
  const waiting = run(db, slow.folder, noLog, stop.signal).catch((error: unknown) => error)
  const reason = new Error('told to stop')
  stop.abort(reason)
  t.equal(await waiting, reason)
  await t.rejects(run(db, slow.folder, noLog, stop.signal), reason, 'and does not start')
  await slow.finish()
})

t.test('a node that is asked to stop during a migration completes this file and begins no other', async (t) => {
  const db = await testDatabase(t)
  const stop = new AbortController()
  const log = { ...noLog, info: () => stop.abort(new Error('told to stop')) }
  await t.rejects(run(db, folderWith(t, two), log, stop.signal), { message: 'told to stop' })
  t.same(await versions(db), [1])
})

t.test('a node that hangs in the middle of a migration does not block others forever', async (t) => {
  const db = await testDatabase(t)
  const client = await clientOf(t, db)
  const seen = folderWith(t, {
    '001.do.rings.sql': `CREATE TABLE rings AS SELECT name, setting FROM pg_settings WHERE name LIKE '%timeout';`,
  })
  await run(db, seen)
  const { rows } = await client.query(`SELECT name, setting FROM ${db.schema}.rings ORDER BY name`)
  t.match(
    Object.fromEntries(rows.map(({ name, setting }) => [name, setting])),
    { idle_in_transaction_session_timeout: '60000', lock_timeout: '2000', statement_timeout: '0' },
    'PostgreSQL ends its transaction and releases the lock',
  )
})

t.test('if nothing is pending, migrating only reads: it needs no lock and no right to create anything', async (t) => {
  const db = await testDatabase(t)
  await run(db, folderWith(t, two))
  const client = await clientOf(t, db)
  await client.query(`REVOKE CREATE ON SCHEMA ${db.schema} FROM CURRENT_USER`)
  const key = createHash('sha256').update(`signet migrations ${db.schema}`).digest().readBigInt64BE()
  await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${key})`)
  t.same(await run(db, folderWith(t, two)), { applied: [], version: 2 })
  await client.query('COMMIT')
  const more = folderWith(t, { ...two, '003.do.stones.sql': 'CREATE TABLE stones ();' })
  await t.rejects(run(db, more), { name: 'MigrationError', message: /permission denied .*Run 'signet migrate' as/ })
})

t.test('a node of the previous release, which locks for its whole session, is waited for as well', async (t) => {
  const db = await testDatabase(t)
  const previous = await clientOf(t, db)
  const key = createHash('sha256').update(`signet migrations ${db.schema}`).digest().readBigInt64BE()
  await previous.query(`SELECT pg_advisory_lock(${key})`)
  const lines: string[] = []
  const migrated = run(db, folderWith(t, two), { ...noLog, warn: (_details, message) => lines.push(message) })
  await eventually('the node to wait', () => lines.length > 0)
  t.same(await tables(db), [])
  await previous.query('SELECT pg_advisory_unlock_all()')
  t.match(await migrated, { version: 2 })
})

t.test('a file that fails is rolled back completely and named', async (t) => {
  const db = await testDatabase(t)
  const folder = folderWith(t, { ...two, '002.do.seals.sql': 'CREATE TABLE seals (); SELECT 1/0;' })
  await t.rejects(run(db, folder), { name: 'MigrationError', message: '002.do.seals.sql failed: division by zero' })
  t.same(await tables(db), ['rings', 'schema_migrations'])
  t.same(await versions(db), [1])
})

t.test('a file that ends its own transaction is rejected and not recorded', async (t) => {
  const db = await testDatabase(t)
  const folder = folderWith(t, { '001.do.rings.sql': 'CREATE TABLE rings (); COMMIT; SELECT 1;' })
  await t.rejects(run(db, folder), { name: 'MigrationError', message: /ends its own transaction/ })
  t.same(await versions(db), [])
})

t.test('a schema that is newer than this release is rejected and left unchanged', async (t) => {
  const db = await testDatabase(t)
  await run(db, folderWith(t, two))
  const older = folderWith(t, { '001.do.rings.sql': two['001.do.rings.sql']! })
  await t.rejects(run(db, older), {
    name: 'MigrationError',
    message: /has version 2; this release of Signet knows versions up to 1/,
  })
  t.same(await versions(db), [1, 2])
})

t.test('a file that was changed after it was applied is rejected; line endings do not matter', async (t) => {
  const db = await testDatabase(t)
  await run(db, folderWith(t, two))
  const changed = folderWith(t, { ...two, '001.do.rings.sql': 'CREATE TABLE rings (name text);' })
  await t.rejects(run(db, changed), { name: 'MigrationError', message: /001.do.rings.sql/ })
  const windows = folderWith(t, { ...two, '002.do.seals.sql': two['002.do.seals.sql']!.replaceAll('\n', '\r\n') })
  t.same(await run(db, windows), { applied: [], version: 2 })
})

t.test('a record with a gap is rejected', async (t) => {
  const db = await testDatabase(t)
  await run(db, folderWith(t, two))
  await db.openPool().query({ text: 'DELETE FROM schema_migrations WHERE version = 1' })
  await t.rejects(run(db, folderWith(t, two)), MigrationError)
})

t.test(
  'files with a wrong name, a gap or a duplicate number, and an empty folder, are rejected before anything is done',
  async (t) => {
    const db = await testDatabase(t)
    const faults: [Files, RegExp][] = [
      [{}, /contains no migrations/],
      [{ '1.do.rings.sql': '' }, /does not have the name of a migration/],
      [{ '001.undo.rings.sql': '' }, /does not have the name of a migration/],
      [{ "001.do.rings'.sql": '' }, /does not have the name of a migration/],
      [{ '001.do.rings.sql': '', '003.do.seals.sql': '' }, /gap before 3/],
      [{ '001.do.rings.sql': '', '001.do.seals.sql': '' }, /version 1/],
    ]
    for (const [files, message] of faults)
      await t.rejects(run(db, folderWith(t, files)), { message }, Object.keys(files).join())
    t.same(await tables(db), [])
  },
)

t.test('a busy table is waited for in short attempts, so that sign-ins continue in between', async (t) => {
  const db = await testDatabase(t)
  const pool = db.openPool()
  const lines: string[] = []
  await run(db, folderWith(t, { '001.do.rings.sql': two['001.do.rings.sql']! }))
  const reader = await pool.connect()
  await reader.query('BEGIN; SELECT * FROM rings')
  const files = { ...two, '002.do.seals.sql': 'ALTER TABLE rings ADD COLUMN seal text' }
  const migrated = run(db, folderWith(t, files), { ...noLog, warn: (_details, message) => lines.push(message) })
  await eventually('a line in the log', () => lines.length > 0)
  t.same(
    (await pool.query({ text: 'SELECT name FROM rings' })).rows,
    [{ name: 'first' }],
    'between two attempts the table can be read',
  )
  await reader.query('COMMIT')
  reader.release()
  t.match(await migrated, { version: 2 })
  t.same([...new Set(lines)], ['A table is busy; the migration will be retried.'])
})

t.test('special names work: a folder with brackets, a schema that is a keyword', async (t) => {
  const db = await testDatabase(t)
  const folder = folderWith(t, two, `it's a [1] {b,c} *(?) !+@ "folder"`)
  t.match(await run(db, folder), { version: 2 })
  t.teardown(() => db.openPool().query({ text: 'DROP SCHEMA IF EXISTS "order" CASCADE' }))
  t.match(await run({ ...db, schema: 'order' }, folder), { version: 2 })
  t.same((await db.openPool().query({ text: 'SELECT ring FROM "order".seals' })).rows, [{ ring: 'first' }])
  await t.rejects(run({ ...db, schema: 'a"; DROP SCHEMA x; --' }, folder), { name: 'TypeError' })
})

t.test('two issuers in two schemas are independent', async (t) => {
  const [one, other] = await Promise.all([testDatabase(t), testDatabase(t)])
  await run(one, folderWith(t, two))
  t.match(await run(other, folderWith(t, two)), { applied: ['001.do.rings.sql', '002.do.seals.sql'] })
})

t.test("Signet's own migrations apply to an empty schema, and a second run applies nothing", async (t) => {
  const db = await testDatabase(t)
  const own = readdirSync(join(packageFolder, 'sql')).filter((file) => file.endsWith('.sql'))
  t.same(await run(db), { applied: [...own.sort(), 'the job queue (graphile-worker)'], version: own.length })
  t.same(await run(db), { applied: [], version: own.length })
  // An upgrade: the newer release continues from the older one's schema.
  const folder = folderWith(t, {})
  for (const file of own) copyFileSync(join(packageFolder, 'sql', file), join(folder, file))
  writeFileSync(join(folder, `${String(own.length + 1).padStart(3, '0')}.do.next.sql`), 'CREATE TABLE next_release ();')
  t.match(await run(db, folder), { version: own.length + 1 })
  await t.rejects(run(db), { name: 'MigrationError' })
})

/** The last migration of the previous release. */
const lastReleased = 17

t.test("an API's scopes groups and roles stop the upgrade until the operator has renamed them", async (t) => {
  const db = await testDatabase(t)
  const own = readdirSync(join(packageFolder, 'sql')).filter((file) => file.endsWith('.sql'))
  const earlier = folderWith(t, {}, 'earlier')
  for (const file of own.sort().slice(
    0,
    own.findIndex((file) => file.endsWith('.groups.sql')),
  ))
    copyFileSync(join(packageFolder, 'sql', file), join(earlier, file))
  const { version } = await run(db, earlier)
  t.equal(version, lastReleased, 'the previous release still knows the schema, so that its commands can rename them')
  const pool = db.openPool()
  const query = async (text: string) => (await pool.query({ text })).rows
  await query(`INSERT INTO resources (identifier) VALUES ('https://api.example')`)
  await query(
    `INSERT INTO resource_scopes (scope, resource) VALUES ('roles', 'https://api.example'), ('read', 'https://api.example')`,
  )
  await query(`INSERT INTO accounts (sub) VALUES ('person')`)
  await query(`INSERT INTO clients (client_id, client_name, grant_types, response_types, scope, token_endpoint_auth_method,
     id_token_signed_response_alg, refresh_token_rotation) VALUES ('client', 'Client', '{}', '{}', 'roles', 'none', 'ES256', true)`)
  await query(
    `INSERT INTO consents (sub, client_id, scopes, resources) VALUES ('person', 'client', '{openid,roles,read}', '{}')`,
  )

  const message =
    /groups\.sql failed: The scopes groups and roles now belong to Signet itself.*'roles' of https:\/\/api\.example.*signet resources update/
  await t.rejects(run(db), { name: 'MigrationError', message })
  t.same(
    await versions(db),
    Array.from({ length: version }, (_, index) => index + 1),
    'nothing was changed',
  )

  await query(`DELETE FROM resource_scopes WHERE scope = 'roles'`)
  t.match(await run(db), { version: own.length })
  t.same(
    await query('SELECT scopes FROM consents'),
    [{ scopes: ['openid', 'read'] }],
    'it was allowed for the API only',
  )
  t.same(await query('SELECT id_token_profile_claims, groups FROM clients'), [
    { id_token_profile_claims: false, groups: [] },
  ])
  const asBefore = query(`INSERT INTO resource_scopes (scope, resource) VALUES ('groups', 'https://api.example')`)
  await t.rejects(asBefore, { code: '23514' }, 'by a node of the previous release')
})

t.test(
  'every installation gets a salt of its own for pairwise subjects, whoever inserts its row, and keeps it',
  async (t) => {
    const own = readdirSync(join(packageFolder, 'sql')).filter((file) => file.endsWith('.sql'))
    const before = own.sort().slice(
      0,
      own.findIndex((file) => file.endsWith('.pairwise-subjects.sql')),
    )
    const salts: string[] = []
    for (const isSetUp of [true, false]) {
      const db = await testDatabase(t)
      const earlier = folderWith(t, {}, 'earlier')
      for (const file of before) copyFileSync(join(packageFolder, 'sql', file), join(earlier, file))
      await run(db, earlier)
      const pool = db.openPool()
      // What the previous release does when a server starts for the first time.
      const setUp = () => pool.query({ text: `INSERT INTO installation (issuer) VALUES ('https://login.example')` })
      if (isSetUp) await setUp()
      await run(db)
      if (!isSetUp) await setUp()
      const salt = async () =>
        (await pool.query({ text: `SELECT encode(subject_salt, 'hex') AS salt FROM installation` })).rows[0]?.salt
      const first = await salt()
      t.match(first, /^[0-9a-f]{64}$/)
      await run(db)
      t.equal(await salt(), first)
      salts.push(first)
    }
    t.equal(new Set(salts).size, 2)
  },
)

t.test('the checksum of a released file equals the one that installations have recorded', async (t) => {
  const db = await testDatabase(t)
  await run(db)
  const { rows } = await db.openPool().query({
    text: 'SELECT version, name, md5, run_at IS NOT NULL AS dated FROM schema_migrations WHERE version IN (1, 17) ORDER BY 1',
  })
  t.same(rows, [
    { version: 1, name: 'foundation', md5: 'ff630e0ace1219674294b3925e1f3738', dated: true },
    { version: 17, name: 'event-retention', md5: '94b4f2e3f5a1283fbcca59de8eb97221', dated: true },
  ])
})

t.test(
  'the migration for clients that register themselves waits for the statements of old nodes, and locks no table that they need next',
  async (t) => {
    const files = readdirSync(join(packageFolder, 'sql')).filter((name) => /^\d{3}\.do\./.test(name))
    const before = join(freshFolder(t), 'sql')
    mkdirSync(before)
    for (const name of files.filter((one) => one < '027'))
      copyFileSync(join(packageFolder, 'sql', name), join(before, name))
    // In the order in which a statement locks them: of a new grant, and of reading a client with its grants and resources.
    for (const [first, ...next] of [
      ['grants IN ROW EXCLUSIVE', 'clients IN ACCESS SHARE'],
      ['clients IN ACCESS SHARE', 'grants IN ACCESS SHARE', 'resources IN ACCESS SHARE'],
    ] as const) {
      const db = await testDatabase(t)
      await run(db, before)
      const node = await clientOf(t, db)
      await node.query(`SET search_path TO ${db.schema}`)
      await node.query(`BEGIN; LOCK TABLE ${first} MODE`)
      const migrated = run(db)
      const pool = db.openPool()
      await eventually('the migration to wait', async () => {
        const text = `SELECT FROM pg_locks WHERE NOT granted AND relation = '${db.schema}.${first.split(' ')[0]}'::regclass`
        return (await pool.query({ text })).rows.length > 0
      })
      for (const table of next)
        await t.resolves(node.query(`LOCK TABLE ${table} MODE NOWAIT`), `${first}, then ${table}`)
      await node.query('COMMIT').catch(() => {})
      t.match(await migrated, { version: files.length })
    }
  },
)
