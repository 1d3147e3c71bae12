import type { Client, CustomTypesConfig } from 'pg'
import { clientConfig, type DatabaseConnection } from './connection.ts'
import { type ConnectionSetup, type ServerState, setUpConnection } from './connection-setup.ts'
import { type WatchedConnection, watchedConnection } from './watched-connection.ts'

export interface ConnectOptions {
  readonly connection: DatabaseConnection
  /** As which the connection is listed in pg_stat_activity. */
  readonly applicationName: string
  readonly setup: ConnectionSetup
  /** Milliseconds until the attempt is given up. */
  readonly connectTimeoutMs: number
  /** Milliseconds to wait for a statement. Absent: as long as it takes. */
  readonly queryTimeoutMs?: number
  readonly types?: CustomTypesConfig
}

export interface OpenedConnection extends WatchedConnection {
  readonly server: ServerState
}

/**
 * Opens one connection and sets it up. Every connection of the process is opened here, except those of the process that
 * keeps the embedded server running.
 *
 * @throws DatabaseReadOnly, and what the driver and the server say; then the connection is closed
 */
export async function openConnection(options: ConnectOptions): Promise<OpenedConnection> {
  const { connection, applicationName, setup, connectTimeoutMs, queryTimeoutMs, types } = options
  const deadline = performance.now() + connectTimeoutMs
  const opened = watchedConnection({
    ...clientConfig(connection),
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    ...(queryTimeoutMs === undefined ? {} : { query_timeout: queryTimeoutMs }),
    ...(types ? { types } : {}),
    // A peer that vanished without a word is found on idle connections, too.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  })
  const { client } = opened
  let overdue: NodeJS.Timeout | undefined
  try {
    await client.connect()
    // The statement under way then fails with "Connection terminated unexpectedly".
    overdue = setTimeout(() => hangUp(client), Math.max(0, deadline - performance.now()))
    return { ...opened, server: await setUpConnection(opened, setup) }
  } catch (error) {
    // The first error says what happened; the statement may fail with what followed from it.
    const first = opened.lost() ?? error
    hangUp(client)
    throw first
  } finally {
    clearTimeout(overdue)
  }
}

/** Closes a connection at once, whatever is under way. `end()` would wait for the server, and a frozen one never answers. */
export function hangUp(client: Client): void {
  client.connection.stream.destroy()
}

/** Milliseconds that a server has to take leave. */
const farewell = 1_000

/** Closes an idle connection: tells the server, and does not wait long for it. */
export async function sayGoodbye(client: Client): Promise<void> {
  const overdue = setTimeout(() => hangUp(client), farewell)
  await client.end().catch(() => {})
  clearTimeout(overdue)
}
