import { createBatchWriter } from '../../platform/database/batch-writer.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { shortened } from '../../protocol/errors/refusal.ts'
import { noteRegistry, type OperatorNote } from '../../protocol/operator-notes.ts'
import { createNoteLimit } from './note-limit.ts'
import { insertRefusals, noteError, type Refusal } from './refusals-store.ts'

/** Which request a refusal or a note is about. */
export type RequestOrigin = Pick<Refusal, 'requestId' | 'network' | 'method' | 'route' | 'clientId'>

/** Records refused requests, and notes about others, so that an operator can look them up. */
export interface RefusalLog {
  record(refusal: Refusal): void
  /** Records a note, unless there are too many: `createNoteLimit` decides. Its `status` is that of the response. */
  recordNote(note: RequestOrigin & OperatorNote & Pick<Refusal, 'status'>): void
  /** Writes what remains. */
  stop(): Promise<void>
}

/** Milliseconds. A refusal does not justify a separate round trip to the database. */
const delayMs = 1_000
/** Maximum refusals recorded per `delayMs`, so that nobody can fill the database by sending invalid requests. */
const maxQueued = 100

/**
 * Collects refusals and notes and writes them in batches. Those lost in a crash have still been logged. Each has a queue of its own, so that
 * notes never take a refusal's place.
 *
 * @param now milliseconds, from any start
 */
export function createRefusalLog(db: Queryable, log: DatabaseLog, now = () => performance.now()): RefusalLog {
  const writerOf = (what: string) =>
    createBatchWriter<Refusal>({
      ...{ what, delayMs, maxQueued, maxBatch: maxQueued, log },
      write: (refusals) => insertRefusals(db, refusals),
      describe: ({ requestId, entry, route }) => ({ requestId, entry, route }),
    })
  const [refusals, notes] = [writerOf('refusals'), writerOf('notes')]
  const isAllowed = createNoteLimit(now)
  return {
    record: (refusal) => refusals.add(printable(refusal)),
    recordNote: ({ entry, detail, ...origin }) => {
      const { description } = noteRegistry[entry]
      const note = printable({ ...origin, entry, error: noteError, description, detail })
      if (isAllowed(note)) notes.add(note)
    },
    stop: async () => {
      await Promise.all([refusals.stop(), notes.stop()])
    },
  }
}

/** Makes texts single-line and short, without secrets, and without characters that PostgreSQL cannot store or a terminal would interpret. */
function printable(refusal: Refusal): Refusal {
  const { clientId, description, detail } = refusal
  return {
    ...refusal,
    clientId: clientId && storedClientId(clientId),
    description: cleaned(description),
    detail: detail && cleaned(detail),
  }
}

/** A `client_id` as it is stored with a refusal. One that may be a secret is cut. */
export function storedClientId(clientId: string): string {
  return cleaned(clientId).slice(0, 255)
}

function cleaned(text: string): string {
  return shortened(text, 1_000).replace(/[\p{Cc}\p{Cs}]/gu, '?')
}
