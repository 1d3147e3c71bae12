import type { Settings } from '../../platform/config/settings.ts'
import type { Account } from './account.ts'

/**
 * Whether a person must verify their e-mail address before they can do anything else (SIGNET_EMAIL_VERIFICATION). Their session exists, but leads only
 * to the verification. Grants that were opened before the operator required it continue. An account that an operator made is never blocked.
 */
export function mustVerifyEmail(
  { emailVerification, mail }: Pick<Settings, 'emailVerification' | 'mail'>,
  { signed_up, email_verified }: Pick<Account, 'signed_up' | 'email_verified'>,
): boolean {
  return emailVerification === 'required' && mail.delivery !== 'none' && signed_up && !email_verified
}

export type UnverifiedAtSignIn = 'instead' | 'signed_up_too'

/**
 * What accounts that have not verified an address are at a sign-in with it, if another one has (`findSignInCandidates`). A verified address identifies its
 * account alone. But where verification is required, people who signed up are let in with their own passwords too, to the page that asks for it and
 * nowhere else. To refuse them would tell everybody who signs up with an address whether somebody has verified it. Accounts that an operator made are
 * not blocked, so they are not let in.
 */
export function unverifiedAtSignIn({
  emailVerification,
  mail,
}: Pick<Settings, 'emailVerification' | 'mail'>): UnverifiedAtSignIn {
  return emailVerification === 'required' && mail.delivery !== 'none' ? 'signed_up_too' : 'instead'
}

/**
 * Whether a person may not remove their e-mail address, but only replace it: without one, they could never verify an address again, and would be
 * blocked.
 */
export function mustKeepEmail(
  { emailVerification, mail }: Pick<Settings, 'emailVerification' | 'mail'>,
  { signed_up }: Pick<Account, 'signed_up'>,
): boolean {
  return emailVerification === 'required' && mail.delivery !== 'none' && signed_up
}
