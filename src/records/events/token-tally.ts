import { createBatchWriter } from '../../platform/database/batch-writer.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { insertTallies, type Tally } from './events-store.ts'

/** Counts the tokens of machines, of which there are too many for an event each. */
export interface TokenTally {
  count(token: Omit<Tally, 'tokens'>): void
  /** Writes down what is counted. */
  stop(): Promise<void>
}

/** Milliseconds. A crash loses the counts of so long, and no token: they are not kept anywhere. */
const delayMs = 60_000
/** Grants and audiences that are counted at a time: some 3 MB. */
const maxQueued = 10_000
/** Events that are written by one statement. */
const maxBatch = 500

/** One event for each grant and audience a minute, on each node, with how many tokens they were. */
export function createTokenTally(db: Queryable, log: DatabaseLog): TokenTally {
  const writer = createBatchWriter<Tally>({
    ...{ what: 'token counts', delayMs, maxQueued, maxBatch, log },
    write: (tallies) => insertTallies(db, tallies),
    describe: ({ clientId, grantId, tokens }) => ({ clientId, grantId, tokens }),
    merging: {
      key: ({ grantId, audience }) => `${grantId} ${audience}`,
      merge: (older, newer) => ({ ...older, tokens: older.tokens + newer.tokens }),
    },
  })
  return { count: (token) => writer.add({ ...token, tokens: 1 }), stop: () => writer.stop() }
}
