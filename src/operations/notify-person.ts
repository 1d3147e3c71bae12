import type { Mail } from '../html/mails/mail.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import type { Account } from '../records/accounts/account.ts'
import { insertNotice } from '../records/accounts/account-notices-store.ts'
import { newLinkToken } from '../records/accounts/link-tokens.ts'
import type { Signet } from '../signet.ts'
import type { Actor } from './actor.ts'
import { mailLocale, queueMail } from './queue-mail.ts'

/** The person to tell, as they were before the change. */
export type Notified = Pick<Account, 'sub' | 'email' | 'email_verified' | 'locale' | 'zoneinfo'>

/** Days for which a link "This was not me" works. */
export const notMeDays = 7
/** The same in seconds. */
export const notMeTtl = notMeDays * 86_400

/**
 * Tells a person by mail what has just happened to their account, if it has a verified address and this installation sends mail. Nothing is sent to
 * an address that is not verified, because it may be somebody else's.
 *
 * The mail names the device and the network of a request. If the person can report what happened, it has the link "This was not me"
 * (report-account.ts), whose digest is stored in the same transaction. At most 20 such mails of a kind are sent in a day.
 *
 * @param tx the transaction of the change, which has locked the account. Call this after the change: credentials that were added in this transaction
 *   do not count as what the account had before
 * @param actor who made the change
 * @param goodUntil milliseconds since 1970; undefined if the mail does not expire
 */
export async function notifyPerson(
  tx: Queryable,
  signet: Pick<Signet, 'settings' | 'secrets' | 'clock'>,
  actor: Actor,
  { sub, email, email_verified, locale, zoneinfo }: Notified,
  mail: Mail,
  goodUntil?: number,
): Promise<void> {
  const { settings, clock } = signet
  if (email === undefined || !email_verified || settings.mail.delivery === 'none') return
  const language = actor.kind === 'person' && actor.sub === sub ? actor.language : undefined
  const caller = namesRequest(mail) && 'caller' in actor ? actor.caller : undefined
  const token = offersReport(mail) ? newLinkToken() : undefined
  if (token !== undefined) {
    const lacksSecondFactor = mail.kind === 'factor-removed' && mail.factor !== 'password'
    const notice = { digest: digest(token), sub, email, kind: mail.kind, lacksSecondFactor, ttl: notMeTtl }
    if (!(await insertNotice(tx, notice))) return
  }
  const notMe = token && { link: notMeLink(settings.issuer, token), until: clock.now() + notMeTtl * 1000 }
  await queueMail(tx, signet, {
    ...{ to: email, mail, sub, locale: mailLocale(locale, language) },
    ...(goodUntil !== undefined && { goodUntil }),
    ...(zoneinfo !== undefined && { timeZone: zoneinfo }),
    ...(caller && { from: { network: caller.network, userAgent: caller.userAgent } }),
    ...(notMe && { notMe }),
  })
}

/** The link of a mail by which the person reports that something was not them. */
export function notMeLink(issuer: string, token: string): string {
  return `${issuer}/not-me?token=${token}`
}

/** Whether the person can report what a mail tells. An operator's decision is reported to the operator, and a changed address has a link of its own. */
function offersReport(mail: Mail): boolean {
  switch (mail.kind) {
    case 'sign-in-from-new-browser':
    case 'factor-added':
    case 'recovery-code-used':
    case 'recovery-codes-replaced':
    case 'codes-exhausted':
    case 'passkey-counter':
    case 'username-changed':
      return true
    case 'factor-removed':
      return mail.by === 'person'
    case 'password-changed':
      return mail.by === 'person' || mail.by === 'recovery'
    default:
      return false
  }
}

/** Whether a mail tells where a request came from: not if it may go to somebody whose address the person no longer wants. */
function namesRequest(mail: Mail): boolean {
  return mail.kind !== 'email-change-undone'
}
