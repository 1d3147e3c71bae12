import type { Queryable } from '../platform/database/queryable.ts'
import { listCredentials } from '../records/accounts/account-credentials-store.ts'
import { hasSecondFactor, isFreshlyProven } from '../records/accounts/factors.ts'
import { insertPasskey, maxPasskeys, type NewPasskey } from '../records/accounts/passkeys-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { asSignedIn, signedOut } from './as-signed-in.ts'
import { notifyPerson } from './notify-person.ts'

export type PasskeyAdded =
  | { readonly outcome: 'added'; readonly id: number; readonly recoveryCodes: readonly string[] | undefined }
  /**
   * - `exists`: an account, whichever it is, has a passkey with this credential ID
   * - `too_many`: the account has as many passkeys as it can have
   * - `stale`: the person must prove themselves again. Another browser may have added a factor in the meantime
   */
  | { readonly outcome: 'exists' | 'too_many' | 'stale' | typeof signedOut }

/**
 * Adds a passkey to the account of a person who has just proven themselves. If it is the first second factor of the account, recovery codes are
 * created, which must be shown now: nobody can read them again. The person is told by mail.
 *
 * @param passkey from `readNewPasskey`
 * @param name what the person calls it
 */
export async function addPasskey(
  signet: Signet,
  actor: Person,
  session: Session,
  { passkey, name }: { readonly passkey: NewPasskey; readonly name: string },
): Promise<PasskeyAdded> {
  const { account } = session
  const add = async (tx: Queryable): Promise<PasskeyAdded> => {
    const kinds = (await listCredentials(tx, account.sub)).map(({ kind }) => kind)
    if (!isFreshlyProven(session, kinds, signet.clock.now())) return { outcome: 'stale' }
    if (kinds.filter((kind) => kind === 'passkey').length >= maxPasskeys) return { outcome: 'too_many' }
    const isVouched = hasSecondFactor(kinds)
    const id = await insertPasskey(tx, account.sub, passkey, { name, isVouched })
    if (id === undefined) return { outcome: 'exists' }
    await recordEvent(tx, { type: 'passkey_added', caller: actor.caller, sub: account.sub, detail: { passkey: name } })
    const mail = { kind: 'factor-added', factor: 'passkey', at: signet.clock.now() } as const
    await notifyPerson(tx, signet, actor, account, mail)
    return { outcome: 'added', id, recoveryCodes: undefined }
  }
  const added = await asSignedIn(signet, session, add)
  return added === signedOut ? { outcome: signedOut } : added
}
