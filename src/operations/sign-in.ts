import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { holdPassword, replacePasswordHash } from '../records/accounts/account-password-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { type BrowserDigests, startSession } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { matchingAccount, recordMismatches, type Visitor } from './matching-account.ts'

/** `wrong_credentials`: `hasWaited` where an account waits after too many failures, so that the password was not looked at. */
export type SignInOutcome =
  | { readonly outcome: 'signed_in' }
  | { readonly outcome: 'wrong_credentials'; readonly hasWaited: boolean }

/**
 * Checks a password and signs the browser in. An unknown user takes the time of a known one and gets the same answer.
 *
 * @param browser its session has the new cookie once this has returned `signed_in`
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
  const { account, mismatches, hasWaited } = matched
  if (mismatches.length > 0) await recordMismatches(signet.database, caller, mismatches)
  if (account && (await signInTo(signet, caller, browser, account, password))) return { outcome: 'signed_in' }
  return { outcome: 'wrong_credentials', hasWaited }
}

/**
 * Signs a browser in to the account whose password was just proven.
 *
 * @returns false where the password was changed, or the account disabled or deleted, in the meantime
 */
export async function signInTo(
  { database, passwords, settings, clock, secrets, turns, endings }: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { sub, passwordHash }: { readonly sub: Sub; readonly passwordHash: string },
  password: string,
): Promise<boolean> {
  const renewed = passwords.isOutdated(passwordHash) ? await passwords.hash(password, caller) : undefined
  const start = async (tx: Queryable) => {
    // A password that was changed while it was being checked signs nobody in.
    if (!(await holdPassword(tx, sub, passwordHash))) return undefined
    if (renewed) await replacePasswordHash(tx, sub, passwordHash, renewed)
    const who = { sub, authTime: clock.now(), amr: ['pwd'], sidVersion: secrets['session-id'].current }
    const session = await startSession(tx, settings.sessionTtl, browser, who)
    if (session) await recordEvent(tx, { type: 'signed_in', caller, sub, detail: { amr: ['pwd'] } })
    return session
  }
  const started = await turns.take(accountTurn(sub), () => inTransaction(database, start))
  if (started?.left) endings.due()
  return started !== undefined
}
