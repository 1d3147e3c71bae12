import type { Queryable } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import { replacePasswordHash } from '../records/accounts/account-password-store.ts'
import {
  canonicalEmail,
  isStillToConvert,
  readUsername,
  type UsernameFault,
} from '../records/accounts/canonical-names.ts'
import { isNamedAfter, type PasswordFault, passwordFault } from '../records/accounts/password-rules.ts'
import { decideEnding, type Followed } from '../records/endings/decide-ending.ts'
import { endAllAccess, moveSession } from '../records/endings/decisions-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import { forgetOtherBrowsers } from '../records/sessions/known-browsers-store.ts'
import { renewSession, type Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf, type Person } from './actor.ts'
import { asSignedIn, type OwnSession, type signedOut } from './as-signed-in.ts'
import { countOf, endOthers } from './own-sessions.ts'
import { type ProvingBrowser, provePassword } from './prove-password.ts'
import { updateOwnAccount } from './update-account.ts'

/*
 * A person changes what they sign in with. Both functions need the current password, and a wrong one counts like a failed sign-in. Cheap
 * checks come first, so a typing error uses up no attempt.
 */

/** What somebody wants to sign in with, without white space around it. Undefined or empty takes a name away. */
export interface TypedNames {
  readonly username: string | undefined
  readonly email: string | undefined
}

/** By what it is about. `password` is the current one. */
export interface SignInNameFaults {
  readonly username?: UsernameFault | 'names_missing' | 'username_taken' | 'name_is_password'
  readonly email?: 'email_invalid' | 'name_is_password'
  readonly password?: 'current_password_missing'
}

export type ChangedSignInNames =
  | { readonly outcome: 'changed' }
  | { readonly outcome: 'wrong_password' }
  | { readonly outcome: typeof signedOut }
  | { readonly outcome: 'faulty'; readonly faults: SignInNameFaults }

/**
 * Changes the user name and the e-mail address. That somebody else has the address makes no difference and is not told: nobody
 * has verified it here. That a user name is taken has to be told, for it is unique.
 *
 * @param present the session by which they ask, with the account as they saw it
 * @param browser called once the form has no faults
 * @param password the current one
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function changeSignInNames(
  signet: Signet,
  actor: Person,
  present: Session,
  browser: () => ProvingBrowser,
  { password, ...typed }: TypedNames & { readonly password: string | undefined },
): Promise<ChangedSignInNames> {
  const { account } = present
  const { names, faults } = readNames(typed, account)
  if (password === undefined) return faulty({ ...faults, password: 'current_password_missing' })
  if (Object.keys(faults).length > 0) return faulty(faults)
  if ((await provePassword(signet, actor, browser(), password)) === undefined) return { outcome: 'wrong_password' }

  const changed = (['username', 'email'] as const).filter((name) => names[name] !== account[name])
  if (changed.length === 0) return { outcome: 'changed' }
  // The password was checked against the names that the account had then.
  const named: ('username' | 'email')[] = []
  for (const name of changed) if (await isNamedAfter(password, { [name]: names[name] })) named.push(name)
  if (named.length > 0) return faulty(Object.fromEntries(named.map((name) => [name, 'name_is_password' as const])))
  // A new name costs what an account costs. Trying out user names, one after the other, would tell who has an account here; and somebody
  // who moves an account from address to address signs in with its password at each of them.
  if (changed.some((name) => names[name] !== undefined)) await signet.limits.beforeSignUp(actor.caller.network)
  const changes = Object.fromEntries(changed.map((name) => [name, names[name] ?? null]))
  const updated = await updateOwnAccount(signet, actor, present, changes)
  if (updated === 'signed_out' || updated === 'no_such_account') return { outcome: 'signed_out' }
  if (updated === 'username_taken') return faulty({ username: 'username_taken' })
  // An operator took the other name away a moment ago.
  if (updated === 'no_sign_in_name') return faulty({ username: 'names_missing' })
  // The other refusals are about verified addresses, which nobody sets here, and about names that were checked above. It must not seem that
  // anything was saved.
  if (typeof updated === 'string') throw new Error(`Sign-in names could not be changed: ${updated}.`)
  return { outcome: 'changed' }
}

const faulty = (faults: SignInNameFaults): ChangedSignInNames => ({ outcome: 'faulty', faults })

function readNames(typed: TypedNames, account: Account): { names: TypedNames; faults: SignInNameFaults } {
  const username = readNewUsername(typed.username, account)
  const email = readNewEmail(typed.email, account)
  const usernameFault = !typed.username && !typed.email ? 'names_missing' : username.fault
  return {
    names: { username: username.name, email: email.name },
    faults: { ...(usernameFault && { username: usernameFault }), ...(email.fault && { email: email.fault }) },
  }
}

interface NewName<Fault> {
  readonly name: string | undefined
  readonly fault?: Fault
}

function readNewUsername(typed: string | undefined, { username: stored }: Account): NewName<UsernameFault> {
  if (!typed) return { name: undefined }
  // Not judged unless it is another: a name from before may be one that nobody could choose today.
  if (typed === stored) return { name: stored }
  const read = readUsername(typed)
  if ('fault' in read) return { name: undefined, fault: read.fault }
  return { name: isStillToConvert(stored, read.username) ? stored : read.username }
}

/** Browsers send the same address in Punycode or in Unicode: if it is the one on record, it stays verified. */
function readNewEmail(typed: string | undefined, { email: stored }: Account): NewName<'email_invalid'> {
  if (!typed) return { name: undefined }
  if (typed === stored) return { name: stored }
  const email = canonicalEmail(typed)
  if (email === undefined) return { name: undefined, fault: 'email_invalid' }
  return { name: isStillToConvert(stored, email) ? stored : email }
}

/** By what it is about. */
export interface PasswordChangeFaults {
  readonly current?: 'current_password_missing'
  readonly wanted?: 'password_missing' | PasswordFault
}

/** `secondsLeft`: that the present session still has at the most. */
export type ChangedPassword =
  | { readonly outcome: 'changed'; readonly secondsLeft: number }
  | { readonly outcome: 'wrong_password' }
  | { readonly outcome: typeof signedOut }
  | { readonly outcome: 'faulty'; readonly faults: PasswordChangeFaults }

/**
 * Changes the password, ends all other sessions and, if the person wants it, all grants (`changeProvenPassword`).
 *
 * @param present the session by which they ask. It goes on under the cookie of `sessionDigest` once this has returned `changed`
 * @param browser called once the form has no faults
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function changePassword(
  signet: Signet,
  actor: Person,
  present: Session,
  browser: () => ProvingBrowser,
  change: {
    readonly current: string | undefined
    readonly wanted: string | undefined
    readonly sessionDigest: Buffer
    readonly applications: 'end' | 'keep'
  },
): Promise<ChangedPassword> {
  const { current, wanted, sessionDigest, applications } = change
  const wantedFault =
    wanted === undefined ? 'password_missing' : await passwordFault(wanted, signet.settings, present.account)
  if (current === undefined || wanted === undefined || wantedFault) {
    const currentFault = current === undefined && { current: 'current_password_missing' as const }
    return { outcome: 'faulty', faults: { ...currentFault, ...(wantedFault && { wanted: wantedFault }) } }
  }
  const proving = browser()
  const from = await provePassword(signet, actor, proving, current)
  if (from === undefined) return { outcome: 'wrong_password' }
  const to = await signet.passwords.hash(wanted, proving.requester)
  const changed = await changeProvenPassword(signet, actor, present, { from, to, sessionDigest, applications })
  if (changed === 'signed_out') return { outcome: changed }
  // Somebody else was faster.
  if (changed === 'password_replaced') return { outcome: 'wrong_password' }
  return { outcome: 'changed', secondsLeft: changed.secondsLeft }
}

/** @param from, to the hash that the current password fits, and that of the new one; both in PHC form */
interface ProvenChange {
  readonly from: string
  readonly to: string
  /** Of the cookie under which the present session goes on. */
  readonly sessionDigest: Buffer
  /**
   * `end`: all grants end, those with `offline_access` and those of the present session included. `keep`: the applications of the present
   * session and those with `offline_access` go on.
   */
  readonly applications: 'end' | 'keep'
}

/**
 * Changes the password of a person who has proven the current one. In the same transaction it ends all other sessions, forgets all other
 * browsers and, if the person wants it, ends all grants. The present session goes on under another cookie: a copy of the old one is worth
 * nothing any more (OWASP Session Management, "Renew the Session ID After Any Privilege Level Change").
 *
 * @returns seconds that the session still has at the most; `password_replaced` where somebody else was faster, and what was proved is the
 *   current password no more
 */
export async function changeProvenPassword(
  signet: Pick<Signet, 'database' | 'endings' | 'turns'>,
  actor: Actor,
  present: OwnSession,
  { from, to, sessionDigest, applications }: ProvenChange,
): Promise<{ readonly secondsLeft: number } | 'password_replaced' | typeof signedOut> {
  const { sub } = present.account
  const outcome = await asSignedIn(signet, present, async (tx) => {
    if (!(await replacePasswordHash(tx, sub, from, to))) return 'password_replaced'
    const ended = applications === 'end' ? await endOthersAndGrants(tx, present) : await endOthers(tx, present)
    const secondsLeft = await renewSession(tx, present.id, sessionDigest)
    const which =
      applications === 'end' ? { applications: 'ended', grants_ended: ended.grants } : { applications: 'kept' }
    const detail = { ...countOf('sessions_ended', ended), ...which }
    await recordEvent(tx, { type: 'password_changed', ...originOf(actor), sub, detail })
    return { secondsLeft, left: ended.left }
  })
  if (typeof outcome === 'string') return outcome
  if (outcome.left) signet.endings.due()
  return { secondsLeft: outcome.secondsLeft }
}

async function endOthersAndGrants(tx: Queryable, present: OwnSession): Promise<Followed> {
  const { sub } = present.account
  const epoch = await endAllAccess(tx, sub, 'password_changed')
  await moveSession(tx, present.id, epoch)
  await forgetOtherBrowsers(tx, sub, present.id)
  return decideEnding(tx, { kind: 'account', reason: 'password_changed', sub, epoch })
}
