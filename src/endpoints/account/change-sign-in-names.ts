import { asSignedIn } from '../../operations/as-signed-in.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import type { Account } from '../../records/accounts/account.ts'
import { replaceSignInNames } from '../../records/accounts/account-changes-store.ts'
import { canonicalEmail } from '../../records/accounts/canonical-email.ts'
import { foldUsername, readUsername } from '../../records/accounts/canonical-username.ts'
import { isNamedAfter } from '../../records/accounts/password-rules.ts'
import { isSameName } from '../../records/accounts/typed-name.ts'
import { recordEvent } from '../../records/events/events-store.ts'
import type { Signet } from '../../signet.ts'
import type { AccountFault } from './account-fault.ts'
import { provePassword } from './current-password.ts'
import type { Outcome, Submission } from './submission.ts'

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
export async function changeSignInNames(signet: Signet, submission: Submission): Promise<Outcome> {
  const { request, session, values } = submission
  const { account } = session
  const caller = callerOf(request)
  const password = values.get('confirm-password')
  const typed = { username: values.get('username')?.trim(), email: values.get('email')?.trim() }
  const { names, faults } = readNames(typed, account)
  if (password === undefined) faults.set('confirm-password', 'current_password_missing')
  if (faults.size > 0 || password === undefined) return { outcome: 'faulty', faults, status: 422 }
  if ((await provePassword(signet, submission, password)) === undefined)
    return { outcome: 'faulty', faults: new Map([['confirm-password', 'current_password_wrong']]), status: 403 }

  const changed = (['username', 'email'] as const).filter((name) => names[name] !== account[name])
  if (changed.length === 0) return { outcome: 'done', notice: 'sign-in-saved' }
  // The password was checked against the names of its day.
  for (const name of changed)
    if (await isNamedAfter(password, { [name]: names[name] })) faults.set(name, 'name_is_password')
  if (faults.size > 0) return { outcome: 'faulty', faults, status: 422 }
  // A name costs what an account costs: trying them out, one after the other, would tell who has an account here.
  if (changed.includes('username') && names.username !== undefined) await signet.limits.beforeSignUp(caller.network)
  try {
    const outcome = await asSignedIn(signet, session, async (tx) => {
      await replaceSignInNames(tx, account.sub, names)
      await recordEvent(tx, { type: 'account_updated', caller, sub: account.sub, detail: { claims: changed } })
    })
    return outcome === 'signed_out' ? { outcome } : { outcome: 'done', notice: 'sign-in-saved' }
  } catch (error) {
    if (!isTaken(error)) throw error
    return { outcome: 'faulty', faults: new Map([['username', 'username_taken']]), status: 422 }
  }
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
  if ('username' in read) return isStillToConvert(stored, read.username, foldUsername) ? stored : read.username
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
  return isStillToConvert(stored, email, canonicalEmail) ? stored : email
}

/** Whether a name is the one on record, which is not in its canonical form yet. It is converted in its own time. */
function isStillToConvert(
  stored: string | undefined,
  wanted: string | undefined,
  canonicalForm: (name: string) => string | undefined,
): boolean {
  const canonical = stored === undefined ? undefined : canonicalForm(stored)
  if (stored === undefined || wanted === undefined || canonical === undefined) return false
  return isSameName(canonical, wanted) && !isSameName(stored, wanted)
}

/** PostgreSQL Appendix A: 23505, unique_violation. Of the names only the user name can be one. */
function isTaken(error: unknown): boolean {
  return (error as { code?: unknown }).code === '23505'
}
