import pg, { type Client, type QueryResultRow } from 'pg'
import type { CheckedOut, Statement } from './queryable.ts'
import { DatabaseUnavailable, isUnavailable } from './unavailable.ts'

export interface WatchedConnection {
  readonly client: Client
  readonly query: CheckedOut['query']
  readonly lost: () => Error | undefined
}

/**
 * Watches a connection, and asks through it.
 *
 * @param namedStatements whether statements may have names (are prepared once for each connection)
 * @param onLost called once, when the connection can no longer be used
 * @param onError told of each error that a statement fails with
 */
export function watchConnection(
  client: Client,
  namedStatements: boolean,
  onLost: (error: Error) => void,
  onError: (error: unknown) => void,
): WatchedConnection {
  let lost: Error | undefined
  const lose = (error: Error) => {
    if (lost) return
    lost = isUnavailable(error)
      ? error
      : new DatabaseUnavailable(`The connection to the database was lost: ${error.message}`, { cause: error })
    onLost(lost)
  }
  client.on('error', lose)
  client.on('end', () => lose(new Error('Connection terminated unexpectedly')))
  return {
    client,
    lost: () => lost,
    query: async <R extends QueryResultRow>(statement: Statement | string, listed?: unknown[]) => {
      if (lost) throw lost
      const { name, text, values = listed }: Statement = typeof statement === 'string' ? { text: statement } : statement
      try {
        return await client.query<R>({
          text,
          ...(values ? { values } : {}),
          ...(name !== undefined && namedStatements ? { name } : {}),
        })
      } catch (error) {
        if (endsConnection(error)) lose(error)
        onError(error)
        throw error
      }
    },
  }
}

// A statement that was answered with an ordinary ERROR leaves the connection usable. Anything else (FATAL, a broken socket, an
// answer that did not come in time and may still come) does not.
function endsConnection(error: unknown): error is Error {
  if (error instanceof pg.DatabaseError) return error.severity !== 'ERROR'
  return error instanceof Error && isUnavailable(error)
}
