import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Account, accountTurn } from '../records/accounts/account.ts'
import { type Credential, removeCredentials } from '../records/accounts/account-credentials-store.ts'
import { voidNotices } from '../records/accounts/account-notices-store.ts'
import { keepReplacedPassword, removePassword } from '../records/accounts/account-password-store.ts'
import { spendRecovery } from '../records/accounts/account-recoveries-store.ts'
import { lockAccount, setPasswordHash } from '../records/accounts/accounts-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { needsSecondFactor } from '../records/accounts/factors.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import type { NewPasskey } from '../records/accounts/passkeys-store.ts'
import { isShortPassword, type PasswordFault } from '../records/accounts/password-rules.ts'
import { type NewFactor, removedBy } from '../records/accounts/recovery-rule.ts'
import { deleteConsents } from '../records/consents/consents-store.ts'
import { recordEvent, recordEvents } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { undoTtl } from './change-email.ts'
import { endAccountAccess } from './end-account-access.ts'
import { addPasskeyWithCodes, type SentPasskey } from './first-passkey.ts'
import type { Visitor } from './matching-account.ts'
import { readNewPasskey } from './new-passkey.ts'
import { newPasswordFault } from './new-password.ts'
import { notifyPerson } from './notify-person.ts'
import { findOpen, type OpenRecovery, openRecovery } from './open-recovery.ts'
import { countOf } from './own-sessions.ts'
import { withRollback } from './with-rollback.ts'

/** What the person chose on the page of the link. */
export interface RecoveryChoice {
  /** The new password, as it was typed. */
  readonly password: string | undefined
  /** Set instead of a password. */
  readonly passkey: SentPasskey | undefined
  /** `end`: all sessions and all grants end, and all browsers are forgotten. */
  readonly access: 'end' | 'keep'
  /** The ids of other credentials to remove. */
  readonly remove: readonly number[]
  /** The language of the page, a BCP 47 tag. */
  readonly locale: string
}

export type RecoveredAccount =
  /** `recoveryCodes`: new ones, to be shown once, because the account got its first second factor. */
  | { readonly outcome: 'recovered'; readonly set: NewFactor; readonly recoveryCodes: readonly string[] }
  /** The link cannot be used, or somebody has used it a moment earlier. */
  | { readonly outcome: 'void_link' }
  /** Something must be proven first, or again: the factors of the account have changed. */
  | { readonly outcome: 'unproven' }
  | { readonly outcome: 'faulty'; readonly fault: RecoveryFault; readonly recovery: OpenRecovery }

export type RecoveryFault = 'password_missing' | PasswordFault | 'new_passkey_refused'

/** What is new: one of these. */
type Prepared =
  | { readonly password: { readonly hash: string; readonly isShort: boolean } }
  | { readonly passkey: NewPasskey; readonly device: string }

/**
 * Sets a new password or passkey by a link, once everything that the account needs has been proven in this browser (prove-recovery.ts). Of any number of
 * concurrent uses of the link, one succeeds. In the same transaction all other open links of the account become void and, unless the person chose
 * otherwise, all sessions and grants end and all browsers and consents are forgotten: somebody else may know the old password. A new passkey replaces the
 * password, which is removed. The other factors stay, except for those that the person removes. The person is told by mail (NIST SP 800-63B-4 §4.2.3), and is not
 * signed in (OWASP Forgot Password, "User Resets Password").
 *
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function recoverAccount(
  signet: Signet,
  caller: Visitor,
  token: string | undefined,
  browserDigest: Buffer,
  choice: RecoveryChoice,
): Promise<RecoveredAccount> {
  const recovery = await openRecovery(signet, token, browserDigest)
  if (!recovery || token === undefined) return { outcome: 'void_link' }
  if (recovery.needs) return { outcome: 'unproven' }
  await signet.limits.beforeNewPassword(digest(token))
  const prepared = await prepare(signet, caller, browserDigest, recovery, choice)
  if (typeof prepared === 'string') return { outcome: 'faulty', fault: prepared, recovery }
  const { sub } = recovery.account
  const link = { linkDigest: digest(token), browserDigest }
  const done = await withRollback<'passkey_exists', Recovered | 'void_link' | 'unproven'>((rollBack) =>
    signet.turns.take(accountTurn(sub), () =>
      inTransaction(signet.database, (tx) => setNewFactor(tx, signet, caller, sub, link, prepared, choice, rollBack)),
    ),
  )
  if (done === 'passkey_exists') return { outcome: 'faulty', fault: 'new_passkey_refused', recovery }
  if (typeof done === 'string') return { outcome: done }
  if (done.left) signet.endings.wake()
  return {
    outcome: 'recovered',
    set: 'passkey' in prepared ? 'passkey' : 'password',
    recoveryCodes: done.recoveryCodes,
  }
}

async function prepare(
  signet: Signet,
  caller: Visitor,
  browserDigest: Buffer,
  recovery: OpenRecovery,
  { password, passkey, remove }: RecoveryChoice,
): Promise<Prepared | RecoveryFault> {
  const { account, sets } = recovery
  if (passkey !== undefined || !sets.includes('password')) {
    if (!sets.includes('passkey')) return 'new_passkey_refused'
    const asked = { browserDigest, sub: account.sub, use: 'recovery', answer: passkey?.answer } as const
    const created = await readNewPasskey(signet, asked)
    return created ? { passkey: created, device: passkey?.device ?? '' } : 'new_passkey_refused'
  }
  if (!password) return 'password_missing'
  const fault = await newPasswordFault(signet, password, account, kindsAfter(recovery, remove))
  if (fault) return fault
  const isShort = isShortPassword(password, signet.settings)
  return { password: { hash: await signet.passwords.hash(password, caller), isShort } }
}

/** The kinds of the credentials that the account has once its password is set. */
function kindsAfter({ credentials, proof }: OpenRecovery, remove: readonly number[]): string[] {
  const removed = removedBy(credentials, proof, remove, 'password')
  return ['password', ...credentials.filter((credential) => !removed.includes(credential)).map(({ kind }) => kind)]
}

/** `left`: rows of sessions or grants remain to be updated. */
interface Recovered {
  readonly left: boolean
  readonly recoveryCodes: readonly string[]
}

/** @returns why nothing was changed */
async function setNewFactor(
  tx: Queryable,
  signet: Signet,
  caller: Visitor,
  sub: Sub,
  { linkDigest, browserDigest }: { readonly linkDigest: Buffer; readonly browserDigest: Buffer },
  prepared: Prepared,
  choice: RecoveryChoice,
  rollBack: (outcome: 'passkey_exists') => never,
): Promise<Recovered | 'void_link' | 'unproven'> {
  // Everything is checked again under the lock: the address, the factors and what was proven, and whether the account is disabled.
  if (!(await lockAccount(tx, sub))) return 'void_link'
  const open = await findOpen(tx, signet, linkDigest, browserDigest)
  if (!open) return 'void_link'
  const set = 'passkey' in prepared ? 'passkey' : 'password'
  if (open.needs || !open.sets.includes(set)) return 'unproven'
  // A second factor that made a short password possible has been removed in the meantime.
  const isTooShort =
    'password' in prepared &&
    prepared.password.isShort &&
    !needsSecondFactor(signet.settings, kindsAfter(open, choice.remove))
  if (isTooShort) return 'unproven'
  if (!(await spendRecovery(tx, linkDigest))) return 'void_link'
  const actor = { kind: 'person', sub, caller, language: choice.locale } as const
  const others = open.credentials.filter(({ kind }) => kind !== 'password')
  const removed = removedBy(open.credentials, open.proof, choice.remove, set)
  const ids = removed.map(({ id }) => id)
  await keepReplacedPassword(tx, sub, undoTtl)
  let recoveryCodes: readonly string[] = []
  if ('passkey' in prepared) {
    // Before the lost factors are removed, because they vouch for it if one of them was proven. Planted ones do not.
    if (open.proof === 'earlier_password') await removeCredentials(tx, sub, ids)
    const isVouched = open.proof !== undefined && open.proof !== 'earlier_password'
    const hasCodes = others.some(({ id, kind }) => kind === 'recovery_codes' && !ids.includes(id))
    const given = { ...prepared, isVouched, hasCodes }
    const added = (await addPasskeyWithCodes(tx, signet, caller, sub, given)) ?? rollBack('passkey_exists')
    await recordEvents(tx, added.events)
    recoveryCodes = added.recoveryCodes
    await removePassword(tx, sub)
  } else await setPasswordHash(tx, sub, prepared.password)
  if (ids.length > 0) await removeCredentials(tx, sub, ids)
  await voidOpenLinks(tx, sub)
  // Whoever has come here from a session has not shown that they read the mails.
  if (open.byOperator || open.mailedTo !== undefined) await voidNotices(tx, sub, open.mailedTo)
  if (choice.access === 'end') await deleteConsents(tx, sub)
  const ended = choice.access === 'end' ? await endAccountAccess(tx, sub, 'password_recovered') : undefined
  // Somebody who has forgotten the password has usually tried several, and must not have to wait now.
  await signet.limits.recovered(tx, caller.network, sub, namesOf(open.account))
  await tell(tx, signet, actor, open, set, removed)
  const detail = {
    link: open.byOperator ? 'printed' : 'mailed',
    ...(open.proof && { proof: open.proof }),
    ...(set === 'passkey' && { set }),
    ...(ended
      ? {
          access: 'ended',
          ...countOf('sessions_ended', ended),
          grants_ended: ended.grants,
        }
      : { access: 'kept' }),
    ...(removed.length > 0 && { removed: removed.map(({ kind }) => kind) }),
    ...(removed.length < others.length && { others_kept: others.length - removed.length }),
  }
  await recordEvent(tx, { type: 'password_recovered', caller, sub, detail })
  return { left: ended?.left ?? false, recoveryCodes }
}

/**
 * Tells the person what is new and what was removed. If a factor was removed, its mail goes first: it lets them report what a thief did.
 */
async function tell(
  tx: Queryable,
  signet: Signet,
  actor: Person,
  { account, byOperator }: OpenRecovery,
  set: NewFactor,
  removed: readonly Credential[],
): Promise<void> {
  const at = signet.clock.now()
  for (const factor of ['passkey', 'totp'] as const)
    if (removed.some(({ kind }) => kind === factor))
      await notifyPerson(tx, signet, actor, account, { kind: 'factor-removed', factor, by: 'person', at })
  const by = byOperator ? 'operator-link' : 'recovery'
  if (set === 'password') await notifyPerson(tx, signet, actor, account, { kind: 'password-changed', by, at })
  else await notifyPerson(tx, signet, actor, account, { kind: 'factor-added', factor: 'passkey', at })
}

/** The keys of the names that only this account has: nobody else's failures are forgotten. */
function namesOf({ username, email, email_verified }: Account): string[] {
  const names = [username, email_verified ? email : undefined].filter((name) => name !== undefined)
  return names.map((name) => typedName(name).key)
}
