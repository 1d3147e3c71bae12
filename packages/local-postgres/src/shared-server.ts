import { setTimeout as pause } from 'node:timers/promises'
import pg, { type Client } from 'pg'
import { LocalPostgresError, type Log, useYourOwn } from './operator-messages.ts'
import { logTail, type Server, type StartOutcome, startServer, stopServer } from './postgres-server.ts'

/** One process's share in a server that several use. */
export interface Share {
  /** Gives it back. The last process to do so stops the server. Nothing is thrown: what goes wrong is logged. */
  giveBack(): Promise<void>
}

/**
 * Takes a share in the server, and starts it when it does not run. Each holder has a connection with a shared advisory lock, which ends
 * with its process however that ends, so no count can go wrong. When the server dies, the connection ends, and the holder starts the
 * server again, for as long as the share is held.
 *
 * @param host the folder of the server's socket
 * @throws LocalPostgresError when there is no server within a minute
 */
export async function takeShare(server: Server, host: string, log: Log): Promise<Share> {
  const holder: Holder = { server, host, log, givenBack: false, client: undefined, recovery: undefined }
  await acquire(holder)
  let giving: Promise<void> | undefined
  return {
    giveBack: () => {
      giving ??= giveBack(holder)
      return giving
    },
  }
}

interface Holder {
  readonly server: Server
  readonly host: string
  readonly log: Log
  givenBack: boolean
  client: Client | undefined
  recovery: Promise<void> | undefined
}

// Two numbers, so that it can be none of Signet's other advisory locks, which are hashes of names.
const shareLock = '0, 1'

// Long enough for a server that recovers from a crash on a machine with little CPU time. One that cannot start is noticed at once.
const startPatience = 60_000
const stopPatience = 15_000

/** Connects with the lock, starting the server if need be. Ends without when the share is given back meanwhile. */
async function acquire(holder: Holder): Promise<void> {
  const deadline = performance.now() + startPatience
  const attempt: StartAttempt = { running: false, failures: 0, error: undefined }
  let wait = 4
  while (!holder.givenBack) {
    const answer = await ask(holder)
    if (typeof answer === 'object') {
      holder.client = answer
      watch(holder, answer)
      return
    }
    if (answer === 'absent' && !attempt.running) start(holder.server, attempt)
    // Once may be a race that we do not know of.
    if (attempt.error || attempt.failures > 1 || performance.now() > deadline)
      throw attempt.error ?? (await notComing(holder.server, answer))
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

async function notComing({ cluster }: Server, answer: 'absent' | 'busy'): Promise<Error> {
  const what = answer === 'busy' ? 'is there but does not answer' : 'does not start'
  return new LocalPostgresError(
    `The embedded PostgreSQL ${what}. The end of its log, ${cluster.log}:\n${await logTail(cluster)}\n` +
      `Where the log gives no clue, ${useYourOwn}.`,
  )
}

/** Asks once. A connection that holds the lock; `absent`: nothing listens; `busy`: the server starts, stops or hangs. */
async function ask({ server, host }: Holder): Promise<Client | 'absent' | 'busy'> {
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
  client.on('error', () => {}) // `end` follows, and is what counts
  try {
    await client.connect()
    // Refused, it is being stopped by the last of the others.
    if (await holds(client, 'pg_try_advisory_lock_shared')) return client
    hangUp(client)
    return 'busy'
  } catch (error) {
    hangUp(client)
    const { code } = error as { code?: unknown }
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return 'absent'
    if (cannotServeYet(error)) return 'busy'
    throw new LocalPostgresError(
      `The embedded PostgreSQL in ${server.cluster.data} refuses its own credentials: ${(error as Error).message}.`,
      { cause: error },
    )
  }
}

/** Whether the server is there but starts, stops, recovers, hangs or has no room: all of it passes, unlike a wrong password. */
function cannotServeYet(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown }
  return typeof code === 'string' ? passingCodes.test(code) : driverMessages.test(String(message))
}

// SQLSTATE (PostgreSQL, Appendix A): connection exceptions, insufficient resources, shutdown and start-up, system errors, a cancelled
// query. And what a Unix socket reports of a server that has ended in the meantime, or whose queue is full.
const passingCodes = /^(?:(?:08|53|58)\w{3}|57P\w\w|57014|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EAGAIN)$/

// What pg throws without a code.
const driverMessages =
  /^(?:Connection terminated|timeout expired$|Query read timeout$|Client (?:has encountered|was closed))/

function watch(holder: Holder, client: Client): void {
  client.once('end', () => {
    if (holder.client === client) holder.client = undefined
    if (holder.givenBack) return
    holder.log.warn({ data: holder.server.cluster.data }, 'The embedded PostgreSQL is gone; it is being started again.')
    holder.recovery = recover(holder)
  })
}

async function recover(holder: Holder): Promise<void> {
  for (let wait = 100; !holder.givenBack; wait = Math.min(wait * 2, 5_000)) {
    try {
      await acquire(holder)
      if (holder.client) holder.log.info({ data: holder.server.cluster.data }, 'The embedded PostgreSQL is back.')
      return
    } catch (err) {
      holder.log.warn({ err }, 'The embedded PostgreSQL could not be started again; the next attempt follows.')
      await pauseUnless(holder, wait)
    }
  }
}

async function pauseUnless(holder: Holder, milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (!holder.givenBack && performance.now() < end) await pause(20)
}

async function giveBack(holder: Holder): Promise<void> {
  holder.givenBack = true
  await holder.recovery
  const { client, server, log } = holder
  if (!client) return
  try {
    if (await isLast(client)) {
      // The exclusive lock keeps newcomers waiting. The server is asked for its own number: a file could be another's.
      const { rows } = await client.query<{ pid: string }>(
        "SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1) AS pid",
      )
      if (!(await stopServer(server, Number(rows[0]!.pid), stopPatience)))
        log.warn({ data: server.cluster.data }, 'The embedded PostgreSQL has not stopped yet.')
    }
  } catch (err) {
    log.warn({ err }, 'The embedded PostgreSQL could not be stopped; it goes on, and the next start joins it.')
  } finally {
    hangUp(client)
  }
}

// First give up the share, then ask for the exclusive lock: the other way round, two that leave at once would each see the other's
// share, and the server would go on running. This way the one that asks last gets the lock.
async function isLast(client: Client): Promise<boolean> {
  await holds(client, 'pg_advisory_unlock_shared')
  return holds(client, 'pg_try_advisory_lock')
}

async function holds(client: Client, action: string): Promise<boolean> {
  const { rows } = await client.query<{ done: boolean }>(`SELECT ${action}(${shareLock}) AS done`)
  return rows[0]!.done
}

// Not `end()`, which waits for the server to close the connection: one that hangs never does.
function hangUp(client: Client): void {
  client.connection.stream.destroy()
}
