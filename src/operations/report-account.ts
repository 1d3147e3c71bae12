import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Account, accountTurn } from '../records/accounts/account.ts'
import {
  type Credential,
  listCredentials,
  removeCredentialsSince,
} from '../records/accounts/account-credentials-store.ts'
import { findNotice, type Notice, voidNotices } from '../records/accounts/account-notices-store.ts'
import { keepReplacedPassword, listEarlierPasswords } from '../records/accounts/account-password-store.ts'
import { insertRecovery, keepProof } from '../records/accounts/account-recoveries-store.ts'
import { findAccount, lockAccount } from '../records/accounts/accounts-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { closeEmailChangesSince } from '../records/accounts/email-changes-store.ts'
import { newLinkToken } from '../records/accounts/link-tokens.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import { listPasskeys, type Passkey } from '../records/accounts/passkeys-store.ts'
import { type RecoveryProof, recoveryMinutes } from '../records/accounts/recovery-rule.ts'
import { deleteConsents } from '../records/consents/consents-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { undoTtl } from './change-email.ts'
import { checkEarlierPassword } from './check-password.ts'
import { endAccountAccess } from './end-account-access.ts'
import type { Visitor } from './matching-account.ts'
import { notifyPerson } from './notify-person.ts'
import { countOf } from './own-sessions.ts'
import { provePasskey } from './passkey-ceremonies.ts'
import { proveCode } from './prove-code.ts'
import { restoreEmail } from './undo-email-change.ts'
import { withRollback } from './with-rollback.ts'

/*
 * "This was not me". Somebody else has got into an account, and may have added factors and changed the password and the address. The link of a mail proves
 * that somebody reads mail at the address of the account. That alone would let whoever reads the mail evict the owner, so they also prove themselves with the
 * strongest factor that the account had before the event that the mail reports. Whatever was added since proves nothing, and is removed.
 *
 * The owner and a thief with the same proofs cannot be told apart, so a link must never achieve more than recovering the account would (recovery-rule.ts). A
 * password alone is accepted only if the account had no second factor before, and links work for a week, so no factor that they remove is older than that.
 */

/** What a person can prove themselves with: a passkey, a code and the password, or the password. */
export type ReportProof = 'passkey' | 'code' | 'password'

/** A link that can be used now, and what its page shows. */
export interface OpenReport extends Notice {
  /** Empty if nothing is left that the account had before. */
  readonly ways: readonly ReportProof[]
  /** Whether the password is asked for, alone or with a code: the account has one, or had one in the last days. */
  readonly asksPassword: boolean
  /** The credentials that the account had before, and has now. */
  readonly before: readonly Credential[]
  /** The passkeys among them. */
  readonly passkeys: readonly Passkey[]
}

/** Looks up a link, and changes nothing: programs that scan mails follow links. */
export async function findOpenReport(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  token: string | undefined,
): Promise<OpenReport | undefined> {
  const notice = token === undefined ? undefined : await findNotice(database, digest(token))
  if (!notice) return undefined
  const before = (await listCredentials(database, notice.sub)).filter(({ id }) => id <= notice.newestCredential)
  const hasPassword = settings.passwordSignIn === 'on' && (await listEarlierPasswords(database, notice.sub)).length > 0
  const ways = waysToProve(notice, before, hasPassword)
  const passkeys = ways.includes('passkey') ? await listPasskeys(database, notice.sub) : []
  const isBefore = (id: number) => before.some((one) => one.id === id)
  return { ...notice, before, ways, asksPassword: hasPassword, passkeys: passkeys.filter(({ id }) => isBefore(id)) }
}

/**
 * What proves a person: the strongest factor that the account had before. A recovery code stands in for one. A second factor that was removed since cannot be
 * proven any more, and the password does not replace it.
 */
export function waysToProve(
  { hadSecondFactor }: Pick<Notice, 'hadSecondFactor'>,
  before: readonly Pick<Credential, 'kind'>[],
  hasPassword: boolean,
): readonly ReportProof[] {
  const has = (kind: string) => before.some((credential) => credential.kind === kind)
  const accepts: Record<ReportProof, boolean> = {
    passkey: has('passkey'),
    code: has('recovery_codes') || (has('totp') && !has('passkey')),
    password: !hadSecondFactor && !has('passkey') && !has('totp') && hasPassword,
  }
  return (['passkey', 'code', 'password'] as const).filter((way) => accepts[way])
}

export type ReportOutcome =
  /** `token`: of a link to a new password, for this browser only. */
  | { readonly outcome: 'reported'; readonly token: string }
  | { readonly outcome: 'void_link' }
  | { readonly outcome: 'not_proven'; readonly report: OpenReport }
  /** The address cannot be restored, because another account has verified it since. Nothing was changed. */
  | { readonly outcome: 'address_taken'; readonly report: OpenReport }

/** What the person sent. Undefined members were not sent. */
export interface TypedProof {
  readonly password: string | undefined
  /** A one-time code or a recovery code. */
  readonly code: string | undefined
  /** The answer of a passkey, in JSON. */
  readonly credential: string | undefined
}

/**
 * Reports with the link of a mail that something in an account was not its person. In one transaction the password and whatever was added since are removed, an address
 * that was changed since is restored, all sessions and grants end, browsers and consents are forgotten, and all links that were sent for the account are void.
 * The person then sets a new password. Of any number of concurrent uses of the link, one succeeds.
 *
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function reportByLink(
  signet: Signet,
  visitor: Visitor,
  token: string | undefined,
  typed: TypedProof,
  { browserDigest, locale }: { readonly browserDigest: Buffer; readonly locale: string },
): Promise<ReportOutcome> {
  const report = await findOpenReport(signet, token)
  if (!report || token === undefined) return { outcome: 'void_link' }
  const { sub } = report
  const person: Person = { kind: 'person', sub, caller: visitor, language: locale }
  const proven = await prove(signet, visitor, person, report, typed, browserDigest)
  if (proven === undefined) {
    await recordEvent(signet.database, {
      ...{ type: 'reauthentication_failed', caller: visitor, sub, detail: { at: 'not_me' } },
    })
    return { outcome: 'not_proven', report }
  }
  const done = await withRollback<'address_taken', Secured | 'void_link' | 'address_taken'>((rollBack) =>
    signet.turns.take(accountTurn(sub), () =>
      inTransaction(signet.database, async (tx) => {
        const { proof, credentialId } = proven
        if (!(await lockAccount(tx, sub))) return 'void_link'
        // While the proof was being checked, somebody may have used a link, recovered the account, or removed what was proven.
        const notice = await findNotice(tx, digest(token))
        if (!notice) return 'void_link'
        const has = (await listCredentials(tx, sub)).some(({ id }) => id === credentialId)
        if (credentialId !== undefined && !has) return 'void_link'
        return secure(
          tx,
          signet,
          person,
          { ...notice, about: notice.kind, isMailed: true, proof, browserDigest },
          rollBack,
        )
      }),
    ),
  )
  if (done === 'void_link') return { outcome: done }
  if (done === 'address_taken') return { outcome: done, report }
  if (done.left) signet.endings.wake()
  return { outcome: 'reported', token: done.token }
}

/** @returns undefined if the person has not proven themselves */
async function prove(
  signet: Signet,
  visitor: Visitor,
  person: Person,
  report: OpenReport,
  { password, code, credential }: TypedProof,
  browserDigest: Buffer,
): Promise<{ readonly proof: RecoveryProof; readonly credentialId?: number } | undefined> {
  const { ways, sub, before } = report
  const isBefore = (id: number) => before.some((one) => one.id === id)
  if (ways.includes('passkey') && credential !== undefined) {
    const proven = await provePasskey(signet, visitor, { browserDigest, sub, use: 'not-me', answer: credential })
    // A passkey that was added since is as good as any other, except here.
    return proven.outcome === 'proven' && isBefore(proven.passkeyId)
      ? { proof: 'passkey', credentialId: proven.passkeyId }
      : undefined
  }
  if (!ways.includes('password') && !ways.includes('code')) return undefined
  // The password first: somebody who reads the mail, but does not know the password, must not use up the attempts at the code.
  if (report.asksPassword && (await checkEarlierPassword(signet, visitor, sub, password ?? '')) !== 'right')
    return undefined
  if (ways.includes('password')) return { proof: 'earlier_password' }
  const proven = await proveCode(signet, person, code, 'recovery')
  if (proven.outcome === 'wrong' || !isBefore(proven.credentialId)) return undefined
  // A one-time code is weaker than a passkey that the account had before. A recovery code stands in for it.
  if (proven.factor === 'totp' && ways.includes('passkey')) return undefined
  return { proof: proven.factor, credentialId: proven.credentialId }
}

export interface Secured {
  readonly token: string
  /** Whether rows of sessions or grants remain to be updated. */
  readonly left: boolean
}

/** What is reported, by whom it was proven, and the browser that continues. */
export interface Proven extends Pick<Notice, 'email' | 'newestCredential' | 'isCurrentAddress'> {
  /** The kind of the mail, or the type of the event. */
  readonly about: string
  /**
   * Whether the link of a mail was used, so that the links to its address are void. If not, the person has only proven what the account has now, and that can be a
   * factor that a thief has planted: the links in earlier mails to the owner stay valid.
   */
  readonly isMailed: boolean
  readonly proof: RecoveryProof
  readonly browserDigest: Buffer
}

/**
 * Takes an account away from everybody, and gives one browser a link to set a new password.
 *
 * @param tx a transaction that has locked the account
 */
export async function secure(
  tx: Queryable,
  signet: Signet,
  person: Person,
  { email, newestCredential, isCurrentAddress, about, isMailed, proof, browserDigest }: Proven,
  rollBack: (outcome: 'address_taken') => never,
): Promise<Secured> {
  const { sub, caller } = person
  const before = await findAccount(tx, sub)
  if (!before) throw new Error('An account that is locked does not exist.')
  const at = signet.clock.now()
  if (!isCurrentAddress) {
    await closeEmailChangesSince(tx, sub, email)
    await restoreEmail(tx, before, email, rollBack)
    await notifyPerson(tx, signet, person, before, { kind: 'email-change-undone', at })
  }
  // A thief may be the one who reports, with a factor that they planted and a mail that came to an address of theirs.
  await keepReplacedPassword(tx, sub, undoTtl)
  const removed = await removeCredentialsSince(tx, sub, newestCredential)
  await voidOpenLinks(tx, sub)
  if (isMailed) await voidNotices(tx, sub, email)
  await deleteConsents(tx, sub)
  const ended = await endAccountAccess(tx, sub, 'account_reported')
  const account = (await findAccount(tx, sub)) ?? before
  await signet.limits.recovered(tx, caller.network, sub, namesOf(account))
  const token = await newPasswordLink(tx, account, { isMailed, proof, browserDigest })
  const detail = {
    ...{ about, proof, removed, ...countOf('sessions_ended', ended), grants_ended: ended.grants },
    ...(!isCurrentAddress && { email: 'restored' }),
  }
  await recordEvent(tx, { type: 'account_reported', caller, sub, detail })
  await notifyPerson(tx, signet, person, account, { kind: 'account-reported', at })
  return { token, left: ended.left }
}

/** A link by which a browser sets a new password at once, without proving anything again. */
async function newPasswordLink(
  tx: Queryable,
  { sub, email, email_verified }: Account,
  { isMailed, proof, browserDigest }: Pick<Proven, 'isMailed' | 'proof' | 'browserDigest'>,
): Promise<string> {
  const token = newLinkToken()
  const to = isMailed && email_verified ? email : undefined
  await insertRecovery(tx, {
    ...{ digest: digest(token), sub, email: to, continuation: undefined, minutes: recoveryMinutes },
  })
  const left = await listCredentials(tx, sub)
  await keepProof(tx, digest(token), { proof, browserDigest, credentialIds: left.map(({ id }) => id) })
  return token
}

/** The keys of the names that only this account has: nobody else's failures are forgotten. */
function namesOf({ username, email, email_verified }: Account): string[] {
  const names = [username, email_verified ? email : undefined].filter((name) => name !== undefined)
  return names.map((name) => typedName(name).key)
}
