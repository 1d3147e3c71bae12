import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Account, accountTurn } from '../records/accounts/account.ts'
import { replaceSignInNames } from '../records/accounts/account-changes-store.ts'
import { type Credential, listCredentials, removeCredentials } from '../records/accounts/account-credentials-store.ts'
import { keepReplacedPassword, removePassword } from '../records/accounts/account-password-store.ts'
import { findAccount, lockAccount, setEmailVerified } from '../records/accounts/accounts-store.ts'
import { closeEmailChange, findOpenEmailChange, type OpenEmailChange } from '../records/accounts/email-changes-store.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import { addedAround, otherFactors, type RecoveryProof, undoNeeds } from '../records/accounts/recovery-rule.ts'
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
import { provePasskey } from './passkey-ceremonies.ts'
import { proveCode } from './prove-code.ts'
import { withRollback } from './with-rollback.ts'

/** What the page of a link shows: it was sent to the previous address, so that is shown in full. */
export interface UndoableChange extends Pick<OpenEmailChange, 'sub' | 'previousEmail' | 'newEmail' | 'changedAt'> {
  /** What the person must prove: one of these. */
  readonly needs: readonly RecoveryProof[]
  /** The passkeys that the account had before the change. */
  readonly passkeyIds: readonly number[]
}

/**
 * The change that the link of a mail undoes.
 *
 * @returns undefined if the link is not ours, has expired or been used, if a return to an earlier address has made it pointless, or if nothing is left with
 *   which the person could prove who they are
 */
export async function findUndoableChange(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  token: string,
): Promise<UndoableChange | undefined> {
  const change = await findOpenEmailChange(database, digest(token))
  return change && undoableOf(change, await listCredentials(database, change.sub), settings)
}

function undoableOf(
  change: OpenEmailChange,
  credentials: readonly Credential[],
  settings: Signet['settings'],
): (OpenEmailChange & UndoableChange) | undefined {
  const { changedAt, previousPassword, earlierPassword } = change
  const hasPassword = previousPassword !== undefined || earlierPassword !== undefined
  const needs = undoNeeds(credentials, { changedAt, hasPassword }, settings)
  const added = addedAround(credentials, changedAt)
  const passkeys = credentials.filter((one) => one.kind === 'passkey' && !added.includes(one))
  return needs.length > 0 ? { ...change, needs, passkeyIds: passkeys.map(({ id }) => id) } : undefined
}

export type UndoOutcome =
  | { readonly outcome: 'undone' }
  | {
      readonly outcome: 'missing' | 'wrong_password' | 'wrong_code' | 'wrong_passkey'
      readonly change: UndoableChange
    }
  /** Another account has verified the previous address in the meantime. Nothing was changed, and the link can still be used. */
  | { readonly outcome: 'address_taken'; readonly change: UndoableChange }
  | { readonly outcome: 'void_link' }

/**
 * Undoes a change of address, for somebody who can read mail at the previous address and proves what the account had before the change: a passkey, a code, or the
 * password, also one that was replaced in the days before it, because a thief may have changed the password first. Undoing bypasses nothing: it signs nobody in,
 * sets no password, and leaves the factors from before as they were.
 *
 * Removes the password, whichever it is: whoever changed the address may have had to know the password of that time. Also removes all factors that were added since,
 * or that a thief may have planted in the days before (`addedAround`): otherwise they would keep the person from recovering the account. The person sets a new
 * password by mail at the address that is theirs again.
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
  { token, browserDigest, ...given }: GivenForUndo,
): Promise<UndoOutcome> {
  const linkDigest = digest(token)
  const open = await findOpenEmailChange(signet.database, linkDigest)
  const change = open && undoableOf(open, await listCredentials(signet.database, open.sub), signet.settings)
  if (!change) return { outcome: 'void_link' }
  const proven = await check(signet, caller, change, browserDigest, given)
  if (typeof proven === 'string') return { outcome: proven, change }
  const undone = await withRollback<'address_taken', Undone | 'void_link' | 'address_taken'>((rollBack) =>
    signet.turns.take(accountTurn(change.sub), () =>
      inTransaction(signet.database, (tx) => undo(tx, signet, caller, { change, linkDigest, proven, rollBack })),
    ),
  )
  if (undone === 'void_link') return { outcome: undone }
  if (undone === 'address_taken') return { outcome: undone, change }
  if (undone.left) signet.endings.wake()
  return { outcome: 'undone' }
}

/** What somebody sends to undo a change: the token, and one of the proofs. */
export interface GivenForUndo {
  readonly token: string
  /** The digest of the browser's cookie. */
  readonly browserDigest: Buffer
  readonly password?: string | undefined
  /** A one-time code or a recovery code, as it was typed. */
  readonly code?: string | undefined
  /** The answer of the browser for a passkey, as JSON. */
  readonly credential?: string | undefined
}

interface Proven {
  readonly proof: RecoveryProof
  readonly passkeyId?: number
}

async function check(
  signet: Signet,
  caller: Visitor,
  change: OpenEmailChange & UndoableChange,
  browserDigest: Buffer,
  { password, code, credential }: Omit<GivenForUndo, 'token' | 'browserDigest'>,
): Promise<Proven | 'missing' | 'wrong_password' | 'wrong_code' | 'wrong_passkey'> {
  const { sub, needs, passkeyIds } = change
  if (credential && needs.includes('passkey')) {
    const proven = await provePasskey(signet, caller, { browserDigest, sub, use: 'recovery', answer: credential })
    const isOwn = proven.outcome === 'proven' && proven.sub === sub && passkeyIds.includes(proven.passkeyId)
    return isOwn ? { proof: 'passkey', passkeyId: proven.passkeyId } : 'wrong_passkey'
  }
  if (code && (needs.includes('totp') || needs.includes('recovery_code'))) {
    const proven = await proveCode(signet, { kind: 'person', sub, caller }, code, 'recovery')
    return proven.outcome === 'proven' && needs.includes(proven.factor) ? { proof: proven.factor } : 'wrong_code'
  }
  if (password && needs.includes('earlier_password'))
    return (await proves(signet, caller, change, password)) ? { proof: 'earlier_password' } : 'wrong_password'
  return 'missing'
}

/** Whether the password is the one that the account had before the change, or one that was replaced shortly before. A failure is recorded. */
async function proves(
  { database, limits, passwords, settings }: Signet,
  caller: Visitor,
  { sub, previousPassword, earlierPassword }: OpenEmailChange,
  password: string,
): Promise<boolean> {
  const subject = { undoFor: sub }
  const request = await limits.countRequest(caller.network, subject)
  const hashes = [previousPassword, earlierPassword].filter((hash) => hash !== undefined)
  const attempt = { request, subject, knownBrowser: undefined, hashes, requester: caller }
  const checked = await checkPassword({ limits, passwords, settings }, attempt, password)
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
    readonly proven: Proven
    readonly rollBack: (outcome: 'address_taken') => never
  },
): Promise<Undone | 'void_link'> {
  const { change, linkDigest, proven, rollBack } = given
  const { sub, previousEmail } = change
  const locked = await lockAccount(tx, sub)
  const before = locked && !locked.disabled ? await findAccount(tx, sub) : undefined
  // What was proven may have been removed while it was being checked.
  const now = undoableOf(change, await listCredentials(tx, sub), signet.settings)
  const isLeft = proven.passkeyId === undefined || now?.passkeyIds.includes(proven.passkeyId)
  if (!now?.needs.includes(proven.proof) || !isLeft) return 'void_link'
  // Another request may have used the link, or one of an earlier change, while the password was being checked.
  if (!before || !(await closeEmailChange(tx, linkDigest))) return 'void_link'
  await restoreEmail(tx, before, previousEmail, rollBack)
  await keepReplacedPassword(tx, sub, undoTtl)
  await removePassword(tx, sub)
  const removed = removedByUndo(await listCredentials(tx, sub), change.changedAt)
  await removeCredentials(
    tx,
    sub,
    removed.map(({ id }) => id),
  )
  await voidOpenLinks(tx, sub)
  await deleteConsents(tx, sub)
  const ended = await endAccountAccess(tx, sub, 'email_change_undone')
  const detail = {
    ...countOf('sessions_ended', ended),
    grants_ended: ended.grants,
    ...(removed.length > 0 && { removed: removed.map(({ kind }) => kind) }),
  }
  const actor = { kind: 'person', sub, caller } as const
  await recordEvent(tx, { type: 'email_change_undone', caller, sub, detail })
  await notifyPerson(tx, signet, actor, before, { kind: 'email-change-undone', at: signet.clock.now() })
  const restored = removed.length > 0 ? await findAccount(tx, sub) : undefined
  for (const factor of ['passkey', 'totp'] as const)
    if (restored && removed.some(({ kind }) => kind === factor))
      await notifyPerson(tx, signet, actor, restored, {
        kind: 'factor-removed',
        factor,
        by: 'person',
        at: signet.clock.now(),
      })
  return { left: ended.left }
}

/** Those that somebody else may have added, and the codes that stand in for them, if no other factor is left. */
function removedByUndo(credentials: readonly Credential[], changedAt: Date): readonly Credential[] {
  const added = addedAround(credentials, changedAt)
  const isAnyLeft = otherFactors(credentials).some((factor) => !added.includes(factor))
  return isAnyLeft ? added : credentials.filter(({ kind }) => kind !== 'password')
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
