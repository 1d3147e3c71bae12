import { randomBytes } from 'node:crypto'
import type { Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import type { Account } from '../records/accounts/account.ts'
import { findVerifiedOwner } from '../records/accounts/accounts-by-name-store.ts'
import { findAccount } from '../records/accounts/accounts-store.ts'
import { typedName } from '../records/accounts/canonical-names.ts'
import { codeMac, newCode } from '../records/accounts/email-codes.ts'
import {
  findPendingEmail,
  findWaitingEmail,
  insertVerification,
} from '../records/accounts/email-verifications-store.ts'
import { newLinkToken } from '../records/accounts/link-tokens.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { originOf, type Person } from './actor.ts'
import { asSignedIn, type OwnSession, type signedOut } from './as-signed-in.ts'
import { queueMail } from './queue-mail.ts'

/*
 * Mails that ask a person to prove that they can read mail at an address, by a link or a code. verify-email.ts has what follows.
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
 * What became of the mail that a request causes, for its event. `limited`: too many had gone to the address, so none was queued, whoever has the
 * address. `in_use`: another account has verified it, so its owner was told instead. The person who asked must learn neither.
 */
export type RequestedMail = 'sent' | 'limited' | 'in_use'

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
 * can never have it. The person who asks learns nothing of it, and it takes the same statements.
 *
 * @param tx the transaction of the change that causes the mail, so that neither happens without the other
 * @returns what the caller must record in an event, in the same transaction
 */
export async function requestVerification(
  tx: Queryable,
  signet: Pick<Signet, 'settings' | 'secrets' | 'clock'>,
  { sub, email, browserDigest, continueTo, why, locale, mayMail }: VerificationRequest,
): Promise<RequestedMail> {
  const token = newLinkToken()
  const code = newCode()
  const place = { digest: digest(token), browserDigest }
  const secret = signet.secrets['email-codes']
  const owner = await findVerifiedOwner(tx, email)
  const isTaken = owner !== undefined && owner !== sub
  // If the mail is not sent, nobody has the code, and nobody must be able to guess it.
  const isSent = mayMail && !isTaken
  await insertVerification(tx, {
    ...place,
    ...{ sub, email, continueTo, minutes: verificationMinutes, codeVersion: secret.current },
    codeMac: isSent ? codeMac(secret, place, code) : randomBytes(32),
  })
  if (!mayMail) return 'limited'
  const link = `${signet.settings.issuer}/verify-email?token=${token}`
  await queueMail(tx, signet, {
    ...{ to: email, locale, sub, goodUntil: signet.clock.now() + verificationMinutes * 60_000 },
    mail: isTaken
      ? { kind: 'address-in-use', signInLink: `${signet.settings.issuer}/sign-in` }
      : { kind: 'verification', why, link, code, minutes: verificationMinutes },
  })
  return isTaken ? 'in_use' : 'sent'
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

/** The browser that asks for a mail. */
export interface AskingBrowser {
  /** The digest of the browser's cookie. The code in the mail works only in this browser. */
  readonly browserDigest: Buffer
  /** What follows once the address is confirmed: a sealed `continue` value. */
  readonly continueTo: string | undefined
}

/**
 * Sends another mail to the address that the account is waiting for, or else to its own if that is not verified. The earlier mails to the same
 * address stay valid: the older of two may arrive later.
 *
 * @param session the person's session
 * @returns `nothing` if no address is waiting for a confirmation
 * @throws LimitExceeded, TooManyWaiting
 */
export async function mailVerificationAgain(
  signet: Signet,
  actor: Person,
  session: OwnSession,
  { browserDigest, continueTo }: AskingBrowser,
): Promise<'sent' | 'nothing' | typeof signedOut> {
  const { sub, language: locale } = actor
  const waiting = async (db: Queryable) => {
    const pending = await findPendingEmail(db, sub)
    if (pending !== undefined) return pending
    const account = await findAccount(db, sub)
    return account?.email_verified ? undefined : account?.email
  }
  if (signet.settings.mail.delivery === 'none') return 'nothing'
  const email = await waiting(signet.database)
  if (email === undefined) return 'nothing'
  await signet.limits.beforeVerification(actor.caller.network, sub)
  const mayMail = await mayMailVerification(signet, email)
  return asSignedIn(signet, session, async (tx) => {
    // It may have been confirmed, cancelled or replaced in the meantime.
    if ((await waiting(tx)) !== email) return 'nothing'
    const asked = { sub, email, browserDigest, continueTo, why: 'again', locale, mayMail } as const
    const mail = await requestVerification(tx, signet, asked)
    await recordEvent(tx, { type: 'email_verification_requested', ...originOf(actor), sub, detail: { mail } })
    return 'sent'
  })
}
