import type { QueryResult, QueryResultRow } from 'pg'
import { DatabaseUnavailable, isUnavailable } from './unavailable.ts'

/** Runs statements: a pool, in which each statement is its own transaction, or a transaction. */
export interface Queryable {
  query<R extends QueryResultRow>(statement: Statement): Promise<StatementResult<R>>
}

/** What a statement returns: the part of the driver's result that stores use. */
export type StatementResult<R extends QueryResultRow> = Pick<QueryResult<R>, 'rows' | 'rowCount' | 'command'>

export interface Statement {
  /** A named statement is parsed and planned once per connection. The same name must always have the same text. */
  readonly name?: string
  readonly text: string
  readonly values?: unknown[]
}

/** A connection that is reserved for one caller until it is released. */
export interface CheckedOut extends Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: rows have whatever columns the statement names, as in `pg`
  query<R extends QueryResultRow = any>(statement: Statement | string, values?: unknown[]): Promise<StatementResult<R>>
  /** Why the connection can no longer be used: the first error, not a later consequence. */
  readonly lost: Error | undefined
  /**
   * Returns the connection to the pool.
   *
   * @param fault if given, the connection is closed, which also ends an open transaction
   * @throws Error if it has already been released
   */
  release(fault?: unknown): void
}

/**
 * Runs `work` in one transaction (READ COMMITTED), which is rolled back if `work` throws.
 *
 * @param work gets the transaction, and must run its statements one after the other. They are committed once this function has returned
 * @throws what `work` throws; if the connection was lost, its first error; DatabaseUnavailable if it is not known whether the transaction was
 *   committed
 */
export async function inTransaction<T>(
  database: { connect(): Promise<CheckedOut> },
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  const connection = await database.connect()
  let isReusable = true
  try {
    await connection.query({ text: 'BEGIN' })
    const result = await work(connection)
    await commit(connection)
    return result
  } catch (error) {
    isReusable = await rollBack(connection)
    throw error
  } finally {
    connection.release(isReusable ? undefined : 'The transaction may still be open.')
  }
}

async function commit(connection: CheckedOut): Promise<void> {
  // Nothing can have been committed, and this error says what happened.
  if (connection.lost) throw connection.lost
  let command: string
  try {
    command = (await connection.query({ text: 'COMMIT' })).command
  } catch (error) {
    // After a violated deferred constraint, nothing was committed. After a lost connection, the commit may have succeeded.
    if (!isUnavailable(error)) throw error
    throw new DatabaseUnavailable('It is not known whether the transaction was committed.', { cause: error })
  }
  // After a failed statement, PostgreSQL answers COMMIT with ROLLBACK and no error. This happens if `work` caught the error.
  if (command !== 'COMMIT') throw new Error('A statement of the transaction failed, so nothing was committed.')
}

/** @returns whether the connection can be reused */
async function rollBack(connection: CheckedOut): Promise<boolean> {
  // The server rolls back when the connection is gone. Do not wait for a frozen server a second time.
  if (connection.lost) return false
  try {
    await connection.query({ text: 'ROLLBACK' })
    return !connection.lost
  } catch {
    return false
  }
}
