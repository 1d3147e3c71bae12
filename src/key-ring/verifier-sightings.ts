import { createAfterwards } from '../platform/afterwards.ts'
import type { Clock } from '../platform/clock.ts'
import type { DatabaseLog } from '../platform/database/log.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { putSightings } from './verifiers-store.ts'

/** Which verifiers have fetched the JWK Set, as far as they name themselves: so that the operator sees who knows a new key. */
export interface VerifierSightings {
  /** A verifier was given the set, or told that its copy is the present one. */
  note(name: string): void
  /** Writes down what is noted. */
  stop(): Promise<void>
}

/** Milliseconds. A crash loses what was seen for so long: then somebody seems not to have fetched who has, never the reverse. */
const wait = 60_000
/** Names between two writings. Anybody can send any name. */
const most = 1_000

/** What the published verifier takes for its `name`: so nothing that a terminal would obey. */
const isName = (name: string) => /^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/.test(name)

/** Keeps the latest moment of each name, and writes them together. */
export function createVerifierSightings(db: Queryable, clock: Clock, log: DatabaseLog): VerifierSightings {
  const seen = new Map<string, number>()
  const afterwards = createAfterwards(
    wait,
    async () => {
      const batch = [...seen]
      const sightings = batch.map(([name, at]) => ({ name, fetchedAt: new Date(at) }))
      await putSightings(db, sightings).catch((error: unknown) => {
        // The database is away: they wait for it.
        afterwards.due()
        throw error
      })
      for (const [name, at] of batch) if (seen.get(name) === at) seen.delete(name)
    },
    log,
  )
  return {
    note: (name) => {
      if (!isName(name) || (seen.size >= most && !seen.has(name))) return
      seen.set(name, clock.now())
      afterwards.due()
    },
    stop: () => afterwards.stop(),
  }
}
