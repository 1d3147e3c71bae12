import { generateKeyPairSync } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { recordIssuer } from '../../src/platform/database/installation-store.ts'
import type { Queryable } from '../../src/platform/database/queryable.ts'
import { randomText } from '../../src/platform/secrets/digest.ts'
import type { Sub } from '../../src/records/ids.ts'
import { migratedDatabase, testDatabase } from '../database.ts'
import { allCommands } from './commands-table.ts'
import { answer, emptyFolder, openConsole } from './console.ts'
import { dump } from './dump.ts'
import { insertGrant } from './insert-grant.ts'

const issuer = 'http://localhost:4321'
const { signet, signetReading, json, database, environment } = await openConsole(t, { SIGNET_ISSUER: issuer })
await recordIssuer(database, issuer)

const resource = 'https://api.example'
const requestId = randomText(12)
const { sub } = await json<{ sub: Sub }>('users', 'create', '--username', 'person', '--email', 'a@people.example')
await json('resources', 'create', '--identifier', resource, '--scope', 'notes:read')
const { client_id: clientId } = await json<{ client_id: string }>(
  ...['clients', 'create', '--name', 'App', '--redirect-uri', 'https://app.example/cb', '--scope', 'openid notes:read'],
)
const { client_id: ownClientId } = await json<{ client_id: string }>(
  ...['clients', 'create', '--name', 'Own', '--redirect-uri', 'https://own.example/cb'],
)
await database.query({
  text: `WITH own AS (UPDATE clients SET self_registered = true WHERE client_id = $1 RETURNING client_id)
         INSERT INTO client_registrations (client_id, token_digest) SELECT client_id, '' FROM own`,
  values: [ownClientId],
})
await json('groups', 'create', 'staff')
const { grantId } = await insertGrant(database, sub)
await database.query({
  text: `INSERT INTO events (type, request_id, sub) VALUES ('signed_in', $1, $2)`,
  values: [requestId, sub],
})
await database.query({
  text: `INSERT INTO account_credentials (sub, kind) VALUES ($1, 'recovery_codes')`,
  values: [sub],
})
// Now something is due that a command must not decide: one algorithm has no standby key.
await database.query({ text: `DELETE FROM signing_keys WHERE alg = 'ES256' AND activates_at > now()` })

interface Case {
  /** `creates`: may create an installation. `reads`: changes nothing. `changes`: records an event. `neither`: needs no installation. */
  readonly kind: 'creates' | 'reads' | 'changes' | 'neither'
  readonly args: readonly string[]
  readonly input?: string
}

const creates = (): Case => ({ kind: 'creates', args: [] })
const reads = (...args: string[]): Case => ({ kind: 'reads', args })
const changes = (args: readonly string[], input?: string): Case => ({ kind: 'changes', args, ...(input && { input }) })

/** All commands. Those that change something run in this order. */
const commands: Record<string, Case> = {
  'signet serve': creates(),
  'signet migrate': creates(),
  'signet version': { kind: 'neither', args: [] },
  // Writes a file, because this issuer is on loopback.
  'signet mail test': { kind: 'neither', args: ['person@example.com'] },
  'signet doctor': reads('--url', 'http://127.0.0.1:1'),
  'signet keys list': reads(),
  'signet keys export-public': reads(),
  'signet keys secrets': reads(),
  'signet clients list': reads(),
  'signet clients show': reads(clientId),
  'signet clients list-secrets': reads(clientId),
  'signet registration-tokens list': reads(),
  'signet resources list': reads(),
  'signet resources show': reads(resource),
  'signet groups list': reads(),
  'signet groups show': reads('staff'),
  'signet users list': reads(),
  'signet users invitations': reads(),
  'signet users show': reads(sub),
  'signet users factors': reads(sub),
  'signet grants list': reads(),
  'signet grants show': reads(grantId),
  'signet events list': reads(),
  'signet events show': reads(requestId),
  'signet clients import': changes(
    [],
    JSON.stringify({ client_id: 'imported', redirect_uris: ['https://imported.example/cb'] }),
  ),
  'signet events refusals': reads(),
  'signet clients create': changes(['--name', 'Other', '--redirect-uri', 'https://other.example/cb']),
  'signet clients update': changes([clientId, '--name', 'Renamed']),
  'signet clients rotate-secret': changes([clientId]),
  // The first secret.
  'signet clients revoke-secret': changes([clientId, '1']),
  'signet registration-tokens create': changes(['--note', 'CI']),
  // The first token.
  'signet registration-tokens revoke': changes(['1']),
  'signet clients adopt': changes([ownClientId]),
  'signet resources create': changes(['--identifier', 'https://other.example']),
  'signet resources update': changes([resource, '--scope', 'notes:write']),
  'signet resources delete': changes([resource]),
  'signet groups create': changes(['others']),
  'signet groups add': changes(['staff', sub]),
  'signet groups remove': changes(['staff', sub]),
  'signet groups delete': changes(['staff']),
  'signet grants revoke': changes([grantId]),
  'signet grants revoke-all': changes(['--client-id', clientId]),
  'signet clients delete': changes([clientId]),
  'signet users create': changes(['--username', 'other']),
  'signet users invite': changes(['b@people.example', '--print-link']),
  'signet users uninvite': changes(['b@people.example']),
  'signet users import': changes([], JSON.stringify({ sub: 'person-1', username: 'imported' })),
  'signet users update': changes([sub, '--name', 'A person']),
  'signet users sign-out': changes([sub]),
  'signet users disable': changes([sub]),
  'signet users enable': changes([sub]),
  'signet users set-password': changes([sub, '--password-stdin'], 'correct horse battery'),
  'signet users recover': changes([sub, '--print-link', '--reason', 'a drill']),
  'signet users reset-factors': changes([sub, '--reason', 'a drill']),
  'signet users data': changes([sub]),
  'signet users delete': changes([sub]),
  'signet keys rotate': changes(['--alg', 'RS256', '--now']),
  'signet keys revoke': changes(['--all', '--reason', 'a drill']),
  'signet keys import': changes(['--reason', 'we move'], newKey()),
  'signet keys rotate-secrets': changes([]),
  'signet keys reseal': changes([]),
  'signet recover': changes([]),
}

const named = Object.entries(commands).map(([name, rest]) => ({
  ...rest,
  argv: [...name.split(' ').slice(1), ...rest.args],
  name,
}))
const working = named.filter(({ kind }) => kind === 'reads' || kind === 'changes')
const oneOfEach = (name: string) =>
  ['signet users list', 'signet clients create', 'signet keys list', 'signet keys rotate'].includes(name)
const needsKeys = (name: string) => /^signet (?:keys|recover)/.test(name)

t.test('every command is classified as changing something or nothing', async (t) => {
  t.same(
    Object.keys(commands).sort(),
    allCommands()
      .map(({ name }) => name)
      .sort(),
  )
})

t.test('commands that only read leave the database and the keys directory unchanged', async (t) => {
  const before = await dump(database)
  const formats = [[], ['--json']]
  for (const { argv, name } of named.filter(({ kind }) => kind === 'reads'))
    for (const format of name.endsWith('export-public') ? [[]] : formats) {
      const { code, err } = await signet(...argv, ...format)
      if (name !== 'signet doctor') t.same({ code, err }, { code: 0, err: '' }, name)
      t.strictSame(await dump(database), before, `${name} ${format}`)
    }
  t.notOk(existsSync(environment['SIGNET_KEYS_DIR'] ?? ''), 'the keys directory is not created either')
})

/** Runs every command that needs an installation where there is no usable one. */
async function refusedEverywhere(
  t: Test,
  message: RegExp,
  more: { readonly environment: Record<string, string>; readonly folder: string },
  only: (name: string) => boolean = () => true,
): Promise<void> {
  for (const { argv, name, input } of working.filter(({ name }) => only(name))) {
    const { code, out, err } = await answer(argv, { ...more, ...(input && { input }) })
    t.equal(code, 1, `${name}: ${err}`)
    if (name === 'signet doctor') continue
    t.equal(out, '', name)
    t.match(err, message, name)
    t.equal(err.split('\n').length, 2, `${name} reports it in one line`)
  }
}

t.test('without an embedded database every command says so and creates no file', async (t) => {
  const folder = emptyFolder(t)
  const message = new RegExp(
    `^signet: There is no Signet installation here: SIGNET_DATABASE_URL is not set, and ${folder}/\\.signet contains no embedded database\\. ` +
      "Set SIGNET_DATABASE_URL or SIGNET_DATA_DIR as for the server, or create an installation with 'signet serve' or",
  )
  await refusedEverywhere(t, message, { environment: { SIGNET_LOG_LEVEL: 'silent' }, folder })
  t.same(readdirSync(folder), [])
  // A typo next to an installation, and a data directory that holds something else.
  mkdirSync(join(folder, '.signet'))
  writeFileSync(join(folder, '.signet', 'demo.json'), '{}')
  mkdirSync(join(folder, 'empty/postgresql/data'), { recursive: true })
  const before = readdirSync(folder, { recursive: true })
  for (const dataDir of ['.signet', '.signte', '.signet/demo.json', 'a/b', 'empty']) {
    const environment = { SIGNET_DATA_DIR: dataDir, SIGNET_LOG_LEVEL: 'silent' }
    const { code, err } = await answer(['clients', 'create', '--name', 'x'], { environment, folder })
    t.match({ code, err }, { code: 1, err: `${join(folder, dataDir)} contains no embedded database` })
  }
  t.same(readdirSync(folder, { recursive: true }), before)
})

t.test('with the wrong schema every command says so, and creates neither schema nor table', async (t) => {
  const { url, schema, openPool } = await testDatabase(t)
  const db = openPool({ max: 1 })
  const folder = emptyFolder(t)
  const before = await dump(db)
  const where = (name: string) => ({
    folder,
    environment: { ...environment, SIGNET_DATABASE_URL: url, SIGNET_DATABASE_SCHEMA: name, SIGNET_KEYS_DIR: 'keys' },
  })
  const message = (name: string) =>
    new RegExp(
      `^signet: There is no Signet installation in the schema ${name} of postgres(?:ql)?://[^:]+@[^@]+: it does not contain Signet's tables\\. ` +
        'Set SIGNET_DATABASE_URL and SIGNET_DATABASE_SCHEMA as for the server, or create',
    )
  await refusedEverywhere(t, message(schema), where(schema))
  t.strictSame(await dump(db), before)
  const missing = `${schema}_typo`
  await refusedEverywhere(t, message(missing), where(missing), oneOfEach)
  const { rowCount } = await db.query({ text: 'SELECT FROM pg_namespace WHERE nspname = $1', values: [missing] })
  t.equal(rowCount, 0)
  t.same(readdirSync(folder), [])
  const password = new URL(url.replace(/@[^@]*$/, '@host')).password
  const { err } = await answer(['users', 'list'], where(schema))
  t.ok(password === '' || !err.includes(password), 'without the password')
})

t.test('a schema that is older or newer than this release is left unchanged', async (t) => {
  const folder = emptyFolder(t)
  const { rows } = await database.query<{ version: number }>({
    text: 'DELETE FROM schema_migrations WHERE version = (SELECT max(version) FROM schema_migrations) RETURNING *',
  })
  const [last] = rows as [Record<string, unknown> & { version: number }]
  let before = await dump(database)
  const older = new RegExp(
    `^signet: The schema \\S+ of \\S+ has version ${last.version - 1}, and this release of Signet needs version ${last.version}\\. Run 'signet migrate', or start`,
  )
  await refusedEverywhere(t, older, { environment, folder }, (name) => name !== 'signet doctor')
  t.strictSame(await dump(database), before)
  await database.query({
    text: 'INSERT INTO schema_migrations SELECT * FROM jsonb_populate_record(NULL::schema_migrations, $1)',
    values: [JSON.stringify(last)],
  })

  await database.query({ text: `INSERT INTO schema_migrations (version, name) VALUES (999, 'x')` })
  before = await dump(database)
  const newer =
    /has version 999; this release of Signet knows versions up to \d+\. It was migrated by a newer release: use that/
  await refusedEverywhere(t, newer, { environment, folder }, oneOfEach)
  t.strictSame(await dump(database), before)
  await database.query({ text: 'DELETE FROM schema_migrations WHERE version = 999' })
})

t.test('with a schema that was only migrated, records can be managed, but there are no keys yet', async (t) => {
  const { url, schema, openPool } = await migratedDatabase(t)
  const folder = emptyFolder(t)
  const { SIGNET_MASTER_KEY: _, ...rest } = environment
  const more = {
    folder,
    environment: {
      ...rest,
      SIGNET_DATABASE_URL: url,
      SIGNET_DATABASE_SCHEMA: schema,
      SIGNET_KEYS_DIR: join(folder, 'k'),
    },
  }
  const create = ['clients', 'create', '--name', 'Early', '--redirect-uri', 'https://app.example/cb', '--json']
  t.match(await answer(create, more), { code: 0, err: '' })
  const db = openPool({ max: 1 })
  const before = await dump(db)
  const message = /has no keys yet: no server has been started on it\. The first 'signet serve' creates them\.\n$/
  await refusedEverywhere(t, message, more, needsKeys)
  t.strictSame(await dump(db), before)
  t.same(readdirSync(folder), [])
})

t.test('without the master key, commands about keys say where they looked for it, and create none', async (t) => {
  const folder = emptyFolder(t)
  const { SIGNET_MASTER_KEY: _, ...rest } = environment
  const more = { folder, environment: { ...rest, SIGNET_KEYS_DIR: join(folder, 'typo') } }
  const before = await dump(database)
  const message = new RegExp(
    `there is no master key: SIGNET_MASTER_KEY is not set and ${folder}/typo/master\\.key does not exist\\. .*SIGNET_KEYS_DIR`,
  )
  await refusedEverywhere(t, message, more, needsKeys)
  t.strictSame(await dump(database), before)
  t.same(readdirSync(folder), [])
})

t.test(
  'if SIGNET_ISSUER differs from the issuer on record, a command can read, with a warning, but not change anything',
  async (t) => {
    const more = { folder: emptyFolder(t), environment: { ...environment, SIGNET_ISSUER: 'http://localhost:9999' } }
    const before = await dump(database)
    for (const { argv, name, kind, input } of working.filter(({ name }) => name !== 'signet doctor')) {
      const { code, err } = await answer(argv, { ...more, ...(input && { input }) })
      t.equal(code, kind === 'reads' ? 0 : 1, name)
      t.match(
        err,
        /^signet: This database belongs to the issuer http:\/\/localhost:4321, but SIGNET_ISSUER is http:\/\/localhost:9999/,
      )
      t.equal(err.split('\n').length, 2, name)
    }
    t.strictSame(await dump(database), before)
  },
)

t.test('on a terminal a command names the database it found, unless the environment names it', async (t) => {
  const { url, schema } = await testDatabase(t)
  const folder = emptyFolder(t)
  const { SIGNET_DATABASE_URL: ours = '', SIGNET_DATABASE_SCHEMA: named = '', ...rest } = environment
  const say = async (more: Record<string, string>, errorIsTTY = true) => {
    const environment = { ...rest, SIGNET_LOG_LEVEL: 'info', ...more }
    const { code, err } = await answer(['users', 'list', '--json'], { folder, environment, errorIsTTY })
    return { code, err }
  }
  const explicit = { SIGNET_DATABASE_URL: ours, SIGNET_DATABASE_SCHEMA: named }
  t.same(await say(explicit), { code: 0, err: '' })
  writeFileSync(join(folder, '.env'), `SIGNET_DATABASE_URL=${ours}\nSIGNET_DATABASE_SCHEMA=${named}\n`)
  const { code, err } = await say({})
  t.equal(code, 0)
  t.match(
    err,
    new RegExp(
      `^signet: Using postgres(?:ql)?://[^:]+@\\S+, schema ${named} \\(settings from ${folder}/\\.env\\)\\.\\n$`,
    ),
  )
  t.notOk(err.includes(ours))
  t.same(await say({}, false), { code: 0, err: '' }, 'scripts do not see it')
  t.same(await say({ SIGNET_LOG_LEVEL: 'warn' }), { code: 0, err: '' })
  t.same(await say(explicit), { code: 0, err: '' }, 'the environment takes precedence over the file')
  t.match(await say({ SIGNET_DATABASE_URL: url, SIGNET_DATABASE_SCHEMA: schema }), {
    code: 1,
    err: /There is no Signet/,
  })
})

/** The events that a command recorded. Ended grants are consequences: the event next to them says who caused them. */
async function eventsAfter(db: Queryable, id: number) {
  const { rows } = await db.query<{ type: string; detail: { by?: string }; caller: string | null }>({
    text: `SELECT type, detail, coalesce(request_id, network) AS caller FROM events
           WHERE id > $1 AND type <> 'grant_ended' ORDER BY id`,
    values: [id],
  })
  return rows
}

t.test('every command that changes something records an event that names the operator', async (t) => {
  const by = `${userInfo().username}@${hostname()}`
  for (const { argv, name, input = '' } of named.filter(({ kind }) => kind === 'changes')) {
    const { rows } = await database.query<{ id: number }>({ text: 'SELECT max(id) AS id FROM events' })
    const { code, err } = await signetReading(input, ...argv)
    t.same({ code, err }, { code: 0, err: '' }, name)
    const events = await eventsAfter(database, rows[0]?.id ?? 0)
    const ours = events.filter(({ detail }) => detail.by === by)
    t.ok(ours.length > 0, `${name} records ${ours.map(({ type }) => type)}`)
    t.same(
      events.filter(({ detail }) => detail.by !== by && detail.by !== 'schedule'),
      [],
      name,
    )
    t.ok(events.every(({ caller }) => caller === null))
  }
  const { out } = await signet('events', 'list', '--type', 'account_created')
  t.match(out, ` by=${by} `)
})

t.test('the user who ran sudo is recorded, and nothing that could not be a user name', async (t) => {
  const { username } = userInfo()
  const cases = [
    ['alice', `alice@${hostname()} (as ${username})`],
    [username, `${username}@${hostname()}`],
    ['x\u001b[2J" by=somebody', `${username}@${hostname()}`],
    ['', `${username}@${hostname()}`],
  ]
  for (const [index, [before = '', by]] of cases.entries()) {
    const more = { folder: emptyFolder(t), environment: { ...environment, SUDO_USER: before } }
    const { code, out } = await answer(['users', 'create', '--username', `sudo${index}`, '--json'], more)
    t.equal(code, 0)
    const events = await json<unknown[]>('events', 'list', '--user', JSON.parse(out).sub)
    t.match(events, [{ type: 'account_created', detail: { by } }])
  }
})

function newKey(): string {
  return JSON.stringify(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }))
}
