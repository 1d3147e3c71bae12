import { inTransaction } from '../platform/database/queryable.ts'
import { randomText } from '../platform/secrets/digest.ts'
import { findSignInCandidates } from '../records/accounts/accounts-by-name-store.ts'
import { insertAccount, lockAddress } from '../records/accounts/accounts-store.ts'
import { canonicalEmail, typedName } from '../records/accounts/canonical-names.ts'
import { unverifiedAtSignIn } from '../records/accounts/email-verification-rule.ts'
import { minLengthFor, type PasswordFault, passwordLengthFault } from '../records/accounts/password-rules.ts'
import { isAllowedDomain } from '../records/accounts/sign-up-domains.ts'
import { recordEvents } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { isPlainText, maxNameLength } from '../records/plain-text.ts'
import { type BrowserDigests, startSession } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { matchingAccount, recordMismatches, type Visitor } from './matching-account.ts'
import { newPasswordFault } from './new-password.ts'
import { mayMailVerification, requestVerification } from './request-verification.ts'
import { signInTo } from './sign-in.ts'

export interface TypedAccount {
  readonly name: string | undefined
  readonly email: string | undefined
  readonly password: string | undefined
}

/** The faults by field. */
export interface TypedAccountFaults {
  readonly name?: 'name_too_long' | 'name_invalid'
  readonly email?: 'email_missing' | 'email_invalid' | 'email_domain_not_allowed'
  readonly password?: 'password_missing' | PasswordFault
}

/** What the mail that verifies the address needs to know about the page. */
export interface SignUpPageValues {
  /** The sealed `continue` value. */
  readonly continueTo: string | undefined
  /** The language of the page. */
  readonly locale: string
}

export type SignUpOutcome =
  | { readonly outcome: 'created' | 'signed_in' }
  | { readonly outcome: 'faulty'; readonly faults: TypedAccountFaults }

/**
 * Creates an account and signs the browser in. If the address and the password are those of an existing account, the person is signed in to
 * that account, and nothing in it is changed. Otherwise it makes no difference whether an account has the address, and the response does not
 * reveal it: an unverified address does not prevent anybody else from using it.
 *
 * If mail is available, the account and the mail that verifies its address are stored in one transaction. If another account has verified the
 * address, its owner is told by mail, and the new account can never have it. The response is the same.
 *
 * This makes sign-up another way to guess a password, so attempts are counted and recorded as they are at sign-in, whether or not there is an
 * account. While an account is waiting after too many failures, its password is not checked here either. No account is created then, because a
 * person who typed the right password would end up with two. A name that no account has can be made to wait in the same way, so the response does
 * not reveal whether an account exists.
 *
 * Two concurrent sign-ups, such as a form that was sent twice, create one account.
 *
 * @param browser its session uses the new cookie once this has returned `created` or `signed_in`
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function signUp(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { name, email: typedEmail, password }: TypedAccount,
  page: SignUpPageValues,
): Promise<SignUpOutcome> {
  const email = canonicalEmail(typedEmail ?? '')
  const faults = {
    ...typedAccountFaults({ name, email: typedEmail, password }, signet.settings),
    ...(email && !isAllowedDomain(signet.settings, email) && { email: 'email_domain_not_allowed' as const }),
  }
  if (Object.keys(faults).length > 0 || !email || !password) return { outcome: 'faulty', faults }
  // Before the checks that are slow or ask another server. They come before any account is looked up, so they take the same time for all.
  await signet.limits.beforeSignUp(caller.network)
  const fault = await newPasswordFault(signet, password, { name, email })
  if (fault) return { outcome: 'faulty', faults: { password: fault } }

  const credentials = { username: email, password, browserDigest: browser.browserDigest }
  for (let isFirst = true; ; isFirst = false) {
    const { account, candidates, mismatches, isWaiting } = await matchingAccount(signet, caller, credentials)
    // If no account has the address, no sign-in failed. Recording nothing takes the same time.
    const atAccounts = mismatches.filter(({ sub }) => sub !== undefined)
    await recordMismatches(signet.database, caller, atAccounts)
    if (account && (await signInTo(signet, caller, browser, account, password))) return { outcome: 'signed_in' }
    if (isWaiting) throw signet.limits.waitingError()
    const seen = isFirst ? candidates : undefined
    const wanted = { name, email, password, ...page }
    if (await createAccount(signet, caller, browser, wanted, seen)) return { outcome: 'created' }
  }
}

/**
 * @param seen the accounts with the address whose passwords have been tried; undefined if other accounts do not matter
 * @returns false, and nothing is created, if another account with the address has just been created
 */
async function createAccount(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  given: SignUpPageValues & { readonly name: string | undefined; readonly email: string; readonly password: string },
  seen: readonly string[] | undefined,
): Promise<boolean> {
  const { database, passwords, settings, clock, secrets, endings } = signet
  const { name, email, password, continueTo, locale } = given
  const passwordHash = await passwords.hash(password, caller)
  const sendsMail = settings.mail.delivery !== 'none'
  const mayMail = sendsMail && (await mayMailVerification(signet, email))
  const sub = randomText(16) as Sub
  const created = await inTransaction(database, async (tx) => {
    await lockAddress(tx, email)
    const candidates = seen
      ? await findSignInCandidates(tx, typedName(email), browser.browserDigest, unverifiedAtSignIn(settings))
      : []
    if (candidates.some((candidate) => !seen?.includes(candidate.sub))) return undefined
    const profile = name === undefined ? {} : { name }
    const inserted = await insertAccount(tx, { sub, profile, email, passwordHash, signedUp: true })
    // A sign-up sets no user name, and its address is not verified yet, so neither can be taken.
    if (inserted !== 'done') throw new Error(`An account could not be inserted: ${inserted}.`)
    const who = { sub, authTime: clock.now(), amr: ['pwd'], caller, sidVersion: secrets['session-id'].current }
    const session = await startSession(tx, settings.sessionTtl, browser, who)
    const { browserDigest } = browser
    const asked = { sub, email, browserDigest, continueTo, why: 'sign-up', locale, mayMail } as const
    const mail = sendsMail ? await requestVerification(tx, signet, asked) : undefined
    await recordEvents(tx, [
      { type: 'account_created', caller, sub },
      ...(mail ? [{ type: 'email_verification_requested', caller, sub, detail: { mail } } as const] : []),
    ])
    return { left: session?.left ?? false }
  })
  if (created?.left) endings.wake()
  return created !== undefined
}

/** The faults that can be found without slow checks, and do not depend on the domain. */
export function typedAccountFaults(
  { name, email, password }: TypedAccount,
  settings: Signet['settings'],
): TypedAccountFaults {
  const nameFault =
    name === undefined || isPlainText(name, maxNameLength)
      ? undefined
      : [...name].length > maxNameLength
        ? 'name_too_long'
        : 'name_invalid'
  const emailFault = !email ? 'email_missing' : canonicalEmail(email) ? undefined : 'email_invalid'
  const lengthFault = password ? passwordLengthFault(password, minLengthFor(settings)) : 'password_missing'
  return {
    ...(nameFault && { name: nameFault }),
    ...(emailFault && { email: emailFault }),
    ...(lengthFault && { password: lengthFault }),
  }
}
