import { equalInConstantTime } from '../../platform/secrets/digest.ts'
import { newestMac, type PurposeSecret } from '../../platform/secrets/purposes.ts'

/**
 * Ties the forms of a page to the person it spoke to: another tab may have signed in somebody else meanwhile, and one person's
 * profile must not be written over another's.
 *
 * @param secret the one for CSRF
 */
export function accountProof(secret: PurposeSecret, sub: string): string {
  return newestMac(secret, `account:${sub}`).toString('base64url')
}

export function isAbout(secret: PurposeSecret, sub: string, presented: string | undefined): boolean {
  return equalInConstantTime(Buffer.from(presented ?? ''), Buffer.from(accountProof(secret, sub)))
}
