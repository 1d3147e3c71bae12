import { createServer, type Socket } from 'node:net'
import pg from 'pg'
import t, { type Test } from 'tap'
import { readSettings } from '../../../src/platform/config/settings.ts'
import { databaseUrlFault, hostsOf, withoutPassword } from '../../../src/platform/database/hosts.ts'
import { createPool, type PoolOptions } from '../../../src/platform/database/pool.ts'
import { isUnavailable } from '../../../src/platform/database/unavailable.ts'
import { noLog } from '../../database.ts'
import { fakePostgres } from './fake-postgres.ts'

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

function poolOn(t: Test, addresses: string[], more: Partial<PoolOptions> = {}) {
  const pool = createPool({
    ...{ connection: { connectionString: `postgres://signet:secret@${addresses}/signet` }, schema: 'signet' },
    ...{ max: 1, connectTimeoutMs: 20_000, queryTimeoutMs: 20_000, log: noLog },
    ...more,
  })
  t.teardown(() => pool.end())
  return pool
}

/** A port that accepts connections but never answers, or refuses them. */
async function deadPort(t: Test, kind: 'silent' | 'refuses'): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => {})))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const close = () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  if (kind === 'refuses') close()
  else t.teardown(close)
  return `127.0.0.1:${port}`
}

const addressOf = ({ connection }: { connection: { port: number } }) => `127.0.0.1:${connection.port}`

t.test('an invalid URL is rejected, and the message does not repeat the password', async (t) => {
  for (const [url, fault] of Object.entries({
    'mysql://u:secret@h/db': /must start with postgres:/,
    'postgres://': /must start with postgres:/,
    'postgres://u:secret@h:port/db': /not a valid URL/,
    'postgres://u:secret@h1:1,h2:99999/db': /not a valid URL/,
    'postgres://u:secret@h1,,h2/db': /not a valid URL|missing/,
    'postgres://u:secret@h1,/db': /not a valid URL|missing/,
    'postgres://u:secret@h/db?target_session_attrs=any': /only be read-write or primary/,
    'postgres://u:secret@h/db?target_session_attrs=standby': /only be read-write or primary/,
    'postgres://u:secret@h1,h2/db?target_session_attrs=': /only be read-write or primary/,
    'postgres://u:secret@h/db?host=h1,h2': /before the path/,
    'postgres://u:secret@h1,h2/db?port=5433': /before the path/,
  })) {
    t.match(databaseUrlFault(url), fault, url)
    t.notMatch(databaseUrlFault(url), /secret/)
    t.throws(() => hostsOf({ connectionString: url }), { name: 'TypeError' })
  }
  const settings = (url: string) => readSettings({ SIGNET_DATABASE_URL: url }, '/nowhere')
  t.throws(() => settings('postgres://u:secret@h/db?target_session_attrs=any'), {
    name: 'SettingsError',
    message: /SIGNET_DATABASE_URL: expected .*\. The problem: target_session_attrs can only be read-write or primary/,
  })
  const several = 'postgres://u:secret@h1:5432,h2:5433/db?target_session_attrs=read-write'
  t.equal(settings(several).databaseUrl, several)
})

t.test('several hosts are parsed as libpq does', async (t) => {
  const hosts = (url: string) =>
    hostsOf({ connectionString: url }).configs.map((config) => {
      const { host, port, user, password, database } = new pg.Client(config)
      return { address: `${host} ${port}`, user, password, database }
    })
  const who = { user: 'us:er', password: 'p@ss,w/rd', database: 'db' }
  const account = 'us%3Aer:p%40ss,w%2Frd'
  for (const [authority, addresses] of Object.entries({
    'h1:5433': ['h1 5433'],
    'h1:5433,h2:5434': ['h1 5433', 'h2 5434'],
    'h1,h2:5434,h3': ['h1 5432', 'h2 5434', 'h3 5432'],
    '[::1]:5433,[2001:db8::1],10.0.0.1': ['::1 5433', '2001:db8::1 5432', '10.0.0.1 5432'],
    '%2Frun%2Fa:5433,%2Frun%2Fb': ['/run/a 5433', '/run/b 5432'],
  }))
    for (const more of ['', '?target_session_attrs=read-write', '?target_session_attrs=primary&sslmode=disable'])
      t.same(
        hosts(`postgres://${account}@${authority}/db${more}`),
        addresses.map((address) => ({ address, ...who })),
        authority + more,
      )
})

t.test(
  'a host that is read-only, refuses connections or is silent is skipped, and not tried first next time',
  async (t) => {
    const readOnly = await fakePostgres(t)
    readOnly.isReadOnly = true
    for (const [what, address] of Object.entries({
      'read-only': addressOf(readOnly),
      refuses: await deadPort(t, 'refuses'),
      silent: await deadPort(t, 'silent'),
    })) {
      const good = await fakePostgres(t)
      // The silent host takes half of this.
      const pool = poolOn(t, [address, addressOf(good)], { connectTimeoutMs: what === 'silent' ? 6_000 : 20_000 })
      t.equal((await pool.query('SELECT 1')).command, 'SELECT', what)
      pool.dropConnections('to open another one')
      t.equal((await pool.query('SELECT 1')).command, 'SELECT')
      t.equal(good.accepted(), 2)
    }
    t.equal(readOnly.accepted(), 1, 'the second connection went directly to the good one')
  },
)

t.test('the pool fails over to another writable host, and back again', async (t) => {
  const [one, two] = [await fakePostgres(t), await fakePostgres(t)]
  two.isReadOnly = true
  const pool = poolOn(t, [addressOf(one), addressOf(two)])
  await pool.query('SELECT one')
  one.isReadOnly = true
  two.isReadOnly = false
  pool.dropConnections('fail-over')
  await pool.query('SELECT two')
  one.isReadOnly = false
  two.isReadOnly = true
  pool.dropConnections('and back')
  await pool.query('SELECT three')
  t.same(
    [one, two].map(({ asked }) => asked.map(({ text }) => text)),
    [['SELECT one', 'SELECT three'], ['SELECT two']],
  )
})

t.test('if no host accepts writes, the error gives the reason for each of them', async (t) => {
  const readOnly = await fakePostgres(t)
  readOnly.isReadOnly = true
  const away = await deadPort(t, 'refuses')
  const [standby] = [addressOf(readOnly)]
  for (const [addresses, name, message] of [
    [
      [standby],
      'DatabaseReadOnly',
      `The PostgreSQL server at ${standby} accepts no writes: it is a standby, or it was made read-only.`,
    ],
    [
      [away, standby],
      'DatabaseUnavailable',
      `No PostgreSQL server accepts writes: ${away} failed (connect ECONNREFUSED ${away}); ${standby} accepts no writes (it is a standby, or it was made read-only).`,
    ],
    [
      [standby, standby],
      'DatabaseReadOnly',
      `No PostgreSQL server accepts writes: ${standby} accepts no writes (it is a standby, or it was made read-only); ${standby} accepts no writes (it is a standby, or it was made read-only).`,
    ],
    [
      [away, away],
      'DatabaseUnavailable',
      `No PostgreSQL server accepts writes: ${away} failed (connect ECONNREFUSED ${away}); ${away} failed (connect ECONNREFUSED ${away}).`,
    ],
  ] as const) {
    const error = await failure(poolOn(t, [...addresses]).query('SELECT 1'))
    t.match(error, { name, message })
    t.ok(isUnavailable(error))
  }
})

t.test('a caller that only reads accepts a standby, but prefers the primary', async (t) => {
  const readOnly = await fakePostgres(t)
  readOnly.isReadOnly = true
  const good = await fakePostgres(t)
  const look = { allowReadOnly: true }
  await poolOn(t, [addressOf(readOnly), addressOf(good)], look).query('SELECT 1')
  await poolOn(t, [addressOf(readOnly), await deadPort(t, 'refuses')], look).query('SELECT 2')
  t.same(
    [good, readOnly].map(({ asked }) => asked.map(({ text }) => text)),
    [['SELECT 1'], ['SELECT 2']],
  )
})

t.test('a database URL is shown without its password and its query', async (t) => {
  const cases: [string, string][] = [
    ['postgres://signet:pass@word@db.example:5432/signet', 'postgres://signet@db.example:5432/signet'],
    ['postgresql://u:a:b@h1:5432,h2:5433/db?sslmode=verify-full&password=x', 'postgresql://u@h1:5432,h2:5433/db'],
    ['postgres://u@h', 'postgres://u@h'],
    ['postgres://:secret@h/db#secret', 'postgres://@h/db'],
    ['postgres://u:secret@%2Fvar%2Frun/db', 'postgres://u@%2Fvar%2Frun/db'],
    ['postgres:///db?host=/var/run&user=u&password=secret', 'postgres:///db'],
  ]
  for (const [url, shown] of cases) {
    t.equal(databaseUrlFault(url), undefined, 'the settings accept it')
    t.equal(withoutPassword(url), shown)
  }
})
