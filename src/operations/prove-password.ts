import { findPassword } from '../records/accounts/account-password-store.ts'
import { HashQueueFull, type Requester } from '../records/accounts/password-hashing.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'

/** The browser in which somebody proves a password. */
export interface ProvingBrowser {
  /**
   * Of the browser's cookie. It decides whether the browser is known, and not the session: with a stolen session anybody could be a new
   * browser with each guess.
   */
  readonly browserDigest: Buffer
  readonly requester: Requester
}

/**
 * Asks somebody who is signed in for their password once more. A browser that was left open, or a cookie that was stolen, must not
 * be enough to take an account over. So guesses are counted as at sign-in, with the same limits for account and browser, before the
 * password is looked at.
 *
 * @param actor the person of the session
 * @returns the hash that the password fits; undefined where it is wrong, or the account waits after too many failures
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function provePassword(
  { database, limits, passwords }: Pick<Signet, 'database' | 'limits' | 'passwords'>,
  actor: Person,
  { browserDigest, requester }: ProvingBrowser,
  password: string,
): Promise<string | undefined> {
  const { sub, caller } = actor
  const [request, { passwordHash, knownHere }] = await Promise.all([
    limits.countRequest(caller.network, { sub }),
    findPassword(database, sub, browserDigest),
  ])
  const ruling = await limits.rule(request, { sub }, knownHere ? browserDigest : undefined)
  if (ruling.kind === 'refused' && request.over) throw request.over
  const hash = ruling.kind === 'look' ? passwordHash : undefined
  const isRight = await passwords.verify(password, hash, requester).catch(async (error: unknown) => {
    if (error instanceof HashQueueFull) await limits.notLookedAt(request.nameKey, ruling)
    throw error
  })
  if (isRight && ruling.kind === 'look') {
    await limits.succeeded(request, ruling, [])
    return passwordHash
  }
  const detail = ruling.kind === 'wait' ? { detail: { reason: 'waiting' } } : {}
  await recordEvent(database, { type: 'reauthentication_failed', caller, sub, ...detail })
  return undefined
}
