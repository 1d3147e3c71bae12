import type { Queryable } from '../platform/database/queryable.ts'
import { hasSecondFactor, kindsOf } from '../records/accounts/factors.ts'
import type { Factor } from '../records/accounts/factors-store.ts'
import { suggestedPasskeyName } from '../records/accounts/passkey-names.ts'
import { insertPasskey, maxPasskeys, type NewPasskey } from '../records/accounts/passkeys-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { signedOut } from './as-signed-in.ts'
import { notifyPerson } from './notify-person.ts'
import { asFreshlyProven, stale } from './own-factors.ts'
import { replaceRecoveryCodes } from './replace-recovery-codes.ts'

export type PasskeyAdded =
  | {
      readonly outcome: 'added'
      readonly id: number
      /** To show now: nobody can read them again. Undefined if the account had a second factor before. */
      readonly recoveryCodes: readonly string[] | undefined
    }
  /**
   * - `exists`: an account, whichever it is, has a passkey with this credential ID
   * - `too_many`: the account has as many passkeys as it can have
   * - `stale`: the person must prove themselves again. Another browser may have added a factor in the meantime
   */
  | { readonly outcome: 'exists' | 'too_many' | typeof stale | typeof signedOut }

/** A passkey to add. */
interface PasskeyToAdd {
  /** From `readNewPasskey`. */
  readonly passkey: NewPasskey
  /** What the person calls it; undefined if they have not said. */
  readonly name?: string | undefined
  /** The browser in words, such as "Firefox on Linux", for the name of a passkey that does not tell what keeps it. */
  readonly device: string
}

/**
 * Adds a passkey to the account of a person who has just proven themselves. If it is the first second factor of the account, recovery codes are
 * created. The person is told by mail.
 */
export async function addPasskey(
  signet: Signet,
  actor: Person,
  session: Session,
  { passkey, name: given, device }: PasskeyToAdd,
): Promise<PasskeyAdded> {
  const { caller } = actor
  const { sub } = session.account
  const add = async (tx: Queryable, factors: readonly Factor[]): Promise<PasskeyAdded> => {
    const others = factors.filter(({ kind }) => kind === 'passkey')
    if (others.length >= maxPasskeys) return { outcome: 'too_many' }
    const used = others.flatMap(({ name }) => name ?? [])
    const name = given ?? suggestedPasskeyName(passkey.aaguid, device, used)
    const isVouched = hasSecondFactor(kindsOf(factors))
    const id = await insertPasskey(tx, sub, passkey, { name, isVouched })
    if (id === undefined) return { outcome: 'exists' }
    await recordEvent(tx, { type: 'passkey_added', caller, sub, detail: { passkey: name } })
    const recoveryCodes = isVouched ? undefined : await replaceRecoveryCodes(tx, signet, sub)
    if (recoveryCodes) await recordEvent(tx, { type: 'recovery_codes_created', caller, sub })
    const mail = { kind: 'factor-added', factor: 'passkey', at: signet.clock.now() } as const
    await notifyPerson(tx, signet, actor, session.account, mail)
    return { outcome: 'added', id, recoveryCodes }
  }
  const added = await asFreshlyProven(signet, session, add)
  return added === stale || added === signedOut ? { outcome: added } : added
}
