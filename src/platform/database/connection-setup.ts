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

/** Milliseconds that a request of Signet waits for one statement. */
export const queryTimeoutMs = 5_000

/** Server parameters by their names in PostgreSQL. They hold for the whole session. */
export type SessionParameters = Readonly<Record<string, string | number>>

export interface ConnectionSetup {
  /** Where the tables are: SQL names no schema. */
  readonly schema: string
  /**
   * Whose the server's session is. `own`: ours for as long as the connection is open, so it is set up (the default). `shared`: a
   * pooler gives it to others after each transaction, so nothing is set, and it must have the schema by itself. `untouched`: that is
   * not known or does not matter, because each transaction sets what it needs.
   */
  readonly session?: 'own' | 'shared' | 'untouched'
  /** Milliseconds; 0, the default, for no limit. The server cancels a statement that takes longer. */
  readonly statementTimeoutMs?: number
  /** Milliseconds; 0, the default, for no limit. The server ends a connection whose transaction does nothing for longer. */
  readonly idleInTransactionTimeoutMs?: number
  /** Whether a server that accepts no writes is good enough, as it is for a command that only looks. */
  readonly readOnlyIsFine?: boolean
}

/** What a new connection leads to. */
export interface ServerState {
  readonly isReadOnly: boolean
}

/**
 * Sets the session parameters of a new connection, where the session is ours, and looks at the server behind it, in one
 * statement. The parameters are not sent in the startup message (`options`), because PgBouncer refuses or ignores it. What the
 * operator's URL has in `options` is in effect before this, so these values win.
 *
 * @throws DatabaseReadOnly when the server accepts no writes, unless that is fine; DatabaseUnavailable when a shared session
 *   leads to another schema; whatever the statement fails with
 */
export async function setUpConnection(
  { client, query }: WatchedConnection,
  setup: ConnectionSetup,
): Promise<ServerState> {
  const { schema, session = 'own', readOnlyIsFine = false } = setup
  const parameters = session === 'own' ? Object.entries(sessionParameters(setup)) : []
  const columns = parameters.map((_, index) => `, set_config($${2 * index + 1}, $${2 * index + 2}, false)`)
  const { rows } = await query<{ is_read_only: boolean; search_path: string }>({
    text: `SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS is_read_only,
                  current_setting('search_path') AS search_path ${columns.join('')}`,
    values: parameters.flatMap(([name, value]) => [name, String(value)]),
  })
  const { is_read_only: isReadOnly, search_path: searchPath } = rows[0]!
  if (isReadOnly && !readOnlyIsFine) throw readOnly(client)
  if (session === 'shared' && !isPathOf(searchPath, schema))
    throw new DatabaseUnavailable(
      `The connection pooler gave us a session with the search_path ${searchPath} instead of ${schema}: ` +
        'the role was changed, or the pooler has connections from before it was.',
    )
  return { isReadOnly }
}

/** Whether a search_path is the schema and nothing else. */
export function isPathOf(searchPath: string | undefined, schema: string): boolean {
  return searchPath === schema || searchPath === `"${schema}"`
}

function sessionParameters({
  schema,
  statementTimeoutMs = 0,
  idleInTransactionTimeoutMs = 0,
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
