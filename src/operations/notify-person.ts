import type { Mail } from '../html/mails/mail.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import type { Signet } from '../signet.ts'
import type { Actor } from './actor.ts'
import { mailLocale, queueMail } from './queue-mail.ts'

/** The person to tell, as they were before the change. */
export type Notified = Pick<Account, 'sub' | 'email' | 'email_verified' | 'locale'>

/**
 * Tells a person by mail what has just happened to their account, if it has a verified address and this installation sends mail. Nothing is sent to
 * an address that is not verified, because it may be somebody else's.
 *
 * @param tx the transaction of the change
 * @param actor who made the change
 * @param goodUntil milliseconds since 1970; undefined if the mail does not expire
 */
export async function notifyPerson(
  tx: Queryable,
  signet: Pick<Signet, 'settings' | 'secrets'>,
  actor: Actor,
  { sub, email, email_verified, locale }: Notified,
  mail: Mail,
  goodUntil?: number,
): Promise<void> {
  if (email === undefined || !email_verified || signet.settings.mail.delivery === 'none') return
  const language = actor.kind === 'person' && actor.sub === sub ? actor.language : undefined
  await queueMail(tx, signet, {
    ...{ to: email, mail, sub, locale: mailLocale(locale, language) },
    ...(goodUntil !== undefined && { goodUntil }),
  })
}
