import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { lockPassword, replacePasswordHash } from '../records/accounts/account-password-store.ts'
import { passwordAmr } from '../records/accounts/factors.ts'
import type { Sub } from '../records/ids.ts'
import type { BrowserDigests } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { beginSession } from './begin-session.ts'
import { matchingAccount, recordMismatches, type Visitor } from './matching-account.ts'

/** `isWaiting`: an account is waiting after too many failures, so its password was not checked. For the metrics only. */
export type SignInOutcome =
  | { readonly outcome: 'signed_in'; readonly sub: Sub }
  | { readonly outcome: 'wrong_credentials'; readonly isWaiting: boolean }

/**
 * Checks a password and signs the browser in. An unknown user gets the same response as a known one, after the same time.
 *
 * @param browser its session uses the new cookie once this has returned `signed_in`
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function signIn(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<SignInOutcome> {
  const { browserDigest } = browser
  const matched = await matchingAccount(signet, caller, { username, password, browserDigest })
  const { account, mismatches, isWaiting } = matched
  if (mismatches.length > 0) await recordMismatches(signet.database, caller, mismatches)
  if (account && (await signInTo(signet, caller, browser, account, password)))
    return { outcome: 'signed_in', sub: account.sub }
  return { outcome: 'wrong_credentials', isWaiting }
}

/**
 * Signs a browser in to the account whose password was just proven.
 *
 * @returns false if the password was changed, or the account disabled or deleted, in the meantime
 */
export async function signInTo(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { sub, passwordHash }: { readonly sub: Sub; readonly passwordHash: string },
  password: string,
): Promise<boolean> {
  const { database, passwords, clock, turns, endings } = signet
  const renewed = passwords.isOutdated(passwordHash) ? await passwords.hash(password, caller) : undefined
  const start = async (tx: Queryable) => {
    // The password may have been changed while it was being checked.
    if (!(await lockPassword(tx, sub, passwordHash))) return undefined
    if (renewed) await replacePasswordHash(tx, sub, passwordHash, renewed)
    const person = { kind: 'person', sub, caller } as const
    return beginSession(tx, signet, person, browser, { authTime: clock.now(), amr: passwordAmr })
  }
  const started = await turns.take(accountTurn(sub), () => inTransaction(database, start))
  if (started?.left) endings.wake()
  return started !== undefined
}
