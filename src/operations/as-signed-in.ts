import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { sessionTurn } from '../records/accounts/account.ts'
import type { SessionId, Sub } from '../records/ids.ts'
import { lockSession } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'

/** The session in which a person views or changes their own account. */
export interface OwnSession {
  readonly id: SessionId
  readonly account: { readonly sub: Sub }
}

/** The result if the session has ended in the meantime: nothing was done. */
export const signedOut = 'signed_out'

/**
 * Runs `work` in a transaction, unless the session has ended in the meantime. The account and the session stay locked until the transaction
 * ends. A browser that a password change has just signed out must not get a form through that it sent a moment earlier.
 *
 * @throws TooManyWaiting; whatever `work` throws
 */
export async function asSignedIn<T>(
  { database, turns }: Pick<Signet, 'database' | 'turns'>,
  session: OwnSession,
  work: (tx: Queryable) => Promise<T>,
): Promise<T | typeof signedOut> {
  const { sub } = session.account
  const inSession = async (tx: Queryable) => ((await lockSession(tx, sub, session.id)) ? work(tx) : signedOut)
  return turns.take(sessionTurn(session.id), () => inTransaction(database, inSession))
}
