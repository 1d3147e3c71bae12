import type { Client, ClientConfig, CustomTypesConfig } from 'pg'
import { startTimer } from '../wait-queue.ts'
import { type ConnectionSetup, type ServerState, setUpConnection } from './connection-setup.ts'
import type { Hosts } from './hosts.ts'
import { DatabaseReadOnly, DatabaseUnavailable, isUnavailable } from './unavailable.ts'
import { hangUp, type WatchedConnection, watchedConnection } from './watched-connection.ts'

export { hangUp } from './watched-connection.ts'

export interface ConnectOptions {
  readonly hosts: Hosts
  /** The name under which the connection is listed in pg_stat_activity. */
  readonly applicationName: string
  readonly setup: ConnectionSetup
  /** Whether a server that accepts no writes is good enough, as for a command that only looks. Default false. */
  readonly readOnlyIsFine?: boolean
  /** Milliseconds until the attempt is given up, whatever the number of hosts. */
  readonly connectTimeoutMs: number
  /** Milliseconds to wait for a statement that goes through `query`. Absent: as long as it takes. */
  readonly queryTimeoutMs?: number
  /** The same for statements that are sent by the client itself. */
  readonly clientQueryTimeoutMs?: number
  readonly types?: CustomTypesConfig
}

export interface OpenedConnection extends WatchedConnection {
  readonly server: ServerState
}

interface Failure {
  readonly address: string
  readonly error: unknown
}

/**
 * Opens one connection and sets it up, on the first host that accepts writes. Every connection of the process is opened here,
 * except the one that keeps the embedded server running.
 *
 * @throws DatabaseReadOnly when every host answered and none accepts writes; otherwise what the driver or the server says, or,
 *   for several hosts, DatabaseUnavailable with what each of them says. Every connection is then closed
 */
export async function openConnection(options: ConnectOptions): Promise<OpenedConnection> {
  const { hosts, readOnlyIsFine = false, connectTimeoutMs } = options
  const deadline = performance.now() + connectTimeoutMs
  const failures: Failure[] = []
  let readOnly: OpenedConnection | undefined
  // The last one that was good first, then the others in their order.
  const order = [hosts.preferred, ...hosts.configs.keys()].filter((host, at, all) => all.indexOf(host) === at)
  for (const [position, host] of order.entries()) {
    // One that does not answer leaves time for those after it.
    const share = Math.max(1, (deadline - performance.now()) / (order.length - position))
    const connection = watchedConnection(clientConfigOf(hosts.configs[host]!, options), options.queryTimeoutMs)
    const address = addressOf(connection.client)
    try {
      const server = await connectAndSetUp(connection, options.setup, share)
      if (!server.isReadOnly) {
        hosts.preferred = host
        if (readOnly) hangUp(readOnly.client)
        return { ...connection, server }
      }
      if (readOnlyIsFine && !readOnly) readOnly = { ...connection, server }
      else hangUp(connection.client)
      failures.push({
        address,
        error: new DatabaseReadOnly(`The PostgreSQL server at ${address} accepts no writes: ${why}.`),
      })
    } catch (error) {
      failures.push({ address, error })
    }
  }
  if (readOnly) return readOnly
  throw asOneError(failures)
}

function clientConfigOf(config: ClientConfig, options: ConnectOptions): ClientConfig {
  const { applicationName, clientQueryTimeoutMs, types } = options
  return {
    ...config,
    application_name: applicationName,
    ...(clientQueryTimeoutMs === undefined ? {} : { query_timeout: clientQueryTimeoutMs }),
    ...(types ? { types } : {}),
    // A peer that vanished without a word is found on idle connections, too.
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  }
}

async function connectAndSetUp(
  connection: WatchedConnection,
  setup: ConnectionSetup,
  timeoutMs: number,
): Promise<ServerState> {
  const { client } = connection
  const endTimer = startTimer(() => connection.abandon(new Error('timeout expired')), timeoutMs)
  try {
    await client.connect()
    return await setUpConnection(connection, setup)
  } catch (error) {
    // The first error says what happened; the statement may fail with what followed from it.
    const first = connection.lost() ?? error
    hangUp(client)
    throw first
  } finally {
    endTimer()
  }
}

/** Milliseconds that a server has to close its end. */
const farewell = 1_000

/** Closes an idle connection: tells the server, and does not wait long for it. Throws nothing. */
export async function sayGoodbye(client: Client): Promise<void> {
  const overdue = setTimeout(() => hangUp(client), farewell)
  try {
    await client.end()
  } catch {
    hangUp(client)
  } finally {
    clearTimeout(overdue)
  }
}

const why = 'it is a standby, or it was made read-only'

/** Of several hosts each is named with what became of it. A fault that waiting does not cure stays what it is. */
function asOneError(failures: readonly Failure[]): unknown {
  const errors = failures.map(({ error }) => error)
  if (failures.length === 1) return errors[0]
  if (!errors.some(isUnavailable)) return errors[0]
  const each = failures.map(({ address, error }) =>
    error instanceof DatabaseReadOnly
      ? `${address} accepts no writes (${why})`
      : `${address} failed (${messageOf(error)})`,
  )
  const message = `No PostgreSQL server accepts writes: ${each.join('; ')}.`
  const cause = new AggregateError(errors, 'All hosts failed.')
  // One that is away, or has too many connections, may be the primary.
  return errors.every((error) => error instanceof DatabaseReadOnly)
    ? new DatabaseReadOnly(message, { cause })
    : new DatabaseUnavailable(message, { cause })
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(messageOf))].join(', ')
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error)
}

/** Where a connection leads, for messages. Never with a password. */
function addressOf({ host, port }: Client): string {
  if (host.startsWith('/')) return `${host}, port ${port}`
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
