import {
  minLengthFor,
  type PasswordFault,
  type PersonsNames,
  passwordFault,
} from '../records/accounts/password-rules.ts'
import type { Signet } from '../signet.ts'

/** In the queue of hashes, a command of an operator is a separate source, and counts for no network. */
const byOperator = { network: undefined }

/**
 * What is wrong with a new password, if anything. This can ask another server and take a second, so limits come first.
 *
 * @param person the names of the person, as far as they are known
 */
export async function newPasswordFault(
  { settings, breachedPasswords }: Pick<Signet, 'settings' | 'breachedPasswords'>,
  password: string,
  person: PersonsNames,
): Promise<PasswordFault | undefined> {
  const fault = await passwordFault(password, settings, person, minLengthFor(settings))
  if (fault) return fault
  return (await breachedPasswords.isListed(password)) ? 'password_breached' : undefined
}

/**
 * Checks a password that an operator sets for a person, and hashes it.
 *
 * @param person the names of the person, as far as they are known
 * @returns the hash in PHC form, or why the rules reject the password
 * @throws HashQueueFull
 */
export async function hashNewPassword(
  signet: Pick<Signet, 'settings' | 'passwords' | 'breachedPasswords'>,
  password: string,
  person: PersonsNames,
): Promise<{ readonly hash: string } | { readonly fault: PasswordFault }> {
  const fault = await newPasswordFault(signet, password, person)
  return fault ? { fault } : { hash: await signet.passwords.hash(password, byOperator) }
}
