import { inTransaction } from '../platform/database/queryable.ts'
import { findSignInCandidates } from '../records/accounts/accounts-by-name-store.ts'
import { lockAddress } from '../records/accounts/accounts-store.ts'
import { canonicalEmail, typedName } from '../records/accounts/canonical-names.ts'
import { unverifiedAtSignIn } from '../records/accounts/email-verification-rule.ts'
import { minLengthFor, type PasswordFault, passwordLengthFault } from '../records/accounts/password-rules.ts'
import { isAllowedDomain } from '../records/accounts/sign-up-domains.ts'
import { recordEvents } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { isPlainText, maxNameLength } from '../records/plain-text.ts'
import type { BrowserDigests } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { type FirstCredential, firstPassword, insertSignedUp, startFirstSession } from './create-signed-up.ts'
import type { SentPasskey } from './first-passkey.ts'
import { matchingAccount, recordMismatches, type Visitor } from './matching-account.ts'
import { readNewPasskey } from './new-passkey.ts'
import { newPasswordFault } from './new-password.ts'
import { mayMailVerification, requestVerification } from './request-verification.ts'
import { signInTo } from './sign-in.ts'
import { withRollback } from './with-rollback.ts'

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
  readonly form?: 'new_passkey_refused'
}

/** What the mail that verifies the address needs to know about the page. */
export interface SignUpPageValues {
  /** The sealed `continue` value. */
  readonly continueTo: string | undefined
  /** The language of the page. */
  readonly locale: string
}

export type SignUpOutcome =
  /** `recoveryCodes`: to be shown once, if the person has created a passkey. */
  | { readonly outcome: 'created'; readonly sub?: Sub; readonly recoveryCodes: readonly string[] }
  /** `second_factor_needed`: the account existed, and nobody is signed in yet (sign-in.ts). */
  | { readonly outcome: 'signed_in' | 'second_factor_needed' }
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
 * @param browser its session uses the new cookie once this has returned `created` or `signed_in`; its unfinished sign-in does after `second_factor_needed`
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
    ...namesFaults({ name, email: typedEmail }, signet.settings),
  }
  if (Object.keys(faults).length > 0 || !email || !password) return { outcome: 'faulty', faults }
  // Before the checks that are slow or ask another server. They come before any account is looked up, so they take the same time for all.
  await signet.limits.beforeSignUp(caller.network)
  const fault = await newPasswordFault(signet, password, { name, email }, [])
  if (fault) return { outcome: 'faulty', faults: { password: fault } }

  const credentials = { username: email, password, browserDigest: browser.browserDigest }
  for (let isFirst = true; ; isFirst = false) {
    const { account, candidates, mismatches, isWaiting } = await matchingAccount(signet, caller, credentials)
    // If no account has the address, no sign-in failed. Recording nothing takes the same time.
    const atAccounts = mismatches.filter(({ sub }) => sub !== undefined)
    await recordMismatches(signet.database, caller, atAccounts)
    const started = account ? await signInTo(signet, caller, browser, account, password) : 'refused'
    if (started !== 'refused') return { outcome: started }
    if (isWaiting) throw signet.limits.waitingError()
    const seen = isFirst ? candidates : undefined
    const wanted = { name, email, credential: await firstPassword(signet, caller, password), ...page }
    const created = await createAccount(signet, caller, browser, wanted, seen)
    if (typeof created !== 'string') return { outcome: 'created', recoveryCodes: [] }
  }
}

/**
 * Creates an account with a passkey instead of a password, and signs the browser in. Whether an account has the address makes no difference, as with a password:
 * nobody is signed in to another account, and its owner gets the same e-mails. The passkey is read last, because reading it spends its challenge.
 *
 * @param browser its session uses the new cookie once this has returned `created`
 * @throws LimitExceeded, TooManyWaiting
 */
export async function signUpWithPasskey(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { name, email: typedEmail }: Pick<TypedAccount, 'name' | 'email'>,
  { answer, device }: SentPasskey,
  page: SignUpPageValues,
): Promise<SignUpOutcome> {
  const email = canonicalEmail(typedEmail ?? '')
  const faults = namesFaults({ name, email: typedEmail }, signet.settings)
  if (Object.keys(faults).length > 0 || !email) return { outcome: 'faulty', faults }
  await signet.limits.beforeSignUp(caller.network)
  const asked = { browserDigest: browser.browserDigest, use: 'sign-up', answer } as const
  const passkey = await readNewPasskey(signet, asked)
  const refused = { outcome: 'faulty', faults: { form: 'new_passkey_refused' } } as const
  if (!passkey) return refused
  const wanted = { name, email, credential: { kind: 'passkey', passkey, device }, ...page } as const
  const created = await createAccount(signet, caller, browser, wanted, undefined)
  if (typeof created === 'string') return refused
  return { outcome: 'created', sub: passkey.sub, recoveryCodes: created.recoveryCodes }
}

interface WantedAccount extends SignUpPageValues {
  readonly name: string | undefined
  readonly email: string
  readonly credential: FirstCredential
}

/**
 * @param seen the accounts with the address whose passwords have been tried; undefined if other accounts do not matter
 * @returns the recovery codes to show, once. Nothing is created, and `address_used` is returned, if another account with the address has just been created;
 *   `passkey_exists` if some account has the passkey
 */
async function createAccount(
  signet: Signet,
  caller: Visitor,
  browser: BrowserDigests,
  { name, email, credential, continueTo, locale }: WantedAccount,
  seen: readonly string[] | undefined,
): Promise<{ readonly recoveryCodes: readonly string[] } | 'address_used' | 'passkey_exists'> {
  const { database, settings, endings } = signet
  const sendsMail = settings.mail.delivery !== 'none'
  const mayMail = sendsMail && (await mayMailVerification(signet, email))
  const created = await withRollback<'address_used' | 'passkey_exists', Created>((rollBack) =>
    inTransaction(database, async (tx) => {
      await lockAddress(tx, email)
      const candidates = seen
        ? await findSignInCandidates(tx, typedName(email), browser.browserDigest, unverifiedAtSignIn(settings))
        : []
      if (candidates.some((candidate) => !seen?.includes(candidate.sub))) return rollBack('address_used')
      const inserted = await insertSignedUp(tx, signet, caller, { name, email }, credential)
      if (inserted === 'passkey_exists') return rollBack(inserted)
      const { sub, recoveryCodes, events } = inserted
      const left = await startFirstSession(tx, signet, caller, browser, sub, credential)
      const { browserDigest } = browser
      const asked = { sub, email, browserDigest, continueTo, why: 'sign-up', locale, mayMail } as const
      const mail = sendsMail ? await requestVerification(tx, signet, asked) : undefined
      await recordEvents(tx, [
        ...events,
        ...(mail ? [{ type: 'email_verification_requested', caller, sub, detail: { mail } } as const] : []),
      ])
      return { left, recoveryCodes }
    }),
  )
  if (typeof created === 'string') return created
  if (created.left) endings.wake()
  return created
}

interface Created {
  readonly left: boolean
  readonly recoveryCodes: readonly string[]
}

/** The faults that can be found without slow checks, and do not depend on the domain. */
export function typedAccountFaults(
  { password, ...names }: TypedAccount,
  settings: Signet['settings'],
): TypedAccountFaults {
  const lengthFault = password ? passwordLengthFault(password, minLengthFor(settings, [])) : 'password_missing'
  return { ...typedNamesFaults(names), ...(lengthFault && { password: lengthFault }) }
}

/** The faults of name and address. */
export function typedNamesFaults({ name, email }: Pick<TypedAccount, 'name' | 'email'>): TypedAccountFaults {
  const nameFault =
    name === undefined || isPlainText(name, maxNameLength)
      ? undefined
      : [...name].length > maxNameLength
        ? 'name_too_long'
        : 'name_invalid'
  const emailFault = !email ? 'email_missing' : canonicalEmail(email) ? undefined : 'email_invalid'
  return { ...(nameFault && { name: nameFault }), ...(emailFault && { email: emailFault }) }
}

/** The faults of name and address, also if the domain is not allowed. */
function namesFaults(names: Pick<TypedAccount, 'name' | 'email'>, settings: Signet['settings']): TypedAccountFaults {
  const email = canonicalEmail(names.email ?? '')
  const isRefused = email !== undefined && !isAllowedDomain(settings, email)
  return { ...typedNamesFaults(names), ...(isRefused && { email: 'email_domain_not_allowed' }) }
}
