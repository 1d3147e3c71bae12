import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '../../platform/database/pool.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { EndingFailed, endNextBatch } from './decide-ending.ts'

/** Updates the rows of sessions and grants that decisions have ended. */
export interface EndingWorker {
  /** Signals that a decision of this process has left rows to update. Does nothing unless `run` was called. */
  wake(): void
  /** Starts to process the decisions of all processes. For servers. */
  run(): void
  /** Stops after the current batch. */
  stop(): Promise<void>
}

/** Milliseconds. */
interface Intervals {
  /** The average time between two polls for decisions of other processes. Each is drawn at random from 0.5 to 1.5 times this. */
  readonly betweenPolls: number
  /** Between two batches. */
  readonly betweenBatches: number
  /** After a failed query. */
  readonly afterFailure: number
}

const defaultIntervals: Intervals = { betweenPolls: 1_000, betweenBatches: 20, afterFailure: 10_000 }

/** Creates the worker of a process. It does nothing until `run` is called. */
export function createEndingWorker(database: Database, log: DatabaseLog, intervals = defaultIntervals): EndingWorker {
  let stopped = false
  let isDue = false
  let sleeping: { readonly wakeUp: AbortController; readonly canWake: boolean } | undefined
  let running: Promise<void> | undefined

  /** Resolves after this time, when the worker stops or, if `canWake`, when there are rows to update. */
  const sleep = async (milliseconds: number, canWake: boolean) => {
    if (stopped || (canWake && isDue)) return
    sleeping = { wakeUp: new AbortController(), canWake }
    await pause(milliseconds, undefined, { ref: false, signal: sleeping.wakeUp.signal }).catch(() => undefined)
    sleeping = undefined
  }
  const work = async () => {
    while (!stopped) {
      isDue = false
      try {
        if (await endNextBatch(database)) await sleep(intervals.betweenBatches, false)
        else await sleep(intervals.betweenPolls * (0.5 + Math.random()), true)
      } catch (err) {
        log.warn(
          { err },
          'The rows of an ending could not be updated; the ending is in effect, and the update will be retried.',
        )
        // If only one ending failed, the others continue.
        await sleep(err instanceof EndingFailed ? intervals.betweenBatches : intervals.afterFailure, false)
      }
    }
  }
  return {
    wake: () => {
      isDue = true
      if (sleeping?.canWake) sleeping.wakeUp.abort()
    },
    run: () => {
      running ??= work()
    },
    stop: async () => {
      stopped = true
      sleeping?.wakeUp.abort()
      await running
    },
  }
}
