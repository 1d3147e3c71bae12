import type { Queryable } from '../platform/database/queryable.ts'
import { findPendingEmail, voidVerifications } from '../records/accounts/email-verifications-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { originOf, type Person } from './actor.ts'
import { asSignedIn, type OwnSession, type signedOut } from './as-signed-in.ts'
import { type AskingBrowser, requestVerification } from './request-verification.ts'

/*
 * Where this installation sends mail, the address of an account changes only when somebody proves at the new one that they read its mail
 * (verify-email.ts). Until then nothing about the account changes.
 */

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
  const asked = { sub, email, browserDigest, continueTo, why: 'change', locale, mayMail } as const
  const mail = await requestVerification(tx, signet, asked)
  await recordEvent(tx, { type: 'email_change_requested', ...originOf(actor), sub, detail: { mail } })
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
