import type { QueryResult, QueryResultRow } from 'pg'
import type { DatabaseLog } from '../log.ts'
import { createWaitQueue } from '../wait-queue.ts'
import { createConnectionLimit } from './connection-limit.ts'
import { rowTypes } from './connection-setup.ts'
import { assertSchemaName, type DatabaseConnection, type Hosts, hostsOf } from './hosts.ts'
import { hangUp, openConnection, sayGoodbye } from './open-connection.ts'
import type { CheckedOut, Queryable, Statement } from './queryable.ts'
import { DatabaseUnavailable, isTooManyConnections } from './unavailable.ts'
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
  /** Gives up a connection, so that another part of this process can have one where the server allows no more. */
  makeRoom(): void
  /** Ends the pool, when all connections have been released. Calling it again waits for the same end. */
  end(): Promise<void>
  /** Connections that are open or being opened. */
  readonly totalCount: number
  readonly idleCount: number
  /** Callers that wait for a connection. */
  readonly waitingCount: number
  /** How many connections there can be at present: `max`, or fewer where the server was found to refuse more. */
  readonly limit: number
}

export interface PoolOptions {
  readonly connection: DatabaseConnection
  /** The hosts of `connection`, where others connect to them, too, and are to know which one is good. */
  readonly hosts?: Hosts
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
  /**
   * Called when a statement fails because the server accepts no writes (25006), after all connections to it were dropped, and when
   * one fails because the disk is full (53100).
   */
  readonly onUnwritable?: (code: '25006' | '53100') => void
  readonly log: DatabaseLog
}

interface Pooled extends WatchedConnection {
  /** `dropConnections` begins another generation. */
  readonly generation: number
  idleTimer?: NodeJS.Timeout
}

/** Milliseconds until an idle connection is closed. */
const idleTimeout = 30_000
/** Milliseconds until another connection is tried, where some are open and the last attempt failed, and where there is none. */
const [pauseBesideOthers, pauseWithoutAny] = [1_000, 100]
/** Maximum number of waiting callers. A longer queue would only mean that all of them get their 503 later. */
const maxWaiting = 1_000

/**
 * Opens a pool. Connections are made when they are first needed. However the server fails, a caller waits no longer than
 * `connectTimeoutMs + queryTimeoutMs` for a statement, and when the server is back, so is the pool. Where the server refuses
 * more connections, callers wait for those that there are.
 *
 * @throws TypeError when `schema` is no schema name, or the URL of the connection cannot be used
 */
export function createPool(options: PoolOptions): Database {
  const { connection, schema, max, connectTimeoutMs, queryTimeoutMs, log } = options
  const {
    hosts = hostsOf(connection),
    session = 'own',
    namedStatements = true,
    readOnlyIsFine = false,
    onUnwritable,
  } = options
  assertSchemaName(schema)
  const open = new Set<Pooled>()
  const idle: Pooled[] = []
  const limit = createConnectionLimit(max, log)
  const queue = createWaitQueue<Pooled>({
    maxLength: maxWaiting,
    timeoutMs: connectTimeoutMs,
    fullError: (length) => new DatabaseUnavailable(`${length} requests are waiting for a database connection already.`),
    timeoutError: () => {
      const failed = lastFailure ? ` Opening another failed: ${lastFailure}` : ''
      const inUse = `${open.size - idle.length} of ${limit.current()} are in use.${failed}`
      return new DatabaseUnavailable(`No database connection was free within ${connectTimeoutMs} ms. ${inUse}`)
    },
  })
  let opening = 0
  let generation = 0
  let lastFailure: string | undefined
  let openAgainAt = 0
  let ended: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined

  /** Serves waiting callers from idle connections, and opens connections for the rest. Called whenever something has changed. */
  const pump = () => {
    while (queue.length > 0 && idle.length > 0) queue.serve(takeIdle(idle.at(-1)!))
    if (performance.now() >= openAgainAt)
      while (opening < queue.length && open.size + opening < limit.current()) openOne()
    if (ended && open.size + opening === 0) ended.resolve()
  }

  const openOne = () => {
    opening += 1
    const begun = generation
    openConnection({
      ...{ hosts, applicationName: 'signet', types: rowTypes, readOnlyIsFine, connectTimeoutMs, queryTimeoutMs },
      setup: {
        schema,
        session,
        // The server gives up a little earlier than we do: then it is certain that nothing was done, and the connection
        // is kept.
        statementTimeoutMs: Math.max(1, Math.floor(queryTimeoutMs * 0.9)),
        // A process that stands still (a suspended laptop) releases the rows it has locked.
        idleInTransactionTimeoutMs: queryTimeoutMs,
      },
    })
      .then(
        (opened) => {
          lastFailure = undefined
          const pooled: Pooled = { ...opened, generation: begun }
          open.add(pooled)
          limit.allowed(open.size)
          putBack(pooled)
          opened.whenLost((error) => lose(pooled, error))
        },
        (error: unknown) => failToOpen(error),
      )
      .finally(() => {
        opening -= 1
        pump()
      })
  }

  const failToOpen = (error: unknown) => {
    const isNews = lastFailure === undefined
    lastFailure = error instanceof Error ? error.message : String(error)
    const tooMany = isTooManyConnections(error)
    // Without any connection nobody can be served, so the caller that has waited longest gets the error.
    if (open.size === 0 && !tooMany) return queue.refuse(error)
    if (open.size > 0 && tooMany) return limit.refused(open.size)
    // Once until one can be opened again: attempts follow each other quickly.
    if (isNews)
      log.warn(
        { err: error, connections: open.size },
        'Another database connection could not be opened; requests wait.',
      )
    const wait = open.size > 0 ? pauseBesideOthers : pauseWithoutAny
    openAgainAt = performance.now() + wait
    setTimeout(pump, wait + 1).unref()
  }

  const putBack = (pooled: Pooled) => {
    if (ended || pooled.lost() || pooled.generation !== generation || open.size > limit.current()) return close(pooled)
    idle.push(pooled)
    pooled.idleTimer = setTimeout(() => close(takeIdle(pooled)), idleTimeout)
    pooled.idleTimer.unref()
  }

  const takeIdle = (pooled: Pooled): Pooled => {
    clearTimeout(pooled.idleTimer)
    idle.splice(idle.indexOf(pooled), 1)
    return pooled
  }

  const close = (pooled: Pooled, how: 'politely' | 'at once' = 'politely') => {
    open.delete(pooled)
    // The last one is gone, so there is nothing to wait for.
    if (open.size === 0) openAgainAt = 0
    if (how === 'at once' || pooled.lost()) hangUp(pooled.client)
    else sayGoodbye(pooled.client)
    pump()
  }

  const lose = (pooled: Pooled, err: Error) => {
    // The holder of a connection notices by the statement that fails; it is closed when it is released.
    if (!idle.includes(pooled)) return
    log.warn({ err }, 'An idle database connection was lost.')
    close(takeIdle(pooled))
  }

  const dropConnections = (reason: string) => {
    generation += 1
    log.warn({ reason, connections: open.size }, 'All connections to the database are replaced.')
    for (const pooled of [...idle]) close(takeIdle(pooled))
  }

  const asStatement = (statement: Statement | string, listed?: unknown[]): Statement => {
    const { name, text, values = listed }: Statement = typeof statement === 'string' ? { text: statement } : statement
    return { text, ...(values ? { values } : {}), ...(name !== undefined && namedStatements ? { name } : {}) }
  }

  const checkOut = (pooled: Pooled): CheckedOut => {
    let released = false
    return {
      query: async (statement, values) => {
        try {
          return await pooled.query(asStatement(statement, values))
        } catch (error) {
          const { code } = error as { code?: unknown }
          if (code === '53100') onUnwritable?.(code)
          // Many statements may fail at once; those on connections that were dropped already change nothing.
          if (code === '25006' && pooled.generation === generation && !readOnlyIsFine) {
            dropConnections('the server accepts no writes')
            onUnwritable?.(code)
          }
          throw error
        }
      },
      get lost() {
        return pooled.lost()
      },
      release: (fault) => {
        if (released) throw new Error('The connection was released already.')
        released = true
        if (fault) close(pooled, 'at once')
        else putBack(pooled)
        pump()
      },
    }
  }

  const connect = async (): Promise<CheckedOut> => {
    if (ended) throw new DatabaseUnavailable('The connection pool has ended.')
    // First come, first served.
    if (queue.length === 0 && idle.length > 0) return checkOut(takeIdle(idle.at(-1)!))
    const served = queue.wait()
    pump()
    return checkOut(await served)
  }

  return {
    connect,
    query: async (statement, values) => {
      const connection = await connect()
      try {
        return await connection.query(statement, values)
      } finally {
        connection.release()
      }
    },
    dropConnections,
    makeRoom: () => {
      limit.reserve(open.size + opening)
      if (open.size + opening > limit.current() && idle.length > 0) close(takeIdle(idle[0]!))
    },
    end: () => {
      if (!ended) {
        let resolve = () => {}
        const promise = new Promise<void>((done) => {
          resolve = done
        })
        ended = { promise, resolve }
        while (queue.length > 0) queue.refuse(new DatabaseUnavailable('The connection pool has ended.'))
        for (const pooled of [...idle]) close(takeIdle(pooled))
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
      return queue.length
    },
    get limit() {
      return limit.current()
    },
  }
}
