import type { Settings } from '../platform/config/settings.ts'
import type { Account } from '../records/accounts/account.ts'
import { type Credential, listCredentials } from '../records/accounts/account-credentials-store.ts'
import { lockPassword } from '../records/accounts/account-password-store.ts'
import type { TakenName } from '../records/accounts/accounts-store.ts'
import {
  canonicalEmail,
  isPendingConversion,
  isSameName,
  readUsername,
  type UsernameFault,
} from '../records/accounts/canonical-names.ts'
import { mustKeepEmail } from '../records/accounts/email-verification-rule.ts'
import { hasSecondFactor, isFreshlyProven } from '../records/accounts/factors.ts'
import { isNamedAfter } from '../records/accounts/password-rules.ts'
import { isAllowedDomain } from '../records/accounts/sign-up-domains.ts'
import type { Sub } from '../records/ids.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { asSignedIn, signedOut } from './as-signed-in.ts'
import { stale } from './own-factors.ts'
import { type ProvingBrowser, provePassword } from './prove-password.ts'
import { requestEmailChange } from './request-email-change.ts'
import { mayMailVerification } from './request-verification.ts'
import { type AccountRefusal, changeAccount, type UpdatedAccount } from './update-account.ts'
import { withRollback } from './with-rollback.ts'

/** The names that a person wants to sign in with, without surrounding white space. Undefined or empty removes a name. */
export interface TypedNames {
  readonly username: string | undefined
  readonly email: string | undefined
}

/** The faults by field. `password` is the current password. */
export interface SignInNameFaults {
  readonly username?: UsernameFault | 'names_missing' | 'username_taken' | 'name_is_password'
  readonly email?: 'email_invalid' | 'email_needed' | 'email_domain_not_allowed' | 'name_is_password'
  readonly password?: 'current_password_missing'
}

export type ChangedSignInNames =
  /** `isWaiting`: the new address becomes the account's once it is confirmed. */
  | { readonly outcome: 'changed'; readonly isWaiting: boolean }
  | { readonly outcome: 'wrong_password' }
  /** The person must prove themselves again, with the strongest factor of the account. */
  | { readonly outcome: typeof stale }
  | { readonly outcome: typeof signedOut }
  | { readonly outcome: 'faulty'; readonly faults: SignInNameFaults }

/** How a person proves themselves before they change a name. */
export interface ProofForNames {
  /** The kinds of all credentials of the account. */
  readonly kinds: readonly string[]
  /** Whether the form asks for the password. */
  readonly asksPassword: boolean
  /** Whether a fresh proof is needed besides or instead (`isFreshlyProven`): the password alone is not the strongest factor of every account. */
  readonly needsFreshProof: boolean
}

export async function proofForNames(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  sub: Sub,
): Promise<ProofForNames> {
  return proofOf(settings, await listCredentials(database, sub))
}

function proofOf(
  { passwordSignIn }: Pick<Settings, 'passwordSignIn'>,
  credentials: readonly Pick<Credential, 'kind'>[],
): ProofForNames {
  const kinds = credentials.map(({ kind }) => kind)
  const asksPassword = passwordSignIn === 'on' && kinds.includes('password')
  return { kinds, asksPassword, needsFreshProof: !asksPassword || hasSecondFactor(kinds) }
}

/**
 * Changes the user name and the e-mail address. If somebody else has the address, that makes no difference and is not revealed. If the user name is
 * taken, the response must say so, because user names are unique.
 *
 * Where this installation sends mail, a new address must be confirmed first (request-email-change.ts): nothing else about the account changes with
 * the request. Otherwise it becomes the account's at once, unverified.
 *
 * @param session the person's session, with the account as they saw it
 * @param browser called once the form has no faults
 * @param typed `password` is the current password, if the account has one (`proofForNames`); `continueTo` the sealed `continue` value that follows the confirmation of an address
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function changeSignInNames(
  signet: Signet,
  actor: Person,
  session: Session,
  browser: () => ProvingBrowser,
  {
    password,
    continueTo,
    ...typed
  }: TypedNames & { readonly password: string | undefined; readonly continueTo?: string | undefined },
): Promise<ChangedSignInNames> {
  const { account } = session
  const { settings } = signet
  const { names, faults } = readNames(typed, account, settings)
  const { kinds, asksPassword, needsFreshProof } = await proofForNames(signet, account.sub)
  const isFresh = (now: readonly string[]) => isFreshlyProven(session, now, signet.clock.now())
  if (needsFreshProof && !isFresh(kinds)) return { outcome: stale }
  if (asksPassword && password === undefined) return faulty({ ...faults, password: 'current_password_missing' })
  if (Object.keys(faults).length > 0) return faulty(faults)
  const proving = browser()
  const asked = asksPassword ? password : undefined
  const proven = asked === undefined ? undefined : await provePassword(signet, actor, proving, asked)
  if (asksPassword && proven === undefined) return { outcome: 'wrong_password' }

  const changed = (['username', 'email'] as const).filter((name) => names[name] !== account[name])
  if (changed.length === 0) return { outcome: 'changed', isWaiting: false }
  // The password was checked against the names that the account had when it was set.
  const named: ('username' | 'email')[] = []
  for (const name of changed)
    if (asked !== undefined && (await isNamedAfter(asked, { [name]: names[name] }))) named.push(name)
  if (named.length > 0) return faulty(Object.fromEntries(named.map((name) => [name, 'name_is_password' as const])))
  // A new name counts like a new account. Otherwise somebody could find out who has an account by trying user names one after the other, or
  // could move an account from address to address and sign in with its password at each of them.
  if (changed.some((name) => names[name] !== undefined)) await signet.limits.beforeSignUp(actor.caller.network)
  const isOther = names.email !== undefined && !isSameName(account.email, names.email)
  const requested = isOther && settings.mail.delivery !== 'none' ? names.email : undefined
  if (requested !== undefined) await signet.limits.beforeVerification(actor.caller.network, actor.sub)
  const mayMail = requested !== undefined && (await mayMailVerification(signet, requested))

  const changes = Object.fromEntries(
    changed
      .filter((name) => name !== 'email' || requested === undefined)
      .map((name) => [name, names[name] ?? null] as const),
  )
  type Refusal = AccountRefusal | 'password_replaced' | typeof stale | typeof signedOut
  const updated = await withRollback<TakenName, UpdatedAccount | Refusal>((rollBack) =>
    asSignedIn(signet, session, async (tx) => {
      // A person who has just changed the password must not find a change that somebody else asked for with the old one.
      if (proven !== undefined && !(await lockPassword(tx, actor.sub, proven))) return 'password_replaced'
      // Another browser may have added a factor in the meantime.
      const now = proofOf(settings, await listCredentials(tx, actor.sub))
      if (now.needsFreshProof && !isFresh(now.kinds)) return stale
      const outcome = await changeAccount(tx, signet, actor, actor.sub, changes, rollBack)
      if (typeof outcome !== 'string' && requested !== undefined && !isSameName(outcome.account.email, requested)) {
        const asking = { browserDigest: proving.browserDigest, continueTo }
        await requestEmailChange(tx, signet, actor, asking, { email: requested, mayMail })
      }
      return outcome
    }),
  )
  if (typeof updated !== 'string') return { outcome: 'changed', isWaiting: requested !== undefined }
  if (updated === signedOut || updated === 'no_such_account') return { outcome: signedOut }
  if (updated === stale) return { outcome: stale }
  if (updated === 'password_replaced') return { outcome: 'wrong_password' }
  if (updated === 'username_taken') return faulty({ username: 'username_taken' })
  // An operator removed the other name a moment ago.
  if (updated === 'no_sign_in_name') return faulty({ username: 'names_missing' })
  // The remaining refusals are about verified addresses, which are not set here, and names that were checked above. The person must not
  // believe that anything was saved.
  throw new Error(`Sign-in names could not be changed: ${updated}.`)
}

const faulty = (faults: SignInNameFaults): ChangedSignInNames => ({ outcome: 'faulty', faults })

function readNames(
  typed: TypedNames,
  account: Account,
  settings: Settings,
): { names: TypedNames; faults: SignInNameFaults } {
  const username = readNewUsername(typed.username, account)
  const email = readNewEmail(typed.email, account, settings)
  const usernameFault = !typed.username && !typed.email ? 'names_missing' : username.fault
  return {
    names: { username: username.name, email: email.name },
    faults: { ...(usernameFault && { username: usernameFault }), ...(email.fault && { email: email.fault }) },
  }
}

interface NewName<Fault> {
  readonly name: string | undefined
  readonly fault?: Fault
}

function readNewUsername(typed: string | undefined, { username: stored }: Account): NewName<UsernameFault> {
  if (!typed) return { name: undefined }
  // Only a different name is checked: an older name may break today's rules.
  if (typed === stored) return { name: stored }
  const read = readUsername(typed)
  if ('fault' in read) return { name: undefined, fault: read.fault }
  return { name: isPendingConversion(stored, read.username) ? stored : read.username }
}

/** Browsers send the same address in Punycode or in Unicode. If it is the stored address, it stays verified. */
function readNewEmail(
  typed: string | undefined,
  account: Account,
  settings: Settings,
): NewName<'email_invalid' | 'email_needed' | 'email_domain_not_allowed'> {
  const { email: stored } = account
  if (!typed) {
    const isKept = stored !== undefined && mustKeepEmail(settings, account)
    return { name: undefined, ...(isKept && { fault: 'email_needed' }) }
  }
  if (typed === stored) return { name: stored }
  const email = canonicalEmail(typed)
  if (email === undefined) return { name: undefined, fault: 'email_invalid' }
  if (isSameName(stored, email)) return { name: isPendingConversion(stored, email) ? stored : email }
  // The domains are for people who create their accounts themselves. An operator decides for the others.
  if (account.signed_up && !isAllowedDomain(settings, email))
    return { name: undefined, fault: 'email_domain_not_allowed' }
  return { name: isPendingConversion(stored, email) ? stored : email }
}
