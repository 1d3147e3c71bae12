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
const timestamptz: number = 1184

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
    if (format !== 'binary' && id === timestamptz) return timestamp
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

const parseTimestamp: (text: string) => unknown = pg.types.getTypeParser(timestamptz, 'text')

/** Reads a moment as our sessions get it (`2026-11-30 20:19:47.123456+00`) in a quarter of the time that `pg` needs, which reads all others. */
function timestamp(text: string): unknown {
  const isUsual = text.endsWith('+00') && text.charCodeAt(10) === 0x20 && (text.length === 22 || text[19] === '.')
  if (!isUsual) return parseTimestamp(text)
  const two = (at: number) => (text.charCodeAt(at) - 0x30) * 10 + text.charCodeAt(at + 1) - 0x30
  // Up to six digits, without zeros at the end. A date has three, and the others are dropped.
  const milliseconds = text.length === 22 ? 0 : Number(text.slice(20, -3).padEnd(3, '0').slice(0, 3))
  const year = 100 * two(0) + two(2)
  // `Date.UTC` takes these for years of the 20th century.
  if (year < 100) return parseTimestamp(text)
  return new Date(Date.UTC(year, two(5) - 1, two(8), two(11), two(14), two(17), milliseconds))
}
