import { randomBytes } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { joinLocalPostgres, type LocalPostgres } from '#local-postgres'
import { packageFolder } from '../src/platform/config/installation-folder.ts'
import type { DatabaseConnection } from '../src/platform/database/hosts.ts'
import { jobsSchemaOf } from '../src/platform/database/job-schema.ts'
import type { DatabaseLog } from '../src/platform/log.ts'
import { memoryFolder } from './memory-folder.ts'
import { teardownProcess } from './support/together.ts'

/** A log for tests that do not read it. */
export const noLog: DatabaseLog = { info: () => {}, warn: () => {} }

/** The PostgreSQL that the tests use. */
export interface TestServer {
  readonly connection: DatabaseConnection
  /** The same with a role that may create databases, if there is one. */
  readonly administrator: DatabaseConnection
  /** The only system account that can open the server's Unix socket, if access is limited. */
  readonly socketOwner: { readonly uid: number; readonly gid: number } | undefined
  /** The same connections, if it is the embedded one, where the administrator is a superuser. */
  readonly embedded: EmbeddedServer | undefined
}

export interface EmbeddedServer {
  readonly connection: LocalPostgres['connection']
  readonly administrator: LocalPostgres['connection']
}

let server: Promise<TestServer> | undefined

/**
 * The server of SIGNET_TEST_DATABASE_URL, or else an embedded one that all test files running at the same time share. A process joins it once
 * and leaves it after all its tests.
 */
export function testServer(): Promise<TestServer> {
  server ??= joinServer()
  return server
}

async function joinServer(): Promise<TestServer> {
  const url = process.env['SIGNET_TEST_DATABASE_URL']
  if (url) {
    const connection = { connectionString: url }
    await dropForgotten(connection)
    return { connection, administrator: connection, socketOwner: undefined, embedded: undefined }
  }
  const local = await joinLocalPostgres({
    dataDir: join(memoryFolder() ?? join(packageFolder, '.signet/test'), 'database'),
    allowRoot: true,
    log: noLog,
    // What tests write need not survive a power cut, and should take little space.
    testParameters: { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', max_wal_size: '128MB' },
  })
  teardownProcess(() => local.leave())
  const { superuserPassword } = JSON.parse(readFileSync(join(dirname(local.data), 'credentials.json'), 'utf8'))
  const { uid, gid } = statSync(local.data)
  const { connection } = local
  const administrator = { ...connection, user: 'postgres', password: superuserPassword }
  await dropForgotten(administrator)
  return { connection, administrator, socketOwner: { uid, gid }, embedded: { connection, administrator } }
}

// Left over by tests that were killed.
async function dropForgotten(administrator: DatabaseConnection): Promise<void> {
  const { rows } = await once(
    administrator,
    String.raw`SELECT nspname AS name, false AS is_database FROM pg_namespace WHERE nspname LIKE 'test\_%'
     UNION ALL SELECT datname, true FROM pg_database WHERE datname LIKE 'test\_%'`,
  )
  for (const { name, is_database } of rows as { name: string; is_database: boolean }[]) {
    if (Number.parseInt(name.slice('test_'.length), 36) > Date.now() - 3_600_000) continue
    const dropped = is_database
      ? once(administrator, `DROP DATABASE ${name} WITH (FORCE)`)
      : dropSchema(administrator, name)
    await dropped.catch(() => {}) // another process drops it, too
  }
}

/** A name for a schema or a database that a test creates. */
export function testName(): string {
  return `test_${Date.now().toString(36)}_${randomBytes(4).toString('hex')}`
}

/** Drops a test's schema, and that of its job queue. A transaction that a test has left open gets an error. */
export async function dropSchema(connection: DatabaseConnection, schema: string): Promise<void> {
  await once(
    connection,
    `SET lock_timeout = '10s'; DROP SCHEMA ${schema} CASCADE; DROP SCHEMA IF EXISTS ${jobsSchemaOf(schema)} CASCADE`,
  )
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
