import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Account, accountTurn } from '../records/accounts/account.ts'
import { type Credential, listCredentials, removeCredentials } from '../records/accounts/account-credentials-store.ts'
import { keepReplacedPassword } from '../records/accounts/account-password-store.ts'
import { findRecovery, type Recovery, spendRecovery } from '../records/accounts/account-recoveries-store.ts'
import { lockAccount, setPasswordHash } from '../records/accounts/accounts-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import type { PasswordFault } from '../records/accounts/password-rules.ts'
import { recoveryNeeds } from '../records/accounts/recovery-rule.ts'
import { deleteConsents } from '../records/consents/consents-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { undoTtl } from './change-email.ts'
import { endAccountAccess } from './end-account-access.ts'
import type { Visitor } from './matching-account.ts'
import { newPasswordFault } from './new-password.ts'
import { notifyPerson } from './notify-person.ts'
import { countOf } from './own-sessions.ts'

/** A link that can be used now, and what its page shows. */
export interface OpenRecovery extends Recovery {
  /** The credentials of the account other than the password. The person may not know about all of them: a thief can have added one. */
  readonly others: readonly Credential[]
}

/**
 * Looks up a link, and changes nothing: programs that scan mails follow links.
 *
 * @param token the secret in the link, as it was received
 * @returns undefined if the link cannot be used: it is not one of ours, has expired or been used, its account has changed since, or the account
 *   needs more than a mail
 */
export async function openRecovery(
  { database }: Pick<Signet, 'database'>,
  token: string | undefined,
): Promise<OpenRecovery | undefined> {
  return token === undefined ? undefined : findOpen(database, digest(token))
}

async function findOpen(db: Queryable, tokenDigest: Buffer): Promise<OpenRecovery | undefined> {
  const recovery = await findRecovery(db, tokenDigest)
  if (!recovery) return undefined
  const credentials = await listCredentials(db, recovery.account.sub)
  // An operator who hands over a link vouches for the person, and so replaces the other factor.
  if (!recovery.byOperator && recoveryNeeds(credentials.map(({ kind }) => kind)).length > 0) return undefined
  return { ...recovery, others: credentials.filter(({ kind }) => kind !== 'password') }
}

/** What the person chose on the page of the link. */
export interface RecoveryChoice {
  /** The new password, as it was typed. */
  readonly password: string | undefined
  /** `end`: all sessions and all grants end, and all browsers are forgotten. */
  readonly access: 'end' | 'keep'
  /** The ids of other credentials to remove. */
  readonly remove: readonly number[]
  /** The language of the page, a BCP 47 tag. */
  readonly locale: string
}

export type RecoveredAccount =
  | { readonly outcome: 'recovered' }
  /** The link cannot be used, or somebody has used it a moment earlier. */
  | { readonly outcome: 'void_link' }
  | { readonly outcome: 'faulty'; readonly fault: 'password_missing' | PasswordFault; readonly recovery: OpenRecovery }

/**
 * Sets a new password by a link. Of any number of concurrent uses of the link, one succeeds. In the same transaction all other open links of the
 * account become void and, unless the person chose otherwise, all sessions and grants end and all browsers and consents are forgotten: somebody
 * else may know the old password. The person is told by mail (NIST SP 800-63B-4 §4.2.3), and is not signed in (OWASP Forgot Password, "User Resets
 * Password").
 *
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function recoverAccount(
  signet: Signet,
  caller: Visitor,
  token: string | undefined,
  choice: RecoveryChoice,
): Promise<RecoveredAccount> {
  const { password } = choice
  const recovery = await openRecovery(signet, token)
  if (!recovery || token === undefined) return { outcome: 'void_link' }
  await signet.limits.beforeNewPassword(digest(token))
  const fault = password ? await newPasswordFault(signet, password, recovery.account) : 'password_missing'
  if (fault || !password) return { outcome: 'faulty', fault: fault ?? 'password_missing', recovery }
  const passwordHash = await signet.passwords.hash(password, caller)
  const { sub } = recovery.account
  const set = (tx: Queryable) => setNewPassword(tx, signet, caller, recovery, digest(token), passwordHash, choice)
  const done = await signet.turns.take(accountTurn(sub), () => inTransaction(signet.database, set))
  if (!done) return { outcome: 'void_link' }
  if (done.left) signet.endings.wake()
  return { outcome: 'recovered' }
}

/** @returns undefined if the link can no longer be used; nothing was changed. `left`: rows of sessions or grants remain to be updated */
async function setNewPassword(
  tx: Queryable,
  signet: Signet,
  caller: Visitor,
  { account: { sub } }: OpenRecovery,
  tokenDigest: Buffer,
  passwordHash: string,
  choice: RecoveryChoice,
): Promise<{ readonly left: boolean } | undefined> {
  // Everything is checked again under the lock: the address, the credentials, and whether the account is disabled.
  if (!(await lockAccount(tx, sub))) return undefined
  const open = await findOpen(tx, tokenDigest)
  if (!open || !(await spendRecovery(tx, tokenDigest))) return undefined
  await keepReplacedPassword(tx, sub, undoTtl)
  await setPasswordHash(tx, sub, passwordHash)
  const removed = open.others.filter(({ id }) => choice.remove.includes(id))
  if (removed.length > 0)
    await removeCredentials(
      tx,
      sub,
      removed.map(({ id }) => id),
    )
  await voidOpenLinks(tx, sub)
  if (choice.access === 'end') await deleteConsents(tx, sub)
  const ended = choice.access === 'end' ? await endAccountAccess(tx, sub, 'password_recovered') : undefined
  // Somebody who has forgotten the password has usually tried several, and must not have to wait now.
  await signet.limits.recovered(tx, caller.network, sub, namesOf(open.account))
  const actor = { kind: 'person', sub, caller, language: choice.locale } as const
  const by = open.byOperator ? 'operator-link' : 'recovery'
  await notifyPerson(tx, signet, actor, open.account, { kind: 'password-changed', by, at: signet.clock.now() })
  const detail = {
    link: open.byOperator ? 'printed' : 'mailed',
    ...(ended
      ? {
          access: 'ended',
          ...countOf('sessions_ended', ended),
          grants_ended: ended.grants,
        }
      : { access: 'kept' }),
    ...(removed.length > 0 && { removed: removed.map(({ kind }) => kind) }),
    ...(removed.length < open.others.length && { others_kept: open.others.length - removed.length }),
  }
  await recordEvent(tx, { type: 'password_recovered', caller, sub, detail })
  return { left: ended?.left ?? false }
}

/** The keys of the names that only this account has: nobody else's failures are forgotten. */
function namesOf({ username, email, email_verified }: Account): string[] {
  const names = [username, email_verified ? email : undefined].filter((name) => name !== undefined)
  return names.map((name) => typedName(name).key)
}
