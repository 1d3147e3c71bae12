import { inTransaction } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { removeCredentials } from '../records/accounts/account-credentials-store.ts'
import { findAccount, lockAccount } from '../records/accounts/accounts-store.ts'
import { type Factor, listFactors } from '../records/accounts/factors-store.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import type { Decided } from '../records/endings/decide-ending.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Operator, originOf } from './actor.ts'
import { endAccountAccess } from './end-account-access.ts'
import { notifyPerson } from './notify-person.ts'

export interface ResetFactors {
  readonly removed: readonly Factor[]
  /** The password, if there is one. It stays. */
  readonly password: Factor | undefined
  readonly ended: Decided
}

/**
 * Removes the passkeys, the one-time codes and the recovery codes of somebody who has lost them, for an operator who has made sure that it is the right person.
 * The password stays. All sessions and grants end, because whoever has found the lost device may be signed in. Links that were sent for the account before have no
 * effect any more, and the person is told by mail.
 *
 * @param reason the operator's reason, for the event
 * @returns `nothing`: the account has no such factor, and nothing was changed
 */
export async function resetFactors(
  signet: Pick<Signet, 'database' | 'turns' | 'endings' | 'settings' | 'secrets' | 'clock'>,
  actor: Operator,
  sub: Sub,
  reason: string,
): Promise<ResetFactors | 'nothing' | 'no_such_account'> {
  const reset = await signet.turns.take(accountTurn(sub), () =>
    inTransaction(signet.database, async (tx) => {
      const account = (await lockAccount(tx, sub)) && (await findAccount(tx, sub))
      if (!account) return 'no_such_account'
      const factors = await listFactors(tx, sub)
      const removed = factors.filter(({ kind }) => kind !== 'password')
      if (removed.length === 0) return 'nothing'
      await removeCredentials(
        tx,
        sub,
        removed.map(({ id }) => id),
      )
      await voidOpenLinks(tx, sub)
      const ended = await endAccountAccess(tx, sub, 'revoked_by_operator')
      const detail = { reason, removed: [...new Set(removed.map(({ kind }) => kind))] }
      await recordEvent(tx, { type: 'factors_reset', ...originOf(actor), sub, detail })
      const mail = { kind: 'factor-removed', factor: 'all', by: 'operator', at: signet.clock.now() } as const
      await notifyPerson(tx, signet, actor, account, mail)
      return { removed, password: factors.find(({ kind }) => kind === 'password'), ended }
    }),
  )
  if (typeof reset !== 'string' && reset.ended.left) signet.endings.wake()
  return reset
}
