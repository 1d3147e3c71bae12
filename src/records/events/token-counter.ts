import { createBatchWriter } from '../../platform/database/batch-writer.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import type { DatabaseLog } from '../../platform/log.ts'
import { insertTokenCounts, type TokenCount } from './events-store.ts'

/** Counts tokens of client_credentials. They are too many to record an event for each. */
export interface TokenCounter {
  count(token: Omit<TokenCount, 'tokens'>): void
  /** Writes the remaining counts. */
  stop(): Promise<void>
}

/** Milliseconds. A crash loses the counts of this period, but no token, because tokens are not stored. */
const delayMs = 60_000
/** The maximum number of combinations of grant and audience that are counted at a time, which need about 3 MB. */
const maxQueued = 10_000
/** The maximum number of events that one statement writes. */
const maxBatch = 500

/** Changed in place: this runs for every token. */
type Counted = Omit<TokenCount, 'tokens'> & { tokens: number }

/** Writes one event per minute, node, grant and audience, with the number of tokens. */
export function createTokenCounter(db: Queryable, log: DatabaseLog): TokenCounter {
  const writer = createBatchWriter<Counted>({
    ...{ what: 'token counts', delayMs, maxQueued, maxBatch, log },
    write: (counts) => insertTokenCounts(db, counts),
    describe: ({ clientId, grantId, tokens }) => ({ clientId, grantId, tokens }),
    merging: {
      key: ({ grantId, audience }) => `${grantId} ${audience}`,
      merge: (older, newer) => {
        older.tokens += newer.tokens
        return older
      },
    },
  })
  return { count: (token) => writer.add({ ...token, tokens: 1 }), stop: () => writer.stop() }
}
