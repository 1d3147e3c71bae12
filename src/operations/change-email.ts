import type { Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import type { Account } from '../records/accounts/account.ts'
import { markEmail, replaceSignInNames } from '../records/accounts/account-changes-store.ts'
import type { TakenName } from '../records/accounts/accounts-store.ts'
import {
  closeEmailChanges,
  closeEmailChangesSince,
  insertEmailChange,
} from '../records/accounts/email-changes-store.ts'
import { newLinkToken } from '../records/accounts/link-tokens.ts'
import { voidOpenLinks } from '../records/accounts/open-links-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import { notifyPerson } from './notify-person.ts'

/** Days for which the owner of the previous address can undo a change. */
export const undoDays = 7

type Context = Pick<Signet, 'settings' | 'secrets' | 'clock'>

/**
 * Gives an account an address that its person has just proven to read. The owner of the previous address, if that was verified, can undo this
 * (undo-email-change.ts).
 *
 * @param tx a transaction that has locked the account
 * @param account the account as it is now
 * @param email in canonical form, and not the address that the account has
 * @returns `email_taken` if another account has verified the address; then the transaction must be rolled back
 */
export async function replaceVerifiedEmail(
  tx: Queryable,
  signet: Context,
  actor: Actor,
  account: Account,
  email: string,
): Promise<'done' | TakenName> {
  const { sub, username } = account
  const replaced = await replaceSignInNames(tx, sub, { username, email })
  const marked = replaced === 'done' ? await markEmail(tx, sub, true) : replaced
  if (marked !== 'done') return marked
  const undo = await afterEmailChange(tx, signet, actor, account, { email, isVerified: true })
  await recordEvent(tx, { type: 'email_changed', ...originOf(actor), sub, detail: { undo } })
  return 'done'
}

/** The address that an account has now; undefined if it was removed. */
interface NewEmail {
  readonly email: string | undefined
  readonly isVerified: boolean
}

/** Whether the owner of the previous address can undo the change. */
export type Undo = 'offered' | 'none'

/**
 * What follows from a changed or removed address, in the transaction of the change: links that were sent for the account before have no effect any
 * more, and the owner of the previous address is told if it was verified.
 *
 * - A person's change can be undone at the previous address for seven days. If they return to an address that they had within this time, that is
 *   itself an undoing: otherwise a thief whose address is being replaced by the person's own would get a link to take the account back.
 * - An operator's change cannot be undone by a link, and ends the links of earlier changes.
 *
 * @param before the account before the change
 */
export async function afterEmailChange(
  tx: Queryable,
  signet: Context,
  actor: Actor,
  before: Account,
  { email, isVerified }: NewEmail,
): Promise<Undo> {
  const { sub } = before
  await voidOpenLinks(tx, sub)
  const at = signet.clock.now()
  if (actor.kind !== 'person') {
    await closeEmailChanges(tx, sub)
    await notifyPerson(tx, signet, actor, before, { kind: 'email-changed-by-operator', newEmail: email, at })
    return 'none'
  }
  if (email !== undefined && isVerified && (await closeEmailChangesSince(tx, sub, email))) {
    await notifyPerson(tx, signet, actor, before, { kind: 'email-change-undone', at })
    return 'none'
  }
  if (before.email === undefined || !before.email_verified || signet.settings.mail.delivery === 'none') return 'none'
  const token = newLinkToken()
  const change = { sub, previousEmail: before.email, newEmail: email, ttl: undoDays * 86_400 }
  if (!(await insertEmailChange(tx, { digest: digest(token), ...change }))) return 'none'
  const undoLink = `${signet.settings.issuer}/undo-email-change?token=${token}`
  const mail = { kind: 'email-changed', newEmail: email, undoLink, days: undoDays, at } as const
  await notifyPerson(tx, signet, actor, before, mail, at + undoDays * 86_400_000)
  return 'offered'
}
