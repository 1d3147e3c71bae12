import { listCredentials } from '../records/accounts/account-credentials-store.ts'
import {
  isShortPassword,
  minLengthFor,
  type PasswordFault,
  type PersonsNames,
  passwordFault,
} from '../records/accounts/password-rules.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'

/** In the queue of hashes, a command of an operator is a separate source, and counts for no network. */
const byOperator = { network: undefined }

/** The minimum length of a new password of an account, in characters. */
export async function minLengthOf(
  { database, settings }: Pick<Signet, 'database' | 'settings'>,
  sub: Sub,
): Promise<number> {
  const credentials = await listCredentials(database, sub)
  return minLengthFor(settings, ['password', ...credentials.map(({ kind }) => kind)])
}

/**
 * What is wrong with a new password, if anything. This can ask another server and take a second, so limits come first.
 *
 * @param person the names of the person, as far as they are known
 * @param kinds of all credentials that the account has once the password is set
 */
export async function newPasswordFault(
  { settings, breachedPasswords }: Pick<Signet, 'settings' | 'breachedPasswords'>,
  password: string,
  person: PersonsNames,
  kinds: readonly string[],
): Promise<PasswordFault | undefined> {
  const fault = await passwordFault(password, settings, person, minLengthFor(settings, kinds))
  if (fault) return fault
  return (await breachedPasswords.isListed(password)) ? 'password_breached' : undefined
}

/** A new password that the rules reject. `minLength`: in characters. */
export interface RefusedPassword {
  readonly fault: PasswordFault
  readonly minLength: number
}

/**
 * Checks a password that an operator sets for a person, and hashes it.
 *
 * @param person the names of the person, as far as they are known
 * @param kinds of all credentials that the account has once the password is set
 * @returns the hash in PHC form, or why the rules reject the password
 * @throws HashQueueFull
 */
export async function hashNewPassword(
  signet: Pick<Signet, 'settings' | 'passwords' | 'breachedPasswords'>,
  password: string,
  person: PersonsNames,
  kinds: readonly string[],
): Promise<{ readonly hash: string; readonly isShort: boolean } | RefusedPassword> {
  const fault = await newPasswordFault(signet, password, person, kinds)
  if (fault) return { fault, minLength: minLengthFor(signet.settings, kinds) }
  return {
    hash: await signet.passwords.hash(password, byOperator),
    isShort: isShortPassword(password, signet.settings),
  }
}
