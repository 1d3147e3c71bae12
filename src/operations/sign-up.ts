import { inTransaction } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import { findSignInCandidates } from '../records/accounts/accounts-by-name-store.ts'
import { insertAccount, lockAddress } from '../records/accounts/accounts-store.ts'
import { canonicalEmail, typedName } from '../records/accounts/canonical-names.ts'
import { type PasswordFault, passwordFault, passwordLengthFault } from '../records/accounts/password-rules.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { isPlainText, longestName } from '../records/plain-text.ts'
import { type BrowserDigests, startSession } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { matchingAccount, recordMismatches, type Visitor } from './matching-account.ts'
import { signInTo } from './sign-in.ts'

export interface TypedAccount {
  readonly name: string | undefined
  readonly email: string | undefined
  readonly password: string | undefined
}

/** By the field that it is about. */
export interface TypedAccountFaults {
  readonly name?: 'name_too_long' | 'name_invalid'
  readonly email?: 'email_missing' | 'email_invalid'
  readonly password?: 'password_missing' | PasswordFault
}

export type SignUpOutcome =
  | { readonly outcome: 'created' | 'signed_in' }
  | { readonly outcome: 'faulty'; readonly faults: TypedAccountFaults }

/**
 * Makes an account and signs the browser in. Somebody who types the address and the password of an account that there is already is
 * signed in to that one, and nothing of it is changed. Otherwise it makes no difference whether somebody has an account with the address,
 * and it is not told: an address that nobody has verified blocks nobody.
 *
 * That makes a sign-up one more way to try a password, so it is counted and recorded as a sign-in is, whether there is an account or not.
 * While an account waits after too many failures, its password is not looked at here either. No account is made then: it would split a
 * person in two who typed the right password. A name that no account has waits in the same way, so the answer does not tell that there is one.
 *
 * Two sign-ups at the same moment, such as a form that was sent twice, make one account.
 *
 * @param browser its session has the new cookie once this has returned `created` or `signed_in`
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function signUp(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { name, email: typedEmail, password }: TypedAccount,
): Promise<SignUpOutcome> {
  const email = canonicalEmail(typedEmail ?? '')
  const faults = faultsIn({ name, email: typedEmail, password }, signet.settings)
  if (Object.keys(faults).length > 0 || !email || !password) return { outcome: 'faulty', faults }
  // Before the password is compared with the list of common ones, which takes a moment.
  await signet.limits.beforeSignUp(caller.network)
  const fault = await passwordFault(password, signet.settings, { name, email })
  if (fault) return { outcome: 'faulty', faults: { password: fault } }

  const credentials = { username: email, password, browserDigest: browser.browserDigest }
  for (let isFirst = true; ; isFirst = false) {
    const { account, meant, mismatches, hasWaited } = await matchingAccount(signet, caller, credentials)
    // Where nobody has the address, no sign-in failed; recording nothing takes as long.
    const atAccounts = mismatches.filter(({ sub }) => sub !== undefined)
    await recordMismatches(signet.database, caller, atAccounts)
    if (account && (await signInTo(signet, caller, browser, account, password))) return { outcome: 'signed_in' }
    if (hasWaited) throw signet.limits.waiting()
    const seen = isFirst ? meant : undefined
    if (await createAccount(signet, caller, browser, { name, email, password }, seen)) return { outcome: 'created' }
  }
}

/**
 * @param seen the accounts with the address whose password has been tried; undefined if it does not matter whether there are others
 * @returns false, with nothing done, if somebody has just made another account with the address
 */
async function createAccount(
  { database, passwords, settings, clock, secrets, endings }: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { name, email, password }: { readonly name: string | undefined; readonly email: string; readonly password: string },
  seen: readonly string[] | undefined,
): Promise<boolean> {
  const passwordHash = await passwords.hash(password, caller)
  const sub = randomText(16) as Sub
  const created = await inTransaction(database, async (tx) => {
    await lockAddress(tx, email)
    const candidates = seen ? await findSignInCandidates(tx, typedName(email), browser.browserDigest) : []
    if (candidates.some((candidate) => !seen?.includes(candidate.sub))) return undefined
    const inserted = await insertAccount(tx, { sub, profile: name === undefined ? {} : { name }, email, passwordHash })
    // A sign-up gives no user name, and its address is not verified yet, so neither can be taken.
    if (inserted !== 'done') throw new Error(`An account could not be inserted: ${inserted}.`)
    const who = { sub, authTime: clock.now(), amr: ['pwd'], sidVersion: secrets['session-id'].current }
    const session = await startSession(tx, settings.sessionTtl, browser, who)
    await recordEvent(tx, { type: 'account_created', caller, sub })
    return { left: session?.left ?? false }
  })
  if (created?.left) endings.due()
  return created !== undefined
}

/** What can be told at no cost. */
function faultsIn({ name, email, password }: TypedAccount, settings: Signet['settings']): TypedAccountFaults {
  const nameFault =
    name === undefined || isPlainText(name, longestName)
      ? undefined
      : [...name].length > longestName
        ? 'name_too_long'
        : 'name_invalid'
  const emailFault = !email ? 'email_missing' : canonicalEmail(email) ? undefined : 'email_invalid'
  const lengthFault = password ? passwordLengthFault(password, settings) : 'password_missing'
  return {
    ...(nameFault && { name: nameFault }),
    ...(emailFault && { email: emailFault }),
    ...(lengthFault && { password: lengthFault }),
  }
}
