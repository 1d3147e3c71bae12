import type { PurposeSecret } from '../platform/secrets/purpose-secrets.ts'
import { formSubjectProof, isFormAbout } from '../protocol/http/csrf.ts'

const proofSubject = (sub: string) => `account:${sub}`

/**
 * Ties the forms of a page to the person it was shown to, in the hidden field `account`. Another tab may have signed in somebody else in the meantime, and one
 * person's profile must not overwrite another's.
 *
 * @param secret the CSRF secret
 */
export function accountProof(secret: PurposeSecret, sub: string): string {
  return formSubjectProof(secret, proofSubject(sub))
}

/** Whether a form was shown to this person. */
export function isAboutAccount(secret: PurposeSecret, sub: string, presented: string | undefined): boolean {
  return isFormAbout(secret, proofSubject(sub), presented)
}
