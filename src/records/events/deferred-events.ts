import { createBatchWriter } from '../../platform/database/batch-writer.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { type PastEvent, recordEvents } from './events-store.ts'

/**
 * Writes events in bulk, within a second. Only for an event of a request that changes nothing in the database: a crash loses the events of that second,
 * and every other event must be committed with its change (docs/events.md).
 */
export interface DeferredEvents {
  record(event: PastEvent): void
  /** Writes the remaining events. */
  stop(): Promise<void>
}

/** Milliseconds from the first event to the write. Half a second is left for the write itself. */
const delayMs = 500
/** The maximum number of events in memory, which need about 10 MB. A node does not issue as many tokens within the delay. */
const maxQueued = 10_000
/** The maximum number of events that one statement writes. */
const maxBatch = 500

export function createDeferredEvents(db: Queryable, log: DatabaseLog): DeferredEvents {
  const writer = createBatchWriter<PastEvent>({
    ...{ what: 'deferred events', delayMs, maxQueued, maxBatch, log },
    write: (events) => recordEvents(db, events),
    describe: ({ type, at, clientId, grantId }) => ({ type, at, clientId, grantId }),
  })
  return { record: (event) => writer.add(event), stop: () => writer.stop() }
}
