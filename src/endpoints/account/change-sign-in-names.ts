import { provePassword } from '../../operations/prove-password.ts'
import { updateOwnAccount } from '../../operations/update-account.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { isEmailAddress, isUsername } from '../../records/accounts/account.ts'
import type { Signet } from '../../signet.ts'
import type { AccountFault } from './account-fault.ts'
import { type Outcome, provingBrowser, type Submission } from './submission.ts'

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
  const names = {
    username: values.get('username')?.trim() || undefined,
    email: values.get('email')?.trim() || undefined,
  }
  const password = values.get('confirm-password')
  const faults = faultsIn(names, password)
  if (faults.size > 0 || password === undefined) return { outcome: 'faulty', faults, status: 422 }
  const actor = { kind: 'person', sub: account.sub, caller } as const
  const browser = provingBrowser(submission, signet.settings.issuer)
  if ((await provePassword(signet, actor, browser, password)) === undefined)
    return { outcome: 'faulty', faults: new Map([['confirm-password', 'current_password_wrong']]), status: 403 }

  const changed = (['username', 'email'] as const).filter((name) => names[name] !== account[name])
  if (changed.length === 0) return { outcome: 'done', notice: 'sign-in-saved' }
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

function faultsIn(
  { username, email }: { readonly username: string | undefined; readonly email: string | undefined },
  password: string | undefined,
): ReadonlyMap<string, AccountFault> {
  const faults = new Map<string, AccountFault>()
  if (username === undefined && email === undefined) faults.set('username', 'names_missing')
  if (username !== undefined && !isUsername(username)) faults.set('username', 'username_invalid')
  if (email !== undefined && !isEmailAddress(email)) faults.set('email', 'email_invalid')
  if (password === undefined) faults.set('confirm-password', 'current_password_missing')
  return faults
}
