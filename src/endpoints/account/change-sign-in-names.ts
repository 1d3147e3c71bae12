import { asSignedIn } from '../../operations/as-signed-in.ts'
import { provePassword } from '../../operations/prove-password.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { isEmailAddress, isUsername } from '../../records/accounts/account.ts'
import { replaceSignInNames } from '../../records/accounts/account-changes-store.ts'
import { recordEvent } from '../../records/events/events-store.ts'
import type { Signet } from '../../signet.ts'
import type { AccountFault } from './account-fault.ts'
import { browserDigestOf, type Outcome, type Submission } from './submission.ts'

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
  const browserDigest = browserDigestOf(submission, signet.settings.issuer)
  if ((await provePassword(signet, actor, browserDigest, password)) === undefined)
    return { outcome: 'faulty', faults: new Map([['confirm-password', 'current_password_wrong']]), status: 403 }

  const changed = (['username', 'email'] as const).filter((name) => names[name] !== account[name])
  if (changed.length === 0) return { outcome: 'done', notice: 'sign-in-saved' }
  // A new name costs what an account costs. Trying out user names, one after the other, would tell who has an account here; and somebody
  // who moves an account from address to address signs in with its password at each of them.
  if (changed.some((name) => names[name] !== undefined)) await signet.limits.beforeSignUp(caller.network)
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

/** PostgreSQL Appendix A: 23505, unique_violation. Of the names only the user name can be one. */
function isTaken(error: unknown): boolean {
  return (error as { code?: unknown }).code === '23505'
}
