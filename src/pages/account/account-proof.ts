import { currentMac, isMacOf, type PurposeSecret } from '../../platform/secrets/purpose-secrets.ts'

const subject = (sub: string) => `account:${sub}`

/**
 * Ties the forms of a page to the person it spoke to: another tab may have signed in somebody else meanwhile, and one person's
 * profile must not be written over another's.
 *
 * @param secret the one for CSRF
 */
export function accountProof(secret: PurposeSecret, sub: string): string {
  return currentMac(secret, subject(sub)).toString('base64url')
}

export function isAbout(secret: PurposeSecret, sub: string, presented: string | undefined): boolean {
  return isMacOf(secret, subject(sub), Buffer.from(presented ?? '', 'base64url'))
}
