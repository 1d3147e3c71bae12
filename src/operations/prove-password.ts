import { findPassword, replacePasswordHash } from '../records/accounts/account-password-store.ts'
import type { Requester } from '../records/accounts/password-hashing.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { checkPassword, type WithPasswordSetting } from './check-password.ts'

/** The browser in which a person proves their password. */
export interface ProvingBrowser {
  /**
   * The digest of the browser's cookie. It decides whether the browser is known. The session does not decide this: with a stolen session,
   * somebody could appear as a new browser with each guess.
   */
  readonly browserDigest: Buffer
  readonly requester: Requester
}

/**
 * Checks the password of an account that is already known: of a person who is signed in, or who opens the link of a mail to it. An unattended browser
 * or a stolen cookie must not be enough to take over an account. So attempts are counted as they are at sign-in, with the same limits for account and
 * browser, before the password is checked. A hash by other parameters or another system is replaced, as at sign-in.
 *
 * @param actor the person whose password it is
 * @param failure the event for a wrong password
 * @returns the stored hash that the password matches; undefined if it is wrong, or if the account is waiting after too many failures
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function provePassword(
  { database, limits, passwords, settings }: Pick<Signet, 'database' | 'limits' | 'passwords'> & WithPasswordSetting,
  actor: Person,
  { browserDigest, requester }: ProvingBrowser,
  password: string,
  failure: 'reauthentication_failed' | 'sign_in_failed' = 'reauthentication_failed',
): Promise<string | undefined> {
  const { sub, caller } = actor
  const [request, { passwordHash, isKnownBrowser }] = await Promise.all([
    limits.countRequest(caller.network, { sub }),
    findPassword(database, sub, browserDigest),
  ])
  const knownBrowser = isKnownBrowser ? browserDigest : undefined
  const attempt = {
    request,
    subject: { sub },
    knownBrowser,
    hashes: passwordHash === undefined ? [] : [passwordHash],
    requester,
  }
  const checked = await checkPassword({ limits, passwords, settings }, attempt, password)
  if (checked !== 'right') {
    const detail = checked === 'waiting' ? { detail: { reason: 'waiting' } } : {}
    await recordEvent(database, { type: failure, caller, sub, ...detail })
    return undefined
  }
  if (passwordHash === undefined || !passwords.isOutdated(passwordHash)) return passwordHash
  const renewed = await passwords.hash(password, requester)
  return (await replacePasswordHash(database, sub, passwordHash, renewed)) ? renewed : passwordHash
}
