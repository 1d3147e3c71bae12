import { type PasswordFault, type PersonsNames, passwordFault } from '../records/accounts/password-rules.ts'
import type { Signet } from '../signet.ts'

/** In the queue of hashes, a command of an operator is a separate source, and counts for no network. */
const byOperator = { network: undefined }

/**
 * Checks a password that an operator sets for a person, and hashes it.
 *
 * @param person the names of the person, as far as they are known
 * @returns the hash in PHC form, or why the rules reject the password
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
