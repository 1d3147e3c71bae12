import { changePassword } from '../../operations/own-sessions.ts'
import { provePassword } from '../../operations/prove-password.ts'
import { cookieAttributes, cookieNames } from '../../platform/http/cookies.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import type { Account } from '../../records/accounts/account.ts'
import { passwordFault } from '../../records/accounts/password-rules.ts'
import type { Signet } from '../../signet.ts'
import type { AccountFault } from './account-fault.ts'
import { wantsApplicationsEnded } from './applications-choice.ts'
import { type Outcome, provingBrowser, type Submission } from './submission.ts'

const wrong: Outcome = {
  outcome: 'faulty',
  faults: new Map<string, AccountFault>([['current-password', 'current_password_wrong']]),
  status: 403,
}

/**
 * Changes the password, ends all other sessions and, unless the person took the tick away, all grants, and gives this browser another cookie.
 *
 * @throws LimitExceeded, HashQueueFull
 */
export async function submitPassword(signet: Signet, submission: Submission): Promise<Outcome> {
  const { passwords, settings } = signet
  const { request, reply, session, values } = submission
  const { sub } = session.account
  const current = values.get('current-password')
  const wanted = values.get('new-password')
  const faults = await faultsIn(current, wanted, settings, session.account)
  if (faults.size > 0 || current === undefined || wanted === undefined)
    return { outcome: 'faulty', faults, status: 422 }
  const actor = { kind: 'person', sub, caller: callerOf(request) } as const
  const from = await provePassword(signet, actor, provingBrowser(submission, settings.issuer), current)
  if (from === undefined) return wrong
  const to = await passwords.hash(wanted, requesterOf(request, reply))
  const cookie = randomText(32)
  const applications = wantsApplicationsEnded(values) ? 'end' : 'keep'
  const change = { from, to, sessionDigest: digest(cookie), applications } as const
  const changed = await changePassword(signet, actor, session, change)
  if (changed === 'signed_out') return { outcome: 'signed_out' }
  if (changed === 'password_replaced') return wrong
  reply.setCookie(cookieNames(settings.issuer).session, cookie, {
    ...cookieAttributes(settings.issuer),
    maxAge: changed.secondsLeft,
  })
  return { outcome: 'done', notice: applications === 'end' ? 'password-changed' : 'password-changed-applications-kept' }
}

async function faultsIn(
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
