import type { Settings } from '../../platform/config/settings.ts'
import type { Account } from './account.ts'
import type { Credential } from './account-credentials-store.ts'
import { hasSecondFactor } from './factors.ts'

/*
 * What somebody who cannot sign in must prove besides reading mail at the verified address of the account. A link in a mail replaces what signs in to an
 * account that has one factor: its password or, where nobody signs in with a password, the passkey it does not have yet. Every way to recover an account is
 * at least as strong as what it replaces. The table in docs/people.md shows this rule.
 */

/** Minutes for which a link to set a new password works. NIST SP 800-63B-4 §4.2.1.2 allows 24 hours for a recovery code that is sent by e-mail. */
export const recoveryMinutes = 30

/** Days in which factors that nobody has vouched for can be removed with the password that the account had before them. */
export const plantedDays = 7

/** What somebody proves on the page of a link in addition to the link. */
export type RecoveryProof = 'passkey' | 'totp' | 'recovery_code' | 'earlier_password'

export const recoveryProofs = ['passkey', 'totp', 'recovery_code', 'earlier_password'] as const

/** What a link lets its holder set in place of what was lost. */
export type NewFactor = 'password' | 'passkey'

type Factor = Pick<Credential, 'kind' | 'factorsSince'>

/**
 * The factors that a link does not replace by itself: everything that signs in, or is asked for at a sign-in, besides the password. Recovery codes only stand
 * in for those. A kind that this release does not know counts, because a later release may have added it.
 */
export function otherFactors<T extends Pick<Credential, 'kind'>>(credentials: readonly T[]): readonly T[] {
  return credentials.filter(({ kind }) => kind !== 'password' && kind !== 'recovery_codes')
}

/**
 * What somebody with a link must prove in addition: one of these. Undefined if the link is enough, because the account has no factor besides a password.
 * Empty if only an operator can help.
 *
 * - A passkey, a one-time code or a recovery code of the account. With the link that is what NIST SP 800-63B-4 §4.2.2.2 requires where two factors are
 *   recovered: a code that was issued by mail, and an authenticator or a saved recovery code.
 * - A one-time code never leads to a new passkey of an account that has passkeys: codes can be phished, and passkeys cannot.
 * - If a thief who knew the password has planted the factors, the person has none of them. So in the first days the page also takes the password that the account had
 *   before all of them, and removes them (`areRecent`). That is the code by mail and an authenticator, too. It needs a password that the account had, and that
 *   passwords are accepted at all.
 *
 * @param credentials all of the account
 * @param sets what the person wants to set
 * @param now milliseconds since 1970
 */
export function recoveryNeeds(
  credentials: readonly Factor[],
  { passwordSignIn }: Pick<Settings, 'passwordSignIn'>,
  sets: NewFactor,
  now: number,
): readonly RecoveryProof[] | undefined {
  const others = otherFactors(credentials)
  if (others.length === 0) return undefined
  const has = (kind: string) => credentials.some((credential) => credential.kind === kind)
  const accepts: Record<RecoveryProof, boolean> = {
    passkey: has('passkey'),
    totp: has('totp') && !(sets === 'passkey' && has('passkey')),
    recovery_code: has('recovery_codes') && hasSecondFactor(others.map(({ kind }) => kind)),
    earlier_password: passwordSignIn === 'on' && areRecent(others, now),
  }
  return recoveryProofs.filter((proof) => accepts[proof])
}

/**
 * Whether factors may have been planted: the account got the first of them in the last days, and had a password then. A factor that another one has vouched for
 * is as old as that one.
 *
 * @param factors at least one
 * @param now milliseconds since 1970
 */
export function areRecent(factors: readonly Factor[], now: number): boolean {
  return factors.every(({ factorsSince }) => factorsSince !== undefined && isWithinDays(factorsSince, now))
}

function isWithinDays(moment: Date, now: number): boolean {
  return now - moment.getTime() < plantedDays * 86_400_000
}

/**
 * The credentials that the person can remove on the page because they are lost: not those that are stronger than what was proven. A recovery code stands in
 * for any of them.
 *
 * @param proof undefined if nothing had to be proven: an operator vouches for the person, or the account has no factor besides the password
 */
export function removable<T extends Factor>(credentials: readonly T[], proof: RecoveryProof | undefined): readonly T[] {
  const others = credentials.filter(({ kind }) => kind !== 'password')
  return proof === 'totp' ? others.filter(({ kind }) => kind === 'totp') : others
}

/**
 * The credentials that are removed with a choice. The password from before all factors removes all of them, and codes that stand in for lost factors go with the
 * last of these, unless a new passkey follows.
 *
 * @param chosen the ids that the person chose
 */
export function removedBy<T extends Factor & Pick<Credential, 'id'>>(
  credentials: readonly T[],
  proof: RecoveryProof | undefined,
  chosen: readonly number[],
  sets: NewFactor,
): readonly T[] {
  const others = credentials.filter(({ kind }) => kind !== 'password')
  if (proof === 'earlier_password') return others
  const lost = removable(credentials, proof).filter(({ id }) => chosen.includes(id))
  const isAnyLeft = sets === 'passkey' || otherFactors(others).some((factor) => !lost.includes(factor))
  return isAnyLeft || lost.length === 0 ? lost : others
}

/**
 * The factors to remove when a change of the address is undone: somebody else may have added them. Those are all that were added since the change, and those whose
 * first one was added in the days before it to an account with a password. The owner of the previous address had the others before, and keeps them.
 */
export function addedAround<T extends Pick<Credential, 'kind' | 'createdAt' | 'factorsSince'>>(
  credentials: readonly T[],
  changedAt: Date,
): readonly T[] {
  return credentials.filter(
    ({ kind, createdAt, factorsSince }) =>
      kind !== 'password' &&
      (createdAt >= changedAt || (factorsSince !== undefined && isWithinDays(factorsSince, changedAt.getTime()))),
  )
}

/**
 * What somebody with the link of the previous address must prove to undo a change of the address: one of these, as the account had it before the change. They may
 * prove the stronger factors alone, because whoever changed the address had to prove them. Empty if only an operator can help.
 *
 * @param hasPassword whether the password from before is known
 */
export function undoNeeds<T extends Pick<Credential, 'kind' | 'createdAt' | 'factorsSince'>>(
  credentials: readonly T[],
  change: { readonly changedAt: Date; readonly hasPassword: boolean },
  { passwordSignIn }: Pick<Settings, 'passwordSignIn'>,
): readonly RecoveryProof[] {
  const added = addedAround(credentials, change.changedAt)
  const kept = new Set(credentials.filter((one) => !added.includes(one)).map(({ kind }) => kind))
  const accepts: Record<RecoveryProof, boolean> = {
    passkey: kept.has('passkey'),
    totp: kept.has('totp'),
    recovery_code: kept.has('recovery_codes') && hasSecondFactor([...kept]),
    earlier_password: passwordSignIn === 'on' && change.hasPassword,
  }
  return recoveryProofs.filter((proof) => accepts[proof])
}

/**
 * The address to which a link to set a new password may be sent. An address proves nothing until it has been verified.
 *
 * @returns undefined if the account cannot be recovered by mail
 */
export function recoveryAddress({ email, email_verified, disabled }: Account): string | undefined {
  return email_verified && !disabled ? email : undefined
}
