import { inTransaction, type Queryable } from '../../platform/database/queryable.ts'
import { accountTurn } from '../../records/accounts/account.ts'
import { lockSessions, type Session } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import type { Outcome } from './submission.ts'

/**
 * Changes something about the person of a session, in one transaction, unless the session has ended in the meantime: who was
 * thrown out by a new password must not go on with a form that was sent a moment before.
 *
 * @throws TooManyWaiting; what `work` throws
 *
 * @param work is handed the transaction and the ids of the person's sessions, the present one among them
 */
export async function changeAccount(
  { database, turns }: Pick<Signet, 'database' | 'turns'>,
  session: Session,
  work: (tx: Queryable, sessionIds: readonly number[]) => Promise<Outcome>,
): Promise<Outcome> {
  const change = async (tx: Queryable): Promise<Outcome> => {
    const sessionIds = await lockSessions(tx, session.account.sub)
    return sessionIds.includes(session.id) ? work(tx, sessionIds) : { outcome: 'signed_out' }
  }
  return turns.take(accountTurn(session.account.sub), () => inTransaction(database, change))
}
