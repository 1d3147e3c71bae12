import type { Socket } from 'node:net'
import type { HeartbeatNews, HeartbeatWish } from '../database/relayed-heartbeat.ts'
import type { MetricFamily } from '../metric-families.ts'
import { decodeAssignment, type FromWorker, type ToWorker, type WorkerFailure } from './worker-messages.ts'

/** The connection of a worker process to its primary. */
export interface PrimaryLink<Assignment> {
  /** What the primary wants of this worker. */
  readonly assignment: Promise<Assignment>
  /** Aborted when the group begins to shut down. */
  readonly shuttingDown: AbortSignal
  /** Aborted when this worker must stop: the primary says so, or is gone. */
  readonly stopping: AbortSignal
  /** Whether the primary has ended without a word. */
  isOrphan(): boolean
  /** Takes connections from now on. Those that arrived before are taken now. */
  takeConnections(take: (connection: Socket) => void): void
  /** Hears what the primary's heartbeat learns, from the start of this process on. */
  hearHeartbeat(hear: (news: HeartbeatNews) => void): void
  /** Counts whenever the primary asks. */
  countFor(metrics: () => Promise<readonly MetricFamily[]>): void
  /** The metrics of the whole group. */
  scrape(): Promise<readonly MetricFamily[]>
  send(message: Exclude<FromWorker, { readonly kind: 'taken' | 'counted' | 'scrape' }>): void
  wish(wish: HeartbeatWish): void
  fail(failure: WorkerFailure): Promise<void>
  /** Ends the link. Without it, this process would not exit. */
  end(): void
}

/** Milliseconds: longer than the primary waits for the slowest worker. */
const scrapeTimeout = 5_000

/** The part of `process` that a link needs. */
export type Channel = Pick<NodeJS.Process, 'on' | 'off' | 'send' | 'disconnect' | 'connected'>

/**
 * Opens the link at the start of a worker process.
 *
 * @throws Error if no primary has started this process
 */
export function openPrimaryLink<Assignment>(channel: Channel): PrimaryLink<Assignment> {
  if (!channel.send) throw new Error('This program is started by `signet serve`.')
  const shuttingDown = new AbortController()
  const stopping = new AbortController()
  let isOrphan = false
  let isEnded = false
  let take: ((connection: Socket) => void) | undefined
  const early: Socket[] = []
  let hear: ((news: HeartbeatNews) => void) | undefined
  const earlyNews: HeartbeatNews[] = []
  let metrics: (() => Promise<readonly MetricFamily[]>) | undefined
  const scrapes = new Map<number, (families: readonly MetricFamily[]) => void>()
  let asked = 0
  let begin = (_assignment: Assignment) => {}
  const assignment = new Promise<Assignment>((resolve) => {
    begin = resolve
  })

  const send = (message: FromWorker, onSent = () => {}) => {
    // An error means that the primary is gone, which `disconnect` reports.
    if (channel.connected) channel.send?.(message, undefined, undefined, onSent)
    else onSent()
  }

  const onMessage = (message: ToWorker, socket?: Socket) => {
    switch (message.kind) {
      case 'begin':
        begin(decodeAssignment(message.assignment))
        break
      case 'connection':
        // Before anything is read from it: from now on the connection is ours.
        send({ kind: 'taken' })
        if (socket && take) take(socket)
        else if (socket) early.push(socket)
        break
      case 'heartbeat':
        if (hear) hear(message.news)
        else earlyNews.push(message.news)
        break
      case 'count':
        metrics?.().then(
          (families) => send({ kind: 'counted', id: message.id, families }),
          () => send({ kind: 'counted', id: message.id, families: [] }),
        )
        break
      case 'scraped':
        scrapes.get(message.id)?.(message.families)
        break
      case 'shut-down':
        shuttingDown.abort()
        break
      case 'stop':
        stopping.abort()
        break
    }
  }
  channel.on('message', onMessage as NodeJS.MessageListener)
  channel.on('disconnect', () => {
    isOrphan = !isEnded && !stopping.signal.aborted
    stopping.abort()
  })

  return {
    assignment,
    shuttingDown: shuttingDown.signal,
    stopping: stopping.signal,
    isOrphan: () => isOrphan,
    takeConnections: (taking) => {
      take = taking
      for (const socket of early.splice(0)) taking(socket)
    },
    hearHeartbeat: (hearing) => {
      hear = hearing
      for (const news of earlyNews.splice(0)) hearing(news)
    },
    countFor: (counting) => {
      metrics = counting
    },
    scrape: () =>
      new Promise((resolve, reject) => {
        const id = asked++
        const overdue = setTimeout(() => {
          scrapes.delete(id)
          reject(new Error('The primary process has not sent the metrics in time.'))
        }, scrapeTimeout)
        scrapes.set(id, (families) => {
          clearTimeout(overdue)
          scrapes.delete(id)
          resolve(families)
        })
        send({ kind: 'scrape', id })
      }),
    send: (message) => send(message),
    wish: (wish) => send({ kind: 'wish', wish }),
    fail: (failure) => new Promise((resolve) => send({ kind: 'failed', failure }, resolve)),
    end: () => {
      isEnded = true
      if (channel.connected) channel.disconnect()
    },
  }
}
