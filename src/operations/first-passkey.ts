import type { Queryable } from '../platform/database/queryable.ts'
import { suggestedPasskeyName } from '../records/accounts/passkey-names.ts'
import { insertPasskey, listPasskeys, type NewPasskey } from '../records/accounts/passkeys-store.ts'
import type { Caller, NewEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { replaceRecoveryCodes } from './replace-recovery-codes.ts'

/** What a browser sends that has created a passkey. */
export interface SentPasskey {
  /** Its answer, as JSON. */
  readonly answer: string | undefined
  /** The browser in words, for the name of the passkey. */
  readonly device: string
}

/**
 * Gives an account a passkey instead of a password, and recovery codes if it has none: it would be lost with the device.
 *
 * @param tx a transaction that has locked the account, or creates it
 * @param isVouched whether the person has proven another factor that the account has
 * @param given `device`: the browser in words, for the name of the passkey
 * @returns the codes to show, once, and the events that the caller records; undefined if some account has the passkey already, and the transaction must be
 *   rolled back
 */
export async function addPasskeyWithCodes(
  tx: Queryable,
  signet: Pick<Signet, 'secrets'>,
  caller: Caller,
  sub: Sub,
  given: {
    readonly passkey: NewPasskey
    readonly device: string
    readonly isVouched: boolean
    readonly hasCodes: boolean
  },
): Promise<{ readonly recoveryCodes: readonly string[]; readonly events: readonly NewEvent[] } | undefined> {
  const { passkey, device, isVouched, hasCodes } = given
  const used = (await listPasskeys(tx, sub)).map(({ name }) => name)
  const name = suggestedPasskeyName(passkey.aaguid, device, used)
  const id = await insertPasskey(tx, sub, passkey, { name, isVouched })
  if (id === undefined) return undefined
  const added: NewEvent = { type: 'passkey_added', caller, sub, detail: { passkey: name } }
  if (hasCodes) return { recoveryCodes: [], events: [added] }
  const recoveryCodes = await replaceRecoveryCodes(tx, signet, sub)
  return { recoveryCodes, events: [added, { type: 'recovery_codes_created', caller, sub }] }
}
