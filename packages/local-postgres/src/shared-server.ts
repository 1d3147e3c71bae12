import { setTimeout as pause } from 'node:timers/promises'
import pg, { type Client } from 'pg'
import { LocalPostgresError, type Log, useYourOwn } from './operator-messages.ts'
import { logTail, type Server, type StartOutcome, startServer, stopServer } from './postgres-server.ts'

/** The use of a shared server by one process. */
export interface ServerUse {
  /** Ends the use. The last process to do so stops the server. Never throws: failures are logged. */
  release(): Promise<void>
}

/**
 * Registers this process as a user of the server, and starts the server if it is not running. Each user has a connection with a shared
 * advisory lock, which ends with the process, whatever ends it. So there is no reference count that could become wrong. If the server dies,
 * the connection ends, and the user restarts the server until it releases it.
 *
 * @param host the folder of the server's socket
 * @throws LocalPostgresError if the server is not available within a minute
 */
export async function acquireServer(server: Server, host: string, log: Log): Promise<ServerUse> {
  const holder: Holder = { server, host, log, isReleased: false, client: undefined, recovery: undefined }
  await acquire(holder)
  let releasing: Promise<void> | undefined
  return {
    release: () => {
      releasing ??= release(holder)
      return releasing
    },
  }
}

interface Holder {
  readonly server: Server
  readonly host: string
  readonly log: Log
  isReleased: boolean
  client: Client | undefined
  recovery: Promise<void> | undefined
}

// Two numbers, so that it cannot collide with Signet's other advisory locks, which are hashes of names.
const useLock = '0, 1'

// Milliseconds. Long enough for crash recovery on a machine with little CPU time. A server that cannot start is noticed immediately.
const startTimeout = 60_000
const stopTimeouts = { fast: 15_000, immediate: 30_000 }

/** Connects and takes the lock, starting the server if necessary. Returns without a connection if the holder was released meanwhile. */
async function acquire(holder: Holder): Promise<void> {
  const deadline = performance.now() + startTimeout
  const attempt: StartAttempt = { running: false, failures: 0, error: undefined }
  let wait = 4
  while (!holder.isReleased) {
    const result = await tryToConnect(holder)
    if (typeof result === 'object') {
      holder.client = result
      watch(holder, result)
      return
    }
    if (result === 'absent' && !attempt.running) start(holder.server, attempt)
    // A single failure may be an unknown race.
    if (attempt.error || attempt.failures > 1 || performance.now() > deadline)
      throw attempt.error ?? (await unavailable(holder.server, result))
    await pause(wait)
    wait = Math.min(wait * 1.3, 25)
  }
}

interface StartAttempt {
  running: boolean
  failures: number
  error: Error | undefined
}

function start(server: Server, attempt: StartAttempt): void {
  attempt.running = true
  startServer(server).then(
    (outcome: StartOutcome) => {
      attempt.running = false
      if (outcome === 'failed') attempt.failures += 1
    },
    (error: Error) => {
      attempt.running = false
      attempt.error = error
    },
  )
}

async function unavailable({ cluster }: Server, result: 'absent' | 'busy'): Promise<Error> {
  const what = result === 'busy' ? 'is running but does not answer' : 'does not start'
  return new LocalPostgresError(
    `The embedded PostgreSQL ${what}. The end of its log, ${cluster.log}:\n${await logTail(cluster)}\n` +
      `If the log does not show the reason, ${useYourOwn}.`,
  )
}

/** @returns a connection that holds the lock; `absent`: no server is listening; `busy`: the server is starting, stopping or hanging */
async function tryToConnect({ server, host }: Holder): Promise<Client | 'absent' | 'busy'> {
  const client = new pg.Client({
    ...{
      host,
      port: 5432,
      user: 'postgres',
      password: server.cluster.credentials.superuserPassword,
      database: 'signet',
    },
    ...{ ssl: false, application_name: 'signet share', connectionTimeoutMillis: 3_000, query_timeout: 3_000 },
  })
  client.on('error', () => {}) // `end` follows, and is handled
  try {
    await client.connect()
    // If the lock is refused, the last of the other users is stopping the server.
    if (await lock(client, 'pg_try_advisory_lock_shared')) return client
    destroyConnection(client)
    return 'busy'
  } catch (error) {
    destroyConnection(client)
    const { code } = error as { code?: unknown }
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return 'absent'
    if (isTemporary(error)) return 'busy'
    throw new LocalPostgresError(
      `The embedded PostgreSQL in ${server.cluster.data} rejects its own credentials: ${(error as Error).message}.`,
      { cause: error },
    )
  }
}

/** Whether the server is starting, stopping, recovering, hanging or full. All of these are temporary, unlike a wrong password. */
function isTemporary(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown }
  return typeof code === 'string' ? temporaryCodes.test(code) : driverMessages.test(String(message))
}

// SQLSTATE (PostgreSQL, Appendix A): connection exceptions, insufficient resources, shutdown and startup, system errors, a cancelled
// query. And the errors of a Unix socket whose server has exited in the meantime, or whose queue is full.
const temporaryCodes = /^(?:(?:08|53|58)\w{3}|57P\w\w|57014|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EAGAIN)$/

// The errors that pg throws without a code.
const driverMessages =
  /^(?:Connection terminated|timeout expired$|Query read timeout$|Client (?:has encountered|was closed))/

function watch(holder: Holder, client: Client): void {
  client.once('end', () => {
    if (holder.client === client) holder.client = undefined
    if (holder.isReleased) return
    holder.log.warn({ data: holder.server.cluster.data }, 'The embedded PostgreSQL has stopped; it is being restarted.')
    holder.recovery = recover(holder)
  })
}

async function recover(holder: Holder): Promise<void> {
  for (let wait = 100; !holder.isReleased; wait = Math.min(wait * 2, 5_000)) {
    try {
      await acquire(holder)
      if (holder.client)
        holder.log.info({ data: holder.server.cluster.data }, 'The embedded PostgreSQL is running again.')
      return
    } catch (err) {
      holder.log.warn({ err }, 'The embedded PostgreSQL could not be restarted; it will be retried.')
      await pauseUnless(holder, wait)
    }
  }
}

async function pauseUnless(holder: Holder, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (!holder.isReleased && performance.now() < end) await pause(20)
}

async function release(holder: Holder): Promise<void> {
  holder.isReleased = true
  await holder.recovery
  const { client, server, log } = holder
  if (!client) return
  try {
    if (await isLast(client)) {
      // The exclusive lock makes newcomers wait. The server is asked for its own pid: the file could belong to another server.
      const { rows } = await client.query<{ pid: string }>(
        "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid",
      )
      if (!(await stopServer(server, Number(rows[0]!.pid), stopTimeouts)))
        log.warn({ data: server.cluster.data }, 'The embedded PostgreSQL has not stopped yet.')
    }
  } catch (err) {
    log.warn({ err }, 'The embedded PostgreSQL could not be stopped; it keeps running, and the next start will use it.')
  } finally {
    destroyConnection(client)
  }
}

// First release the shared lock, then try the exclusive one. In the opposite order, two users that leave at the same time would each see the
// other's lock, and the server would keep running. In this order the last one to try gets the lock.
async function isLast(client: Client): Promise<boolean> {
  await lock(client, 'pg_advisory_unlock_shared')
  return lock(client, 'pg_try_advisory_lock')
}

async function lock(client: Client, action: string): Promise<boolean> {
  const { rows } = await client.query<{ done: boolean }>(`SELECT ${action}(${useLock}) AS done`)
  return rows[0]!.done
}

// Not `end()`, which waits for the server to close the connection: a hanging server never does.
function destroyConnection(client: Client): void {
  client.connection.stream.destroy()
}
