import pg, { type Client, type ClientConfig, type QueryResult, type QueryResultRow } from 'pg'
import { startTimer } from '../wait-queue.ts'
import type { Statement } from './queryable.ts'
import { DatabaseUnavailable, isUnavailable } from './unavailable.ts'

/** A connection that knows whether it can still be used. */
export interface WatchedConnection {
  readonly client: Client
  /** @throws what the statement fails with; for a connection that was lost, the error that it was lost with */
  query<R extends QueryResultRow>(statement: Statement): Promise<QueryResult<R>>
  /** Why the connection can no longer be used: the first error, not what followed from it. */
  lost(): Error | undefined
  /** Gives the connection up, for this reason, and closes it at once. A statement that is under way fails. */
  abandon(reason: Error): void
  /** Calls `listener` once when the connection is lost; at once if it has been. */
  whenLost(listener: (error: Error) => void): void
}

/**
 * Makes a client, and listens to its errors from before it connects until it is garbage. An `error` event that nobody
 * listens for ends the process, and a server can end a connection at any moment, also between two statements.
 *
 * @param queryTimeoutMs milliseconds after which a connection is given up whose statement was not answered; absent: never
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
    hangUp(client)
  }
  const giveUp = () => abandon(new DatabaseUnavailable('The database did not answer in time.'))
  return {
    client,
    lost: () => lost,
    abandon,
    whenLost: (listener) => (lost ? listener(lost) : void listeners.push(listener)),
    query: async <R extends QueryResultRow>(statement: Statement) => {
      if (lost) throw lost
      const endTimer = queryTimeoutMs === undefined ? undefined : startTimer(giveUp, queryTimeoutMs)
      try {
        return await client.query<R>(statement)
      } catch (error) {
        if (endsConnection(error)) lose(error)
        // What was first says what happened; the statement may fail with what followed from it.
        throw lost ?? error
      } finally {
        endTimer?.()
      }
    },
  }
}

/** Closes a connection at once, whatever is under way. `end()` would wait for the server, and a frozen one never answers. */
export function hangUp(client: Client): void {
  client.connection.stream.destroy()
}

// A statement that was answered with an ordinary ERROR leaves the connection usable. Anything else (FATAL, a broken socket, an
// answer that did not come in time and may still come) does not. The severity is in the server's language (lc_messages), so
// the codes count that come with FATAL only: the end of the server, of an idle transaction, of the connection.
function endsConnection(error: unknown): error is Error {
  if (error instanceof pg.DatabaseError)
    return error.severity === 'FATAL' || /^(?:57P|08|25P03|25P04)/.test(error.code ?? '')
  return error instanceof Error && isUnavailable(error)
}
