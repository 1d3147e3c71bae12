import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { type Account, accountTurn } from '../records/accounts/account.ts'
import { listCredentials } from '../records/accounts/account-credentials-store.ts'
import { voidNotices } from '../records/accounts/account-notices-store.ts'
import { forgetReplacedPassword } from '../records/accounts/account-password-store.ts'
import { findAccount, lockAccount, setDisabled, setPasswordHash } from '../records/accounts/accounts-store.ts'
import { kindsOf } from '../records/accounts/factors.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import type { Decided } from '../records/endings/decide-ending.ts'
import type { AccountEndReason } from '../records/endings/ending.ts'
import { type EventType, type NewEvent, recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { type Actor, type Operator, originOf } from './actor.ts'
import { endAccountAccess } from './end-account-access.ts'
import { hashNewPassword, type RefusedPassword } from './new-password.ts'
import { notifyPerson } from './notify-person.ts'

type Context = Pick<Signet, 'database' | 'endings' | 'turns'>

/**
 * Disables an account: signs the person out everywhere, ends all grants, and prevents sign-ins. All sessions and grants have ended when
 * this returns, no matter how many there are. The rows and events of the grants are written later.
 */
export async function disableAccount(signet: Context, actor: Actor, sub: Sub): Promise<Account | 'no_such_account'> {
  return changeAccess(signet, actor, sub, 'account_disabled', async (tx, { disabled }) => {
    await setDisabled(tx, sub, true)
    await voidOpenLinks(tx, sub)
    await voidNotices(tx, sub)
    return disabled ? undefined : 'account_disabled'
  })
}

/**
 * Enables a disabled account, so that the person can sign in again. Sessions and grants that ended stay ended, including those that were
 * being opened when the account was disabled.
 */
export async function enableAccount(signet: Context, actor: Actor, sub: Sub): Promise<Account | 'no_such_account'> {
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
  | ({ readonly outcome: 'password_refused' } & RefusedPassword)
  /** Nobody signs in with a password here (SIGNET_PASSWORDS). */
  | { readonly outcome: 'passwords_off' }

/**
 * Sets a new password for an account, signs the person out everywhere and ends all grants, because someone who knew the old password may
 * be signed in. Links that were sent for the account before have no effect any more, and the person is told by mail. If the rules reject the new
 * password, nothing changes.
 *
 * @param reason the operator's reason, for the event
 * @throws HashQueueFull
 */
export async function setPassword(
  signet: Context & Pick<Signet, 'settings' | 'passwords' | 'breachedPasswords' | 'secrets' | 'clock'>,
  actor: Operator,
  sub: Sub,
  password: string,
  reason?: string,
): Promise<SetPasswordOutcome> {
  const person = await findAccount(signet.database, sub)
  if (!person) return { outcome: 'no_such_account' }
  if (signet.settings.passwordSignIn === 'off') return { outcome: 'passwords_off' }
  const kinds = kindsOf(await listCredentials(signet.database, sub))
  const hashed = await hashNewPassword(signet, password, person, kinds)
  if ('fault' in hashed) return { outcome: 'password_refused', ...hashed }
  const set = async (tx: Queryable): Promise<EventType> => {
    await setPasswordHash(tx, sub, hashed)
    await forgetReplacedPassword(tx, sub)
    await voidOpenLinks(tx, sub)
    await voidNotices(tx, sub)
    const now = await findAccount(tx, sub)
    const mail = { kind: 'password-changed', by: 'operator', at: signet.clock.now() } as const
    if (now) await notifyPerson(tx, signet, actor, now, mail)
    return 'password_set'
  }
  const detail = reason === undefined ? undefined : { reason }
  const account = await changeAccess(signet, actor, sub, 'password_set', set, detail)
  return account === 'no_such_account' ? { outcome: account } : { outcome: 'set', account }
}

/**
 * Signs a person out everywhere and ends all grants, including those with `offline_access`. The person can sign in again.
 */
export async function signOutEverywhere(signet: Context, actor: Actor, sub: Sub): Promise<Decided | 'no_such_account'> {
  const decided = await signet.turns.take(accountTurn(sub), () =>
    inTransaction(signet.database, async (tx) => {
      if (!(await lockAccount(tx, sub))) return 'no_such_account'
      const decided = await endAccountAccess(tx, sub, 'revoked_by_operator')
      const { sessions, grants, left } = decided
      // With a large number of rows, these are only those that have been updated so far, and `more` is set.
      const detail = { sessions, grants, ...(left && { more: true }) }
      await recordEvent(tx, { type: 'sessions_ended', ...originOf(actor), sub, detail })
      return decided
    }),
  )
  if (decided !== 'no_such_account' && decided.left) signet.endings.wake()
  return decided
}

/**
 * @param change the change to make in the same transaction. It returns the event to record, or undefined if nothing changed
 * @param detail for the event
 */
async function changeAccess(
  signet: Context,
  actor: Actor,
  sub: Sub,
  reason: AccountEndReason,
  change: (tx: Queryable, account: { readonly disabled: boolean }) => Promise<EventType | undefined>,
  detail?: NewEvent['detail'],
): Promise<Account | 'no_such_account'> {
  const changeAndEnd = async (tx: Queryable) => {
    const locked = await lockAccount(tx, sub)
    if (!locked) return { account: undefined, left: false }
    const event = await change(tx, locked)
    const rowsLeft = await endAccess(tx, actor, sub, reason, event, detail)
    return { account: await findAccount(tx, sub), left: rowsLeft }
  }
  const { account, left } = await signet.turns.take(accountTurn(sub), () =>
    inTransaction(signet.database, changeAndEnd),
  )
  if (left) signet.endings.wake()
  return account ?? 'no_such_account'
}

/** @returns whether rows remain to be updated */
async function endAccess(
  tx: Queryable,
  actor: Actor,
  sub: Sub,
  reason: AccountEndReason,
  type: EventType | undefined,
  detail?: NewEvent['detail'],
): Promise<boolean> {
  const { left } = await endAccountAccess(tx, sub, reason)
  if (type) await recordEvent(tx, { type, ...originOf(actor), sub, ...(detail && { detail }) })
  return left
}
