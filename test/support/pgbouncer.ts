import { spawn } from 'node:child_process'
import {
  accessSync,
  chownSync,
  constants,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Test } from 'tap'
import { packageFolder } from '../../src/platform/config/installation-folder.ts'
import type { DatabaseConnection } from '../../src/platform/database/hosts.ts'
import { once, type TestServer, testName, testServer } from '../database-server.ts'
import { eventually } from './eventually.ts'
import { freePort } from './free-port.ts'

/** PgBouncer's program. Debian installs it in a folder that is not on every user's PATH. */
const program = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
  .map((folder) => join(folder, 'pgbouncer'))
  .find((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Why tests cannot use PgBouncer here, for the name of a skipped test; undefined if they can. */
export async function whyNoPooler(): Promise<string | undefined> {
  if (program === undefined) return 'PgBouncer is not installed'
  if (process.env['SIGNET_TEST_PGBOUNCER']) return 'these tests already go through a pooler'
  const { administrator } = await testServer()
  const { rows } = await once(
    administrator,
    'SELECT rolcreatedb OR rolsuper AS may FROM pg_roles WHERE rolname = current_user',
  )
  return rows[0].may ? undefined : 'the role of SIGNET_TEST_DATABASE_URL may not create databases'
}

/** The settings that docs/deploy.md tells an administrator to give to the role, for transaction mode. */
export function documentedSettings(): Record<string, string> {
  const page = readFileSync(join(packageFolder, 'docs/deploy.md'), 'utf8')
  const statements = page.matchAll(/^ALTER ROLE signet IN DATABASE signet SET (\w+) = (.*);$/gm)
  return Object.fromEntries([...statements].map(([, name = '', value = '']) => [name, value]))
}

export interface PoolerOptions {
  readonly mode: 'session' | 'transaction' | 'statement'
  /** Further settings of PgBouncer; `default_pool_size` is 10. */
  readonly ini?: Readonly<Record<string, string | number>>
  /** Settings of the role in this database (ALTER ROLE … IN DATABASE … SET), as SQL; none by default. */
  readonly role?: Readonly<Record<string, string>>
}

/** A separate database for the test, and a PgBouncer in front of it. */
export interface PooledDatabase {
  /** SIGNET_DATABASE_URL, through the pooler. */
  readonly url: string
  /** The schema for Signet. It does not exist yet. */
  readonly schema: string
  readonly role: string
  readonly database: string
  /** Directly, without the pooler. */
  readonly direct: DatabaseConnection
  /** Whether this PgBouncer keeps its clients' prepared statements apart in transaction mode (since 1.21). */
  readonly keepsStatements: boolean
  /** Runs a statement on a separate connection that bypasses the pooler. */
  ask<R extends pg.QueryResultRow>(text: string): Promise<R[]>
  /** Changes the role's settings in this database, in SQL, and makes PgBouncer reconnect. */
  setRole(settings: Readonly<Record<string, string>>): Promise<void>
  /** Runs a command on PgBouncer's console, such as `SHOW SERVERS`. */
  console(command: string): Promise<Record<string, unknown>[]>
}

/** Creates a database and starts a PgBouncer in front of it. Both are removed when `t` ends. */
export async function pooledDatabase(t: Test, options: PoolerOptions): Promise<PooledDatabase> {
  const server = await testServer()
  const { host, port, user: role = '', password = '' } = new pg.Client(configOf(server.connection))
  const database = testName()
  await once(server.administrator, `CREATE DATABASE ${database} OWNER ${pg.escapeIdentifier(role)}`)
  // An autovacuum worker in this database runs as a superuser, so the role may not terminate it (42501). It finishes quickly.
  t.teardown(() =>
    eventually('the database to be dropped', async () => {
      await once(server.administrator, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
      return true
    }),
  )
  const setRole = async (settings: Readonly<Record<string, string>>) => {
    for (const [name, value] of Object.entries(settings))
      await once(
        server.administrator,
        `ALTER ROLE ${pg.escapeIdentifier(role)} IN DATABASE ${database} SET ${name} = ${value}`,
      )
  }
  await setRole(options.role ?? {})

  const listenPort = await startPgBouncer(t, { server, host, port, role, password, options })
  const address = `postgres://${encodeURIComponent(role)}:${encodeURIComponent(password)}@127.0.0.1:${listenPort}`
  const console = async (command: string) => {
    // The console supports only the simple query protocol.
    const { rows } = await once({ connectionString: `${address}/pgbouncer` }, command)
    return rows as Record<string, unknown>[]
  }
  const [first] = await console('SHOW VERSION')
  const direct = { host, port, database, user: role, password }
  return {
    url: `${address}/${database}`,
    direct,
    schema: 'signet',
    role,
    database,
    keepsStatements: Number(/ 1\.(\d+)/.exec(String(first?.['version']))?.[1]) >= 21,
    ask: async <R extends pg.QueryResultRow>(text: string) => {
      const { rows } = await once(direct, text)
      return rows as R[]
    },
    setRole: async (settings) => {
      await setRole(settings)
      await console('RECONNECT')
    },
    console,
  }
}

interface Upstream {
  readonly server: TestServer
  readonly host: string
  readonly port: number
  readonly role: string
  readonly password: string
  readonly options: PoolerOptions
}

/** Returns the port on 127.0.0.1 that it listens on. */
async function startPgBouncer(t: Test, upstream: Upstream): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const listenPort = await freePort()
    const pooler = await run(t, listenPort, upstream)
    if (pooler === 'ready') return listenPort
    // Another process took the port first.
    if (attempt === 5 || !pooler.includes('already in use')) throw new Error(`PgBouncer did not start:\n${pooler}`)
  }
}

async function run(t: Test, listenPort: number, upstream: Upstream): Promise<'ready' | string> {
  const { server, port, role, password, options } = upstream
  const folder = mkdtempSync(join(tmpdir(), 'signet-pgbouncer-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  // Through a Unix socket, whose path must be short.
  const isSocket = upstream.host.startsWith('/')
  if (isSocket) symlinkSync(realpathSync(upstream.host), join(folder, 'run'))
  const settings = {
    ...{ listen_addr: '127.0.0.1', listen_port: listenPort, unix_socket_dir: '', logfile: join(folder, 'log') },
    ...{ auth_type: 'scram-sha-256', auth_file: join(folder, 'userlist.txt'), admin_users: role },
    ...{ pool_mode: options.mode, default_pool_size: 10, ...options.ini },
  }
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`)
  const ini = join(folder, 'pgbouncer.ini')
  writeFileSync(
    ini,
    `[databases]\n* = host=${isSocket ? join(folder, 'run') : upstream.host} port=${port}\n[pgbouncer]\n${lines.join('\n')}\n`,
  )
  writeFileSync(join(folder, 'userlist.txt'), `"${role}" "${password.replaceAll('"', '""')}"\n`, { mode: 0o600 })

  // It refuses to run as root. Only the server's account may use the socket.
  const account = process.getuid?.() === 0 ? (server.socketOwner ?? { uid: 65_534, gid: 65_534 }) : undefined
  if (account) for (const path of [folder, ini, join(folder, 'userlist.txt')]) chownSync(path, account.uid, account.gid)
  // The shell in between stops it when this process is gone, for whatever reason: the pipe is closed then.
  const script = '"$0" -q "$1" & pooler=$!; { read -r _ <&3; kill -9 $pooler; } & wait $pooler'
  const child = spawn('/bin/sh', ['-c', script, program ?? 'pgbouncer', ini], {
    ...account,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  const ended = new Promise<'ended'>((resolve) =>
    child.once('close', () => resolve('ended')).once('error', () => resolve('ended')),
  )
  const pipe = child.stdio[3]
  pipe?.on('error', () => {})
  t.teardown(async () => {
    pipe?.destroy()
    await ended
  })

  const deadline = performance.now() + 60_000
  const url = `postgres://${encodeURIComponent(role)}:${encodeURIComponent(password)}@127.0.0.1:${listenPort}/pgbouncer`
  for (;;) {
    const answer = await Promise.race([ended, once({ connectionString: url }, 'SHOW VERSION').catch(String)])
    if (typeof answer === 'object') return 'ready'
    if (answer === 'ended') return readFileSync(join(folder, 'log'), 'utf8')
    if (performance.now() > deadline) return `No answer within 60 s. Last answer: ${answer}`
    await pause(20)
  }
}

function configOf(connection: TestServer['connection']): pg.ClientConfig {
  return 'connectionString' in connection ? connection : { ...connection, ssl: false }
}
