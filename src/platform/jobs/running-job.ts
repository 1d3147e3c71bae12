import { setMaxListeners } from 'node:events'
import type { Task } from 'graphile-worker'
import type { Queryable } from '../database/queryable.ts'
import { returnAttempt } from './jobs-store.ts'

/** What a task is told about its job. */
export interface RunningJob {
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Whether there is no further attempt, whatever happens. */
  readonly isLast: boolean
  /** Whether the node was killed during the last attempt. The task should then only report that it has failed. */
  readonly isOver: boolean
  /** Whether the task may throw NoRoomYet, because the job has not been in the queue for a day. */
  readonly canWait: boolean
  /** Aborted when the node stops. The task should then fail soon, and another node tries it again. */
  readonly signal: AbortSignal
}

/**
 * Does the work of a job. If it throws, that is logged, and the job is tried again later, unless this was the last attempt. An error with
 * `isReported` is not logged.
 */
export type RunTask = (payload: unknown, job: RunningJob) => Promise<void>

/** A task could not begin, although there is nothing wrong with its job. That does not count as an attempt: with thousands of jobs, some would otherwise have none left. */
export class NoRoomYet extends Error {
  readonly isReported = true
}

/**
 * The queue allows one attempt more than the task has (jobs-store.ts). It is made only if the node was killed during the last one, so that the
 * task can report that.
 */
export function asTask(run: RunTask, database: Queryable): Task {
  return async (payload, { job, abortSignal }) => {
    const attempts = job.max_attempts - 1
    // One signal is shared by all jobs, and Node warns once more than ten of them listen to it.
    if (abortSignal) setMaxListeners(0, abortSignal)
    try {
      await run(payload, {
        attempt: job.attempts,
        isLast: job.attempts >= attempts,
        isOver: job.attempts > attempts,
        canWait: Date.now() - job.created_at.getTime() < 86_400_000,
        signal: abortSignal ?? new AbortController().signal,
      })
    } catch (error) {
      // At random, so that those that were queued together are not due together again.
      if (error instanceof NoRoomYet) await returnAttempt(database, job.id, 5 + 25 * Math.random())
      throw error
    }
  }
}
