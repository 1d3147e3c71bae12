import { createAfterwards } from '../../platform/afterwards.ts'
import type { DatabaseLog } from '../../platform/database/log.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { recordEvent } from './events-store.ts'

/** A token that a machine was given. */
export interface MachineToken {
  readonly clientId: string
  readonly grantId: string
  readonly audience: string
}

/** Counts the tokens of machines, of which there are too many for an event each. */
export interface TokenTally {
  count(token: MachineToken): void
  /** Writes down what is counted. */
  stop(): Promise<void>
}

/** Milliseconds. A crash loses the counts of so long, and no token: they are not kept anywhere. */
const wait = 60_000

/** One event for each grant and audience a minute, on each node, with how many tokens they were. */
export function createTokenTally(db: Queryable, log: DatabaseLog): TokenTally {
  let counts = new Map<string, MachineToken & { tokens: number }>()
  const afterwards = createAfterwards(
    wait,
    async () => {
      const counted = counts
      counts = new Map()
      for (const [key, { clientId, grantId, audience, tokens }] of counted) {
        await recordEvent(db, {
          ...{ type: 'tokens_issued', caller: undefined, clientId, grantId },
          detail: { grant_type: 'client_credentials', audience, tokens },
        }).catch((error: unknown) => {
          // The database is away: what is not written yet is counted on.
          for (const { tokens: kept, ...token } of counted.values()) add(token, kept)
          afterwards.due()
          throw error
        })
        counted.delete(key)
      }
    },
    log,
  )
  const add = (token: MachineToken, tokens: number) => {
    const key = `${token.grantId} ${token.audience}`
    const counted = counts.get(key)
    if (counted) counted.tokens += tokens
    else counts.set(key, { ...token, tokens })
  }
  return {
    count: (token) => {
      add(token, 1)
      afterwards.due()
    },
    stop: () => afterwards.stop(),
  }
}
