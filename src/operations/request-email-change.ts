import type { Queryable } from '../platform/database/queryable.ts'
import { findAccount } from '../records/accounts/accounts-store.ts'
import { findPendingEmail, voidVerifications } from '../records/accounts/email-verifications-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { originOf, type Person } from './actor.ts'
import { asSignedIn, type OwnSession, type signedOut } from './as-signed-in.ts'
import { mayMailVerification, requestVerification } from './verify-email.ts'

/*
 * Where this installation sends mail, the address of an account changes only when somebody proves at the new one that they read its mail
 * (verify-email.ts). Until then nothing about the account changes.
 */

/** The browser that asks for a mail. */
export interface AskingBrowser {
  /** The digest of the browser's cookie. The code in the mail works only in this browser. */
  readonly browserDigest: Buffer
  /** What follows once the address is confirmed: a sealed `continue` value. */
  readonly continueTo: string | undefined
}

/**
 * Asks for a new address for an account. Replaces an earlier request. Whether somebody else has the address makes no difference.
 *
 * @param tx a transaction in which the account is locked, and the person has proven the password
 * @param email in canonical form, and not the address that the account has
 * @param mayMail from `mayMailVerification`
 */
export async function requestEmailChange(
  tx: Queryable,
  signet: Pick<Signet, 'settings' | 'secrets' | 'clock'>,
  actor: Person,
  { browserDigest, continueTo }: AskingBrowser,
  { email, mayMail }: { readonly email: string; readonly mayMail: boolean },
): Promise<void> {
  const { sub, language: locale } = actor
  await requestVerification(tx, signet, { sub, email, browserDigest, continueTo, why: 'change', locale, mayMail })
  await recordEvent(tx, { type: 'email_change_requested', ...originOf(actor), sub })
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
    await requestVerification(tx, signet, { sub, email, browserDigest, continueTo, why: 'again', locale, mayMail })
    return 'sent'
  })
}

/** Cancels the change of address that is waiting for its confirmation, if there is one. */
export async function cancelEmailChange(
  signet: Pick<Signet, 'database' | 'turns'>,
  actor: Person,
  session: OwnSession,
): Promise<'done' | typeof signedOut> {
  const { sub } = actor
  return asSignedIn<'done'>(signet, session, async (tx) => {
    if ((await findPendingEmail(tx, sub)) === undefined) return 'done'
    await voidVerifications(tx, sub)
    await recordEvent(tx, { type: 'email_change_cancelled', ...originOf(actor), sub })
    return 'done'
  })
}
