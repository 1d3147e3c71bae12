import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { joinLocalPostgres } from '#local-postgres'
import { packageFolder } from '../src/platform/config/installation-folder.ts'
import type { DatabaseConnection } from '../src/platform/database/hosts.ts'
import type { DatabaseLog } from '../src/platform/log.ts'

/** A log for tests that do not read it. */
export const noLog: DatabaseLog = { info: () => {}, warn: () => {} }

/** The PostgreSQL that the tests use. */
export interface TestServer {
  readonly connection: DatabaseConnection
  /** The same with a role that may create databases, if there is one. */
  readonly administrator: DatabaseConnection
  /** The only system account that can open the server's Unix socket, if access is limited. */
  readonly socketOwner: { readonly uid: number; readonly gid: number } | undefined
}

/**
 * The server of SIGNET_TEST_DATABASE_URL, or else an embedded one that all test files running at the same time share.
 * tap runs teardowns in the reverse order of their registration: what a test opens later is closed before the server may stop.
 */
export async function testServer(t: Test): Promise<TestServer> {
  const url = process.env['SIGNET_TEST_DATABASE_URL']
  if (url)
    return { connection: { connectionString: url }, administrator: { connectionString: url }, socketOwner: undefined }
  const embedded = await joinLocalPostgres({
    dataDir: join(packageFolder, '.signet/test/database'),
    allowRoot: true,
    log: noLog,
    // What tests write need not survive a power cut.
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

// Left over by tests that were killed.
async function dropForgotten(connection: DatabaseConnection): Promise<void> {
  const { rows } = await once(
    connection,
    String.raw`SELECT nspname AS schema FROM pg_namespace WHERE nspname LIKE 'test\_%'`,
  )
  for (const { schema } of rows as { schema: string }[])
    if (isForgotten(schema)) await dropSchema(connection, schema).catch(() => {}) // another process drops it, too
  const databases = await once(
    connection,
    String.raw`SELECT datname AS name FROM pg_database WHERE datname LIKE 'test\_%'`,
  )
  for (const { name } of databases.rows as { name: string }[])
    if (isForgotten(name)) await once(connection, `DROP DATABASE ${name} WITH (FORCE)`).catch(() => {})
}

/** A name for a schema or a database that a test creates. */
export function testName(): string {
  return `test_${Date.now().toString(36)}_${randomBytes(4).toString('hex')}`
}

function isForgotten(name: string): boolean {
  return Number.parseInt(name.slice('test_'.length), 36) < Date.now() - 3_600_000
}

/** Drops a test's schema. A transaction that a test has left open gets an error. */
export async function dropSchema(connection: DatabaseConnection, schema: string): Promise<void> {
  await once(connection, `SET lock_timeout = '10s'; DROP SCHEMA ${schema} CASCADE`)
}

/** Runs one statement, or several without parameters, on a separate connection. */
export async function once(connection: DatabaseConnection, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client('connectionString' in connection ? connection : { ...connection, ssl: false })
  await client.connect()
  try {
    return await client.query(statement)
  } finally {
    await client.end()
  }
}
