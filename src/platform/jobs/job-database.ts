import { EventEmitter } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import type { runTaskList } from 'graphile-worker'
import type { Database } from '../database/pool.ts'
import { isUnavailable } from '../database/unavailable.ts'

/** A pool of `pg`. */
type Pool = Parameters<typeof runTaskList>[2]

/** Milliseconds between two attempts while the database is unavailable: from the first to the last pause. */
const [firstPause, longestPause] = [500, 5_000]

/**
 * Our pool as graphile-worker needs one. It uses only `connect`, in two ways:
 *
 * - With a promise, for a single statement. Such a connection takes one of the pool for each statement. While the database is
 *   unavailable, the statement waits and is tried again: graphile-worker would write to the console, and in the end give up. All its
 *   statements may be repeated: a job that was locked without our knowing is unlocked after some minutes. Once the node stops, a statement
 *   that cannot be run never settles.
 * - With a callback, for a connection that listens. This one is silent: the heartbeat listens (`JobWorker.wake`), and behind a pooler nobody can.
 *   So notifications of breaking migrations, which any graphile-worker in this database sends to all others, do not stop this one.
 *
 * @param stopping aborted when the node stops
 */
export function jobDatabase(database: Database, stopping: AbortSignal): Pool {
  const connection = Object.assign(new EventEmitter(), {
    query: (statement: string | { readonly text: string; readonly values?: unknown[] }, values?: unknown[]) =>
      queryPatiently(database, statement, values, stopping),
    release: () => {},
  })
  const listening = Object.assign(new EventEmitter(), { query: async () => ({ rows: [] }) })
  const connect = (callback?: (error: undefined, client: unknown, release: () => void) => void) =>
    callback ? queueMicrotask(() => callback(undefined, listening, () => {})) : Promise.resolve(connection)
  return { connect } as unknown as Pool
}

async function queryPatiently(
  database: Database,
  statement: string | { readonly text: string; readonly values?: unknown[] },
  values: unknown[] | undefined,
  stopping: AbortSignal,
): Promise<unknown> {
  for (let wait = firstPause; ; wait = Math.min(2 * wait, longestPause)) {
    try {
      return await database.query(statement as string, values)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      if (stopping.aborted) return new Promise(() => {})
      await pause(wait, undefined, { ref: false, signal: stopping }).catch(() => undefined)
    }
  }
}
