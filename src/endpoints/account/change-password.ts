import { cookieAttributes, cookieNames } from '../../platform/http/cookies.ts'
import { callerOf } from '../../platform/http/request-context.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import type { Account } from '../../records/accounts/account.ts'
import { replacePasswordHash } from '../../records/accounts/account-password-store.ts'
import { passwordFault } from '../../records/accounts/password-rules.ts'
import { recordEvent } from '../../records/events/events-store.ts'
import { endSessions, renewSession } from '../../records/sessions/sessions-store.ts'
import type { Signet } from '../../signet.ts'
import type { AccountFault } from './account-fault.ts'
import { changeAccount } from './change-account.ts'
import { provePassword } from './current-password.ts'
import type { Outcome, Submission } from './submission.ts'

const wrong: Outcome = {
  outcome: 'faulty',
  faults: new Map<string, AccountFault>([['current-password', 'current_password_wrong']]),
  status: 403,
}

/**
 * Changes the password and, in the same transaction, ends all other sessions. The present one goes on under another cookie: a copy
 * of the old one is worth nothing any more (OWASP Session Management, "Renew the Session ID After Any Privilege Level Change").
 *
 * @throws LimitExceeded, HashQueueFull
 */
export async function changePassword(signet: Signet, submission: Submission): Promise<Outcome> {
  const { database, passwords, settings } = signet
  const { request, reply, session, values } = submission
  const { sub } = session.account
  const current = values.get('current-password')
  const wanted = values.get('new-password')
  const faults = await faultsIn(current, wanted, settings, session.account)
  if (faults.size > 0 || current === undefined || wanted === undefined)
    return { outcome: 'faulty', faults, status: 422 }
  const from = await provePassword(signet, submission, current)
  if (from === undefined) return wrong
  const to = await passwords.hash(wanted)
  const cookie = randomText(32)
  let left = 0
  const outcome = await changeAccount(database, session, async (tx, sessionIds): Promise<Outcome> => {
    // Somebody else was faster: what was proved is the current password no more.
    if (!(await replacePasswordHash(tx, sub, from, to))) return wrong
    const others = sessionIds.filter((id) => id !== session.id)
    await endSessions(tx, others)
    left = await renewSession(tx, session.id, digest(cookie))
    const detail = { sessions_ended: others.length }
    await recordEvent(tx, { type: 'password_changed', caller: callerOf(request), sub, detail })
    return { outcome: 'done', notice: 'password-changed' }
  })
  if (outcome.outcome === 'done')
    reply.setCookie(cookieNames(settings.issuer).session, cookie, {
      ...cookieAttributes(settings.issuer),
      maxAge: left,
    })
  return outcome
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
