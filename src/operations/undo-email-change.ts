import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Account, accountTurn } from '../records/accounts/account.ts'
import { replaceSignInNames } from '../records/accounts/account-changes-store.ts'
import { keepReplacedPassword, removePassword } from '../records/accounts/account-password-store.ts'
import { findAccount, lockAccount, setEmailVerified } from '../records/accounts/accounts-store.ts'
import { closeEmailChange, findOpenEmailChange, type OpenEmailChange } from '../records/accounts/email-changes-store.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import { deleteConsents } from '../records/consents/consents-store.ts'
import type { Decided } from '../records/endings/decide-ending.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { undoTtl } from './change-email.ts'
import { checkPassword } from './check-password.ts'
import { endAccountAccess } from './end-account-access.ts'
import type { Visitor } from './matching-account.ts'
import { notifyPerson } from './notify-person.ts'
import { countOf } from './own-sessions.ts'
import { withRollback } from './with-rollback.ts'

/** What the page of a link shows: it was sent to the previous address, so that is shown in full. */
export type UndoableChange = Pick<OpenEmailChange, 'previousEmail' | 'newEmail' | 'changedAt'>

/**
 * The change that the link of a mail undoes.
 *
 * @returns undefined if the link is not ours, has expired or been used, or if a return to an earlier address has made it pointless
 */
export async function findUndoableChange(
  { database }: Pick<Signet, 'database'>,
  token: string,
): Promise<UndoableChange | undefined> {
  return findOpenEmailChange(database, digest(token))
}

export type UndoOutcome =
  | { readonly outcome: 'undone' }
  | { readonly outcome: 'wrong_password'; readonly change: UndoableChange }
  /** Another account has verified the previous address in the meantime. Nothing was changed, and the link can still be used. */
  | { readonly outcome: 'address_taken'; readonly change: UndoableChange }
  | { readonly outcome: 'void_link' }

/**
 * Undoes a change of address, for somebody who can read mail at the previous address and knows the password that the account had before the
 * change, or one that was replaced in the days before it, because a thief may have changed the password first. The account was theirs with just
 * these two, so undoing bypasses nothing: it signs nobody in, and sets no password.
 *
 * Removes the password, whichever it is: whoever changed the address had to know the password of that time. The person sets a new one by mail at the
 * address that is theirs again.
 *
 * Ends all sessions and grants, forgets all browsers and consents, and makes every link useless that was sent for the account: of recoveries,
 * verifications and pending changes, and of the undoing of this and later changes.
 *
 * Guesses are counted as at sign-in, for the network and for the account, but apart from those at sign-in: with guesses there, a thief could make the
 * account wait, and keep the person from undoing. Only somebody with the link can guess here.
 *
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function undoEmailChange(
  signet: Signet,
  caller: Visitor,
  { token, password }: { readonly token: string; readonly password: string },
): Promise<UndoOutcome> {
  const linkDigest = digest(token)
  const change = await findOpenEmailChange(signet.database, linkDigest)
  if (!change) return { outcome: 'void_link' }
  if (!(await proves(signet, caller, change, password))) return { outcome: 'wrong_password', change }
  const undone = await withRollback<'address_taken', Undone | 'void_link' | 'address_taken'>((rollBack) =>
    signet.turns.take(accountTurn(change.sub), () =>
      inTransaction(signet.database, (tx) => undo(tx, signet, caller, { change, linkDigest, rollBack })),
    ),
  )
  if (undone === 'void_link') return { outcome: undone }
  if (undone === 'address_taken') return { outcome: undone, change }
  if (undone.left) signet.endings.wake()
  return { outcome: 'undone' }
}

/** Whether the password is the one that the account had before the change, or one that was replaced shortly before. A failure is recorded. */
async function proves(
  { database, limits, passwords }: Signet,
  caller: Visitor,
  { sub, previousPassword, earlierPassword }: OpenEmailChange,
  password: string,
): Promise<boolean> {
  const subject = { undoFor: sub }
  const request = await limits.countRequest(caller.network, subject)
  const hashes = [previousPassword, earlierPassword].filter((hash) => hash !== undefined)
  const attempt = { request, subject, knownBrowser: undefined, hashes, requester: caller }
  const checked = await checkPassword({ limits, passwords }, attempt, password)
  if (checked === 'right') return true
  const detail = { at: 'email_change_undo', ...(checked === 'waiting' && { reason: 'waiting' }) }
  await recordEvent(database, { type: 'reauthentication_failed', caller, sub, detail })
  return false
}

type Undone = Pick<Decided, 'left'>

async function undo(
  tx: Queryable,
  signet: Signet,
  caller: Visitor,
  given: {
    readonly change: OpenEmailChange
    readonly linkDigest: Buffer
    readonly rollBack: (outcome: 'address_taken') => never
  },
): Promise<Undone | 'void_link'> {
  const { change, linkDigest, rollBack } = given
  const { sub, previousEmail } = change
  const locked = await lockAccount(tx, sub)
  const before = locked && !locked.disabled ? await findAccount(tx, sub) : undefined
  // Another request may have used the link, or one of an earlier change, while the password was being checked.
  if (!before || !(await closeEmailChange(tx, linkDigest))) return 'void_link'
  await restoreEmail(tx, before, previousEmail, rollBack)
  await keepReplacedPassword(tx, sub, undoTtl)
  await removePassword(tx, sub)
  await voidOpenLinks(tx, sub)
  await deleteConsents(tx, sub)
  const ended = await endAccountAccess(tx, sub, 'email_change_undone')
  const detail = { ...countOf('sessions_ended', ended), grants_ended: ended.grants }
  const actor = { kind: 'person', sub, caller } as const
  await recordEvent(tx, { type: 'email_change_undone', caller, sub, detail })
  await notifyPerson(tx, signet, actor, before, { kind: 'email-change-undone', at: signet.clock.now() })
  return { left: ended.left }
}

/**
 * Gives an account the verified address that it had before.
 *
 * @param rollBack called if another account has verified the address in the meantime
 */
export async function restoreEmail(
  tx: Queryable,
  { sub, username }: Account,
  email: string,
  rollBack: (outcome: 'address_taken') => never,
): Promise<void> {
  const replaced = await replaceSignInNames(tx, sub, { username, email })
  const restored = replaced === 'done' ? await setEmailVerified(tx, sub) : replaced
  if (restored === 'email_taken') rollBack('address_taken')
  if (restored !== 'done') throw new Error(`An address could not be restored: ${restored}.`)
}
