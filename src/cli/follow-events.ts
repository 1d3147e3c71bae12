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

/** Milliseconds between two looks. */
const interval = 1_000
/**
 * Milliseconds. An event has its number when it is written and is seen when its transaction commits, so a smaller number can come
 * after a greater one; no transaction takes as long as this.
 */
const longestTransaction = 30_000
/**
 * Prints each event that comes, once, until it is told to stop.
 *
 * @param start the newest number before `printed` were looked up
 * @param printed those that have been printed
 */
export async function followEvents(
  db: Queryable,
  filter: EventFilter,
  start: number,
  printed: readonly RecordedEvent[],
  print: (event: RecordedEvent) => void,
  asked: AbortSignal,
): Promise<void> {
  let seen = new Set(printed.map(({ id }) => id))
  /** The newest number at each look of the last `longestTransaction`. */
  const looks = [{ at: performance.now(), id: start }]
  while (!asked.aborted) {
    const floor = looks[0]?.id ?? start
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
      looks.push({ at: now, id: newest })
      while ((looks[1]?.at ?? now) < now - longestTransaction) looks.shift()
    } catch (error) {
      // A database that restarts is no end.
      if (!isUnavailable(error)) throw error
    }
    await pause(interval, undefined, { signal: asked }).catch(() => undefined)
  }
}
