import { type PasswordFault, type PersonsNames, passwordFault } from '../records/accounts/password-rules.ts'
import type { Signet } from '../signet.ts'

/** An operator's hash does not share a queue with any network. */
const byOperator = { network: undefined }

/**
 * Checks a password that an operator gives to somebody, and hashes it.
 *
 * @param person whose password it will be, as far as they are known
 * @returns the hash in PHC form, or why the rules refuse the password
 * @throws HashQueueFull
 */
export async function hashNewPassword(
  { settings, passwords }: Pick<Signet, 'settings' | 'passwords'>,
  password: string,
  person: PersonsNames,
): Promise<{ readonly hash: string } | { readonly fault: PasswordFault }> {
  const fault = await passwordFault(password, settings, person)
  return fault ? { fault } : { hash: await passwords.hash(password, byOperator) }
}
