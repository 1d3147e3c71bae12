import type { Test } from 'tap'
import type { DatabaseConnection } from '../src/platform/database/connection.ts'
import { createPool, type Database, type PoolOptions } from '../src/platform/database/pool.ts'
import { dropSchema, noLog, once, testName, testServer } from './database-server.ts'
import { pooledDatabase } from './support/pgbouncer.ts'

export interface TestDatabase {
  readonly connection: DatabaseConnection
  /** The same as a setting has it (SIGNET_DATABASE_URL). */
  readonly url: string
  /** Empty, and nobody else's. */
  readonly schema: string
  /** Opens a pool on the schema, which ends with the test. */
  openPool(options?: Partial<PoolOptions>): Database
}

export { noLog } from './database-server.ts'

/** What is between the tests and PostgreSQL; undefined if there is nothing. */
export const poolerMode = ['transaction', 'session'].find((mode) => mode === process.env['SIGNET_TEST_PGBOUNCER']) as
  | 'transaction'
  | 'session'
  | undefined

/**
 * A fresh, empty schema on a real PostgreSQL, dropped when `t` is over: on the server of SIGNET_TEST_DATABASE_URL, or
 * else on an embedded one that all test files which run at the same time share. With SIGNET_TEST_PGBOUNCER set to
 * `transaction` or `session`, a PgBouncer in that mode is in front of it.
 */
export async function testDatabase(t: Test): Promise<TestDatabase> {
  const schema = testName()
  const connection = await connectionFor(t, schema)
  await once(connection, `CREATE SCHEMA ${schema}`)
  t.teardown(() => dropSchema(connection, schema))
  return {
    connection,
    url: urlOf(connection),
    schema,
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

// A pooler in transaction mode takes the schema from the role's settings in a database, so that each test needs one of its own.
async function connectionFor(t: Test, schema: string): Promise<DatabaseConnection> {
  if (!poolerMode) return (await testServer(t)).connection
  const role = poolerMode === 'transaction' ? { search_path: schema } : {}
  return { connectionString: (await pooledDatabase(t, { mode: poolerMode, role })).url }
}

function urlOf(connection: DatabaseConnection): string {
  if ('connectionString' in connection) return connection.connectionString
  const { host, port, user, password, database } = connection
  return `postgres://${user}:${password}@${encodeURIComponent(host)}:${port}/${database}`
}
