import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { listCredentials } from '../records/accounts/account-credentials-store.ts'
import { lockPassword, replacePasswordHash } from '../records/accounts/account-password-store.ts'
import { hasSecondFactor, kindsOf, needsSecondFactor, passwordAmr } from '../records/accounts/factors.ts'
import type { Sub } from '../records/ids.ts'
import type { BrowserDigests } from '../records/sessions/start-session.ts'
import { insertUnfinishedSignIn } from '../records/sessions/unfinished-sign-ins-store.ts'
import type { Signet } from '../signet.ts'
import { beginSession } from './begin-session.ts'
import { matchingAccount, recordMismatches, type Visitor } from './matching-account.ts'

/** `isWaiting`: an account is waiting after too many failures, so its password was not checked. For the metrics only. */
export type SignInOutcome =
  | { readonly outcome: 'signed_in'; readonly sub: Sub }
  | { readonly outcome: 'second_factor_needed' }
  | { readonly outcome: 'wrong_credentials'; readonly isWaiting: boolean }

/**
 * Checks a password and signs the browser in, or starts a sign-in that lacks the second factor. An unknown user gets the same response as a known one, after
 * the same time.
 *
 * @param browser once this has returned, its session uses the new cookie (`signed_in`), or its unfinished sign-in does (`second_factor_needed`)
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
  const started = account ? await signInTo(signet, caller, browser, account, password) : 'refused'
  if (account && started === 'signed_in') return { outcome: started, sub: account.sub }
  return started === 'second_factor_needed' ? { outcome: started } : { outcome: 'wrong_credentials', isWaiting }
}

/** `refused`: the password was changed, or the account disabled or deleted, in the meantime. */
export type StartedSignIn = 'signed_in' | 'second_factor_needed' | 'refused'

/**
 * Signs a browser in to the account whose password was just proven. If the account has a second factor that is needed as well, there is no session yet, but an
 * unfinished sign-in (finish-sign-in.ts). If it has none, although everybody must have one, the session leads only to setting one up.
 *
 * Every way to sign in with a password ends here, so that none forgets the second factor.
 */
export async function signInTo(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { sub, passwordHash }: { readonly sub: Sub; readonly passwordHash: string },
  password: string,
): Promise<StartedSignIn> {
  const { database, passwords, settings, clock, turns, endings } = signet
  const renewed = passwords.isOutdated(passwordHash) ? await passwords.hash(password, caller) : undefined
  const start = async (tx: Queryable) => {
    // The password may have been changed while it was being checked.
    if (!(await lockPassword(tx, sub, passwordHash))) return undefined
    if (renewed) await replacePasswordHash(tx, sub, passwordHash, renewed)
    const authTime = clock.now()
    const kinds = kindsOf(await listCredentials(tx, sub))
    if (needsSecondFactor(settings, kinds) && hasSecondFactor(kinds)) {
      const { browserDigest, sessionDigest: digest } = browser
      const signIn = { digest, browserDigest, sub, passwordHash: renewed ?? passwordHash, authTime }
      await insertUnfinishedSignIn(tx, signIn)
      return 'second_factor_needed'
    }
    const person = { kind: 'person', sub, caller } as const
    return beginSession(tx, signet, person, browser, { authTime, amr: passwordAmr })
  }
  const started = await turns.take(accountTurn(sub), () => inTransaction(database, start))
  if (started === undefined) return 'refused'
  if (started === 'second_factor_needed') return started
  if (started.left) endings.wake()
  return 'signed_in'
}
