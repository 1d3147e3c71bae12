import type { Settings } from '../platform/config/settings.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { digest } from '../platform/secrets/digest.ts'
import { type Credential, listCredentials } from '../records/accounts/account-credentials-store.ts'
import { findRecovery, type KeptProof, type Recovery } from '../records/accounts/account-recoveries-store.ts'
import { offersPasskeys } from '../records/accounts/factors.ts'
import {
  type NewFactor,
  type RecoveryProof,
  recoveryNeeds,
  recoveryProofs,
  removable,
} from '../records/accounts/recovery-rule.ts'
import type { Signet } from '../signet.ts'

/** A link that can be used now, and what its page shows. */
export interface OpenRecovery extends Recovery {
  /** All credentials of the account. */
  readonly credentials: readonly Credential[]
  /** What the person must prove in this browser first: one of these. Undefined if nothing is missing. */
  readonly needs: readonly RecoveryProof[] | undefined
  /** What the person has proven in this browser, if it counts. */
  readonly proof: RecoveryProof | undefined
  /** What the person can set. */
  readonly sets: readonly NewFactor[]
  /** The credentials that the person can remove. They may not know about all of them: a thief can have added one. */
  readonly removable: readonly Credential[]
}

type Context = Pick<Signet, 'clock'> & { readonly settings: Pick<Settings, 'passwordSignIn' | 'issuer'> }

/**
 * Looks up a link, and changes nothing: programs that scan mails follow links.
 *
 * @param token the secret in the link, as it was received
 * @param browserDigest the digest of the browser's cookie
 * @returns undefined if the link cannot be used: it is not one of ours, has expired or been used, its account has changed since, or only an operator can
 *   recover the account
 */
export async function openRecovery(
  signet: Context & Pick<Signet, 'database'>,
  token: string | undefined,
  browserDigest: Buffer,
): Promise<OpenRecovery | undefined> {
  return token === undefined ? undefined : findOpen(signet.database, signet, digest(token), browserDigest)
}

/** The same within a transaction, in which everything is checked again. */
export async function findOpen(
  db: Queryable,
  { settings, clock }: Context,
  linkDigest: Buffer,
  browserDigest: Buffer,
): Promise<OpenRecovery | undefined> {
  const recovery = await findRecovery(db, linkDigest)
  if (!recovery) return undefined
  const credentials = await listCredentials(db, recovery.account.sub)
  const settable = settableWith(settings)
  const now = clock.now()
  // An operator who hands over a link vouches for the person, and so replaces all factors.
  const needsFor = (sets: NewFactor) =>
    recovery.byOperator ? undefined : recoveryNeeds(credentials, settings, sets, now)
  const accepted = settable.map(needsFor)
  const open = { ...recovery, credentials }
  if (accepted.some((needs) => needs === undefined))
    return { ...open, needs: undefined, proof: undefined, sets: settable, removable: removable(credentials, undefined) }
  const needs = recoveryProofs.filter((proof) => accepted.some((some) => some?.includes(proof)))
  if (needs.length === 0) return undefined
  const proof = countingProof(recovery.kept, credentials, browserDigest)
  const sets = proof ? settable.filter((_, index) => accepted[index]?.includes(proof)) : []
  if (!proof || sets.length === 0) return { ...open, needs, proof: undefined, sets: [], removable: [] }
  return { ...open, needs: undefined, proof, sets, removable: removable(credentials, proof) }
}

/** Whether a link in a mail is of any use for an account. The page of the link may ask for more. */
export function isRecoverable(credentials: readonly Credential[], { settings, clock }: Context): boolean {
  return settableWith(settings).some((sets) => {
    const needs = recoveryNeeds(credentials, settings, sets, clock.now())
    return needs === undefined || needs.length > 0
  })
}

/** What a link can set in an installation. */
function settableWith(settings: Context['settings']): readonly NewFactor[] {
  return [
    ...(settings.passwordSignIn === 'on' ? (['password'] as const) : []),
    ...(offersPasskeys(settings) ? (['passkey'] as const) : []),
  ]
}

/** A proof counts in the browser in which it was made, and only while the account has the same credentials besides its password. */
function countingProof(
  kept: KeptProof | undefined,
  credentials: readonly Credential[],
  browserDigest: Buffer,
): RecoveryProof | undefined {
  if (!kept?.browserDigest.equals(browserDigest)) return undefined
  const ids = otherIds(credentials)
  const isSame = ids.length === kept.credentialIds.length && ids.every((id) => kept.credentialIds.includes(id))
  return isSame ? kept.proof : undefined
}

/** The ids of the credentials other than the password. */
export function otherIds(credentials: readonly Credential[]): number[] {
  return credentials.filter(({ kind }) => kind !== 'password').map(({ id }) => id)
}
