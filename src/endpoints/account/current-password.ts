import { browserOf } from '../../platform/http/cookies.ts'
import { callerOf, requesterOf } from '../../platform/http/request-context.ts'
import { digest } from '../../platform/secrets/digest.ts'
import { findPassword } from '../../records/accounts/account-password-store.ts'
import { recordEvent } from '../../records/events/events-store.ts'
import type { Signet } from '../../signet.ts'
import type { Submission } from './submission.ts'

/**
 * Asks somebody who is signed in for their password once more. A browser that was left open, or a cookie that was stolen, must not
 * be enough to take an account over; so guesses count as at sign-in, from the same allowance, and before the hash is looked at.
 *
 * @returns the hash that the password fits; undefined where it is wrong
 * @throws LimitExceeded, HashQueueFull
 */
export async function provePassword(
  { database, limits, passwords, settings }: Signet,
  { request, reply, session }: Submission,
  password: string,
): Promise<string | undefined> {
  const { sub } = session.account
  const caller = callerOf(request)
  const browserDigest = digest(browserOf(request, reply, settings.issuer))
  const { passwordHash, knownHere } = await findPassword(database, sub, browserDigest)
  // Known by the cookie of a browser, not by the session: with a stolen session anybody could be a new browser with each guess.
  const attempt = {
    account: { sub },
    network: caller.network,
    knownBrowser: knownHere ? browserDigest : undefined,
  }
  await limits.beforeHashing(attempt)
  if (!(await passwords.verify(password, passwordHash, requesterOf(request, reply)))) {
    await recordEvent(database, { type: 'reauthentication_failed', caller, sub })
    return undefined
  }
  await limits.succeeded(attempt)
  return passwordHash
}
