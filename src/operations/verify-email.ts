import { randomBytes } from 'node:crypto'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { type Account, accountTurn } from '../records/accounts/account.ts'
import { markEmail, replaceSignInNames } from '../records/accounts/account-changes-store.ts'
import { findAccount, lockAccount } from '../records/accounts/accounts-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { codeMac, isCodeOf, newCode } from '../records/accounts/email-codes.ts'
import {
  claimCodeGuess,
  type FoundVerification,
  findPendingEmail,
  findVerification,
  findWaitingEmail,
  hasOpenVerification,
  insertVerification,
  isVerifiedElsewhere,
  spendVerification,
  voidVerifications,
} from '../records/accounts/email-verifications-store.ts'
import { type Caller, recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { findSession, type Session } from '../records/sessions/sessions-store.ts'
import type { BrowserDigests } from '../records/sessions/start-session.ts'
import type { Signet } from '../signet.ts'
import { originOf, type Person } from './actor.ts'
import { asSignedIn, type OwnSession, signedOut } from './as-signed-in.ts'
import { replaceVerifiedEmail } from './change-email.ts'
import type { Visitor } from './matching-account.ts'
import { provePassword } from './prove-password.ts'
import { queueMail } from './queue-mail.ts'
import { signInTo } from './sign-in.ts'
import { withRollback } from './with-rollback.ts'

/*
 * A person proves that they can read mail at an address, by the link of a mail or by its code. Both work only for somebody who is signed in to the
 * account: otherwise anybody who signs up with somebody else's address would have it verified by the person who opens the mail.
 */

/** Minutes for which a link and a code work. */
export const verificationMinutes = 30

export interface VerificationRequest {
  readonly sub: Sub
  /** In canonical form. If it is not the address of the account, confirming it replaces that address. */
  readonly email: string
  /** The digest of the cookie of the browser that asks, the only one in which the code works. */
  readonly browserDigest: Buffer
  /** The sealed `continue` value of the page that asks. */
  readonly continueTo: string | undefined
  readonly why: 'sign-up' | 'change' | 'again'
  /** The language of the mail. */
  readonly locale: string | undefined
  /** From `mayMailVerification`. */
  readonly mayMail: boolean
}

/**
 * Counts a mail to an address, before the transaction in which `requestVerification` is called.
 *
 * @param email in canonical form
 * @returns whether the mail may be sent. Nobody must learn this: the page is the same
 * @throws TooManyWaiting
 */
export async function mayMailVerification({ limits }: Pick<Signet, 'limits'>, email: string): Promise<boolean> {
  return limits.allowsMail('verification', typedName(email).key)
}

/**
 * Queues a mail with a link and a code for an address. If another account has verified the address, its owner is told that instead: this account
 * can never have it. The caller learns nothing of it, and it takes the same statements.
 *
 * @param tx the transaction of the change that causes the mail, so that neither happens without the other
 */
export async function requestVerification(
  tx: Queryable,
  signet: Pick<Signet, 'settings' | 'secrets' | 'clock'>,
  { sub, email, browserDigest, continueTo, why, locale, mayMail }: VerificationRequest,
): Promise<void> {
  const token = randomText(32)
  const code = newCode()
  const place = { digest: digest(token), browserDigest }
  const secret = signet.secrets['email-codes']
  const isTaken = await isVerifiedElsewhere(tx, sub, email)
  // Without the mail, nobody has the code, so that it must not be found by guessing either.
  const isSent = mayMail && !isTaken
  await insertVerification(tx, {
    ...place,
    ...{ sub, email, continueTo, minutes: verificationMinutes, codeVersion: secret.current },
    codeMac: isSent ? codeMac(secret, place, code) : randomBytes(32),
  })
  if (!mayMail) return
  const link = `${signet.settings.issuer}/verify-email?token=${token}`
  await queueMail(tx, signet, {
    ...{ to: email, locale, sub, goodUntil: signet.clock.now() + verificationMinutes * 60_000 },
    mail: isTaken
      ? { kind: 'address-in-use', signInLink: `${signet.settings.issuer}/sign-in` }
      : { kind: 'verification', why, link, code, minutes: verificationMinutes },
  })
}

/** How a person proved that they read mail at an address. */
type Proof = 'code' | 'link'

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
  if (waiting !== undefined && !(await signet.limits.allowsEmailCode(typedName(waiting).key)))
    return { outcome: 'wrong_code' }
  return withRollback<ConfirmOutcome, ConfirmOutcome>((rollBack) =>
    confirming(signet, session, async (tx) => {
      const guessed = await claimCodeGuess(tx, sub, browserDigest)
      const right = guessed.find((one) => isCodeOf(signet.secrets['email-codes'], one, code))
      if (right) return confirm(tx, signet, person, { ...right, isAskingBrowser: true, proof: 'code' }, rollBack)
      // The link may have been used a moment ago. A mail that is open for another address means that there is still something to verify.
      if (guessed.length > 0 || (await hasOpenVerification(tx, sub))) return { outcome: 'wrong_code' }
      if (!(await findAccount(tx, sub))?.email_verified) return { outcome: 'wrong_code' }
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

/**
 * The address that a person may verify: one that a change waits for, or else the account's own.
 *
 * @param browserDigest the digest of the browser's cookie
 * @returns `isSent`: whether this browser has asked for a mail that is open, so that its code works here
 */
export async function emailToVerify(
  { database }: Pick<Signet, 'database'>,
  { sub, email }: Pick<Account, 'sub' | 'email'>,
  browserDigest: Buffer,
): Promise<{ readonly email: string | undefined; readonly isPending: boolean; readonly isSent: boolean }> {
  const pending = await findPendingEmail(database, sub)
  const isSent = (await findWaitingEmail(database, sub, browserDigest)) !== undefined
  return { email: pending ?? email, isPending: pending !== undefined, isSent }
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
  const canBeDisowned = !isVerified && (found.state === 'open' || isSameEmail(account.email, found.email))
  return { ...found, isVerified, canBeDisowned }
}

/**
 * Signs a browser in to the account of a link, whose password the person enters on the page of the link. Counts like a sign-in at this account.
 *
 * @returns the new session; undefined if the password is wrong
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function signInToVerify(
  signet: Signet,
  visitor: Visitor,
  browser: BrowserDigests,
  sub: Sub,
  password: string,
): Promise<Session | undefined> {
  const { requestId, network } = visitor
  const person = { kind: 'person', sub, caller: { requestId, network } } as const
  const proving = { browserDigest: browser.browserDigest, requester: visitor }
  const passwordHash = await provePassword(signet, person, proving, password, 'sign_in_failed')
  if (passwordHash === undefined) return undefined
  if (!(await signInTo(signet, visitor, browser, { sub, passwordHash }, password))) return undefined
  return findSession(signet.database, browser.sessionDigest, signet.settings.sessionIdleTtl)
}

/** Whether an account has verified exactly this address. */
export function hasVerified(account: Account | undefined, email: string): boolean {
  return account?.email_verified === true && isSameEmail(account.email, email)
}

/** Whether two stored addresses are the same. */
export function isSameEmail(one: string | undefined, other: string): boolean {
  return one !== undefined && typedName(one).key === typedName(other).key
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
  const marked = isSameEmail(account.email, email)
    ? await markEmail(tx, account.sub, true)
    : await replaceVerifiedEmail(tx, signet, actor, account, email)
  if (marked !== 'done') return rollBack({ outcome: 'email_taken' })
  await voidVerifications(tx, account.sub)
  await recordEvent(tx, { type: 'email_verified', ...originOf(actor), sub: account.sub, detail: { by: proof } })
  return { outcome: 'verified', continueTo, isAskingBrowser }
}

/**
 * Somebody who reads the mail of an address says that they did not ask for it. An address that is not verified is removed from the account, and its
 * mails are void. This works for as long as the mail is known here, even if its link has expired: it takes nothing away that anybody has proven.
 *
 * The mails that were counted for the address are forgotten, so that its owner can have one of their own.
 *
 * The account keeps its sessions. Its person may have mistyped their own address, and can enter another one while they are signed in.
 *
 * @returns `void_link` if the mail is not known, or the address has been verified
 */
export async function disownEmail(
  { database, turns, limits }: Pick<Signet, 'database' | 'turns' | 'limits'>,
  caller: Caller,
  token: string,
): Promise<'done' | 'void_link'> {
  const found = await findVerification(database, digest(token))
  if (!found) return 'void_link'
  const { sub, email } = found
  const disowned = await turns.take(accountTurn(sub), () =>
    inTransaction(database, async (tx) => {
      if (!(await lockAccount(tx, sub))) return 'void_link'
      const account = (await findAccount(tx, sub)) as Account
      if (hasVerified(account, email)) return 'void_link'
      const isOwn = isSameEmail(account.email, email)
      const waiting = isOwn || (await findVerification(tx, digest(token)))?.state === 'open'
      if (isOwn) await replaceSignInNames(tx, sub, { username: account.username, email: undefined })
      if (!waiting) return 'was_done'
      await voidVerifications(tx, sub)
      await recordEvent(tx, { type: 'email_disowned', caller, sub })
      return 'done'
    }),
  )
  if (disowned === 'done') await limits.forgetMails('verification', typedName(email).key)
  return disowned === 'void_link' ? disowned : 'done'
}
