import type { QueryResultRow } from 'pg'
import type { DatabaseLog } from '../log.ts'
import { createWaitQueue } from '../wait-queue.ts'
import { createConnectionLimit } from './connection-limit.ts'
import { rowTypes } from './connection-setup.ts'
import { assertSchemaName, type DatabaseConnection, type Hosts, hostsOf } from './hosts.ts'
import { destroyConnection, endConnection, openConnection } from './open-connection.ts'
import type { CheckedOut, Queryable, Statement, StatementResult } from './queryable.ts'
import { DatabaseUnavailable, isTooManyConnections } from './unavailable.ts'
import type { WatchedConnection } from './watched-connection.ts'

/** The connection pool that stores use. Each statement runs on its own; for several in one transaction use `inTransaction`. */
export interface Database extends Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: rows have whatever columns the statement names, as in `pg`
  query<R extends QueryResultRow = any>(statement: Statement | string, values?: unknown[]): Promise<StatementResult<R>>
  /** Reserves a connection. The caller must release it in any case. */
  connect(): Promise<CheckedOut>
  /**
   * Closes every connection: idle ones immediately, the others when they are released. Later requests get new ones.
   *
   * @param reason for the log
   */
  dropConnections(reason: string): void
  /** Closes a connection, so that another part of this process can open one if the server does not allow more. */
  makeRoom(): void
  /** Ends the pool; resolves when all connections have been released. Idempotent. */
  end(): Promise<void>
  /** Connections that are open or being opened. */
  readonly totalCount: number
  readonly idleCount: number
  /** Callers that wait for a connection. */
  readonly waitingCount: number
  /** The current maximum of connections: `max`, or fewer if the server refuses more. */
  readonly limit: number
}

export interface PoolOptions {
  readonly connection: DatabaseConnection
  /** The hosts of `connection`, if they are shared with other connections, so that these know which one is the primary. */
  readonly hosts?: Hosts
  readonly schema: string
  /** Maximum number of connections. */
  readonly max: number
  /** Milliseconds to wait for a connection, whether for a new one or for one that is in use. */
  readonly connectTimeoutMs: number
  /** Milliseconds to wait for a statement. */
  readonly queryTimeoutMs: number
  /** See ConnectionSetup. Default `own`. */
  readonly session?: 'own' | 'shared'
  /** Whether named statements are prepared, once per connection. Default true. */
  readonly namedStatements?: boolean
  /** Whether a server that does not accept writes may be used. Default false. */
  readonly allowReadOnly?: boolean
  /**
   * Called when a statement fails because the server does not accept writes (25006), after all connections to it were dropped, and when a
   * statement fails because the disk is full (53100).
   */
  readonly onUnwritable?: (code: '25006' | '53100') => void
  readonly log: DatabaseLog
}

interface Pooled extends WatchedConnection {
  /** `dropConnections` starts a new generation. */
  readonly generation: number
  /** When it was last put back, on the monotonic clock. */
  idleSince: number
}

/** Milliseconds until an idle connection is closed. */
const idleTimeout = 30_000
/** Milliseconds between a failed attempt to open a connection and the next one: if other connections are open, and if none is. */
const [retryDelayWithOthers, retryDelayWithNone] = [1_000, 100]
/** Maximum number of waiting callers. With a longer queue, all of them would only get their 503 later. */
const maxWaiting = 1_000

/**
 * Creates a pool. Connections are opened on demand. Whatever fails, a caller waits no longer than `connectTimeoutMs + queryTimeoutMs` (and at most a twentieth more) for a
 * statement, and the pool recovers when the server does. If the server refuses more connections, callers wait for the existing ones.
 *
 * @throws TypeError if `schema` is not a valid schema name, or the URL of the connection is not valid
 */
export function createPool(options: PoolOptions): Database {
  const { connection, schema, max, connectTimeoutMs, queryTimeoutMs, log } = options
  const {
    hosts = hostsOf(connection),
    session = 'own',
    namedStatements = true,
    allowReadOnly = false,
    onUnwritable,
  } = options
  assertSchemaName(schema)
  const open = new Set<Pooled>()
  /** The one that was put back last is at the end, and is used first, so the first one has been idle for longest. */
  const idle: Pooled[] = []
  let isClosingIdle = false
  const limit = createConnectionLimit(max, log)
  const queue = createWaitQueue<Pooled>({
    maxLength: maxWaiting,
    timeoutMs: connectTimeoutMs,
    fullError: (length) => new DatabaseUnavailable(`${length} requests are already waiting for a database connection.`),
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

  /** Serves waiting callers from idle connections, and opens connections for the others. Called after every change. */
  const pump = () => {
    while (queue.length > 0 && idle.length > 0) queue.serve(idle.pop()!)
    if (opening < queue.length && performance.now() >= openAgainAt)
      while (opening < queue.length && open.size + opening < limit.current()) openOne()
    if (ended && open.size + opening === 0) ended.resolve()
  }

  const openOne = () => {
    opening += 1
    const begun = generation
    openConnection({
      ...{ hosts, applicationName: 'signet', types: rowTypes, allowReadOnly, connectTimeoutMs, queryTimeoutMs },
      setup: {
        schema,
        session,
        // The server cancels the statement a little before we time out. Then it is certain that nothing was done, and the connection can be kept.
        statementTimeoutMs: Math.max(1, Math.floor(queryTimeoutMs * 0.9)),
        // A suspended process (a laptop) must release the rows that it has locked.
        idleInTransactionTimeoutMs: queryTimeoutMs,
      },
    })
      .then(
        (opened) => {
          lastFailure = undefined
          const pooled: Pooled = { ...opened, generation: begun, idleSince: 0 }
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
    const isFirst = lastFailure === undefined
    lastFailure = error instanceof Error ? error.message : String(error)
    const tooMany = isTooManyConnections(error)
    // Without any connection no caller can be served, so the one that has waited longest gets the error.
    if (open.size === 0 && !tooMany) return queue.refuse(error)
    if (open.size > 0 && tooMany) return limit.refused(open.size)
    // Logged only once until a connection can be opened again, because retries are frequent.
    if (isFirst)
      log.warn({ err: error, connections: open.size }, 'A database connection could not be opened; requests wait.')
    const wait = open.size > 0 ? retryDelayWithOthers : retryDelayWithNone
    openAgainAt = performance.now() + wait
    setTimeout(pump, wait + 1).unref()
  }

  const putBack = (pooled: Pooled) => {
    if (ended || pooled.lost() || pooled.generation !== generation || open.size > limit.current()) return close(pooled)
    pooled.idleSince = performance.now()
    idle.push(pooled)
    if (!isClosingIdle) closeIdle(pooled.idleSince)
  }

  /** Closes connections that have been idle for long, one timer for all of them. */
  const closeIdle = (now = performance.now()) => {
    const isOver = ({ idleSince }: Pooled) => now - idleSince >= idleTimeout
    while (idle[0] && isOver(idle[0])) close(takeIdle(idle[0]))
    isClosingIdle = idle.length > 0
    if (idle[0]) setTimeout(closeIdle, idle[0].idleSince + idleTimeout - now).unref()
  }

  const takeIdle = (pooled: Pooled): Pooled => {
    idle.splice(idle.indexOf(pooled), 1)
    return pooled
  }

  const close = (pooled: Pooled, how: 'gracefully' | 'immediately' = 'gracefully') => {
    open.delete(pooled)
    // The last connection is gone, so no caller can be served by waiting.
    if (open.size === 0) openAgainAt = 0
    if (how === 'immediately' || pooled.lost()) destroyConnection(pooled.client)
    else endConnection(pooled.client)
    pump()
  }

  const lose = (pooled: Pooled, err: Error) => {
    // If the connection is in use, its caller notices by a failing statement, and it is closed when it is released.
    if (!idle.includes(pooled)) return
    log.warn({ err }, 'An idle database connection was lost.')
    close(takeIdle(pooled))
  }

  const dropConnections = (reason: string) => {
    generation += 1
    log.warn({ reason, connections: open.size }, 'Replacing all database connections.')
    for (const pooled of [...idle]) close(takeIdle(pooled))
  }

  const run = async <R extends QueryResultRow>(pooled: Pooled, statement: Statement) => {
    try {
      return await pooled.query<R>(statement)
    } catch (error) {
      const { code } = error as { code?: unknown }
      if (code === '53100') onUnwritable?.(code)
      // Many statements may fail at the same time. Those on connections that have already been dropped are ignored.
      if (code === '25006' && pooled.generation === generation && !allowReadOnly) {
        dropConnections('the server accepts no writes')
        onUnwritable?.(code)
      }
      throw error
    }
  }

  const checkOut = (pooled: Pooled): CheckedOut => {
    let released = false
    return {
      query: (statement, values) => run(pooled, statementOf(statement, values, namedStatements)),
      get lost() {
        return pooled.lost()
      },
      release: (fault) => {
        if (released) throw new Error('The connection has already been released.')
        released = true
        if (fault) close(pooled, 'immediately')
        else putBack(pooled)
        pump()
      },
    }
  }

  const take = (): Pooled | Promise<Pooled> => {
    if (ended) throw new DatabaseUnavailable('The connection pool has ended.')
    // First come, first served.
    const pooled = queue.length === 0 ? idle.pop() : undefined
    if (pooled) return pooled
    const served = queue.wait()
    pump()
    return served
  }

  return {
    connect: async () => checkOut(await take()),
    query: async (statement, values) => {
      const pooled = await take()
      try {
        return await run(pooled, statementOf(statement, values, namedStatements))
      } finally {
        putBack(pooled)
        pump()
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

function statementOf(statement: Statement | string, values: unknown[] | undefined, isNamed: boolean): Statement {
  if (typeof statement === 'string') return values ? { text: statement, values } : { text: statement }
  const { name, text, values: own = values } = statement
  if (isNamed && own === statement.values) return statement
  return { text, ...(own && { values: own }), ...(isNamed && name !== undefined && { name }) }
}
