import { inTransaction } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Account, accountTurn } from '../records/accounts/account.ts'
import { replaceSignInNames } from '../records/accounts/account-changes-store.ts'
import { findAccount, lockAccount } from '../records/accounts/accounts-store.ts'
import { isSameName } from '../records/accounts/canonical-names.ts'
import { findVerification, voidVerifications } from '../records/accounts/email-verifications-store.ts'
import { type Caller, recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { hasVerified } from './verify-email.ts'

/**
 * Somebody who reads the mail of an address says that they did not ask for it. An address that is not verified is removed from the account, and its
 * mails are void. This works for as long as the mail is known here, even if its link has expired: it takes nothing away that anybody has proven.
 *
 * The account keeps its sessions. Its person may have mistyped their own address, and can enter another one while they are signed in.
 *
 * @returns `void_link` if the mail is not known, or the address has been verified
 */
export async function disownEmail(
  { database, turns }: Pick<Signet, 'database' | 'turns'>,
  caller: Caller,
  token: string,
): Promise<'done' | 'void_link'> {
  const found = await findVerification(database, digest(token))
  if (!found) return 'void_link'
  const { sub, email } = found
  return turns.take(accountTurn(sub), () =>
    inTransaction(database, async (tx) => {
      if (!(await lockAccount(tx, sub))) return 'void_link'
      const account = (await findAccount(tx, sub)) as Account
      if (hasVerified(account, email)) return 'void_link'
      const isOwn = isSameName(account.email, email)
      const waiting = isOwn || (await findVerification(tx, digest(token)))?.state === 'open'
      if (isOwn) await replaceSignInNames(tx, sub, { username: account.username, email: undefined })
      if (!waiting) return 'done'
      await voidVerifications(tx, sub)
      await recordEvent(tx, { type: 'email_disowned', caller, sub })
      return 'done'
    }),
  )
}
