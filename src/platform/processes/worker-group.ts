import { type ChildProcess, fork } from 'node:child_process'
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { HeartbeatNews, HeartbeatWish } from '../database/relayed-heartbeat.ts'
import type { Log } from '../log.ts'
import { combineFamilies, lastingFamilies, type MetricFamily } from '../metric-families.ts'
import { type Connections, createConnections, type Taker } from './connections.ts'
import { afterEnd, afterStart, delayOf, isHopeless, noRestarts } from './restarts.ts'
import { encodeAssignment, type FromWorker, type ToWorker, type WorkerFailure } from './worker-messages.ts'

export interface WorkerGroupOptions<Assignment> {
  /** The path of the program of a worker. */
  readonly program: string
  readonly size: number
  /** What a worker is told first. Workers are counted from 1, and one that replaces another has its number. */
  readonly assignmentFor: (worker: number) => Assignment
  /** The metrics of this process. */
  readonly ownMetrics: () => Promise<readonly MetricFamily[]>
  readonly onWish: (wish: HeartbeatWish) => void
  readonly onEndings: () => void
  /** Called once: no worker serves, and several in a row could not start. */
  readonly onHopeless: (failure: WorkerFailure) => void
  readonly log: Log
}

/** The worker processes of a server, in its primary process. */
export interface WorkerGroup {
  readonly connections: Pick<Connections, 'listen'>
  /**
   * Starts all workers.
   *
   * @returns why a worker could not start; undefined when all are ready
   */
  start(): Promise<WorkerFailure | undefined>
  /** Passes on what the heartbeat of this process has learned. */
  tell(news: HeartbeatNews): void
  /** Lets each response be the last on its connection. Workers still serve. */
  shutDown(): void
  /**
   * Accepts no more connections, lets the workers complete what is in progress, and waits until they have exited. Those that take too long, or have
   * not been ready yet, are killed.
   */
  stop(): Promise<void>
  /** Kills all workers. For the moment before this process exits. */
  kill(): void
}

interface Worker extends Taker {
  readonly number: number
  readonly process: ChildProcess
  /** When it was ready, by `performance.now()`. */
  readyAt?: number
  isLeaving?: true
  failure?: WorkerFailure
  /** As last counted. */
  counted: readonly MetricFamily[]
  readonly ended: Promise<void>
}

/** Milliseconds that a scrape waits for a worker. */
const countTimeout = 2_000
/** Milliseconds: until connections that no worker takes are closed when the group stops. */
const handOverTimeout = 2_000
/** Milliseconds: ten seconds for requests in progress, the rest for deferred writes. */
const stopTimeout = 15_000

/**
 * Creates the group without starting it. A worker that ends is replaced under the same number. Nobody else starts or ends workers: they ignore the
 * signals that a terminal or a supervisor sends to all processes.
 */
export function createWorkerGroup<Assignment>(options: WorkerGroupOptions<Assignment>): WorkerGroup {
  const { program, size, assignmentFor, ownMetrics, onWish, onEndings, onHopeless, log } = options
  const workers = new Set<Worker>()
  const connections = createConnections(log)
  const timers = new Set<NodeJS.Timeout>()
  let restarts = noRestarts
  /** Until all workers have been ready once, the first failure ends the start. */
  let onStarted: ((failure: WorkerFailure | undefined) => void) | undefined
  let isStopping = false
  /** What workers had counted that have ended. */
  let past: readonly MetricFamily[] = []
  let counts = 0
  let lastPulse: HeartbeatNews | undefined
  const awaited = new Map<number, () => void>()

  const isReady = (worker: Worker) => worker.readyAt !== undefined && !worker.isLeaving
  const serving = () => [...workers].filter(isReady).length

  const send = (worker: Worker, message: ToWorker, socket?: Socket, onError = () => {}) => {
    // An error means that its channel is closed. `disconnect` follows, or has been handled.
    worker.process.send(message, socket, { keepOpen: true }, (error) => error && onError())
  }

  const launch = (number: number) => {
    // By default a child process inherits its parent's standard streams and environment. Everything else goes through the channel.
    const child = fork(program, [], { execArgv: [...process.execArgv, '--expose-gc'] })
    let end = () => {}
    const worker: Worker = {
      number,
      process: child,
      counted: [],
      hand: (socket) => send(worker, { kind: 'connection' }, socket),
      ended: new Promise((resolve) => {
        end = resolve
      }),
    }
    workers.add(worker)
    child.on('message', (message) => receive(worker, message as FromWorker))
    child.on('error', (err) => log.error({ err, worker: number }, 'A worker process cannot be reached or started.'))
    // After the last message that it sent, and after its exit.
    child.once('close', (code, signal) => {
      end()
      handleEnd(worker, code, signal)
    })
    child.once('disconnect', () => connections.remove(worker))
    send(worker, { kind: 'begin', assignment: encodeAssignment(assignmentFor(number)) })
    if (lastPulse) send(worker, { kind: 'heartbeat', news: lastPulse })
  }

  const receive = (worker: Worker, message: FromWorker) => {
    switch (message.kind) {
      case 'ready':
        worker.readyAt = performance.now()
        restarts = afterStart(restarts)
        connections.add(worker)
        log.info({ worker: worker.number, pid: worker.process.pid }, 'A worker process is ready.')
        if (serving() === size) finishStart(undefined)
        break
      case 'failed':
        worker.failure = message.failure
        break
      case 'taken':
        connections.taken(worker)
        break
      case 'leaving':
        worker.isLeaving = true
        connections.pass(worker)
        send(worker, { kind: 'stop' })
        replace(worker)
        break
      case 'wish':
        onWish(message.wish)
        break
      case 'endings':
        onEndings()
        break
      case 'counted':
        worker.counted = message.families
        awaited.get(message.id)?.()
        break
      case 'scrape':
        scrape().then(
          (families) => send(worker, { kind: 'scraped', id: message.id, families }),
          (err: unknown) => log.error({ err }, 'The metrics could not be collected.'),
        )
        break
    }
  }

  const handleEnd = (worker: Worker, code: number | null, signal: NodeJS.Signals | null) => {
    workers.delete(worker)
    connections.remove(worker)
    past = combineFamilies([past, lastingFamilies(worker.counted)])
    if (isStopping) return
    if (!worker.isLeaving) {
      log.warn({ worker: worker.number, code, signal }, 'A worker process has ended unexpectedly.')
      replace(worker)
    }
  }

  const replace = (worker: Worker) => {
    if (isStopping) return
    const failure = worker.failure ?? endedWithoutReason
    if (onStarted) return finishStart(failure)
    const { readyAt } = worker
    restarts = afterEnd(restarts, readyAt === undefined ? undefined : performance.now() - readyAt)
    if (isHopeless(restarts, serving())) return onHopeless(failure)
    const delay = delayOf(restarts)
    if (delay > 0)
      log.warn({ worker: worker.number, seconds: delay / 1000 }, 'The next start of a worker process is delayed.')
    const timer = setTimeout(() => {
      timers.delete(timer)
      launch(worker.number)
    }, delay)
    timers.add(timer)
  }

  const finishStart = (failure: WorkerFailure | undefined) => {
    onStarted?.(failure)
    onStarted = undefined
  }

  /** Asks a worker for its metrics. Resolves when it has answered or ended, or takes too long: then what it said before counts. */
  const count = async (worker: Worker) => {
    const id = counts++
    const answer = new Promise<void>((resolve) => {
      awaited.set(id, resolve)
      send(worker, { kind: 'count', id }, undefined, resolve)
    })
    const enough = new AbortController()
    const overdue = pause(countTimeout, undefined, { signal: enough.signal }).catch(() => {})
    await Promise.race([answer, worker.ended, overdue])
    enough.abort()
    awaited.delete(id)
  }

  const scrape = async () => {
    const own = await ownMetrics()
    await Promise.all([...workers].filter(({ readyAt }) => readyAt !== undefined).map(count))
    return combineFamilies([own, past, ...[...workers].map(({ counted }) => counted)])
  }

  return {
    connections,
    start: () =>
      new Promise((resolve) => {
        onStarted = resolve
        for (let number = 1; number <= size; number++) launch(number)
      }),
    tell: (news) => {
      if (news.what === 'pulse') lastPulse = news
      for (const worker of workers) send(worker, { kind: 'heartbeat', news })
    },
    shutDown: () => {
      for (const worker of workers) send(worker, { kind: 'shut-down' })
    },
    stop: async () => {
      isStopping = true
      for (const timer of timers) clearTimeout(timer)
      await connections.close(handOverTimeout)
      const all = [...workers]
      for (const worker of all) {
        if (worker.readyAt === undefined) worker.process.kill('SIGKILL')
        else send(worker, { kind: 'stop' })
      }
      const overdue = setTimeout(() => {
        for (const worker of workers) worker.process.kill('SIGKILL')
      }, stopTimeout)
      await Promise.all(all.map(({ ended }) => ended))
      clearTimeout(overdue)
    },
    kill: () => {
      for (const worker of workers) worker.process.kill('SIGKILL')
    },
  }
}

const endedWithoutReason: WorkerFailure = { message: 'A worker process ended while it started.', exitCode: 1 }
