import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { sessionTurn } from '../records/accounts/account.ts'
import type { SessionId, Sub } from '../records/ids.ts'
import { lockSession } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'

/** The session of a person who does something about their own account. */
export interface OwnSession {
  readonly id: SessionId
  readonly account: { readonly sub: Sub }
}

/** The session has ended in the meantime, and nothing was done. */
export const signedOut = 'signed_out'

/**
 * Does something about the person of a session, in one transaction, unless the session has ended in the meantime: somebody who was
 * thrown out by a new password must not go on with a form that was sent a moment before.
 *
 * @throws TooManyWaiting; what `work` throws
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
