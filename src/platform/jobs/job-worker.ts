import { setTimeout as pause } from 'node:timers/promises'
import type { Task, WorkerPool } from 'graphile-worker'
import { jobsSchemaOf } from '../database/job-schema.ts'
import type { Database } from '../database/pool.ts'
import type { Log } from '../log.ts'
import { jobDatabase } from './job-database.ts'
import { quietLogger } from './job-log.ts'
import { unlockStaleJobs } from './jobs-store.ts'

/** What a task is told about its job. */
export interface RunningJob {
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Whether there is no further attempt, whatever happens. */
  readonly isLast: boolean
  /**
   * Whether even the last attempt has ended without a result, because its node was killed. The task then only reports the failure.
   */
  readonly isOver: boolean
  /** Aborted when the node stops. The task should then fail soon; another node tries it again. */
  readonly signal: AbortSignal
}

/** Does the work of a job. If it throws, the job is tried again later, unless this was the last attempt. */
export type RunTask = (payload: unknown, job: RunningJob) => Promise<void>

export interface JobWorker {
  /** Starts to run jobs. */
  run(): void
  /** Looks for jobs now: one was added. */
  wake(): void
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
  readonly log: Log
}

/** Jobs that a node runs at the same time. */
const concurrency = 4
/** Milliseconds between two polls: for jobs that are tried again, and for new ones if PostgreSQL does not notify us of them. */
const [pollIfNotified, pollOtherwise] = [5_000, 1_000]
/** Milliseconds between two searches for jobs of nodes that were killed. Drawn at random from 0.5 to 1.5 times this. */
const unlockInterval = 60_000
/** Milliseconds that running jobs get when the node stops: before they are aborted, and after it. */
const [graceBeforeAbort, graceAfterAbort] = [2_000, 2_000]
/** Milliseconds until a worker that has ended by itself is replaced. */
const restartDelay = 30_000

/**
 * Creates the worker of a server, around the one of graphile-worker. It shares the connections of the requests, because each of its statements
 * is short and stands alone, and needs none while a job runs.
 */
export function createJobWorker(options: JobWorkerOptions): JobWorker {
  const { database, schema, isNotified, tasks, log } = options
  const stopping = new AbortController()
  const jobs = jobDatabase(database, stopping.signal)
  let pool: WorkerPool | undefined
  let running: Promise<void> | undefined

  const taskList = Object.fromEntries(Object.entries(tasks).map(([name, run]) => [name, asTask(run)]))

  const work = async () => {
    const { runTaskList, Logger } = await import('graphile-worker')
    while (!stopping.signal.aborted) {
      const logger = new Logger(quietLogger(log))
      pool = runTaskList(
        {
          schema: jobsSchemaOf(schema),
          concurrency,
          pollInterval: isNotified ? pollIfNotified : pollOtherwise,
          noHandleSignals: true,
          logger,
          preset: {
            worker: {
              // Whether statements are named is up to the pool.
              gracefulShutdownAbortTimeout: graceBeforeAbort,
              // With -1, the default, nobody would handle the failure of the statement that ends a job.
              completeJobBatchDelay: 0,
              failJobBatchDelay: 0,
            },
          },
        },
        taskList,
        jobs,
      )
      await pool.promise.catch((err: unknown) => log.warn({ err }, 'The worker of the job queue has ended.'))
      pool = undefined
      await rest(restartDelay)
    }
  }

  const unlock = async () => {
    while (!stopping.signal.aborted) {
      await rest(unlockInterval * (0.5 + Math.random()))
      if (stopping.signal.aborted) return
      // Logged by the pool, and tried again soon.
      await unlockStaleJobs(database).catch(() => {})
    }
  }

  const rest = (milliseconds: number) =>
    pause(milliseconds, undefined, { ref: false, signal: stopping.signal }).catch(() => undefined)

  return {
    run: () => {
      running ??= Promise.all([work(), unlock()]).then(() => {})
      running.catch((err: unknown) => log.error({ err }, 'Jobs cannot be run.'))
    },
    wake: () => pool?.nudge(1),
    stop: async () => {
      stopping.abort()
      const ended = pool?.gracefulShutdown('The node stops.')
      // While the database is away, a job cannot be given back. Another node takes it over some minutes later.
      await Promise.race([
        Promise.resolve(ended).catch(() => {}),
        pause(graceBeforeAbort + graceAfterAbort, undefined, { ref: false }),
      ])
    },
  }
}

/**
 * graphile-worker allows one attempt more than the task gets. It runs only if the node was killed during the last one, and lets the task
 * report that.
 */
function asTask(run: RunTask): Task {
  return async (payload, { job, abortSignal }) => {
    const allowed = job.max_attempts - 1
    await run(payload, {
      attempt: job.attempts,
      isLast: job.attempts >= allowed,
      isOver: job.attempts > allowed,
      signal: abortSignal ?? AbortSignal.timeout(2 ** 31 - 1),
    })
  }
}
