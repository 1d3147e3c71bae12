import type { Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import type { Account } from '../records/accounts/account.ts'
import { markEmail } from '../records/accounts/account-changes-store.ts'
import { findAccount } from '../records/accounts/accounts-store.ts'
import { isSameName, typedName } from '../records/accounts/canonical-names.ts'
import { isCodeOf } from '../records/accounts/email-codes.ts'
import {
  claimCodeGuess,
  type FoundVerification,
  findVerification,
  findWaitingEmail,
  hasOpenVerification,
  spendVerification,
  voidVerifications,
} from '../records/accounts/email-verifications-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { findSession, type Session } from '../records/sessions/sessions-store.ts'
import type { BrowserDigests } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { originOf, type Person } from './actor.ts'
import { asSignedIn, type OwnSession, signedOut } from './as-signed-in.ts'
import { replaceVerifiedEmail } from './change-email.ts'
import type { Visitor } from './matching-account.ts'
import { provePassword } from './prove-password.ts'
import { signInTo } from './sign-in.ts'
import { withRollback } from './with-rollback.ts'

/*
 * A person proves that they can read mail at an address, by the link of a mail or by its code. Both work only for somebody who is signed in to the
 * account: otherwise anybody who signs up with somebody else's address would have it verified by the person who opens the mail.
 */

/** How a person proved that they read mail at an address. */
type Proof = 'code' | 'link'

/**
 * Why a code was refused, for the event. The person learns only that it was. `spent`: after five wrong ones in this browser. `not_waiting`: no mail
 * that this browser asked for is open. `limited`: too many codes were tried for the address, by whomever, so it was not compared.
 */
type CodeFailure = 'wrong' | 'spent' | 'not_waiting' | 'limited'

export type ConfirmOutcome =
  | {
      /** `already_verified`: the account has verified the address before, such as a moment ago in another tab. */
      readonly outcome: 'verified' | 'already_verified'
      readonly continueTo: string | undefined
      /** Whether this is the browser that asked for the mail. */
      readonly isAskingBrowser: boolean
    }
  /** Another account has verified the address in the meantime. The person has proven to read its mail, so they may know. */
  | { readonly outcome: 'email_taken' }
  | { readonly outcome: 'wrong_code' | 'void_link' | typeof signedOut }

/**
 * Verifies an address by the code of a mail. All mails that wait in this browser accept their codes, because the older of two may arrive later, and a
 * wrong code counts at each of them. A guess is counted before it is compared.
 *
 * @param session the session of the person
 * @param browserDigest the digest of the browser's cookie
 * @param code six digits
 * @throws LimitExceeded, TooManyWaiting
 */
export async function confirmByCode(
  signet: Signet,
  person: Person,
  session: OwnSession,
  browserDigest: Buffer,
  code: string,
): Promise<ConfirmOutcome> {
  const { sub } = person
  await signet.limits.beforeEmailCode(person.caller.network, sub)
  const waiting = await findWaitingEmail(signet.database, sub, browserDigest)
  // Other people may have used up the guesses at this address. The link still works, and the message for a wrong code says so.
  const isLimited = waiting !== undefined && !(await signet.limits.allowsEmailCode(typedName(waiting).key))
  const fail = async (tx: Queryable, reason: CodeFailure): Promise<ConfirmOutcome> => {
    await recordEvent(tx, { type: 'email_code_failed', ...originOf(person), sub, detail: { reason } })
    return { outcome: 'wrong_code' }
  }
  return withRollback<ConfirmOutcome, ConfirmOutcome>((rollBack) =>
    confirming(signet, session, async (tx) => {
      if (isLimited) return fail(tx, 'limited')
      const guessed = await claimCodeGuess(tx, sub, browserDigest)
      const right = guessed.find((one) => isCodeOf(signet.secrets['email-codes'], one, code))
      if (right) return confirm(tx, signet, person, { ...right, isAskingBrowser: true, proof: 'code' }, rollBack)
      if (guessed.length > 0) return fail(tx, 'wrong')
      // The link may have been used a moment ago. A mail that is open for another address means that there is still something to verify.
      if ((await hasOpenVerification(tx, sub)) || !(await findAccount(tx, sub))?.email_verified)
        return fail(tx, waiting === undefined ? 'not_waiting' : 'spent')
      return { outcome: 'already_verified', continueTo: undefined, isAskingBrowser: true }
    }),
  )
}

/**
 * Verifies an address by the link of a mail, in a browser that is signed in to the account.
 *
 * @param session the session of the person
 * @param browserDigest the digest of the browser's cookie
 * @param token the secret in the link
 * @throws TooManyWaiting
 */
export async function confirmByLink(
  signet: Signet,
  person: Person,
  session: OwnSession,
  browserDigest: Buffer,
  token: string,
): Promise<ConfirmOutcome> {
  const { sub } = person
  return withRollback<ConfirmOutcome, ConfirmOutcome>((rollBack) =>
    confirming(signet, session, async (tx) => {
      const spent = await spendVerification(tx, sub, digest(token))
      const found = spent ?? (await findVerification(tx, digest(token)))
      if (!found || found.sub !== sub) return { outcome: 'void_link' }
      const isAskingBrowser = found.browserDigest.equals(browserDigest)
      if (spent) return confirm(tx, signet, person, { ...spent, isAskingBrowser, proof: 'link' }, rollBack)
      const account = await findAccount(tx, sub)
      return hasVerified(account, found.email)
        ? { outcome: 'already_verified', continueTo: found.continueTo, isAskingBrowser }
        : { outcome: 'void_link' }
    }),
  )
}

async function confirming(
  signet: Pick<Signet, 'database' | 'turns'>,
  session: OwnSession,
  work: (tx: Queryable) => Promise<ConfirmOutcome>,
): Promise<ConfirmOutcome> {
  const outcome = await asSignedIn(signet, session, work)
  return outcome === signedOut ? { outcome } : outcome
}

/** The mail of a link, for its page. Reading it changes nothing. */
export interface LinkedVerification extends FoundVerification {
  /** Whether the account has verified this address already. */
  readonly isVerified: boolean
  /** Whether somebody who did not ask for the mail can still say so. */
  readonly canBeDisowned: boolean
}

/** @returns undefined if there is no such mail */
export async function findLinkedVerification(
  { database }: Pick<Signet, 'database'>,
  token: string,
): Promise<LinkedVerification | undefined> {
  const found = await findVerification(database, digest(token))
  const account = found && (await findAccount(database, found.sub))
  if (!found || !account) return undefined
  const isVerified = hasVerified(account, found.email)
  const canBeDisowned = !isVerified && (found.state === 'open' || isSameName(account.email, found.email))
  return { ...found, isVerified, canBeDisowned }
}

/**
 * Signs a browser in to the account of a link, whose password the person enters on the page of the link. Counts like a sign-in at this account.
 *
 * @returns the new session; `second_factor_needed` if there is none yet, because the account needs a second factor; undefined if the password is wrong
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function signInToVerify(
  signet: Signet,
  visitor: Visitor,
  browser: BrowserDigests,
  sub: Sub,
  password: string,
): Promise<Session | 'second_factor_needed' | undefined> {
  const person = { kind: 'person', sub, caller: visitor } as const
  const proving = { browserDigest: browser.browserDigest, requester: visitor }
  const passwordHash = await provePassword(signet, person, proving, password, 'sign_in_failed')
  if (passwordHash === undefined) return undefined
  const started = await signInTo(signet, visitor, browser, { sub, passwordHash }, password)
  if (started !== 'signed_in') return started === 'refused' ? undefined : started
  return findSession(signet.database, browser.sessionDigest, signet.settings.sessionIdleTtl)
}

/** Whether an account has verified exactly this address. */
export function hasVerified(account: Account | undefined, email: string): boolean {
  return account?.email_verified === true && isSameName(account.email, email)
}

interface Confirmed {
  readonly email: string
  readonly continueTo: string | undefined
  readonly isAskingBrowser: boolean
  readonly proof: Proof
}

/** Marks the address as verified, or makes it the address of the account, in a transaction that has locked the account. */
async function confirm(
  tx: Queryable,
  signet: Signet,
  actor: Person,
  { email, continueTo, isAskingBrowser, proof }: Confirmed,
  rollBack: (outcome: ConfirmOutcome) => never,
): Promise<ConfirmOutcome> {
  const account = await findAccount(tx, actor.sub)
  if (!account) return { outcome: signedOut }
  const marked = isSameName(account.email, email)
    ? await markEmail(tx, account.sub, true)
    : await replaceVerifiedEmail(tx, signet, actor, account, email)
  if (marked !== 'done') return rollBack({ outcome: 'email_taken' })
  await voidVerifications(tx, account.sub)
  await recordEvent(tx, { type: 'email_verified', ...originOf(actor), sub: account.sub, detail: { proof } })
  return { outcome: 'verified', continueTo, isAskingBrowser }
}
