import type { Client, ClientConfig, CustomTypesConfig } from 'pg'
import { startTimer } from '../deadlines.ts'
import { type ConnectionSetup, type ServerState, setUpConnection } from './connection-setup.ts'
import type { Hosts } from './hosts.ts'
import { DatabaseReadOnly, DatabaseUnavailable, isUnavailable } from './unavailable.ts'
import { destroyConnection, type WatchedConnection, watchedConnection } from './watched-connection.ts'

export { destroyConnection } from './watched-connection.ts'

export interface ConnectOptions {
  readonly hosts: Hosts
  /** The name of the connection in pg_stat_activity. */
  readonly applicationName: string
  readonly setup: ConnectionSetup
  /** Whether a server that does not accept writes may be used, as for a read-only command. Default false. */
  readonly allowReadOnly?: boolean
  /** Milliseconds for the whole attempt, regardless of the number of hosts. */
  readonly connectTimeoutMs: number
  /** Milliseconds to wait for a statement sent with `query`. Default: no limit. */
  readonly queryTimeoutMs?: number
  /** The same for statements sent with the client itself. */
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
 * Opens and sets up a connection to the first host that accepts writes. Every connection of the process is opened here, except the one that
 * keeps the embedded server running.
 *
 * @throws DatabaseReadOnly if every host answered and none accepts writes; otherwise the error of the driver or the server or, for several
 *   hosts, DatabaseUnavailable with the error of each. All connections are then closed
 */
export async function openConnection(options: ConnectOptions): Promise<OpenedConnection> {
  const { hosts, allowReadOnly = false, connectTimeoutMs } = options
  const deadline = performance.now() + connectTimeoutMs
  const failures: Failure[] = []
  const watching = { queryTimeoutMs: options.queryTimeoutMs, isSession: (options.setup.session ?? 'own') === 'own' }
  let readOnly: OpenedConnection | undefined
  // The last host that worked first, then the others in their order.
  const order = [hosts.preferred, ...hosts.configs.keys()].filter((host, at, all) => all.indexOf(host) === at)
  for (const [position, host] of order.entries()) {
    // A host that does not answer must leave time for those after it.
    const share = Math.max(1, (deadline - performance.now()) / (order.length - position))
    const connection = watchedConnection(clientConfigOf(hosts.configs[host]!, options), watching)
    const address = addressOf(connection.client)
    try {
      const server = await connectAndSetUp(connection, options.setup, share)
      if (!server.isReadOnly) {
        hosts.preferred = host
        if (readOnly) destroyConnection(readOnly.client)
        return { ...connection, server }
      }
      if (allowReadOnly && !readOnly) readOnly = { ...connection, server }
      else destroyConnection(connection.client)
      failures.push({
        address,
        error: new DatabaseReadOnly(`The PostgreSQL server at ${address} accepts no writes: ${why}.`),
      })
    } catch (error) {
      failures.push({ address, error })
    }
  }
  if (readOnly) return readOnly
  throw combined(failures)
}

function clientConfigOf(config: ClientConfig, options: ConnectOptions): ClientConfig {
  const { applicationName, clientQueryTimeoutMs, types } = options
  return {
    ...config,
    application_name: applicationName,
    ...(clientQueryTimeoutMs === undefined ? {} : { query_timeout: clientQueryTimeoutMs }),
    ...(types ? { types } : {}),
    // Detects a peer that disappeared silently, on idle connections, too.
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
    // The first error says what happened; the statement may fail with a consequence of it.
    const first = connection.lost() ?? error
    destroyConnection(client)
    throw first
  } finally {
    endTimer()
  }
}

/** Milliseconds to wait until the server closes its end. */
const endTimeout = 1_000

/** Closes an idle connection: notifies the server, but does not wait long for it. Never throws. */
export async function endConnection(client: Client): Promise<void> {
  const overdue = setTimeout(() => destroyConnection(client), endTimeout)
  try {
    await client.end()
  } catch {
    destroyConnection(client)
  } finally {
    clearTimeout(overdue)
  }
}

const why = 'it is a standby, or it was made read-only'

/** Combines the failures of several hosts into one error, unless one of them is permanent. */
function combined(failures: readonly Failure[]): unknown {
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
  // A host that is unavailable, or has too many connections, may be the primary.
  return errors.every((error) => error instanceof DatabaseReadOnly)
    ? new DatabaseReadOnly(message, { cause })
    : new DatabaseUnavailable(message, { cause })
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(messageOf))].join(', ')
  return error instanceof Error ? error.message.replace(/\.$/, '') : String(error)
}

/** The address of a connection, for messages. Never contains a password. */
function addressOf({ host, port }: Client): string {
  if (host.startsWith('/')) return `${host}, port ${port}`
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
