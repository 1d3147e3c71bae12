import { createBatchedRead } from '../platform/database/batched-read.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import type { GrantId } from '../records/ids.ts'
import { findPeopleAndTerms, type PersonAndTerms } from './granted-person-store.ts'
import { type AskedToken, accessTokenStatuses, type TokenStatus } from './token-status-store.ts'

/**
 * What the database knows about access tokens that come back. Every request asks the database, but requests at the same time share a statement
 * (platform/database/batched-read.ts).
 */
export interface TokenReads {
  /** The grant of a token, and the clients that serve the API that it is for; undefined if the grant does not exist any more. */
  accessTokenStatus(token: AskedToken): Promise<TokenStatus | undefined>
  /** The person of a grant and its terms; undefined if the grant is not alive or has no person. */
  personAndTerms(grantId: GrantId): Promise<PersonAndTerms | undefined>
}

export function createTokenReads(db: Queryable): TokenReads {
  return {
    accessTokenStatus: createBatchedRead({
      textOf: ({ grantId, api }: AskedToken) => `${grantId} ${api}`,
      read: (tokens) => accessTokenStatuses(db, tokens),
    }),
    personAndTerms: createBatchedRead({
      textOf: (grantId: GrantId) => grantId,
      read: (grantIds) => findPeopleAndTerms(db, grantIds),
    }),
  }
}
