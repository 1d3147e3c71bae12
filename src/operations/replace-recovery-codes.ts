import type { Queryable } from '../platform/database/queryable.ts'
import { newRecoveryCodes, storedRecoveryCode, usableRecoveryCodes } from '../records/accounts/recovery-code-rule.ts'
import { findRecoveryCodes, replaceRecoveryCodeSet } from '../records/accounts/recovery-codes-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

/**
 * Gives an account ten new recovery codes. The previous ones no longer work. The caller records the event `recovery_codes_created`, and tells the person if
 * there were previous ones.
 *
 * @param tx a transaction that has locked the account, and has inserted the factor for which these are the first codes
 * @returns the codes to show. Nobody can read them again
 */
export async function replaceRecoveryCodes(
  tx: Queryable,
  { secrets }: Pick<Signet, 'secrets'>,
  sub: Sub,
): Promise<readonly string[]> {
  const codes = newRecoveryCodes()
  const secret = secrets['recovery-codes']
  const stored = codes.map((code) => storedRecoveryCode(secret, sub, code))
  await replaceRecoveryCodeSet(tx, sub, stored)
  return codes
}

/** For the page of an account. */
export interface RecoveryCodesOverview {
  readonly createdAt: Date
  /** How many can still be used. */
  readonly left: number
}

/** @returns undefined if the account has no recovery codes */
export async function recoveryCodesOf(
  { database, secrets }: Pick<Signet, 'database' | 'secrets'>,
  sub: Sub,
): Promise<RecoveryCodesOverview | undefined> {
  const set = await findRecoveryCodes(database, sub)
  if (!set) return undefined
  return { createdAt: set.createdAt, left: usableRecoveryCodes(secrets['recovery-codes'], set.unused).length }
}
