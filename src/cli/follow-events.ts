import { setTimeout as pause } from 'node:timers/promises'
import type { Queryable } from '../platform/database/queryable.ts'
import { isUnavailable } from '../platform/database/unavailable.ts'
import {
  type EventFilter,
  idsPerBatch,
  listEventsAfter,
  newestEventId,
  type RecordedEvent,
} from '../records/events/recorded-events-store.ts'

/** Milliseconds between two polls. */
const interval = 1_000
/**
 * Milliseconds. An event gets its id when it is written, and becomes visible when its transaction commits, so a smaller id can appear
 * after a greater one. No transaction takes as long as this.
 */
const longestTransaction = 30_000

/**
 * Prints each new event once, until the signal is aborted.
 *
 * @param start the newest id before `printed` was read
 * @param printed events that have already been printed
 */
export async function followEvents(
  db: Queryable,
  filter: EventFilter,
  start: number,
  printed: readonly RecordedEvent[],
  print: (event: RecordedEvent) => void,
  stopSignal: AbortSignal,
): Promise<void> {
  let seen = new Set(printed.map(({ id }) => id))
  /** The newest id at each poll of the last `longestTransaction`. */
  const polls = [{ at: performance.now(), id: start }]
  while (!stopSignal.aborted) {
    const floor = polls[0]?.id ?? start
    try {
      const now = performance.now()
      const newest = await newestEventId(db)
      seen = new Set([...seen].filter((id) => id > floor))
      for (let after = floor; after < newest; after += idsPerBatch)
        for (const event of await listEventsAfter(db, filter, after))
          if (!seen.has(event.id)) {
            seen.add(event.id)
            print(event)
          }
      polls.push({ at: now, id: newest })
      while ((polls[1]?.at ?? now) < now - longestTransaction) polls.shift()
    } catch (error) {
      // Continue when the database is back after a restart.
      if (!isUnavailable(error)) throw error
    }
    await pause(interval, undefined, { signal: stopSignal }).catch(() => undefined)
  }
}
