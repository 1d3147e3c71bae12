import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { emptyAccount, findAccount, lockAccount } from '../records/accounts/accounts-store.ts'
import { deleteInvitationOf } from '../records/accounts/invitations-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, type Operator, originOf, type Person } from './actor.ts'
import { signedOut } from './as-signed-in.ts'
import { endAccountAccess } from './end-account-access.ts'
import { notifyPerson } from './notify-person.ts'
import { asFreshlyProven, stale } from './own-factors.ts'

type Context = Pick<Signet, 'database' | 'endings' | 'turns' | 'settings' | 'secrets' | 'clock'>

/*
 * Deletes a person's data, and ends all sessions and grants. The person is told at the verified address, by a mail that is queued in the same transaction.
 *
 * The `sub` is kept, so that it is never assigned again. Events about the person are kept, too. The cleaner removes network addresses, devices and the names of
 * passkeys from them (records/cleanup/cleanup-store.ts).
 */

/** Deletes an account for an operator. */
export async function deleteAccount(
  signet: Context,
  actor: Operator,
  sub: Sub,
): Promise<'deleted' | 'no_such_account'> {
  const left = await signet.turns.take(accountTurn(sub), () =>
    inTransaction(signet.database, async (tx) =>
      (await lockAccount(tx, sub)) ? deleteLocked(tx, signet, actor, sub, 'operator') : undefined,
    ),
  )
  if (left) signet.endings.wake()
  return left === undefined ? 'no_such_account' : 'deleted'
}

/**
 * Deletes the account of a signed-in person who has recently proven themselves with its strongest factor. A second request of the same person finds the session
 * ended.
 *
 * @throws TooManyWaiting
 */
export async function deleteOwnAccount(
  signet: Context,
  actor: Person,
  session: Session,
): Promise<'deleted' | typeof stale | typeof signedOut> {
  const left = await asFreshlyProven(signet, session, (tx) =>
    deleteLocked(tx, signet, actor, session.account.sub, 'person'),
  )
  if (left === stale || left === signedOut) return left
  if (left) signet.endings.wake()
  return 'deleted'
}

/**
 * @param tx a transaction that has locked the account
 * @returns whether rows remain to be updated
 */
async function deleteLocked(
  tx: Queryable,
  signet: Context,
  actor: Actor,
  sub: Sub,
  by: 'person' | 'operator',
): Promise<boolean> {
  const account = await findAccount(tx, sub)
  if (account) await notifyPerson(tx, signet, actor, account, { kind: 'account-deleted', by, at: signet.clock.now() })
  await emptyAccount(tx, sub)
  await deleteInvitationOf(tx, sub)
  const { left } = await endAccountAccess(tx, sub, 'account_deleted')
  await recordEvent(tx, { type: 'account_deleted', ...originOf(actor), sub })
  return left
}
