import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { WorkerEvents, WorkerPool } from 'graphile-worker'
import { jobsSchemaOf } from '../database/job-schema.ts'
import type { Database } from '../database/pool.ts'
import { isUnavailable } from '../database/unavailable.ts'
import type { Log } from '../log.ts'
import { jobDatabase } from './job-database.ts'
import { quietLogger } from './job-log.ts'
import { asTask, type RunTask } from './running-job.ts'

export interface JobWorker {
  /** Starts to run jobs. */
  run(): void
  /** Looks for a job now, because one was added. */
  wake(): void
  /** The number of jobs when they were last counted, up to 10,000; undefined before that. */
  waiting(): number | undefined
  /** Starts no further job, waits briefly for running ones, and then aborts them. */
  stop(): Promise<void>
}

export interface JobWorkerOptions {
  readonly database: Database
  /** Our schema, not that of the jobs. */
  readonly schema: string
  /** Whether PostgreSQL notifies this node of new jobs, so that it can poll less often. */
  readonly isNotified: boolean
  readonly tasks: Readonly<Record<string, RunTask>>
  /** Jobs that a node runs at the same time. Default: 4. */
  readonly concurrency?: number
  /** Counts the jobs that wait, and tidies up, about once a minute (jobs-store.ts). Several workers share one queue, so only one of them tidies up. */
  readonly tend: (db: Database) => Promise<number>
  /** What happens as long as the queue cannot be used, for the log. */
  readonly consequence: string
  readonly log: Log
  readonly timing?: Partial<JobTiming>
}

/** Milliseconds. */
export interface JobTiming {
  /** Between two polls, for jobs that are tried again, and also for new ones if PostgreSQL does not notify this node of them. */
  readonly pollIfNotified: number
  readonly pollOtherwise: number
  /** Between two searches for jobs of killed nodes. Drawn at random from 0.5 to 1.5 times this. */
  readonly betweenTending: number
  /** That running jobs get when the node stops: before they are aborted, and after it. */
  readonly graceBeforeAbort: number
  readonly graceAfterAbort: number
  /** Until the worker starts again after a failure, such as a missing privilege. */
  readonly afterFailure: number
}

const defaultTiming: JobTiming = {
  ...{ pollIfNotified: 5_000, pollOtherwise: 1_000, betweenTending: 60_000 },
  ...{ graceBeforeAbort: 2_000, graceAfterAbort: 2_000, afterFailure: 30_000 },
}

/** Milliseconds: the longest time of a timer. */
const never = 2 ** 31 - 1

/**
 * Creates the worker of a server, around that of graphile-worker. It uses the connections of the requests: its statements are short and need no
 * transaction, and a running job holds no connection.
 */
export function createJobWorker(options: JobWorkerOptions): JobWorker {
  const { database, schema, isNotified, tasks, concurrency = 4, tend, consequence, log } = options
  const timing = { ...defaultTiming, ...options.timing }
  const stopping = new AbortController()
  let pool: WorkerPool | undefined
  let running: Promise<unknown> | undefined
  let waiting: number | undefined
  let logged: string | undefined

  const report = (err: unknown) => {
    const message = err instanceof Error ? err.message : String(err)
    // It is tried again and again, and the reason stays the same until somebody removes it.
    if (message !== logged)
      log.warn({ err }, `The queue of jobs cannot be used, so ${consequence}; it will be tried again.`)
    logged = message
  }

  /** Runs graphile-worker until the node stops. It ends by itself if it cannot read or change the queue. */
  const work = async () => {
    const { runTaskList, Logger } = await import('graphile-worker')
    const taskList = Object.fromEntries(Object.entries(tasks).map(([name, run]) => [name, asTask(run, database)]))
    while (!stopping.signal.aborted) {
      const events: WorkerEvents = new EventEmitter()
      events.on('worker:getJob:empty', () => {
        logged = undefined
      })
      // One more runner looks for each job that is found. So a burst occupies all of them, and a single job costs two searches.
      events.on('job:start', () => lookForOne())
      events.once('worker:getJob:error', ({ error }) => {
        report(error)
        // It keeps the failure of its first statement, so it has to be created again. After this event it schedules its next attempt.
        setImmediate(() => Promise.resolve(pool?.gracefulShutdown()).catch(() => {}))
      })
      pool = runTaskList(
        {
          schema: jobsSchemaOf(schema),
          concurrency,
          // Each of graphile-worker's runners would poll by itself, and all of them at the same moment: see `poll`.
          pollInterval: never,
          noHandleSignals: true,
          logger: new Logger(quietLogger(log)),
          events,
          preset: {
            worker: {
              // Named statements keep their plan, and one that was made while the queue was empty reads the whole table once it is full.
              preparedStatements: false,
              gracefulShutdownAbortTimeout: timing.graceBeforeAbort,
              // By default (-1), a failure of the statement that ends a job is a rejection that nobody handles.
              ...{ completeJobBatchDelay: 0, failJobBatchDelay: 0 },
            },
          },
        },
        taskList,
        jobDatabase(database, stopping.signal),
      )
      await pool.promise.catch(report)
      pool = undefined
      await rest(timing.afterFailure)
    }
  }

  const keepTending = async () => {
    while (!stopping.signal.aborted) {
      try {
        waiting = await tend(database)
      } catch (error) {
        waiting = undefined
        // An unavailable database is reported by the pool.
        if (!isUnavailable(error)) report(error)
      }
      await rest(timing.betweenTending * (0.5 + Math.random()))
    }
  }

  /** Lets one idle runner look for a job. */
  const lookForOne = () => {
    try {
      pool?.nudge(1)
    } catch {
      // It throws while it ends by itself.
    }
  }

  const poll = async () => {
    while (!stopping.signal.aborted) {
      await rest(isNotified ? timing.pollIfNotified : timing.pollOtherwise)
      if (!stopping.signal.aborted) lookForOne()
    }
  }

  const rest = (milliseconds: number) =>
    pause(milliseconds, undefined, { ref: false, signal: stopping.signal }).catch(() => undefined)

  return {
    run: () => {
      running ??= Promise.all([work(), keepTending(), poll()]).catch(report)
    },
    wake: () => {
      if (!stopping.signal.aborted) lookForOne()
    },
    waiting: () => waiting,
    stop: async () => {
      if (stopping.signal.aborted) return
      stopping.abort()
      Promise.resolve(pool?.gracefulShutdown()).catch(() => {})
      // While the database is away, a job cannot be given back, and another node takes it over some minutes later.
      const enough = new AbortController()
      const limit = pause(timing.graceBeforeAbort + timing.graceAfterAbort, undefined, { signal: enough.signal })
      await Promise.race([running, limit.catch(() => {})])
      enough.abort()
    },
  }
}
