import { provePassword } from '../../operations/prove-password.ts'
import { updateOwnAccount } from '../../operations/update-account.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import type { Account } from '../../records/accounts/account.ts'
import { canonicalEmail, isStillToConvert, readUsername } from '../../records/accounts/canonical-names.ts'
import { isNamedAfter } from '../../records/accounts/password-rules.ts'
import type { Signet } from '../../signet.ts'
import type { AccountFault } from './account-fault.ts'
import { type Outcome, provingBrowser, type Submission } from './submission.ts'

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
  const actor = { kind: 'person', sub: account.sub, caller } as const
  const browser = provingBrowser(submission, signet.settings.issuer)
  if ((await provePassword(signet, actor, browser, password)) === undefined)
    return { outcome: 'faulty', faults: new Map([['confirm-password', 'current_password_wrong']]), status: 403 }

  const changed = (['username', 'email'] as const).filter((name) => names[name] !== account[name])
  if (changed.length === 0) return { outcome: 'done', notice: 'sign-in-saved' }
  // The password was checked against the names of its day.
  for (const name of changed)
    if (await isNamedAfter(password, { [name]: names[name] })) faults.set(name, 'name_is_password')
  if (faults.size > 0) return { outcome: 'faulty', faults, status: 422 }
  // A new name costs what an account costs. Trying out user names, one after the other, would tell who has an account here; and somebody
  // who moves an account from address to address signs in with its password at each of them.
  if (changed.some((name) => names[name] !== undefined)) await signet.limits.beforeSignUp(caller.network)
  const changes = Object.fromEntries(changed.map((name) => [name, names[name] ?? null]))
  const outcome = await updateOwnAccount(signet, actor, session, changes)
  if (outcome === 'signed_out' || outcome === 'no_such_account') return { outcome: 'signed_out' }
  if (outcome === 'username_taken')
    return { outcome: 'faulty', faults: new Map([['username', 'username_taken']]), status: 422 }
  // An operator took the other name away a moment ago.
  if (outcome === 'no_sign_in_name')
    return { outcome: 'faulty', faults: new Map([['username', 'names_missing']]), status: 422 }
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
