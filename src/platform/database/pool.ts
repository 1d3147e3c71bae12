import pg, { type Pool } from 'pg'
import { assertSchemaName, clientConfig, type DatabaseConnection } from './connection.ts'
import type { DatabaseLog } from './log.ts'
import { rowTypes } from './row-types.ts'

/** The pool that stores are handed: each statement by itself. For several in one transaction, `inTransaction`. */
export type Database = Pool

export interface PoolOptions {
  readonly connection: DatabaseConnection
  /** Where the tables are: SQL names no schema. */
  readonly schema: string
  /** Connections at the most. */
  readonly max: number
  /** Milliseconds to wait for a connection, whether for a new one or for one that others have. */
  readonly connectTimeoutMs: number
  /** Milliseconds to wait for a statement. */
  readonly queryTimeoutMs: number
  readonly log: DatabaseLog
}

/**
 * Opens a pool; connections are made when they are first needed. However the server fails, a caller waits no longer
 * than `connectTimeoutMs + queryTimeoutMs` for a statement, and when the server is back, so is the pool.
 *
 * @throws TypeError when `schema` is no schema name
 */
export function createPool({ connection, schema, max, connectTimeoutMs, queryTimeoutMs, log }: PoolOptions): Database {
  assertSchemaName(schema)
  const pool = new pg.Pool({
    ...clientConfig(connection, {
      search_path: schema,
      // Dates are parsed in this form, whatever the server or the role is set to.
      DateStyle: 'ISO',
      TimeZone: 'UTC',
      // The stores' statements are atomic under READ COMMITTED; a server whose default is another would answer 40001.
      default_transaction_isolation: 'read committed',
      // The server gives up a little earlier than we do: then it is certain that nothing was done, and the connection
      // is kept.
      statement_timeout: Math.max(1, Math.floor(queryTimeoutMs * 0.9)),
      // A process that stands still (a suspended laptop) lets go of the rows it has locked.
      idle_in_transaction_session_timeout: queryTimeoutMs,
    }),
    application_name: 'signet',
    max,
    types: rowTypes,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: queryTimeoutMs,
    // A peer that vanished without a word is found on idle connections, too.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    idleTimeoutMillis: 30_000,
  })
  // The pool has dropped the connection already and makes another when one is needed.
  pool.on('error', (err) => log.warn({ err }, 'An idle database connection was lost.'))
  return pool
}
