import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { packageFolder } from '../src/platform/config/installation-folder.ts'
import type { DatabaseConnection } from '../src/platform/database/connection.ts'
import { joinEmbedded } from '../src/platform/database/embedded.ts'
import type { DatabaseLog } from '../src/platform/database/log.ts'
import { createPool, type Database, type PoolOptions } from '../src/platform/database/pool.ts'

export interface TestDatabase {
  readonly connection: DatabaseConnection
  /** The same as a setting has it (SIGNET_DATABASE_URL). */
  readonly url: string
  /** Empty, and nobody else's. */
  readonly schema: string
  /** Opens a pool on the schema, which ends with the test. */
  openPool(options?: Partial<PoolOptions>): Database
}

/** A log for tests that do not look at it. */
export const noLog: DatabaseLog = { info: () => {}, warn: () => {} }

/**
 * A fresh, empty schema on a real PostgreSQL, dropped when `t` is over: on the server of SIGNET_TEST_DATABASE_URL, or
 * else on an embedded one that all test files which run at the same time share.
 */
export async function testDatabase(t: Test): Promise<TestDatabase> {
  const { connection } = await testServer(t)
  const schema = `test_${Date.now().toString(36)}_${randomBytes(4).toString('hex')}`
  await once(connection, `CREATE SCHEMA ${schema}`)
  t.teardown(() => drop(connection, schema))
  return {
    connection,
    url: urlOf(connection),
    schema,
    openPool: (options = {}) => {
      const pool = createPool({
        ...{ connection, schema, max: 10, connectTimeoutMs: 5_000, queryTimeoutMs: 10_000, log: noLog },
        ...options,
      })
      t.teardown(() => pool.end())
      return pool
    },
  }
}

/** The tests' server, for tests that bring what is between them and it. */
export interface TestServer {
  readonly connection: DatabaseConnection
  /** As a role that may create databases, or as the ordinary one, if there is no other. */
  readonly administrator: DatabaseConnection
  /** The account that the server's Unix socket is open to, if it is not open to everybody. */
  readonly socketOwner: { readonly uid: number; readonly gid: number } | undefined
}

// tap does teardowns in the reverse order of their registration: pools end, the schema goes, and then the server may
// stop.
/** Joins the tests' server until `t` is over. */
export async function testServer(t: Test): Promise<TestServer> {
  const url = process.env['SIGNET_TEST_DATABASE_URL']
  if (url)
    return { connection: { connectionString: url }, administrator: { connectionString: url }, socketOwner: undefined }
  const embedded = await joinEmbedded({
    dataDir: join(packageFolder, '.signet/test/database'),
    issuerIsLoopback: true,
    log: noLog,
    // What tests write need not outlive a power cut.
    testParameters: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' },
  })
  t.teardown(() => embedded.leave())
  await dropForgotten(embedded.connection)
  const { superuserPassword } = JSON.parse(readFileSync(join(dirname(embedded.data), 'credentials.json'), 'utf8'))
  const { uid, gid } = statSync(embedded.data)
  return {
    connection: embedded.connection,
    administrator: { ...embedded.connection, user: 'postgres', password: superuserPassword },
    socketOwner: { uid, gid },
  }
}

// What tests that were killed have left.
async function dropForgotten(connection: DatabaseConnection): Promise<void> {
  const { rows } = await once(
    connection,
    String.raw`SELECT nspname AS schema FROM pg_namespace WHERE nspname LIKE 'test\_%'`,
  )
  for (const { schema } of rows as { schema: string }[]) {
    const made = Number.parseInt(schema.slice('test_'.length), 36)
    if (made < Date.now() - 3_600_000) await drop(connection, schema).catch(() => {}) // another process is at it, too
  }
}

// A test that has left a transaction open is told, instead of waited for.
async function drop(connection: DatabaseConnection, schema: string): Promise<void> {
  await once(connection, `SET lock_timeout = '10s'; DROP SCHEMA ${schema} CASCADE`)
}

/** Runs one statement, or several without parameters, on a connection of its own. */
export async function once(connection: DatabaseConnection, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client('connectionString' in connection ? connection : { ...connection, ssl: false })
  await client.connect()
  try {
    return await client.query(statement)
  } finally {
    await client.end()
  }
}

function urlOf(connection: DatabaseConnection): string {
  if ('connectionString' in connection) return connection.connectionString
  const { host, port, user, password, database } = connection
  return `postgres://${user}:${password}@${encodeURIComponent(host)}:${port}/${database}`
}
