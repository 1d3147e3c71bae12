import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { isPathOf } from './connection-setup.ts'
import type { Hosts } from './hosts.ts'
import { destroyConnection, openConnection } from './open-connection.ts'
import { type Advice, checkedSettings, checkRoleSettings, PoolerError, type Session } from './role-settings.ts'

export { type Advice, PoolerError } from './role-settings.ts'

/** How this process reaches its database. */
export interface Route {
  readonly hasPooler: boolean
  /**
   * Who uses the server's session. `own`: only this connection (no pooler, or a pooler in session mode). `shared`: other clients get it after
   * each transaction (a pooler in transaction mode), so settings, prepared statements, locks and LISTEN do not outlast a transaction.
   */
  readonly session: 'own' | 'shared'
  /** Whether statements are prepared by name. */
  readonly namedStatements: boolean
}

/** SIGNET_DATABASE_PREPARED_STATEMENTS. */
export type PreparedStatements = 'auto' | 'on' | 'off'

export interface ProbeOptions {
  /** The hosts of `client`. If there is a pooler, a second connection is opened. */
  readonly hosts: Hosts
  readonly schema: string
  readonly preparedStatements: PreparedStatements
  /** Milliseconds that a statement of Signet may take. */
  readonly queryTimeoutMs: number
  /** Milliseconds to wait for the second connection, and for each of its statements. Default 20,000. */
  readonly probeTimeoutMs?: number
}

export interface Probed {
  readonly route: Route
  /** Advice on settings that work but should be changed. */
  readonly advice: readonly Advice[]
}

/**
 * Detects whether there is a pooler between us and PostgreSQL, in which mode it is, and whether Signet can work with it. Without a pooler,
 * this takes one round trip.
 *
 * @param client connected, with an untouched session
 * @throws PoolerError if Signet cannot work through the pooler; otherwise what the database reports
 */
export async function probePooler(client: Client, options: ProbeOptions): Promise<Probed> {
  const { hosts, schema, preparedStatements, probeTimeoutMs = 20_000 } = options
  const first = await look(client)
  // PostgreSQL sends a new connection its process id (protocol message BackendKeyData). A pooler makes one up.
  if (first.pid === (client as Client & { processID?: number | null }).processID)
    return { route: { hasPooler: false, session: 'own', namedStatements: preparedStatements !== 'off' }, advice: [] }
  const { client: other } = await openSecond(hosts, schema, probeTimeoutMs)
  try {
    return await probeWithTwo(client, other, first, options)
  } finally {
    destroyConnection(other)
  }
}

async function probeWithTwo(one: Client, other: Client, first: Session, options: ProbeOptions): Promise<Probed> {
  const { preparedStatements, schema, queryTimeoutMs } = options
  await assertTransactions(one)
  // Not strictly alternating: a pooler that uses two server connections in turn would then always give each client the same one.
  const [seenByOne, seenByOther] = [[first], [await look(other)]]
  for (const [client, seen] of [
    [other, seenByOther],
    [one, seenByOne],
    [one, seenByOne],
    [other, seenByOther],
  ] as const)
    seen.push(await look(client))
  const ownSession =
    isAlways(seenByOne) &&
    isAlways(seenByOther) &&
    seenByOne[0]!.pid !== seenByOther[0]!.pid &&
    (await keepsSettings(one, schema))
  if (preparedStatements === 'on' && !ownSession) await assertNamedStatements(one, other)
  const route: Route = {
    hasPooler: true,
    session: ownSession ? 'own' : 'shared',
    namedStatements: preparedStatements === 'on',
  }
  return { route, advice: ownSession ? [] : checkRoleSettings([...seenByOne, ...seenByOther], schema, queryTimeoutMs) }
}

async function look(client: Client): Promise<Session> {
  const { rows } = await client.query<Session>(
    `SELECT pg_backend_pid() AS pid, session_user AS role, current_database() AS database,
            (SELECT json_object_agg(name, current_setting(name)) FROM unnest($1::text[]) AS name) AS settings`,
    [checkedSettings],
  )
  return rows[0]!
}

// In session mode, each of our connections occupies one of the pooler's. If the pooler has none left, ours waits.
async function openSecond(hosts: Hosts, schema: string, probeTimeoutMs: number) {
  try {
    return await openConnection({
      ...{ hosts, applicationName: 'signet probe', allowReadOnly: true },
      setup: { schema, session: 'untouched' },
      ...{ connectTimeoutMs: probeTimeoutMs, clientQueryTimeoutMs: probeTimeoutMs },
    })
  } catch (error) {
    // Messages of the driver, of `openConnection` and of PgBouncer.
    if (!/Query read timeout|Connection terminated|timeout expired|query_wait_timeout/.test(messageOf(error)))
      throw error
    throw new PoolerError(
      'The connection pooler has no second connection to PostgreSQL for Signet. In session mode each node needs ' +
        'SIGNET_DATABASE_POOL + 3 of them.',
      'Raise the size of the pool (PgBouncer: default_pool_size or pool_size), or use transaction mode, where a few are enough.',
      { cause: error },
    )
  }
}

function isAlways([first, ...rest]: readonly Session[]): boolean {
  return rest.every(({ pid }) => pid === first?.pid)
}

/** @throws PoolerError if the pooler switches the session within a transaction (statement mode) */
async function assertTransactions(client: Client): Promise<void> {
  let pids: number[]
  try {
    await client.query('BEGIN')
    pids = [(await look(client)).pid, (await look(client)).pid]
    await client.query('COMMIT')
  } catch (error) {
    // A message of PgBouncer, which has no code for this.
    if (!/transaction blocks? not allowed/i.test(messageOf(error))) throw error
    throw inStatementMode(error)
  }
  if (pids[0] !== pids[1]) throw inStatementMode()
}

function inStatementMode(cause?: unknown): PoolerError {
  return new PoolerError(
    'SIGNET_DATABASE_URL leads to a connection pooler in statement mode, which allows no transactions.',
    'Set pool_mode = transaction (or session) for this database, or connect to PostgreSQL directly.',
    { cause },
  )
}

/** Whether a parameter set in one statement is still set in the next one. Sets the schema, which the caller needs anyway. */
async function keepsSettings(client: Client, schema: string): Promise<boolean> {
  await client.query(`SELECT set_config('search_path', $1, false)`, [schema])
  return isPathOf((await look(client)).settings['search_path'], schema)
}

/** @throws PoolerError unless prepared statements of different connections do not collide, and remain available */
async function assertNamedStatements(one: Client, other: Client): Promise<void> {
  const statement = { name: `signet-probe-${randomBytes(6).toString('hex')}`, text: 'SELECT 1' }
  try {
    for (const client of [one, other, one, other, other, one]) await client.query(statement)
  } catch (error) {
    throw new PoolerError(
      'SIGNET_DATABASE_PREPARED_STATEMENTS is on, but the connection pooler does not keep prepared statements apart ' +
        `(${messageOf(error)}).`,
      'Set it to auto, or use PgBouncer 1.21 or later with max_prepared_statements above 0.',
      { cause: error },
    )
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
