import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { elapsedSince, type Moment, machineClocks, momentOf } from '../clock.ts'
import type { DatabaseLog } from '../log.ts'
import type { Hosts } from './hosts.ts'
import { hangUp, type OpenedConnection, openConnection, sayGoodbye } from './open-connection.ts'
import { removeNode, useDisk, writeSeen } from './primary-store.ts'
import { DatabaseReadOnly, isTooManyConnections } from './unavailable.ts'

/**
 * The channels of PostgreSQL's NOTIFY. Triggers call `pg_notify` when rows change, and it is delivered at the commit: a node then drops the
 * clients that it has in memory, or reads signing keys or purpose secrets anew. Endings are not among them; nodes look for those every second
 * (records/endings/follower.ts).
 */
export const notifyChannels = {
  /** sql/005.do.clients-changed.sql */
  clients: 'signet_clients',
  /** sql/006.do.key-ring.sql */
  keys: 'signet_keys',
  /** sql/015.do.renewed-secrets.sql */
  secrets: 'signet_secrets',
} as const
export type NotifyChannel = (typeof notifyChannels)[keyof typeof notifyChannels]

export interface HeartbeatOptions {
  readonly hosts: Hosts
  /** Also the payload of notifications that are for us: one channel serves all schemas of a database. */
  readonly schema: string
  /** Whose the sessions of the server are; see ConnectionSetup. Nothing can be listened to on shared ones. Default `own`. */
  readonly session?: 'own' | 'shared'
  /** What to LISTEN to. With none the heartbeat hears nothing. */
  readonly channels: readonly NotifyChannel[]
  /** Called at each NOTIFY with its channel, and without one whenever LISTEN begins: whatever came before was missed. */
  readonly onNotify: (channel: string | undefined) => void
  /** Called when the connection was lost or the server turned out to accept no writes: other connections may lead there, too. */
  readonly onLost: (reason: string) => void
  /** Called when the server refuses the connection because there are too many. */
  readonly onTooMany: () => void
  readonly log: DatabaseLog
}

export interface Heartbeat {
  /** Whether everything that was committed longer ago than `maxStaleness` has been heard. */
  hears(): boolean
  /** Why the database cannot be relied on at present, in words for the operator; undefined when it can. */
  problem(): string | undefined
  /** Settled when the first attempt has succeeded or failed. */
  readonly begun: Promise<void>
  /** Gives up the connection and makes another, without `onLost`. */
  reconnect(): void
  /** Finds out now, and not at the next beat, whether the disk has room: a statement has failed because it has none. */
  checkDisk(): void
  stop(): Promise<void>
}

/** Milliseconds: between two beats; until one counts as failed; until the next attempt to connect. */
const [interval, timeout, reconnectDelay] = [3_000, 2_000, 1_000]

/** Milliseconds after which a change is known at the latest, also where the connection died without a word. */
export const maxStaleness = interval + 2 * timeout

/**
 * Beats between two looks at the disk. Each leaves a line in the server's log where `log_temp_files` is 0, and a disk that is full
 * is noticed by the first statement that fails.
 */
const beatsBetweenDisks = 10

/**
 * Proves again and again, on a connection of its own, that this node reaches the primary and that it can be written, and listens
 * there (PostgreSQL, LISTEN). A connection that died silently is found by the missing answer, a server that became a standby or
 * read-only by the refused write. A process that stood still knows nothing until the next beat: wall clock and monotonic clock
 * both count, because the monotonic one stands still while a machine is suspended.
 */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { hosts, schema, session = 'own', channels, onNotify, onLost, onTooMany, log } = options
  const node = randomUUID()
  const ended = new AbortController()
  let heard: Moment | undefined
  let written: Moment | undefined
  let problem: string | undefined
  let logged: string | undefined
  let current: OpenedConnection | undefined
  let isExpected = false
  let isDiskDue = true
  let wake = new AbortController()
  let begin = () => {}
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })

  const rest = async (milliseconds: number) => {
    wake = new AbortController()
    if (ended.signal.aborted) return
    await pause(milliseconds, undefined, { ref: false, signal: wake.signal }).catch(() => undefined)
  }

  const succeed = (asked: Moment) => {
    written = asked
    problem = undefined
    if (logged !== undefined) log.info({}, 'The database can be written again.')
    logged = undefined
    begin()
  }
  const fail = (err: unknown, otherwise: string) => {
    // One slow answer says little; then the age of the last successful write decides.
    problem = definiteProblem(err) ?? problem
    const message = definiteProblem(err) ?? otherwise
    // One line per outage, not one per second.
    if (message !== logged) log.warn({ err }, `Heartbeat: ${message}.`)
    logged = message
    begin()
  }

  const beat = async (connection: OpenedConnection, count: number) => {
    const asked = momentOf(machineClocks)
    try {
      await writeSeen(connection, node)
      if (isDiskDue || problem !== undefined || count % beatsBetweenDisks === 0) {
        isDiskDue = false
        // A limit of the role (temp_file_limit) says nothing of the disk.
        await useDisk(connection).catch((error: unknown) => {
          if (codeOf(error) !== '53400') throw error
        })
      }
      succeed(asked)
    } catch (error) {
      // A lost connection, or a server that is not the primary, ends this round.
      if (connection.lost() || codeOf(error) === '25006') throw error
      fail(error, 'a write failed')
    }
    // The answer came after the notifications that were sent before it.
    if (channels.length > 0) heard = asked
  }

  const live = async (connection: OpenedConnection) => {
    const { client } = connection
    connection.whenLost(() => {
      heard = undefined
      wake.abort()
    })
    client.on('notification', ({ channel, payload }) => payload === schema && onNotify(channel))
    if (channels.length > 0) {
      await connection.query({ text: channels.map((channel) => `LISTEN ${channel}`).join(';') })
      onNotify(undefined)
    }
    for (let count = 0; !ended.signal.aborted; count += 1) {
      await beat(connection, count)
      await rest(interval)
      const lost = connection.lost()
      if (lost && !ended.signal.aborted) throw lost
    }
    await removeNode(connection, node).catch(() => {}) // the cleaner does it then
    await sayGoodbye(client)
  }

  const run = async () => {
    while (!ended.signal.aborted) {
      try {
        current = await openConnection({
          ...{
            hosts,
            applicationName: `signet listener ${schema}`,
            connectTimeoutMs: timeout,
            queryTimeoutMs: timeout,
          },
          setup: { schema, session, statementTimeoutMs: 0.9 * timeout, idleInTransactionTimeoutMs: timeout },
        })
        isExpected = false
        await live(current)
      } catch (error) {
        if (current) hangUp(current.client)
        if (!isExpected && !ended.signal.aborted) {
          const what = current ? 'the connection was lost' : 'the database cannot be reached'
          fail(error, what)
          if (current) onLost(definiteProblem(error) ?? `heartbeat: ${what}`)
          if (isTooManyConnections(error)) onTooMany()
        }
      }
      current = undefined
      heard = undefined
      if (!isExpected) await rest(reconnectDelay)
      isExpected = false
    }
  }
  const running = run()

  return {
    begun,
    hears: () => isFresh(heard),
    problem: () => {
      if (problem !== undefined) return problem
      if (isFresh(written)) return undefined
      return 'the database could not be written within the last seconds'
    },
    reconnect: () => {
      if (!current) return
      isExpected = true
      hangUp(current.client)
    },
    checkDisk: () => {
      // Once it is known to be full, each beat looks.
      if (isDiskDue || problem !== undefined) return
      isDiskDue = true
      wake.abort()
    },
    stop: async () => {
      ended.abort()
      wake.abort()
      await running
    },
  }
}

function isFresh(moment: Moment | undefined): boolean {
  if (!moment) return false
  const { elapsed } = elapsedSince(moment, machineClocks)
  return elapsed >= 0 && elapsed <= maxStaleness
}

/** A problem that is certain, in words that /readyz can show to anyone: without addresses and names. */
function definiteProblem(error: unknown): string | undefined {
  if (error instanceof DatabaseReadOnly || codeOf(error) === '25006')
    return 'the database accepts no writes: it is a standby, or it was made read-only'
  if (codeOf(error) === '53100') return "the database's disk is full"
  return undefined
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code
}
