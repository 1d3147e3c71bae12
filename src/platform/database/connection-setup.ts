import type { Client } from 'pg'
import { DatabaseUnavailable } from './unavailable.ts'
import type { WatchedConnection } from './watched-connection.ts'

/** The server accepts no writes. Connections to it are closed: the next one goes wherever the address leads by then. */
export class DatabaseReadOnly extends DatabaseUnavailable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DatabaseReadOnly'
  }
}

/** Server parameters by their names in PostgreSQL. They hold for the whole session. */
export type SessionParameters = Readonly<Record<string, string | number>>

export interface ConnectionSetup {
  /** Where the tables are: SQL names no schema. */
  readonly schema: string
  /** Milliseconds; 0 for no limit. The server cancels a statement that takes longer. */
  readonly statementTimeoutMs: number
  /** Milliseconds; 0 for no limit. The server ends a connection whose transaction does nothing for longer. */
  readonly idleInTransactionTimeoutMs: number
  /** Whether a server that accepts no writes is good enough, as it is for a command that only looks. */
  readonly readOnlyIsFine?: boolean
}

/** What a new connection leads to. */
export interface ServerState {
  readonly isReadOnly: boolean
  /** The session parameters as the server has them after the setup. */
  readonly parameters: Readonly<Record<string, string>>
}

/**
 * Sets the session parameters of a new connection and looks at the server behind it, in one statement. The parameters are
 * not sent in the startup message (`options`), because PgBouncer refuses or ignores it. What the operator's URL has in
 * `options` is in effect before this, so these values win.
 *
 * @throws DatabaseReadOnly when the server accepts no writes, unless that is fine; whatever the statement fails with
 */
export async function setUpConnection({ client, query }: WatchedConnection, setup: ConnectionSetup): Promise<ServerState> {
  const parameters = Object.entries(sessionParameters(setup))
  const columns = parameters.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, false)`)
  const { rows } = await query<{ is_read_only: boolean; parameters: string[] }>({
    text: `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS is_read_only,
                  ARRAY[${columns}] AS parameters`,
    values: parameters.flatMap(([name, value]) => [name, String(value)]),
  })
  const { is_read_only: isReadOnly, parameters: values } = rows[0]!
  if (isReadOnly && !setup.readOnlyIsFine) throw readOnly(client)
  return { isReadOnly, parameters: Object.fromEntries(parameters.map(([name], index) => [name, values[index]!])) }
}

function sessionParameters({
  schema,
  statementTimeoutMs,
  idleInTransactionTimeoutMs,
}: ConnectionSetup): SessionParameters {
  return {
    search_path: schema,
    // Dates are parsed in this form, whatever the server or the role is set to.
    DateStyle: 'ISO',
    TimeZone: 'UTC',
    // The stores' statements are atomic under READ COMMITTED; a server with another default would answer 40001.
    default_transaction_isolation: 'read committed',
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
  }
}

/** Where a connection leads, for messages. Never with a password. */
export function addressOf({ host, port }: Pick<Client, 'host' | 'port'>): string {
  if (host.startsWith('/')) return `${host} (port ${port})`
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function readOnly(client: Client): DatabaseReadOnly {
  return new DatabaseReadOnly(
    `The PostgreSQL server at ${addressOf(client)} accepts no writes: it is a standby, or it was made read-only.`,
  )
}
