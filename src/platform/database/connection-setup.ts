import pg, { type CustomTypesConfig } from 'pg'
import { isReadOnlyExpression } from './primary-store.ts'
import { DatabaseUnavailable } from './unavailable.ts'
import type { WatchedConnection } from './watched-connection.ts'

/** Milliseconds that a request of Signet waits for one statement. */
export const queryTimeoutMs = 5_000

/**
 * Milliseconds, for starts and commands. A process that gets hardly any CPU time may look at its socket long after the answer
 * arrived, and then the driver's timer fires first. It is also how long a suspended command can hold the rows that it has locked.
 */
export const patientLimits = { connectTimeoutMs: 15_000, queryTimeoutMs: 30_000 }

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
 * @throws DatabaseUnavailable when a shared session leads to another schema; what the statement fails with
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

const int8: number = 20
const int8Array: number = 1016

/**
 * How values of rows become JavaScript's: as `pg` does it, but bigint (counts, epochs, identities) as a number. `pg`
 * itself hands it out as text, and `'10' + 1` is `'101'`. A value beyond 2^53 makes the query fail, rather than lose
 * its last digits. For one pool at a time, as `types`: `pg.types.setTypeParser` would reach into every other user of
 * `pg` in the process.
 */
export const rowTypes: CustomTypesConfig = {
  // The overloads of pg-types are over some eighty literal ids; any of them comes here.
  getTypeParser: ((id: number, format?: 'text' | 'binary') => {
    if (format !== 'binary' && id === int8) return safeInteger
    if (format !== 'binary' && id === int8Array) return safeIntegers
    return pg.types.getTypeParser(id, format as 'text')
  }) as CustomTypesConfig['getTypeParser'],
}

function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError(`The bigint ${text} is beyond what a number holds exactly.`)
  return value
}

function safeIntegers(text: string): (number | null)[] {
  const parse: (text: string) => (string | null)[] = pg.types.getTypeParser(int8Array, 'text')
  return parse(text).map((item) => (item === null ? null : safeInteger(item)))
}
