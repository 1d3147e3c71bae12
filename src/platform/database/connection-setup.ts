import { isReadOnlyExpression } from './primary-store.ts'
import type { WatchedConnection } from './watched-connection.ts'

/** Server parameters by their names in PostgreSQL. They hold for the whole session. */
export type SessionParameters = Readonly<Record<string, string | number>>

export interface ConnectionSetup {
  /** Where the tables are: SQL names no schema. */
  readonly schema: string
  /** Milliseconds; 0 for no limit. The server cancels a statement that takes longer. */
  readonly statementTimeoutMs: number
  /** Milliseconds; 0 for no limit. The server ends a connection whose transaction does nothing for longer. */
  readonly idleInTransactionTimeoutMs: number
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
 * @throws what the statement fails with
 */
export async function setUpConnection({ query }: WatchedConnection, setup: ConnectionSetup): Promise<ServerState> {
  const parameters = Object.entries(sessionParameters(setup))
  const columns = parameters.map((_, index) => `set_config($${2 * index + 1}, $${2 * index + 2}, false)`)
  const { rows } = await query<{ is_read_only: boolean; parameters: string[] }>({
    text: `SELECT ${isReadOnlyExpression} AS is_read_only,
                  ARRAY[${columns}] AS parameters`,
    values: parameters.flatMap(([name, value]) => [name, String(value)]),
  })
  const { is_read_only: isReadOnly, parameters: values } = rows[0]!
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
