import pg, { type Client, type ClientConfig, type CustomTypesConfig, type QueryResultRow } from 'pg'
import { createDeadlines } from '../deadlines.ts'
import { type NamedStatement, namedStatements } from './named-statement.ts'
import type { Statement, StatementResult } from './queryable.ts'
import { DatabaseUnavailable, isUnavailable } from './unavailable.ts'

/** A connection that records when it can no longer be used. */
export interface WatchedConnection {
  readonly client: Client
  /** @throws the error of the statement; if the connection was lost, the error that ended it */
  query<R extends QueryResultRow>(statement: Statement): Promise<StatementResult<R>>
  /** Why the connection can no longer be used: the first error, not a later consequence. */
  lost(): Error | undefined
  /** Marks the connection as lost for this reason, and closes it immediately. A running statement fails. */
  abandon(reason: Error): void
  /** Calls `listener` once when the connection is lost; immediately if it already is. */
  whenLost(listener: (error: Error) => void): void
}

/**
 * Creates a client, and listens to its errors for its whole lifetime. An `error` event without a listener ends the process, and a server can
 * end a connection at any moment, even between two statements.
 *
 * @param options.queryTimeoutMs milliseconds after which a connection with an unanswered statement is abandoned; default: never
 * @param options.isSession whether the connection has one session of the server
 */
export function watchedConnection(
  config: ClientConfig,
  { queryTimeoutMs, isSession }: { readonly queryTimeoutMs?: number | undefined; readonly isSession: boolean },
): WatchedConnection {
  const client = new pg.Client(config)
  const queryNamed = namedStatements(client, (config.types as CustomTypesConfig | undefined) ?? pg.types, isSession)
  const startWait = queryTimeoutMs === undefined ? undefined : createDeadlines(queryTimeoutMs)
  let lost: Error | undefined
  const listeners: ((error: Error) => void)[] = []
  const lose = (error: Error) => {
    if (lost) return
    lost = isUnavailable(error)
      ? error
      : new DatabaseUnavailable(`The connection to the database was lost: ${error.message}`, { cause: error })
    for (const listener of listeners) listener(lost)
  }
  client.on('error', lose)
  client.on('end', () => lose(new Error('Connection terminated unexpectedly')))
  const abandon = (reason: Error) => {
    lose(reason)
    destroyConnection(client)
  }
  const onTimeout = () => abandon(new DatabaseUnavailable('The database did not answer in time.'))
  return {
    client,
    lost: () => lost,
    abandon,
    whenLost: (listener) => (lost ? listener(lost) : void listeners.push(listener)),
    query: async <R extends QueryResultRow>(statement: Statement) => {
      if (lost) throw lost
      const endWait = startWait?.(onTimeout)
      try {
        return await (isNamed(statement) ? queryNamed<R>(statement) : client.query<R>(statement))
      } catch (error) {
        // The stack leads to the socket. It has to lead to the caller.
        if (error instanceof pg.DatabaseError) Error.captureStackTrace(error)
        if (endsConnection(error) || (isSession && isOutdated(error))) lose(error)
        // The first error says what happened; the statement may fail with a consequence of it.
        throw lost ?? error
      } finally {
        endWait?.()
      }
    },
  }
}

function isNamed(statement: Statement): statement is NamedStatement {
  return statement.name !== undefined
}

/** Closes a connection immediately, even during a statement. `end()` would wait for the server, and a frozen server never answers. */
export function destroyConnection(client: Client): void {
  client.connection.stream.destroy()
}

/**
 * Whether a prepared statement no longer fits the server: a migration has changed the type of a column that it returns, or the server no longer has it.
 * It would fail again for as long as the connection lives, and works on a new one. Behind a pooler a new connection would not help: the pooler keeps
 * the statement.
 */
function isOutdated(error: unknown): error is Error {
  if (!(error instanceof pg.DatabaseError)) return false
  return error.code === '26000' || (error.code === '0A000' && error.routine === 'RevalidateCachedQuery')
}

// After an ordinary ERROR the connection is still usable. After anything else (FATAL, a broken socket, an answer that did not arrive in time
// and may still arrive) it is not. The severity is in the server's language (lc_messages), so the codes that occur only with FATAL are
// checked, too: the end of the server, of an idle transaction, of the connection.
function endsConnection(error: unknown): error is Error {
  if (error instanceof pg.DatabaseError)
    return error.severity === 'FATAL' || /^(?:57P|08|25P03|25P04)/.test(error.code ?? '')
  return error instanceof Error && isUnavailable(error)
}
