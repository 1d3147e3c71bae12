import type { Clock } from '../platform/clock.ts'
import { createBatchWriter } from '../platform/database/batch-writer.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import type { DatabaseLog } from '../platform/log.ts'
import { putSightings } from './verifiers-store.ts'

/** Which verifiers have fetched the JWK Set, as far as they name themselves: so that the operator sees who knows a new key. */
export interface VerifierSightings {
  /** A verifier was given the set, or told that its copy is the present one. */
  note(name: string): void
  /** Writes down what is noted. */
  stop(): Promise<void>
}

/** Milliseconds. A crash loses what was seen for so long: then somebody seems not to have fetched who has, never the reverse. */
const delayMs = 60_000
/** Names between two writings. Anybody can send any name. */
const maxQueued = 1_000

/** What the published verifier takes for its `name`: so nothing that a terminal would obey. */
const isName = (name: string) => /^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/.test(name)

/** Keeps the latest moment of each name, and writes them together. */
export function createVerifierSightings(db: Queryable, clock: Clock, log: DatabaseLog): VerifierSightings {
  const writer = createBatchWriter<{ readonly name: string; readonly at: number; readonly seen: number }>({
    ...{ what: 'verifier sightings', delayMs, maxQueued, maxBatch: maxQueued, log },
    write: (sightings) => {
      const now = performance.now()
      return putSightings(
        db,
        sightings.map(({ name, at, seen }) => ({ name, fetchedAt: new Date(at), age: (now - seen) / 1000 })),
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
