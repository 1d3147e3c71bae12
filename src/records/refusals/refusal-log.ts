import { createBatchWriter } from '../../platform/database/batch-writer.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { shortened } from '../../protocol/errors/refusal.ts'
import { insertRefusals, type Refusal } from './refusals-store.ts'

/** Records refused requests, so that an operator can look one up. */
export interface RefusalLog {
  note(refusal: Refusal): void
  /** Writes the remaining refusals. */
  stop(): Promise<void>
}

/** Milliseconds. A refusal does not justify a separate round trip to the database. */
const delayMs = 1_000
/** Maximum refusals recorded per `delayMs`, so that nobody can fill the database by sending invalid requests. */
const maxQueued = 100

/** Collects refusals and writes them in batches. Those lost in a crash have still been logged. */
export function createRefusalLog(db: Queryable, log: DatabaseLog): RefusalLog {
  const writer = createBatchWriter<Refusal>({
    ...{ what: 'refusals', delayMs, maxQueued, maxBatch: maxQueued, log },
    write: (refusals) => insertRefusals(db, refusals),
    describe: ({ requestId, entry, route }) => ({ requestId, entry, route }),
  })
  return { note: (refusal) => writer.add(printable(refusal)), stop: () => writer.stop() }
}

/** Makes texts single-line and short, without secrets, and without characters that PostgreSQL cannot store or a terminal would interpret. */
function printable(refusal: Refusal): Refusal {
  const { clientId, description, detail } = refusal
  const cleaned = (text: string) => shortened(text, 1_000).replace(/[\p{Cc}\p{Cs}]/gu, '?')
  return {
    ...refusal,
    clientId: clientId && cleaned(clientId).slice(0, 255),
    description: cleaned(description),
    detail: detail && cleaned(detail),
  }
}
