import pg, { type CustomTypesConfig } from 'pg'
import { isReadOnlyExpression } from './primary-store.ts'
import { DatabaseUnavailable } from './unavailable.ts'
import type { WatchedConnection } from './watched-connection.ts'

/** Milliseconds that a request of Signet waits for one statement. */
export const queryTimeoutMs = 5_000

/**
 * Milliseconds, for startup and commands. A process that gets hardly any CPU time may read its socket long after the answer arrived, and then
 * the driver's timer fires first. It is also how long a suspended command can hold the rows that it has locked.
 */
export const relaxedTimeouts = { connectTimeoutMs: 15_000, queryTimeoutMs: 30_000 }

/** Server parameters by their names in PostgreSQL. They apply to the whole session. */
export type SessionParameters = Readonly<Record<string, string | number>>

export interface ConnectionSetup {
  /** The schema of the tables, because our SQL statements do not name it. */
  readonly schema: string
  /**
   * Who uses the server's session. `own` (the default): only this connection, so the session is set up. `shared`: a pooler gives it to other
   * clients after each transaction, so nothing can be set, and the role must be configured with the schema. `untouched`: not known or not
   * relevant, because each transaction sets what it needs.
   */
  readonly session?: 'own' | 'shared' | 'untouched'
  /** Milliseconds; 0, the default, for no limit. The server cancels a statement that takes longer. */
  readonly statementTimeoutMs?: number
  /** Milliseconds; 0, the default, for no limit. The server ends a connection whose transaction does nothing for longer. */
  readonly idleInTransactionTimeoutMs?: number
}

/** The state of the server that a new connection leads to. */
export interface ServerState {
  readonly isReadOnly: boolean
}

/**
 * Sets the session parameters of a new connection, if the session is ours, and reads the state of the server, in one statement. The
 * parameters are not sent in the startup message (`options`), because PgBouncer refuses or ignores those. They override `options` in the
 * operator's URL, which take effect earlier.
 *
 * @throws DatabaseUnavailable if a shared session has another schema; otherwise what the statement fails with
 */
export async function setUpConnection({ query }: WatchedConnection, setup: ConnectionSetup): Promise<ServerState> {
  const { schema, session = 'own' } = setup
  const parameters = session === 'own' ? Object.entries(sessionParameters(setup)) : []
  const columns = parameters.map((_, index) => `, set_config($${2 * index + 1}, $${2 * index + 2}, false)`)
  const { rows } = await query<{ is_read_only: boolean; search_path: string }>({
    text: `SELECT ${isReadOnlyExpression} AS is_read_only,
                  current_setting('search_path') AS search_path ${columns.join('')}`,
    values: parameters.flatMap(([name, value]) => [name, String(value)]),
  })
  const { is_read_only: isReadOnly, search_path: searchPath } = rows[0]!
  if (session === 'shared' && !isPathOf(searchPath, schema))
    throw new DatabaseUnavailable(
      `The connection pooler returned a session with the search_path ${searchPath} instead of ${schema}: ` +
        'the role was changed, or the pooler still has connections from before the change.',
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
    // Dates are parsed in this format, so it must not depend on the server or the role.
    DateStyle: 'ISO',
    TimeZone: 'UTC',
    // The stores' statements are atomic under READ COMMITTED. Under a stricter level they would fail with 40001.
    default_transaction_isolation: 'read committed',
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
  }
}

const int8: number = 20
const int8Array: number = 1016

/**
 * How column values are converted to JavaScript: as in `pg`, except that bigint (counts, epochs, identities) becomes a number. `pg` itself
 * returns it as a string, and `'10' + 1` is `'101'`. A value beyond 2^53 makes the query fail instead of losing its last digits. Passed to
 * each pool as `types`, because `pg.types.setTypeParser` would affect every other user of `pg` in the process.
 */
export const rowTypes: CustomTypesConfig = {
  // pg-types has overloads for about eighty literal ids; this handles all of them.
  getTypeParser: ((id: number, format?: 'text' | 'binary') => {
    if (format !== 'binary' && id === int8) return safeInteger
    if (format !== 'binary' && id === int8Array) return safeIntegers
    return pg.types.getTypeParser(id, format as 'text')
  }) as CustomTypesConfig['getTypeParser'],
}

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`The bigint ${text} is too large for a JavaScript number.`)
  return value
}

function safeIntegers(text: string): (number | null)[] {
  const parse: (text: string) => (string | null)[] = pg.types.getTypeParser(int8Array, 'text')
  return parse(text).map((item) => (item === null ? null : safeInteger(item)))
}
