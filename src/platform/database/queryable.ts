import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg'
import { DatabaseUnavailable, isUnavailable } from './unavailable.ts'

export { DatabaseUnavailable, isUnavailable } from './unavailable.ts'

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

/**
 * Does `work` in one transaction (READ COMMITTED): all of it, or, when it throws, nothing.
 *
 * @param work is handed the transaction; statements one after the other. Its outcome counts when this function has returned
 * @throws what `work` throws; DatabaseUnavailable when it is not known whether the commit took place
 */
export async function inTransaction<T>(pool: Pool, work: (tx: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  // The pool listens for errors of idle connections only. Without this one, a server that ends a connection while
  // `work` is busy elsewhere (25P03) would end this process.
  let lost: Error | undefined
  const onError = (error: Error) => {
    lost = error
  }
  client.on('error', onError)
  let faulty: Error | undefined
  try {
    await client.query({ text: 'BEGIN' })
    const result = await work(client)
    await commit(client)
    return result
  } catch (error) {
    faulty = (await rolledBack(client, error)) ? undefined : new Error('The transaction failed.', { cause: error })
    throw error
  } finally {
    client.off('error', onError)
    // Handed an error, the pool destroys the connection, and with it whatever the server still has open.
    client.release(lost ?? faulty)
  }
}

async function commit(client: PoolClient): Promise<void> {
  let command: string
  try {
    command = (await client.query({ text: 'COMMIT' })).command
  } catch (error) {
    // A deferred constraint is a plain no. Any other silence may hide a yes.
    if (!isUnavailable(error)) throw error
    throw new DatabaseUnavailable('It is not known whether the transaction was committed.', { cause: error })
  }
  // After a statement has failed, PostgreSQL answers COMMIT with ROLLBACK and no error. Who caught the error sees it
  // here.
  if (command !== 'COMMIT') throw new Error('A statement of the transaction had failed, so nothing was committed.')
}

/** Takes everything back. Tells whether the connection is as good as new. */
async function rolledBack(client: PoolClient, error: unknown): Promise<boolean> {
  // The server will take it back by itself once the connection is gone; a frozen one is not waited for a second time.
  if (isUnavailable(error)) return false
  try {
    await client.query({ text: 'ROLLBACK' })
    return client.getTransactionStatus() === 'I'
  } catch {
    return false
  }
}
