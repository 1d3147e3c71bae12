import type { Clock } from '../platform/clock.ts'
import { createBatchWriter } from '../platform/database/batch-writer.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import type { DatabaseLog } from '../platform/log.ts'
import { putLastSeen } from './verifiers-store.ts'

/** Records when verifiers that send their name fetched the JWK Set, so that the operator sees which ones know a new key. */
export interface VerifiersLastSeen {
  /** Call when a verifier was sent the set, or a 304 for it. */
  note(name: string): void
  /** Writes the queued records. */
  stop(): Promise<void>
}

/** Milliseconds. A crash loses the records of this time: a verifier may then seem not to have fetched the set although it has, never the reverse. */
const delayMs = 60_000
/** Maximum names between two writes. Anyone can send any name. */
const maxQueued = 1_000

/** The same rule as for the `name` of the published verifier. It excludes control characters, which a terminal would interpret. */
const isName = (name: string) => /^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/.test(name)

/** Keeps the latest time of each name, and writes them in batches. */
export function createVerifiersLastSeen(db: Queryable, clock: Clock, log: DatabaseLog): VerifiersLastSeen {
  const writer = createBatchWriter<{ readonly name: string; readonly at: number; readonly seen: number }>({
    ...{ what: 'verifier fetch times', delayMs, maxQueued, maxBatch: maxQueued, log },
    write: (verifiers) => {
      const now = performance.now()
      return putLastSeen(
        db,
        verifiers.map(({ name, at, seen }) => ({ name, fetchedAt: new Date(at), age: (now - seen) / 1000 })),
      )
    },
    describe: ({ name }) => ({ name }),
    merging: { key: ({ name }) => name, merge: (_older, newer) => newer },
  })
  return {
    note: (name) => {
      if (isName(name)) writer.add({ name, at: clock.now(), seen: performance.now() })
    },
    stop: () => writer.stop(),
  }
}
