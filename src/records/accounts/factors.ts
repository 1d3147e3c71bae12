import type { Settings } from '../../platform/config/settings.ts'
import { hasHostName } from '../../platform/network-address.ts'

/** A kind of stored credential. */
export type CredentialKind = 'password' | 'passkey' | 'totp' | 'recovery_codes'

/** A factor that somebody has proven besides or instead of the password. A recovery code stands in for one that was lost. */
export type ProvenFactor = 'passkey' | 'totp' | 'recovery_code'

/*
 * Authentication Method References of each way to sign in (RFC 8176 §2, and OpenID Connect EAP ACR Values 1.0 §3 for `pop`). A passkey is two factors in one: the
 * device that has the key, and what unlocked it. Nothing says whether the key is in hardware, so it is `pop`, and neither `hwk` nor `swk`.
 */
export const passwordAmr = ['pwd'] as const
export const passkeyAmr = ['pop', 'user', 'mfa'] as const
/** Of a code that is added to a session. A recovery code stands in for a one-time code, and counts as one. */
export const codeAmr = ['otp', 'mfa'] as const
export const passwordAndCodeAmr = [...passwordAmr, ...codeAmr] as const

/** The kinds of credentials: most rules about an account need no more of them. */
export function kindsOf(credentials: readonly { readonly kind: string }[]): readonly string[] {
  return credentials.map(({ kind }) => kind)
}

/** Whether passkeys can be used at an issuer: they belong to a host name. */
export function offersPasskeys({ issuer }: Pick<Settings, 'issuer'>): boolean {
  return hasHostName(issuer)
}

/**
 * Whether a password alone does not sign in to an account. A passkey beside a password is another way to sign in, so it changes nothing for the password. An
 * account with one-time codes is asked for a second factor every time.
 *
 * @param kinds of all credentials of the account
 */
export function needsSecondFactor({ secondFactor }: Pick<Settings, 'secondFactor'>, kinds: readonly string[]): boolean {
  return secondFactor === 'required' || kinds.includes('totp')
}

/** Whether an account has a factor besides its password. Recovery codes only stand in for one. */
export function hasSecondFactor(kinds: readonly string[]): boolean {
  return kinds.includes('passkey') || kinds.includes('totp')
}

/** The strongest factor of an account. */
export function strongestFactor(kinds: readonly string[]): 'passkey' | 'totp' | 'password' {
  if (kinds.includes('passkey')) return 'passkey'
  return kinds.includes('totp') ? 'totp' : 'password'
}

/** Seconds within which somebody must have proven themselves before they change something sensitive. */
export const freshFor = 600

/** The parts of a session that tell what was proven, and when, in milliseconds since 1970. */
export interface Proofs {
  readonly authTime: number
  readonly factor: ProvenFactor | undefined
  readonly factorTime: number | undefined
}

/**
 * Whether somebody has signed in recently enough, and with the strongest factor of the account or a recovery code, for what a stolen session must not be able to
 * do: to change factors, the address or the password, to delete the account, or to end other sessions for good.
 *
 * @param now milliseconds since 1970
 */
export function isFreshlyProven(
  { authTime, factor, factorTime }: Proofs,
  kinds: readonly string[],
  now: number,
): boolean {
  const isRecent = (time: number | undefined) => time !== undefined && now - time < freshFor * 1000
  const strongest = strongestFactor(kinds)
  if (strongest === 'password') return isRecent(authTime)
  if (!isRecent(factorTime)) return false
  return factor === 'passkey' || factor === 'recovery_code' || (strongest === 'totp' && isRecent(authTime))
}
