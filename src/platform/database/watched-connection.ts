import pg, { type Client, type ClientConfig, type QueryResult, type QueryResultRow } from 'pg'
import { startTimer } from '../wait-queue.ts'
import type { Statement } from './queryable.ts'
import { DatabaseUnavailable, isUnavailable } from './unavailable.ts'

/** A connection that records when it can no longer be used. */
export interface WatchedConnection {
  readonly client: Client
  /** @throws the error of the statement; if the connection was lost, the error that ended it */
  query<R extends QueryResultRow>(statement: Statement): Promise<QueryResult<R>>
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
 * @param queryTimeoutMs milliseconds after which a connection with an unanswered statement is abandoned; default: never
 */
export function watchedConnection(config: ClientConfig, queryTimeoutMs?: number): WatchedConnection {
  const client = new pg.Client(config)
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
      const endTimer = queryTimeoutMs === undefined ? undefined : startTimer(onTimeout, queryTimeoutMs)
      try {
        return await client.query<R>(statement)
      } catch (error) {
        if (endsConnection(error)) lose(error)
        // The first error says what happened; the statement may fail with a consequence of it.
        throw lost ?? error
      } finally {
        endTimer?.()
      }
    },
  }
}

/** Closes a connection immediately, even during a statement. `end()` would wait for the server, and a frozen server never answers. */
export function destroyConnection(client: Client): void {
  client.connection.stream.destroy()
}

// After an ordinary ERROR the connection is still usable. After anything else (FATAL, a broken socket, an answer that did not arrive in time
// and may still arrive) it is not. The severity is in the server's language (lc_messages), so the codes that occur only with FATAL are
// checked, too: the end of the server, of an idle transaction, of the connection.
function endsConnection(error: unknown): error is Error {
  if (error instanceof pg.DatabaseError)
    return error.severity === 'FATAL' || /^(?:57P|08|25P03|25P04)/.test(error.code ?? '')
  return error instanceof Error && isUnavailable(error)
}
