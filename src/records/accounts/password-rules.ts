import { once } from '../../platform/once.ts'
import { normalizePassword } from './normalize-password.ts'

export type PasswordFault = 'password_too_short' | 'password_too_long' | 'password_common'

/** A bound on what is hashed. NIST SP 800-63B-4 §3.1.1.2 asks for at least 64. */
const maxLength = 256

/**
 * What is wrong with a new password: its length in characters, or that everybody tries it first (NIST SP 800-63B-4 §3.1.1.2:
 * a list of common ones, and no rules of composition).
 *
 * @param minLength characters
 */
export async function passwordFault(password: string, minLength: number): Promise<PasswordFault | undefined> {
  const normalized = normalizePassword(password)
  const length = [...normalized].length
  if (length < minLength) return 'password_too_short'
  if (length > maxLength) return 'password_too_long'
  return (await commonPasswords()).has(normalized.toLowerCase()) ? 'password_common' : undefined
}

/** Read when the first password is set: the list is large, and most starts never need it. */
const commonPasswords = once(async (): Promise<ReadonlySet<string>> => {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'])
})
