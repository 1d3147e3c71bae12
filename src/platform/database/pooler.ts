import { randomBytes } from 'node:crypto'
import type { Client } from 'pg'
import { isPathOf } from './connection-setup.ts'
import type { Hosts } from './hosts.ts'
import { hangUp, openConnection } from './open-connection.ts'
import { type Advice, judgedSettings, judgeRole, PoolerError, type Session } from './role-settings.ts'

export { type Advice, PoolerError } from './role-settings.ts'

/** How this process reaches its database. */
export interface Route {
  readonly hasPooler: boolean
  /**
   * Whose the server's session is that a connection talks to. `own`: ours for as long as the connection is open (no pooler, or one in
   * session mode). `shared`: others get it after each transaction (a pooler in transaction mode), so nothing can be set,
   * prepared, locked or listened to for longer.
   */
  readonly session: 'own' | 'shared'
  /** Whether statements are prepared by name. */
  readonly namedStatements: boolean
}

/** SIGNET_DATABASE_PREPARED_STATEMENTS. */
export type PreparedStatements = 'auto' | 'on' | 'off'

export interface ProbeOptions {
  /** Where `client` is connected to; a second connection is opened if there is a pooler. */
  readonly hosts: Hosts
  readonly schema: string
  readonly preparedStatements: PreparedStatements
  /** Milliseconds that a statement of Signet may take. */
  readonly queryTimeoutMs: number
  /** Milliseconds to wait for the second connection, and for each of its statements. Default 20 s. */
  readonly patienceMs?: number
}

export interface Probed {
  readonly route: Route
  /** What works but should be changed. */
  readonly advice: readonly Advice[]
}

/**
 * Finds out whether there is a pooler between us and PostgreSQL, in which mode it is, and whether Signet can work through it.
 * If there is none, that takes one round trip.
 *
 * @param client connected, and with nothing set in its session
 * @throws PoolerError if Signet cannot work through the pooler; otherwise what the database reports
 */
export async function probePooler(client: Client, options: ProbeOptions): Promise<Probed> {
  const { hosts, schema, preparedStatements, patienceMs = 20_000 } = options
  const first = await look(client)
  // PostgreSQL gives a new connection the number of its process (protocol message BackendKeyData). A pooler's is made up.
  if (first.pid === (client as Client & { processID?: number | null }).processID)
    return { route: { hasPooler: false, session: 'own', namedStatements: preparedStatements !== 'off' }, advice: [] }
  const { client: other } = await openSecond(hosts, schema, patienceMs)
  try {
    return await probeWithTwo(client, other, first, options)
  } finally {
    hangUp(other)
  }
}

async function probeWithTwo(one: Client, other: Client, first: Session, options: ProbeOptions): Promise<Probed> {
  const { preparedStatements, schema, queryTimeoutMs } = options
  await assertTransactions(one)
  // If a pooler takes its server connections in turns, one that has two would give each of us always the same one if
  // we took turns as well.
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
  return { route, advice: ownSession ? [] : judgeRole([...seenByOne, ...seenByOther], schema, queryTimeoutMs) }
}

async function look(client: Client): Promise<Session> {
  const { rows } = await client.query<Session>(
    `SELECT pg_backend_pid() AS pid, session_user AS role, current_database() AS database,
            (SELECT json_object_agg(name, current_setting(name)) FROM unnest($1::text[]) AS name) AS settings`,
    [judgedSettings],
  )
  return rows[0]!
}

// In session mode each connection of ours occupies one of the pooler's. If it has none left, ours waits.
async function openSecond(hosts: Hosts, schema: string, patienceMs: number) {
  try {
    return await openConnection({
      ...{ hosts, applicationName: 'signet probe', readOnlyIsFine: true },
      setup: { schema, session: 'untouched' },
      ...{ connectTimeoutMs: patienceMs, clientQueryTimeoutMs: patienceMs },
    })
  } catch (error) {
    // The words of the driver, of `openConnection` and of PgBouncer.
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

/** @throws PoolerError if the pooler gives the session away within a transaction (statement mode) */
async function assertTransactions(client: Client): Promise<void> {
  let pids: number[]
  try {
    await client.query('BEGIN')
    pids = [(await look(client)).pid, (await look(client)).pid]
    await client.query('COMMIT')
  } catch (error) {
    // PgBouncer's words; it has no code of its own for this.
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

/** Whether what is set in one statement still holds in the next one. Sets the schema, which the caller wants anyway. */
async function keepsSettings(client: Client, schema: string): Promise<boolean> {
  await client.query(`SELECT set_config('search_path', $1, false)`, [schema])
  return isPathOf((await look(client)).settings['search_path'], schema)
}

/** @throws PoolerError unless a statement that one connection has prepared disturbs no other, and is there when it comes back */
async function assertNamedStatements(one: Client, other: Client): Promise<void> {
  const statement = { name: `signet-probe-${randomBytes(6).toString('hex')}`, text: 'SELECT 1' }
  try {
    for (const client of [one, other, one, other, other, one]) await client.query(statement)
  } catch (error) {
    throw new PoolerError(
      'SIGNET_DATABASE_PREPARED_STATEMENTS is on, but the connection pooler does not keep prepared statements apart ' +
        `(${messageOf(error)}).`,
      'Set it to auto; or use PgBouncer 1.21 or later with max_prepared_statements above 0.',
      { cause: error },
    )
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
