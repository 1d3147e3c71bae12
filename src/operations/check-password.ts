import type { Settings } from '../platform/config/settings.ts'
import { listEarlierPasswords } from '../records/accounts/account-password-store.ts'
import { kindOf } from '../records/accounts/password-formats.ts'
import { HashQueueFull, type Requester } from '../records/accounts/password-hashing.ts'
import type { Sub } from '../records/ids.ts'
import type { CountedRequest, Subject } from '../records/limits/sign-in-limits.ts'
import type { Signet } from '../signet.ts'
import type { Visitor } from './matching-account.ts'

export interface WithPasswordSetting {
  readonly settings: Pick<Settings, 'passwordSignIn'>
}

/** An attempt to prove the password of one account that is already known. */
export interface PasswordAttempt {
  /** What `countRequest` has returned for the same subject. */
  readonly request: CountedRequest
  readonly subject: Subject
  /** The digest of the browser's cookie, if the account knows the browser. */
  readonly knownBrowser: Buffer | undefined
  /** The hashes in PHC form of which the password must match one. Empty if the account has no password. */
  readonly hashes: readonly string[]
  readonly requester: Requester
}

/**
 * Checks a password under the limits on guessing. The attempt counts as a failure before the password is compared. While the account is waiting
 * after too many failures, the comparison is with a dummy hash of the same kind and takes the same time.
 *
 * Where nobody signs in with a password (SIGNET_PASSWORDS), none is right.
 *
 * @returns `waiting`: the password was not compared. The caller must not learn the difference from `wrong`
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function checkPassword(
  { limits, passwords, settings }: Pick<Signet, 'limits' | 'passwords'> & WithPasswordSetting,
  { request, subject, knownBrowser, hashes: stored, requester }: PasswordAttempt,
  password: string,
): Promise<'right' | 'wrong' | 'waiting'> {
  const hashes = settings.passwordSignIn === 'on' ? stored : []
  const decision = await limits.decideAttempt(request, subject, knownBrowser)
  if (decision.kind === 'refused' && request.exceeded) throw request.exceeded
  let isRight = false
  for (const hash of hashes.length > 0 ? hashes : [undefined]) {
    const compared = decision.kind === 'allowed' ? hash : undefined
    const dummyKind = hash === undefined ? undefined : kindOf(hash)
    isRight = await passwords.verify(password, compared, requester, dummyKind).catch(async (error: unknown) => {
      if (error instanceof HashQueueFull) await limits.cancelAttempt(request.nameKey, decision)
      throw error
    })
    if (isRight) break
  }
  if (decision.kind === 'waiting') return 'waiting'
  if (!isRight || decision.kind !== 'allowed') return 'wrong'
  await limits.succeeded(request, decision, [])
  return 'right'
}

/**
 * The same for somebody who has a link of a mail: the password is right if the account has it, or had it in the last days, because a thief may have changed it.
 * These attempts are counted apart from those at sign-in.
 */
export async function checkEarlierPassword(
  signet: Pick<Signet, 'database' | 'limits' | 'passwords'> & WithPasswordSetting,
  visitor: Visitor,
  sub: Sub,
  password: string,
): Promise<'right' | 'wrong' | 'waiting'> {
  const subject = { recoveryOf: sub }
  const request = await signet.limits.countRequest(visitor.network, subject)
  const hashes = await listEarlierPasswords(signet.database, sub)
  const attempt = { request, subject, knownBrowser: undefined, hashes, requester: visitor }
  return checkPassword(signet, attempt, password)
}
