import { createAfterwards } from '../../platform/afterwards.ts'
import type { DatabaseLog } from '../../platform/database/log.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { shortened } from '../../platform/http/refusal.ts'
import { insertRefusals, type Refusal } from './refusals-store.ts'

/** Where refused requests are written down, for the operator who is asked about one. */
export interface RefusalsJournal {
  note(refusal: Refusal): void
  /** Writes down what is left. */
  stop(): Promise<void>
}

/** Milliseconds. A refusal is not worth a round trip to the database of its own. */
const wait = 1_000
/** Refusals that are kept of each `wait`: whoever sends nonsense must not fill the database with it. */
const most = 100

/** Collects refusals and writes them together. One that a crash loses has been logged all the same. */
export function createRefusalsJournal(db: Queryable, log: DatabaseLog): RefusalsJournal {
  let noted: Refusal[] = []
  let left = 0
  const afterwards = createAfterwards(
    wait,
    async () => {
      const [batch, passedOver] = [noted, left]
      noted = []
      left = 0
      if (passedOver > 0) log.warn({ refusals: passedOver }, 'More requests were refused than are kept in detail.')
      await insertRefusals(db, batch).catch((error: unknown) => {
        // Most likely they were refused because the database is away: they wait for it.
        noted = [...batch, ...noted].slice(0, most)
        afterwards.due()
        throw error
      })
    },
    log,
  )
  return {
    note: (refusal) => {
      if (noted.length < most) noted.push(printable(refusal))
      else left++
      afterwards.due()
    },
    stop: () => afterwards.stop(),
  }
}

/** On one line, without secrets, and without what PostgreSQL cannot store or a terminal would obey. */
function printable({ clientId, description, detail, ...refusal }: Refusal): Refusal {
  const cleaned = (text: string) => shortened(text, 1_000).replace(/[\p{Cc}\p{Cs}]/gu, '?')
  return {
    ...refusal,
    clientId: clientId && cleaned(clientId).slice(0, 255),
    description: cleaned(description),
    detail: detail && cleaned(detail),
  }
}
