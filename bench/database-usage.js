// What a server makes its PostgreSQL do.
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { processorTime, readProcess } from './process-usage.js'

/** @typedef {{ cpu: number | undefined, walBytes: number, commits: number }} DatabaseUsage since the cluster was created or started */
/** @typedef {Awaited<ReturnType<typeof watchDatabase>>} DatabaseWatch */

/** A cluster that is started with this library can count statements. */
export const countingLibrary = 'pg_stat_statements'

/**
 * Has a cluster load the library when it is next started.
 *
 * @param {pg.ClientConfig} connection as a superuser
 */
export async function loadCountingLibrary(connection) {
  const client = new pg.Client(connection)
  await client.connect()
  await client.query(`ALTER SYSTEM SET shared_preload_libraries = '${countingLibrary}'`)
  await client.end()
}

/**
 * Watches the cluster of a server that is running.
 *
 * @param {string | pg.ClientConfig} connection to another database of the cluster than the server's, as a superuser
 * @param {string} database the server's
 */
export async function watchDatabase(connection, database) {
  const own = typeof connection === 'string' ? { connectionString: connection } : connection
  const client = new pg.Pool({ ...own, max: 1, idleTimeoutMillis: 0, allowExitOnIdle: true })
  client.on('error', () => {}) // the cluster is stopped before this connection is closed
  /** @param {string} sql @param {unknown[]} [values] */
  const query = async (sql, values = []) => (await client.query(sql, values)).rows[0]
  const backend = readProcess(Number((await query('SELECT pg_backend_pid() AS pid')).pid))
  // Undefined if the cluster is on another machine.
  const postmaster = backend?.name === 'postgres' ? backend.parent : undefined
  const counts = await canCount(query)

  /** @returns {Promise<DatabaseUsage>} */
  const read = async () => {
    // The next transaction id: a transaction gets one when it changes something for the first time.
    const { wal, xid } = await query(
      `SELECT pg_current_wal_insert_lsn() - '0/0' AS wal, pg_snapshot_xmax(pg_current_snapshot())::text AS xid`,
    )
    const cpu = postmaster === undefined ? undefined : processorTime(postmaster)
    return { cpu, walBytes: Number(wal), commits: Number(xid) }
  }

  /** @param {'top' | 'none'} which @returns {Promise<void>} */
  const track = async (which) => {
    await query(`ALTER SYSTEM SET pg_stat_statements.track = '${which}'`)
    await query('SELECT pg_reload_conf()')
    // A connection reads it before its next statement, once the postmaster has signalled it.
    await pause(300)
  }

  const calls = async () => {
    const sql = `SELECT coalesce(sum(calls), 0) AS calls FROM pg_stat_statements(false)
      WHERE dbid = (SELECT oid FROM pg_database WHERE datname = $1)`
    return Number((await query(sql, [database])).calls)
  }

  /**
   * Counts the statements of the server while a function runs. It costs PostgreSQL some time, so nothing is timed meanwhile.
   *
   * @param {() => Promise<{ requests: number }>} run
   * @returns {Promise<number | undefined>} statements per request; undefined if this cluster cannot count them
   */
  const countStatements = async (run) => {
    if (!counts) return undefined
    await track('top')
    const before = await calls()
    const { requests } = await run()
    const after = await calls()
    await track('none')
    return requests === 0 ? undefined : (after - before) / requests
  }

  return { read, countStatements }
}

/**
 * Whether the cluster has loaded pg_stat_statements, and this role may use it. It is created where it is missing.
 *
 * @param {(sql: string) => Promise<unknown>} query
 */
async function canCount(query) {
  try {
    await query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements')
    await query(`ALTER SYSTEM SET pg_stat_statements.track = 'none'`)
    await query('SELECT pg_reload_conf()')
    await query('SELECT count(*) FROM pg_stat_statements(false)')
    return true
  } catch {
    return false
  }
}
