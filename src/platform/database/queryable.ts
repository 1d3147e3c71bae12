import type { QueryResult, QueryResultRow } from 'pg'
import { DatabaseUnavailable, isUnavailable } from './unavailable.ts'

/** What can be asked: a pool, where each statement is its own transaction, or one transaction. */
export interface Queryable {
  query<R extends QueryResultRow>(statement: Statement): Promise<QueryResult<R>>
}

export interface Statement {
  /** A named statement is parsed and planned once a connection. The same name always goes with the same text. */
  readonly name?: string
  readonly text: string
  readonly values?: unknown[]
}

/** A connection that one caller has for itself until it is released. */
export interface CheckedOut extends Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: rows have whatever columns the statement names, as in `pg`
  query<R extends QueryResultRow = any>(statement: Statement | string, values?: unknown[]): Promise<QueryResult<R>>
  /** Why the connection can no longer be used: the first error, not what followed from it. */
  readonly lost: Error | undefined
  /**
   * Gives the connection back.
   *
   * @param fault if there is one, the connection is closed, and with it whatever the server still has open
   * @throws Error when it was released before
   */
  release(fault?: unknown): void
}

/**
 * Does `work` in one transaction (READ COMMITTED): all of it, or, when it throws, nothing.
 *
 * @param work is handed the transaction; statements one after the other. Its outcome counts when this function has returned
 * @throws what `work` throws; when the connection was lost, the first error that said so; DatabaseUnavailable when it is not
 *   known whether the commit took place
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
    isReusable = await rolledBack(connection)
    throw error
  } finally {
    connection.release(isReusable ? undefined : 'The transaction may still be open.')
  }
}

async function commit(connection: CheckedOut): Promise<void> {
  // Nothing can have been committed then, and this is the error that says what happened.
  if (connection.lost) throw connection.lost
  let command: string
  try {
    command = (await connection.query({ text: 'COMMIT' })).command
  } catch (error) {
    // A deferred constraint is a plain no. Any other silence may hide a yes.
    if (!isUnavailable(error)) throw error
    throw new DatabaseUnavailable('It is not known whether the transaction was committed.', { cause: error })
  }
  // After a statement has failed, PostgreSQL answers COMMIT with ROLLBACK and no error. Who caught the error sees it
  // here.
  if (command !== 'COMMIT') throw new Error('A statement of the transaction had failed, so nothing was committed.')
}

/** @returns whether the connection is as good as new */
async function rolledBack(connection: CheckedOut): Promise<boolean> {
  // The server does so by itself once the connection is gone; a frozen one is not waited for a second time.
  if (connection.lost) return false
  try {
    await connection.query({ text: 'ROLLBACK' })
    return !connection.lost
  } catch {
    return false
  }
}
