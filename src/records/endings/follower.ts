import { setTimeout as pause } from 'node:timers/promises'
import type { Database } from '../../platform/database/pool.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { EndingFailed, followNext } from './decide-ending.ts'

/** Lets rows follow the decisions that end them. */
export interface Endings {
  /** Says that a decision of this process has left rows. Without effect unless `run` was called. */
  due(): void
  /** Begins to follow the decisions of all processes. For servers. */
  run(): void
  /** Ends, once the batch under way is done. */
  stop(): Promise<void>
}

/** Milliseconds. */
interface Pace {
  /** Between two looks for what others have decided; drawn each time, half as much or half as much again. */
  readonly betweenLooks: number
  /** Between two batches. */
  readonly betweenBatches: number
  /** After the database could not be asked. */
  readonly afterFailure: number
}

const usual: Pace = { betweenLooks: 1_000, betweenBatches: 20, afterFailure: 10_000 }

/** Created with the process, and at rest until `run`. */
export function createEndings(database: Database, log: DatabaseLog, pace: Pace = usual): Endings {
  let stopped = false
  let isDue = false
  let resting: { readonly over: AbortController; readonly isWakeable: boolean } | undefined
  let running: Promise<void> | undefined

  /** Until the time is over, the end, or, where `isWakeable`, something is due. */
  const rest = async (milliseconds: number, isWakeable: boolean) => {
    if (stopped || (isWakeable && isDue)) return
    resting = { over: new AbortController(), isWakeable }
    await pause(milliseconds, undefined, { ref: false, signal: resting.over.signal }).catch(() => undefined)
    resting = undefined
  }
  const follow = async () => {
    while (!stopped) {
      isDue = false
      try {
        if (await followNext(database)) await rest(pace.betweenBatches, false)
        else await rest(pace.betweenLooks * (0.5 + Math.random()), true)
      } catch (err) {
        log.warn({ err }, 'The rows of an ending could not be written; they are judged as ended all the same.')
        // The others go on at once where only one failed.
        await rest(err instanceof EndingFailed ? pace.betweenBatches : pace.afterFailure, false)
      }
    }
  }
  return {
    due: () => {
      isDue = true
      if (resting?.isWakeable) resting.over.abort()
    },
    run: () => {
      running ??= follow()
    },
    stop: async () => {
      stopped = true
      resting?.over.abort()
      await running
    },
  }
}
