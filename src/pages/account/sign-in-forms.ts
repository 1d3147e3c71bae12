import { changePassword } from '../../operations/own-sessions.ts'
import { provePassword } from '../../operations/prove-password.ts'
import { updateOwnAccount } from '../../operations/update-account.ts'
import { cookieAttributes, cookieNames } from '../../platform/http/cookies.ts'
import { requesterOf } from '../../platform/http/request-context.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import type { Account } from '../../records/accounts/account.ts'
import { canonicalEmail, isStillToConvert, readUsername } from '../../records/accounts/canonical-names.ts'
import { isNamedAfter, passwordFault } from '../../records/accounts/password-rules.ts'
import type { Signet } from '../../signet.ts'
import { type AccountFault, actorOf, type Outcome, provingBrowser, type Submission } from './account-form.ts'

/** What somebody wants to sign in with; undefined takes a name away. */
interface Names {
  readonly username: string | undefined
  readonly email: string | undefined
}

/**
 * Changes the user name and the e-mail address. That somebody else has the address makes no difference and is not told: nobody
 * has verified it here. That a user name is taken has to be told, for it is unique.
 *
 * @throws LimitExceeded, HashQueueFull
 */
export async function submitSignInNames(signet: Signet, submission: Submission): Promise<Outcome> {
  const { session, values } = submission
  const { account } = session
  const password = values.get('confirm-password')
  const typed = { username: values.get('username')?.trim(), email: values.get('email')?.trim() }
  const { names, faults } = readNames(typed, account)
  if (password === undefined) faults.set('confirm-password', 'current_password_missing')
  if (faults.size > 0 || password === undefined) return { outcome: 'faulty', faults, status: 422 }
  const actor = actorOf(submission)
  const browser = provingBrowser(submission, signet.settings.issuer)
  if ((await provePassword(signet, actor, browser, password)) === undefined)
    return { outcome: 'faulty', faults: new Map([['confirm-password', 'current_password_wrong']]), status: 403 }

  const changed = (['username', 'email'] as const).filter((name) => names[name] !== account[name])
  if (changed.length === 0) return { outcome: 'done', notice: 'sign-in-saved' }
  // The password was checked against the names that the account had then.
  for (const name of changed)
    if (await isNamedAfter(password, { [name]: names[name] })) faults.set(name, 'name_is_password')
  if (faults.size > 0) return { outcome: 'faulty', faults, status: 422 }
  // A new name costs what an account costs. Trying out user names, one after the other, would tell who has an account here; and somebody
  // who moves an account from address to address signs in with its password at each of them.
  if (changed.some((name) => names[name] !== undefined)) await signet.limits.beforeSignUp(actor.caller.network)
  const changes = Object.fromEntries(changed.map((name) => [name, names[name] ?? null]))
  const outcome = await updateOwnAccount(signet, actor, session, changes)
  if (outcome === 'signed_out' || outcome === 'no_such_account') return { outcome: 'signed_out' }
  if (outcome === 'username_taken')
    return { outcome: 'faulty', faults: new Map([['username', 'username_taken']]), status: 422 }
  // An operator took the other name away a moment ago.
  if (outcome === 'no_sign_in_name')
    return { outcome: 'faulty', faults: new Map([['username', 'names_missing']]), status: 422 }
  // The other refusals are about verified addresses, which this form cannot set. The page must not say that anything was saved.
  if (typeof outcome === 'string') throw new Error(`Sign-in names could not be changed: ${outcome}.`)
  return { outcome: 'done', notice: 'sign-in-saved' }
}

/** @param typed without white space around it; an empty field takes a name away */
function readNames(typed: Names, account: Account): { names: Names; faults: Map<string, AccountFault> } {
  const faults = new Map<string, AccountFault>()
  if (!typed.username && !typed.email) faults.set('username', 'names_missing')
  const names = {
    username: newUsername(typed.username, account, faults),
    email: newEmail(typed.email, account, faults),
  }
  return { names, faults }
}

function newUsername(
  typed: string | undefined,
  { username: stored }: Account,
  faults: Map<string, AccountFault>,
): string | undefined {
  if (!typed) return undefined
  // Not judged unless it is another: a name from before may be one that nobody could choose today.
  if (typed === stored) return stored
  const read = readUsername(typed)
  if ('username' in read) return isStillToConvert(stored, read.username) ? stored : read.username
  faults.set('username', read.fault)
  return undefined
}

/** Browsers send the same address in Punycode or in Unicode: if it is the one on record, it stays verified. */
function newEmail(
  typed: string | undefined,
  { email: stored }: Account,
  faults: Map<string, AccountFault>,
): string | undefined {
  if (!typed) return undefined
  if (typed === stored) return stored
  const email = canonicalEmail(typed)
  if (email === undefined) faults.set('email', 'email_invalid')
  return isStillToConvert(stored, email) ? stored : email
}

/** The checkbox of the password form: whether the access of all applications ends, too. */
export const applicationsChoice = 'end-applications'

/**
 * A hidden field that the form always carries. A browser does not send a checkbox that is not ticked, so this tells a form in
 * which the person cleared it from one that never had it.
 */
export const offersApplications = { 'end-applications-offered': '1' } as const

/** Whether all applications are to be signed out: unless the person was asked and cleared the checkbox. */
export function wantsApplicationsEnded(values: ReadonlyMap<string, string>): boolean {
  const wasOffered = Object.keys(offersApplications).every((name) => values.has(name))
  return values.has(applicationsChoice) || !wasOffered
}

const wrongPassword: Outcome = {
  outcome: 'faulty',
  faults: new Map<string, AccountFault>([['current-password', 'current_password_wrong']]),
  status: 403,
}

/**
 * Changes the password, ends all other sessions and, unless the person cleared the checkbox, all grants, and gives this browser another cookie.
 *
 * @throws LimitExceeded, HashQueueFull
 */
export async function submitPassword(signet: Signet, submission: Submission): Promise<Outcome> {
  const { passwords, settings } = signet
  const { request, reply, session, values } = submission
  const current = values.get('current-password')
  const wanted = values.get('new-password')
  const faults = await passwordFaults(current, wanted, settings, session.account)
  if (faults.size > 0 || current === undefined || wanted === undefined)
    return { outcome: 'faulty', faults, status: 422 }
  const actor = actorOf(submission)
  const from = await provePassword(signet, actor, provingBrowser(submission, settings.issuer), current)
  if (from === undefined) return wrongPassword
  const to = await passwords.hash(wanted, requesterOf(request, reply))
  const cookie = randomText(32)
  const applications = wantsApplicationsEnded(values) ? 'end' : 'keep'
  const change = { from, to, sessionDigest: digest(cookie), applications } as const
  const changed = await changePassword(signet, actor, session, change)
  if (changed === 'signed_out') return { outcome: 'signed_out' }
  if (changed === 'password_replaced') return wrongPassword
  reply.setCookie(cookieNames(settings.issuer).session, cookie, {
    ...cookieAttributes(settings.issuer),
    maxAge: changed.secondsLeft,
  })
  return { outcome: 'done', notice: applications === 'end' ? 'password-changed' : 'password-changed-applications-kept' }
}

async function passwordFaults(
  current: string | undefined,
  wanted: string | undefined,
  settings: Signet['settings'],
  account: Account,
): Promise<ReadonlyMap<string, AccountFault>> {
  const faults = new Map<string, AccountFault>()
  if (current === undefined) faults.set('current-password', 'current_password_missing')
  const fault = wanted === undefined ? 'password_missing' : await passwordFault(wanted, settings, account)
  if (fault) faults.set('new-password', fault)
  return faults
}
