import type { Mail } from '../html/mails/mail.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import type { Account } from '../records/accounts/account.ts'
import type { Signet } from '../signet.ts'
import { queueMail } from './queue-mail.ts'

/**
 * Tells a person by mail what has just happened to their account, if it has a verified address and this installation sends mail. Nothing is sent to an
 * address that is not verified, because it may be somebody else's.
 *
 * @param tx the transaction of the change
 * @param account the account with the address to write to
 * @returns whether a mail will be sent
 */
export async function notifyPerson(
  tx: Queryable,
  signet: Pick<Signet, 'settings' | 'secrets'>,
  { sub, email, email_verified, locale }: Pick<Account, 'sub' | 'email' | 'email_verified' | 'locale'>,
  mail: Mail,
): Promise<boolean> {
  if (email === undefined || !email_verified || signet.settings.mail.delivery === 'none') return false
  await queueMail(tx, signet, { to: email, locale, mail, sub })
  return true
}
