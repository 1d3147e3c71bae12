import type { Settings } from '../../platform/config/settings.ts'
import type { Account } from './account.ts'

type VerificationSettings = Pick<Settings, 'emailVerification' | 'mail'>

function isRequired({ emailVerification, mail }: VerificationSettings): boolean {
  return emailVerification === 'required' && mail.delivery !== 'none'
}

/**
 * Whether a person must verify their e-mail address before they can do anything else (SIGNET_EMAIL_VERIFICATION). Their session exists, but leads
 * only to the verification. Grants that were opened before the operator required it continue. An account that an operator made is never blocked,
 * and neither is one of which it is not known yet who made it.
 */
export function mustVerifyEmail(
  settings: VerificationSettings,
  { signed_up, email_verified }: Pick<Account, 'signed_up' | 'email_verified'>,
): boolean {
  return isRequired(settings) && signed_up === true && !email_verified
}

/**
 * How a sign-in with an address treats accounts that have not verified it, if another one has (`findSignInCandidates`). A verified address identifies
 * its account alone. But where verification is required, the others are let in with their own passwords too, to the page that asks for it and nowhere
 * else. Refusing them would reveal to anybody who signs up with an address whether somebody has verified it.
 */
export function unverifiedAtSignIn(settings: VerificationSettings): 'instead' | 'too' {
  return isRequired(settings) ? 'too' : 'instead'
}

/**
 * Whether a person may not remove their e-mail address, but only replace it: without one, they could never verify an address again, and would be
 * blocked.
 */
export function mustKeepEmail(settings: VerificationSettings, { signed_up }: Pick<Account, 'signed_up'>): boolean {
  return isRequired(settings) && signed_up === true
}
