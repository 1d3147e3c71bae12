import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { type Account, accountTurn } from '../records/accounts/account.ts'
import {
  emptyAccount,
  findAccount,
  lockAccount,
  setDisabled,
  setPasswordHash,
} from '../records/accounts/accounts-store.ts'
import type { PasswordFault } from '../records/accounts/password-rules.ts'
import { type Decided, decideEnding } from '../records/endings/decide-ending.ts'
import { endAllAccess } from '../records/endings/decisions-store.ts'
import type { AccountEndReason } from '../records/endings/ending.ts'
import { type EventType, recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { forgetBrowsers } from '../records/sessions/known-browsers-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, type Operator, originOf } from './actor.ts'
import { hashNewPassword } from './new-password.ts'

type Terms = Pick<Signet, 'database' | 'endings' | 'turns'>

/*
 * Each of these also forgets the browsers that the account knows. Otherwise a thief's browser would keep its own allowance of guesses after
 * the password was changed because of the thief.
 */

/**
 * Disables an account: its person is signed out everywhere, all grants end, and nobody signs in to it. However much the account has
 * open, all of it has ended when this returns; rows and events of the grants follow.
 */
export async function disableAccount(signet: Terms, actor: Actor, sub: Sub): Promise<Account | 'no_such_account'> {
  return changeAccess(signet, actor, sub, 'account_disabled', async (tx, { disabled }) => {
    await setDisabled(tx, sub, true)
    return disabled ? undefined : 'account_disabled'
  })
}

/**
 * Lets the person of a disabled account sign in again. What had ended stays ended, and so does what was being opened when the account
 * was disabled.
 */
export async function enableAccount(signet: Terms, actor: Actor, sub: Sub): Promise<Account | 'no_such_account'> {
  const account = await findAccount(signet.database, sub)
  if (!account) return 'no_such_account'
  if (!account.disabled) return account
  return changeAccess(signet, actor, sub, 'account_disabled', async (tx, { disabled }) => {
    await setDisabled(tx, sub, false)
    return disabled ? 'account_enabled' : undefined
  })
}

export type SetPasswordOutcome =
  | { readonly outcome: 'set'; readonly account: Account }
  | { readonly outcome: 'no_such_account' }
  | { readonly outcome: 'password_refused'; readonly fault: PasswordFault }

/**
 * Gives an account another password, signs its person out everywhere and ends all grants: whoever knew the old password may be signed in by
 * it. Where the rules refuse the password, nothing is changed.
 *
 * @throws HashQueueFull
 */
export async function setPassword(
  signet: Terms & Pick<Signet, 'settings' | 'passwords'>,
  actor: Operator,
  sub: Sub,
  password: string,
): Promise<SetPasswordOutcome> {
  const person = await findAccount(signet.database, sub)
  if (!person) return { outcome: 'no_such_account' }
  const hashed = await hashNewPassword(signet, password, person)
  if ('fault' in hashed) return { outcome: 'password_refused', fault: hashed.fault }
  const account = await setHashedPassword(signet, actor, sub, hashed.hash)
  return account === 'no_such_account' ? { outcome: account } : { outcome: 'set', account }
}

/** @param passwordHash in PHC form, of a password that has been checked */
async function setHashedPassword(
  signet: Terms,
  actor: Actor,
  sub: Sub,
  passwordHash: string,
): Promise<Account | 'no_such_account'> {
  return changeAccess(signet, actor, sub, 'password_set', async (tx) => {
    await setPasswordHash(tx, sub, passwordHash)
    return 'password_set'
  })
}

/**
 * Signs a person out everywhere and ends all grants, those with `offline_access` included. Nothing keeps them from signing in again.
 */
export async function signOutEverywhere(signet: Terms, actor: Actor, sub: Sub): Promise<Decided | 'no_such_account'> {
  const decided = await signet.turns.take(accountTurn(sub), () =>
    inTransaction(signet.database, async (tx) => {
      if (!(await lockAccount(tx, sub))) return 'no_such_account'
      const decided = await decideEnd(tx, sub, 'revoked_by_operator')
      const { sessions, grants, left } = decided
      // Of very many, those that have followed by now; `more` says so.
      const detail = { sessions, grants, ...(left && { more: true }) }
      await recordEvent(tx, { type: 'sessions_ended', ...originOf(actor), sub, detail })
      return decided
    }),
  )
  if (decided !== 'no_such_account' && decided.left) signet.endings.due()
  return decided
}

/**
 * Deletes what is known of a person, and ends everything. The `sub` is kept and never given to anybody else. Events about them are kept
 * as well, without the addresses that they came from: the cleaner removes those (records/cleanup/cleanup-store.ts).
 */
export async function deleteAccount(signet: Terms, actor: Actor, sub: Sub): Promise<'deleted' | 'no_such_account'> {
  const empty = async (tx: Queryable) => {
    if (!(await lockAccount(tx, sub))) return undefined
    await emptyAccount(tx, sub)
    return endAccess(tx, actor, sub, 'account_deleted', 'account_deleted')
  }
  const left = await signet.turns.take(accountTurn(sub), () => inTransaction(signet.database, empty))
  if (left) signet.endings.due()
  return left === undefined ? 'no_such_account' : 'deleted'
}

/** @param change what is done along with it; the event that it leaves, undefined where nothing has changed */
async function changeAccess(
  signet: Terms,
  actor: Actor,
  sub: Sub,
  reason: AccountEndReason,
  change: (tx: Queryable, account: { readonly disabled: boolean }) => Promise<EventType | undefined>,
): Promise<Account | 'no_such_account'> {
  const changeAndEnd = async (tx: Queryable) => {
    const locked = await lockAccount(tx, sub)
    if (!locked) return { account: undefined, left: false }
    const event = await change(tx, locked)
    const rowsLeft = await endAccess(tx, actor, sub, reason, event)
    return { account: await findAccount(tx, sub), left: rowsLeft }
  }
  const { account, left } = await signet.turns.take(accountTurn(sub), () =>
    inTransaction(signet.database, changeAndEnd),
  )
  if (left) signet.endings.due()
  return account ?? 'no_such_account'
}

/** @returns whether rows are left to follow */
async function endAccess(
  tx: Queryable,
  actor: Actor,
  sub: Sub,
  reason: AccountEndReason,
  type: EventType | undefined,
): Promise<boolean> {
  const { left } = await decideEnd(tx, sub, reason)
  if (type) await recordEvent(tx, { type, ...originOf(actor), sub })
  return left
}

async function decideEnd(tx: Queryable, sub: Sub, reason: AccountEndReason): Promise<Decided> {
  await forgetBrowsers(tx, sub)
  return decideEnding(tx, { kind: 'account', reason, sub, epoch: await endAllAccess(tx, sub, reason) })
}
