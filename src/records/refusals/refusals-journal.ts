import { createBatchWriter } from '../../platform/database/batch-writer.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { shortened } from '../../protocol/errors/refusal.ts'
import { insertRefusals, type Refusal } from './refusals-store.ts'

/** Where refused requests are written down, for the operator who is asked about one. */
export interface RefusalsJournal {
  note(refusal: Refusal): void
  /** Writes down what is left. */
  stop(): Promise<void>
}

/** Milliseconds. A refusal is not worth a round trip to the database of its own. */
const delayMs = 1_000
/** Refusals that are kept of each `delayMs`: whoever sends nonsense must not fill the database with it. */
const maxQueued = 100

/** Collects refusals and writes them together. One that a crash loses has been logged all the same. */
export function createRefusalsJournal(db: Queryable, log: DatabaseLog): RefusalsJournal {
  const writer = createBatchWriter<Refusal>({
    ...{ what: 'refusals', delayMs, maxQueued, maxBatch: maxQueued, log },
    write: (refusals) => insertRefusals(db, refusals),
    describe: ({ requestId, entry, route }) => ({ requestId, entry, route }),
  })
  return { note: (refusal) => writer.add(printable(refusal)), stop: () => writer.stop() }
}

/** On one line, without secrets, and without what PostgreSQL cannot store or a terminal would obey. */
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
