import type { Queryable } from '../platform/database/queryable.ts'
import { listCredentials } from '../records/accounts/account-credentials-store.ts'
import { keepReplacedPassword, lockPassword, replacePasswordHash } from '../records/accounts/account-password-store.ts'
import { findAccount } from '../records/accounts/accounts-store.ts'
import {
  hasSecondFactor,
  isFreshlyProven,
  kindsOf,
  needsSecondFactor,
  type Proofs,
} from '../records/accounts/factors.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import { isShortPassword, minLengthFor, type PasswordFault, passwordFault } from '../records/accounts/password-rules.ts'
import { decideEnding, type EndedRows } from '../records/endings/decide-ending.ts'
import { endAllAccess, moveSession } from '../records/endings/decisions-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { forgetOtherBrowsers } from '../records/sessions/known-browsers-store.ts'
import { renewSession, type Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf, type Person } from './actor.ts'
import { asSignedIn, type OwnSession, type signedOut } from './as-signed-in.ts'
import { undoTtl } from './change-email.ts'
import { notifyPerson } from './notify-person.ts'
import { countOf, endOthers } from './own-sessions.ts'
import { type ProvingBrowser, provePassword } from './prove-password.ts'

/** The faults by field. */
export interface PasswordChangeFaults {
  readonly current?: 'current_password_missing'
  readonly wanted?: 'password_missing' | PasswordFault
}

/** `secondsLeft`: the maximum remaining lifetime of the session. */
export type ChangedPassword =
  | { readonly outcome: 'changed'; readonly secondsLeft: number }
  | { readonly outcome: 'wrong_password' }
  /** `stale`: the account has a stronger factor than the password, which must be proven first. */
  | { readonly outcome: 'stale' }
  | { readonly outcome: typeof signedOut }
  | { readonly outcome: 'faulty'; readonly faults: PasswordChangeFaults }

/**
 * Changes the password, ends all other sessions and, if the person wants it, all grants (`changeProvenPassword`).
 *
 * @param session the person's session. It continues under the cookie of `sessionDigest` once this has returned `changed`
 * @param browser called once the form has no faults
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function changePassword(
  signet: Signet,
  actor: Person,
  session: Session,
  browser: () => ProvingBrowser,
  change: {
    readonly current: string | undefined
    readonly wanted: string | undefined
    readonly sessionDigest: Buffer
    readonly applications: 'end' | 'keep'
  },
): Promise<ChangedPassword> {
  const { current, wanted, sessionDigest, applications } = change
  const { settings } = signet
  const kinds = kindsOf(await listCredentials(signet.database, session.account.sub))
  if (!mayChangePassword(session, kinds, signet.clock.now())) return { outcome: 'stale' }
  const wantedFault =
    wanted === undefined
      ? 'password_missing'
      : await passwordFault(wanted, settings, session.account, minLengthFor(settings, kinds))
  if (current === undefined || wanted === undefined || wantedFault) {
    const currentFault = current === undefined && { current: 'current_password_missing' as const }
    return { outcome: 'faulty', faults: { ...currentFault, ...(wantedFault && { wanted: wantedFault }) } }
  }
  const proving = browser()
  const from = await provePassword(signet, actor, proving, current)
  if (from === undefined) return { outcome: 'wrong_password' }
  // After the limits, because this asks another server.
  if (await signet.breachedPasswords.isListed(wanted))
    return { outcome: 'faulty', faults: { wanted: 'password_breached' } }
  const to = await signet.passwords.hash(wanted, proving.requester)
  const isShort = isShortPassword(wanted, settings)
  const changed = await changeProvenPassword(signet, actor, session, { from, to, isShort, sessionDigest, applications })
  if (changed === 'signed_out' || changed === 'stale') return { outcome: changed }
  // The factor that allowed it to be short has just been removed.
  if (changed === 'password_too_short') return { outcome: 'faulty', faults: { wanted: changed } }
  // A concurrent request changed the password first.
  if (changed === 'password_replaced') return { outcome: 'wrong_password' }
  return { outcome: 'changed', secondsLeft: changed.secondsLeft }
}

/**
 * Whether somebody who types the current password may change it. If the account has a stronger factor, they must have proven it recently: whoever has found the
 * password and a session must not be able to lock the owner out.
 *
 * @param kinds of all credentials of the account
 * @param now milliseconds since 1970
 */
export function mayChangePassword(session: Proofs, kinds: readonly string[], now: number): boolean {
  return !hasSecondFactor(kinds) || isFreshlyProven(session, kinds, now)
}

interface ProvenChange {
  /** The hash of the current password, in PHC form. */
  readonly from: string
  /** The hash of the new password, in PHC form. */
  readonly to: string
  /** See `isShortPassword`. */
  readonly isShort: boolean
  /** The digest of the cookie under which the session continues. */
  readonly sessionDigest: Buffer
  /**
   * `end`: all grants end, including those with `offline_access` and those of this session. `keep`: grants of this session and grants with
   * `offline_access` continue.
   */
  readonly applications: 'end' | 'keep'
}

/**
 * Changes the password of a person who has proven the current one. In the same transaction it ends all other sessions, forgets all other
 * browsers and, if the person wants it, ends all grants. Links that were sent for the account before have no effect any more, so a change of address
 * that somebody else asked for can no longer be confirmed. The person is told by mail. The session continues under a new cookie, so a copy of the old
 * one is worthless (OWASP Session Management, "Renew the Session ID After Any Privilege Level Change").
 *
 * @returns the maximum remaining lifetime of the session, in seconds; `password_replaced` if a concurrent request changed the password first,
 *   so that the one that was proven is no longer the current password; `stale` and `password_too_short` if one has added or removed a factor
 */
export async function changeProvenPassword(
  signet: Pick<Signet, 'database' | 'endings' | 'turns' | 'settings' | 'secrets' | 'clock'>,
  actor: Actor,
  session: OwnSession & Proofs,
  { from, to, isShort, sessionDigest, applications }: ProvenChange,
): Promise<{ readonly secondsLeft: number } | 'password_replaced' | 'password_too_short' | 'stale' | typeof signedOut> {
  const { sub } = session.account
  const outcome = await asSignedIn(signet, session, async (tx) => {
    if (!(await lockPassword(tx, sub, from))) return 'password_replaced'
    const kinds = kindsOf(await listCredentials(tx, sub))
    if (!mayChangePassword(session, kinds, signet.clock.now())) return 'stale'
    if (isShort && !needsSecondFactor(signet.settings, kinds)) return 'password_too_short'
    await keepReplacedPassword(tx, sub, undoTtl)
    await replacePasswordHash(tx, sub, from, to, isShort)
    await voidOpenLinks(tx, sub)
    const ended = applications === 'end' ? await endOthersAndGrants(tx, session) : await endOthers(tx, session)
    const secondsLeft = await renewSession(tx, session.id, sessionDigest)
    const which =
      applications === 'end' ? { applications: 'ended', grants_ended: ended.grants } : { applications: 'kept' }
    const detail = { ...countOf('sessions_ended', ended), ...which }
    await recordEvent(tx, { type: 'password_changed', ...originOf(actor), sub, detail })
    const account = await findAccount(tx, sub)
    const mail = { kind: 'password-changed', by: 'person', at: signet.clock.now() } as const
    if (account) await notifyPerson(tx, signet, actor, account, mail)
    return { secondsLeft, left: ended.left }
  })
  if (typeof outcome === 'string') return outcome
  if (outcome.left) signet.endings.wake()
  return { secondsLeft: outcome.secondsLeft }
}

async function endOthersAndGrants(tx: Queryable, session: OwnSession): Promise<EndedRows> {
  const { sub } = session.account
  const epoch = await endAllAccess(tx, sub, 'password_changed')
  await moveSession(tx, session.id, epoch)
  await forgetOtherBrowsers(tx, sub, session.id)
  return decideEnding(tx, { kind: 'account', reason: 'password_changed', sub, epoch })
}
