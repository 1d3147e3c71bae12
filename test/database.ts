import type { Test } from 'tap'
import type { DatabaseConnection } from '../src/platform/database/hosts.ts'
import { migrate } from '../src/platform/database/migrations.ts'
import { createPool, type Database, type PoolOptions } from '../src/platform/database/pool.ts'
import { dropSchema, noLog, once, testName, testServer } from './database-server.ts'
import { copyMigrated } from './migrated-database.ts'
import { pooledDatabase } from './support/pgbouncer.ts'

export interface TestDatabase {
  readonly connection: DatabaseConnection
  /** Bypasses the pooler, if there is one. */
  readonly direct: DatabaseConnection
  /** The same in the form of a setting (SIGNET_DATABASE_URL). */
  readonly url: string
  /** Used by this test alone. */
  readonly schema: string
  /** Opens a pool on the schema; it is closed when the test ends. */
  openPool(options?: Partial<PoolOptions>): Database
}

export { noLog } from './database-server.ts'

/** The pooler between the tests and PostgreSQL; undefined if there is none. */
export const poolerMode = ['transaction', 'session'].find((mode) => mode === process.env['SIGNET_TEST_PGBOUNCER']) as
  | 'transaction'
  | 'session'
  | undefined

/** A test that needs connections to PostgreSQL itself; skipped if there is a pooler. */
export function withoutPooler(t: Test, name: string, work: (t: Test) => Promise<void>): Promise<unknown> {
  if (!poolerMode) return t.test(name, work)
  return t.test(`${name} (skipped: a pooler in ${poolerMode} mode has the session)`, { skip: true }, async () => {})
}

/**
 * A fresh, empty schema on a real PostgreSQL, dropped when `t` ends: on the server of SIGNET_TEST_DATABASE_URL, or else on an
 * embedded one that all test files running at the same time share. With SIGNET_TEST_PGBOUNCER set to `transaction` or `session`,
 * a PgBouncer in that mode is in front of it.
 */
export async function testDatabase(t: Test): Promise<TestDatabase> {
  const schema = testName()
  const { connection, direct } = await connectionsFor(t, schema)
  await once(connection, `CREATE SCHEMA ${schema}`)
  t.teardown(() => dropSchema(connection, schema))
  return withPools(t, { connection, direct, schema })
}

/**
 * The same with the tables of this release, for tests that do not test their migration. On the embedded server it is a copy of a
 * database that was migrated once, which takes a third of the time.
 */
export async function migratedDatabase(t: Test): Promise<TestDatabase> {
  const { embedded } = await testServer()
  if (embedded && !poolerMode) {
    const { connection, schema } = await copyMigrated(t, embedded)
    return withPools(t, { connection, direct: connection, schema })
  }
  const database = await testDatabase(t)
  await migrate({ connection: database.connection, schema: database.schema, log: noLog })
  return database
}

function withPools(t: Test, place: Pick<TestDatabase, 'connection' | 'direct' | 'schema'>): TestDatabase {
  const { connection, schema } = place
  return {
    ...place,
    url: urlOf(connection),
    openPool: (options = {}) => {
      const pool = createPool({
        ...{ connection, schema, max: 10, connectTimeoutMs: 5_000, queryTimeoutMs: 10_000, log: noLog },
        ...(poolerMode === 'transaction' && { session: 'shared' as const }),
        ...(poolerMode && { namedStatements: false }),
        ...options,
      })
      t.teardown(() => pool.end())
      return pool
    },
  }
}

// In transaction mode the schema comes from the role's settings in a database, so each test needs its own database.
async function connectionsFor(t: Test, schema: string): Promise<Pick<TestDatabase, 'connection' | 'direct'>> {
  if (!poolerMode) {
    const { connection } = await testServer()
    return { connection, direct: connection }
  }
  const role = poolerMode === 'transaction' ? { search_path: schema } : {}
  const { url, direct } = await pooledDatabase(t, { mode: poolerMode, role })
  return { connection: { connectionString: url }, direct }
}

function urlOf(connection: DatabaseConnection): string {
  if ('connectionString' in connection) return connection.connectionString
  const { host, port, user, password, database } = connection
  return `postgres://${user}:${password}@${encodeURIComponent(host)}:${port}/${database}`
}
