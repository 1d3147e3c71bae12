import type { Account } from './account.ts'

/** Minutes for which a link to set a new password works. NIST SP 800-63B-4 §4.2.1.2 allows 24 hours for a recovery code that is sent by e-mail. */
export const recoveryMinutes = 30

/**
 * What a person needs in addition to the link in a mail to set a new password: one of these kinds of credential. Empty if the mail is enough.
 *
 * A mail replaces only a password that is the sole factor: every way to recover an account is at least as strong as what it replaces. NIST
 * SP 800-63B-4 §4.2.2.2 requires a second proof where two factors are recovered. A kind that this release does not know counts as another factor,
 * because a later release may have added it.
 *
 * @param kinds the kinds of all credentials of the account
 */
export function recoveryNeeds(kinds: readonly string[]): readonly string[] {
  return [...new Set(kinds.filter((kind) => kind !== 'password'))]
}

/**
 * The address to which a link to set a new password may be sent. An address proves nothing until it has been verified.
 *
 * @returns undefined if the account cannot be recovered by mail
 */
export function recoveryAddress({ email, email_verified, disabled }: Account): string | undefined {
  return email_verified && !disabled ? email : undefined
}
