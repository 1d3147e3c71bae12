import type { Settings } from '../../platform/config/settings.ts'
import { hasSecondFactor, needsSecondFactor, offersPasskeys } from './factors.ts'

/** Why something cannot be removed from an account. */
export type KeepReason =
  /** Nobody could sign in without it. */
  | 'only_sign_in'
  /** This installation requires a second factor, and it is the last one. */
  | 'second_factor_required'
  /** The password would sign in alone, and is too short for that (NIST SP 800-63B-4 §3.1.1.2). */
  | 'password_short'

/** A credential, as far as the rule needs it. */
export interface Removable {
  readonly id: number
  readonly kind: string
  /** See `isShortPassword`. */
  readonly isShort: boolean
}

type RuleSettings = Pick<Settings, 'issuer' | 'passwordSignIn' | 'secondFactor'>

/** Whether somebody can sign in with what an account has. One-time codes and recovery codes only come after a password. */
export function canSignIn(settings: RuleSettings, kinds: readonly string[]): boolean {
  return (
    (settings.passwordSignIn === 'on' && kinds.includes('password')) ||
    (offersPasskeys(settings) && kinds.includes('passkey'))
  )
}

/**
 * Why a person cannot remove something from their account; undefined if they can.
 *
 * @param credentials all of the account
 * @param id the credential to remove
 */
export function whyKept(settings: RuleSettings, credentials: readonly Removable[], id: number): KeepReason | undefined {
  const left = credentials.filter((credential) => credential.id !== id)
  const kinds = left.map(({ kind }) => kind)
  if (!canSignIn(settings, kinds)) return 'only_sign_in'
  const hadSecond = hasSecondFactor(credentials.map(({ kind }) => kind))
  if (settings.secondFactor === 'required' && hadSecond && !hasSecondFactor(kinds)) return 'second_factor_required'
  const signsInAlone = settings.passwordSignIn === 'on' && !needsSecondFactor(settings, kinds)
  if (signsInAlone && left.some(({ kind, isShort }) => kind === 'password' && isShort)) return 'password_short'
  return undefined
}
