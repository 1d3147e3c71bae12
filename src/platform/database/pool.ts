import type { QueryResult, QueryResultRow } from 'pg'
import { hangUp, openConnection, sayGoodbye } from './connect.ts'
import { assertSchemaName, type DatabaseConnection } from './connection.ts'
import type { DatabaseLog } from './log.ts'
import type { CheckedOut, Queryable, Statement } from './queryable.ts'
import { rowTypes } from './row-types.ts'
import { DatabaseUnavailable } from './unavailable.ts'
import type { WatchedConnection } from './watched-connection.ts'

/** The pool that stores are handed: each statement by itself. For several in one transaction, `inTransaction`. */
export interface Database extends Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: rows have whatever columns the statement names, as in `pg`
  query<R extends QueryResultRow = any>(statement: Statement | string, values?: unknown[]): Promise<QueryResult<R>>
  /** A connection of the caller's own, to be released in any case. */
  connect(): Promise<CheckedOut>
  /**
   * Closes every connection: idle ones at once, the others when they are released. Requests from now on get new ones.
   *
   * @param reason for the log
   */
  dropConnections(reason: string): void
  /** Ends the pool, when all connections have been released. Calling it again waits for the same end. */
  end(): Promise<void>
  /** Connections that are open or being opened. */
  readonly totalCount: number
  readonly idleCount: number
  /** Callers that wait for a connection. */
  readonly waitingCount: number
  /** How many connections there can be at present. */
  readonly limit: number
}

export interface PoolOptions {
  readonly connection: DatabaseConnection
  readonly schema: string
  /** Maximum number of connections. */
  readonly max: number
  /** Milliseconds to wait for a connection, whether a new one or one that others have. */
  readonly connectTimeoutMs: number
  /** Milliseconds to wait for a statement. */
  readonly queryTimeoutMs: number
  /** Whose the sessions of the server are; see ConnectionSetup. Default `own`. */
  readonly session?: 'own' | 'shared'
  /** Whether statements with a name are prepared once for each connection. Default true. */
  readonly namedStatements?: boolean
  /** Whether a server that accepts no writes is good enough. Default false. */
  readonly readOnlyIsFine?: boolean
  readonly log: DatabaseLog
}

interface Pooled extends WatchedConnection {
  /** Of which generation: `dropConnections` begins another. */
  readonly generation: number
  idleTimer?: NodeJS.Timeout
}

interface Waiting {
  readonly resolve: (connection: CheckedOut) => void
  readonly reject: (error: unknown) => void
  readonly timer: NodeJS.Timeout
}

/** Milliseconds until an idle connection is closed. */
const idleTimeout = 30_000

/**
 * Opens a pool. Connections are made when they are first needed. However the server fails, a caller waits no longer than
 * `connectTimeoutMs + queryTimeoutMs` for a statement, and when the server is back, so is the pool.
 *
 * @throws TypeError when `schema` is no schema name
 */
export function createPool(options: PoolOptions): Database {
  const { connection, schema, max, connectTimeoutMs, queryTimeoutMs, log } = options
  const { session = 'own', namedStatements = true, readOnlyIsFine = false } = options
  assertSchemaName(schema)
  const open = new Set<Pooled>()
  const idle: Pooled[] = []
  const waiting: Waiting[] = []
  let opening = 0
  let generation = 0
  let ended: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  const pump = () => {
    while (waiting.length > 0 && idle.length > 0) {
      const { resolve, timer } = waiting.shift()!
      clearTimeout(timer)
      resolve(checkOut(idle.pop()!))
    }
    while (opening < waiting.length && open.size + opening < max) openOne()
    if (ended && open.size + opening === 0) ended.resolve()
  }

  const openOne = () => {
    opening += 1
    const begun = generation
    openConnection({
      connection,
      applicationName: 'signet',
      types: rowTypes,
      connectTimeoutMs,
      queryTimeoutMs,
      setup: {
        schema,
        session,
        readOnlyIsFine,
        // The server gives up a little earlier than we do: then it is certain that nothing was done, and the connection
        // is kept.
        statementTimeoutMs: Math.max(1, Math.floor(queryTimeoutMs * 0.9)),
        // A process that stands still (a suspended laptop) releases the rows it has locked.
        idleInTransactionTimeoutMs: queryTimeoutMs,
      },
    })
      .then(
        (opened) => {
          const pooled: Pooled = { ...opened, generation: begun }
          open.add(pooled)
          makeIdle(pooled)
          opened.whenLost((error) => lose(pooled, error))
        },
        (error: unknown) => {
          const first = waiting.shift()
          if (!first) return
          clearTimeout(first.timer)
          first.reject(error)
        },
      )
      .finally(() => {
        opening -= 1
        pump()
      })
  }

  const makeIdle = (pooled: Pooled) => {
    if (ended || pooled.generation !== generation) return close(pooled)
    idle.push(pooled)
    pooled.idleTimer = setTimeout(() => {
      takeFromIdle(pooled)
      close(pooled)
      pump()
    }, idleTimeout)
    pooled.idleTimer.unref()
  }

  const takeFromIdle = (pooled: Pooled): boolean => {
    clearTimeout(pooled.idleTimer)
    const index = idle.indexOf(pooled)
    if (index !== -1) idle.splice(index, 1)
    return index !== -1
  }

  const close = (pooled: Pooled) => {
    open.delete(pooled)
    if (pooled.lost()) hangUp(pooled.client)
    else sayGoodbye(pooled.client)
  }

  const lose = (pooled: Pooled, err: Error) => {
    // One that is checked out is told by the statement that fails, and closed when it is released.
    if (!takeFromIdle(pooled)) return
    log.warn({ err }, 'An idle database connection was lost.')
    close(pooled)
    pump()
  }

  const asStatement = (statement: Statement | string, listed?: unknown[]): Statement => {
    const { name, text, values = listed }: Statement = typeof statement === 'string' ? { text: statement } : statement
    return { text, ...(values ? { values } : {}), ...(name !== undefined && namedStatements ? { name } : {}) }
  }

  const checkOut = (pooled: Pooled): CheckedOut => {
    clearTimeout(pooled.idleTimer)
    let released = false
    return {
      query: (statement, values) => pooled.query(asStatement(statement, values)),
      get lost() {
        return pooled.lost()
      },
      release: (fault) => {
        if (released) throw new Error('The connection was released already.')
        released = true
        if (pooled.lost()) close(pooled)
        else if (fault) {
          open.delete(pooled)
          hangUp(pooled.client)
        } else makeIdle(pooled)
        pump()
      },
    }
  }

  const connect = (): Promise<CheckedOut> => {
    if (ended) return Promise.reject(new DatabaseUnavailable('The connection pool has ended.'))
    if (waiting.length === 0 && idle.length > 0) return Promise.resolve(checkOut(idle.pop()!))
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(entry), 1)
        reject(
          new DatabaseUnavailable(
            `No database connection became available within ${connectTimeoutMs} ms: ${open.size - idle.length} of ${max} are in use.`,
          ),
        )
      }, connectTimeoutMs)
      const entry: Waiting = { resolve, reject, timer }
      waiting.push(entry)
      pump()
    })
  }

  return {
    connect,
    query: async (statement, values) => {
      const checkedOut = await connect()
      try {
        return await checkedOut.query(statement, values)
      } finally {
        checkedOut.release()
      }
    },
    dropConnections: (reason) => {
      generation += 1
      log.warn({ reason, connections: open.size }, 'All database connections are being replaced.')
      for (const pooled of idle.splice(0)) {
        clearTimeout(pooled.idleTimer)
        close(pooled)
      }
      pump()
    },
    end: () => {
      if (!ended) {
        let resolve = () => {}
        const promise = new Promise<void>((done) => {
          resolve = done
        })
        ended = { promise, resolve }
        for (const { reject, timer } of waiting.splice(0)) {
          clearTimeout(timer)
          reject(new DatabaseUnavailable('The connection pool has ended.'))
        }
        for (const pooled of idle.splice(0)) {
          clearTimeout(pooled.idleTimer)
          close(pooled)
        }
        pump()
      }
      return ended.promise
    },
    get totalCount() {
      return open.size + opening
    },
    get idleCount() {
      return idle.length
    },
    get waitingCount() {
      return waiting.length
    },
    limit: max,
  }
}
