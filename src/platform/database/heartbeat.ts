import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { elapsedSince, type MachineClocks, type Moment, machineClocks, momentOf } from '../clock.ts'
import type { DatabaseLog } from '../log.ts'
import type { Hosts } from './hosts.ts'
import { destroyConnection, endConnection, type OpenedConnection, openConnection } from './open-connection.ts'
import { probeDisk, recordNodeSeen, removeNode } from './primary-store.ts'
import { DatabaseReadOnly, isTooManyConnections } from './unavailable.ts'

/**
 * The channels of PostgreSQL's NOTIFY. Triggers call `pg_notify` when rows change, and the notification is delivered at the commit. A node then
 * drops its cached clients, reloads signing keys or purpose secrets, or looks for jobs. There is no channel for endings: nodes poll for those every
 * second (records/endings/ending-worker.ts).
 */
export const notifyChannels = {
  /** sql/005.do.clients-changed.sql */
  clients: 'signet_clients',
  /** sql/006.do.key-ring.sql */
  keys: 'signet_keys',
  /** sql/015.do.renewed-secrets.sql */
  secrets: 'signet_secrets',
  /** sql/023.do.mail-and-recovery.sql */
  jobs: 'signet_jobs',
  /** sql/033.do.back-channel-logout.sql */
  notices: 'signet_notices',
} as const
export type NotifyChannel = (typeof notifyChannels)[keyof typeof notifyChannels]

export interface HeartbeatOptions {
  readonly hosts: Hosts
  /** Also the payload of notifications for this installation, because all schemas of a database share the channels. */
  readonly schema: string
  /** See ConnectionSetup. LISTEN does not work with `shared` sessions. Default `own`. */
  readonly session?: 'own' | 'shared'
  /** The channels to LISTEN on. If empty, there are no notifications. */
  readonly channels: readonly NotifyChannel[]
  /** Called for each NOTIFY with its channel, and with undefined whenever LISTEN starts, because notifications since the last beat may have been missed. */
  readonly onNotify: (channel: string | undefined) => void
  /**
   * Called when the connection was lost, or the server stopped accepting writes: other connections may have the same problem.
   *
   * @param isCertain whether it is certain that the server cannot be used, as after a fail-over. A lost connection alone says little
   */
  readonly onLost: (reason: string, isCertain: boolean) => void
  /** Called when the server refuses the connection because it has too many. */
  readonly onTooMany: () => void
  /** Called whenever the heartbeat knows something else than before, for processes that have none of their own (relayed-heartbeat.ts). */
  readonly onPulse?: ((pulse: Pulse) => void) | undefined
  readonly log: DatabaseLog
  /** For tests. */
  readonly clocks?: MachineClocks
}

/** What a heartbeat knows. */
export interface Pulse {
  /** Notifications of everything that was committed before this moment have been delivered. Undefined: unknown. */
  readonly notifiedUntil: Moment | undefined
  /** When the last write that succeeded began. */
  readonly writtenAt: Moment | undefined
  /** A problem that is certain. */
  readonly problem: string | undefined
}

export interface Heartbeat {
  /**
   * Whether the notifications of all changes committed more than `maxStaleness` ago have been delivered. For that long it stays true after the
   * connection was lost.
   */
  isLive(): boolean
  /** Why the database is not usable at the moment, for the operator; undefined if it is. */
  problem(): string | undefined
  /** Resolves when the first attempt has succeeded or failed. */
  readonly begun: Promise<void>
  /** Closes the connection and opens another one, without calling `onLost`. */
  reconnect(): void
  /** Checks the free disk space now instead of at a later beat, because a statement failed for lack of it. */
  checkDisk(): void
  stop(): Promise<void>
}

/** Milliseconds: between two beats; until one counts as failed; until the next attempt to connect. */
const [interval, timeout, reconnectDelay] = [3_000, 2_000, 1_000]

/** Milliseconds after which a change is known at the latest, even if the connection died silently. */
export const maxStaleness = interval + 2 * timeout

/**
 * Beats between two checks of the disk. Each check adds a line to the server's log if `log_temp_files` is 0. A full disk is also noticed when
 * the first statement fails.
 */
const beatsPerDiskCheck = 10

/**
 * Checks periodically, on a separate connection, that this node can reach and write to the primary, and listens for notifications there
 * (PostgreSQL, LISTEN). A connection that died silently is detected by a missing answer, and a server that became a standby or read-only by a
 * refused write. After this process was suspended, nothing is confirmed until the next beat. Both the wall clock and the monotonic clock
 * count, because the monotonic one stops while the machine is suspended.
 */
export function startHeartbeat(options: HeartbeatOptions): Heartbeat {
  const { hosts, schema, session = 'own', channels, onNotify, onLost, onTooMany, onPulse, log } = options
  const { clocks = machineClocks } = options
  const node = randomUUID()
  const ended = new AbortController()
  let notifiedUntil: Moment | undefined
  let writtenAt: Moment | undefined
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

  const tell = () => onPulse?.({ notifiedUntil, writtenAt, problem })
  const succeed = (asked: Moment) => {
    writtenAt = asked
    problem = undefined
    if (logged !== undefined) log.info({}, 'The database can be written again.')
    logged = undefined
    begin()
  }
  const fail = (err: unknown, otherwise: string) => {
    // A single slow answer is not conclusive; then the age of the last successful write decides.
    problem = definiteProblem(err) ?? problem
    const message = definiteProblem(err) ?? otherwise
    // One line per outage, not one per second.
    if (message !== logged) log.warn({ err }, `Heartbeat: ${message}.`)
    logged = message
    begin()
  }

  const beat = async (connection: OpenedConnection, count: number) => {
    const asked = momentOf(clocks)
    try {
      await recordNodeSeen(connection, node)
      if (isDiskDue || problem !== undefined || count % beatsPerDiskCheck === 0) {
        isDiskDue = false
        // A limit of the role (temp_file_limit) says nothing about the disk.
        await probeDisk(connection).catch((error: unknown) => {
          if (codeOf(error) !== '53400') throw error
        })
      }
      succeed(asked)
    } catch (error) {
      // A lost connection, or a server that is not the primary, ends this round.
      if (connection.lost() || codeOf(error) === '25006') throw error
      fail(error, 'a write failed')
    }
    // Notifications that were sent before the answer have arrived before it.
    if (channels.length > 0) notifiedUntil = asked
    tell()
  }

  const beatUntilLost = async (connection: OpenedConnection) => {
    const { client } = connection
    connection.whenLost(() => wake.abort())
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
    await removeNode(connection, node).catch(() => {}) // the cleaner will remove it
    await endConnection(client)
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
        await beatUntilLost(current)
      } catch (error) {
        if (current) destroyConnection(current.client)
        if (!isExpected && !ended.signal.aborted) {
          const what = current ? 'the connection was lost' : 'the database cannot be reached'
          fail(error, what)
          const certain = definiteProblem(error)
          if (certain !== undefined) notifiedUntil = undefined
          if (current) onLost(certain ?? `heartbeat: ${what}`, certain !== undefined)
          if (isTooManyConnections(error)) onTooMany()
        }
      }
      current = undefined
      // `notifiedUntil` stays: what was delivered was delivered. Nothing more will be, so it is too old `maxStaleness` after the last beat.
      tell()
      if (!isExpected) await rest(reconnectDelay)
      isExpected = false
    }
  }
  const running = run()

  return {
    begun,
    isLive: () => isFresh(notifiedUntil, clocks),
    problem: () => problemOf({ writtenAt, problem }, clocks),
    reconnect: () => {
      if (!current) return
      isExpected = true
      destroyConnection(current.client)
    },
    checkDisk: () => {
      // While the disk is known to be full, each beat checks it anyway.
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

/** Why the database is not usable, according to a pulse; undefined if it is. */
export function problemOf(
  { writtenAt, problem }: Pick<Pulse, 'writtenAt' | 'problem'>,
  clocks?: MachineClocks,
): string | undefined {
  if (problem !== undefined) return problem
  if (isFresh(writtenAt, clocks)) return undefined
  return 'the database could not be written within the last few seconds'
}

/** Whether a moment is so recent that what was known then still counts. */
export function isFresh(moment: Moment | undefined, clocks: MachineClocks = machineClocks): boolean {
  if (!moment) return false
  const { elapsed } = elapsedSince(moment, clocks)
  return elapsed >= 0 && elapsed <= maxStaleness
}

/** A problem that is certain, as a text that /readyz can show to anyone: without addresses and names. */
function definiteProblem(error: unknown): string | undefined {
  if (error instanceof DatabaseReadOnly || codeOf(error) === '25006')
    return 'the database accepts no writes: it is a standby, or it was made read-only'
  if (codeOf(error) === '53100') return "the database's disk is full"
  return undefined
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code
}
