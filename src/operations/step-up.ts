import type { Queryable } from '../platform/database/queryable.ts'
import { listCredentials } from '../records/accounts/account-credentials-store.ts'
import { lockPassword } from '../records/accounts/account-password-store.ts'
import {
  codeAmr,
  kindsOf,
  type ProvenFactor,
  passkeyAmr,
  passwordAmr,
  passwordAndCodeAmr,
} from '../records/accounts/factors.ts'
import { listPasskeys, lockPasskey } from '../records/accounts/passkeys-store.ts'
import { readRecoveryCode } from '../records/accounts/recovery-code-rule.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import { raiseSession } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { originOf, type Person } from './actor.ts'
import { asSignedIn, type OwnSession, signedOut } from './as-signed-in.ts'
import { provePasskey } from './passkey-ceremonies.ts'
import { passkeyRequestOptions } from './passkey-options.ts'
import { proveCode } from './prove-code.ts'
import { type ProvingBrowser, provePassword } from './prove-password.ts'

/** What a person has to prove in a session that they have already. */
export interface StepUpAttempt {
  /** The password that was typed; undefined if none is needed. */
  readonly password: string | undefined
  /** The code that was typed; undefined if none is needed. */
  readonly code: { readonly typed: string; readonly mustBeRecoveryCode: boolean } | undefined
}

export type StepUpOutcome =
  /** `secondsLeft`: the maximum remaining lifetime of the session. */
  | { readonly outcome: 'raised'; readonly secondsLeft: number }
  | { readonly outcome: 'wrong_passkey' | 'wrong_password' | 'wrong_code' | typeof signedOut }

interface Proof {
  readonly amr: readonly string[]
  readonly factor?: ProvenFactor
  /** Whether the time of the sign-in changes. */
  readonly isSignIn: boolean
  /** Makes sure, in the transaction of the change, that what was proven is still valid. */
  readonly holds: (tx: Queryable) => Promise<boolean>
}

type Browser = ProvingBrowser & {
  /** The digest of the cookie under which the session continues. */
  readonly sessionDigest: Buffer
}

/**
 * Checks a password, a code or both, and raises the session. The code is checked only if the password was right, so that a stolen session alone can neither
 * guess codes nor use them up.
 *
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function stepUp(
  signet: Signet,
  actor: Person,
  session: OwnSession,
  browser: Browser,
  { password, code }: StepUpAttempt,
): Promise<StepUpOutcome> {
  const { sub } = actor
  const hash = password === undefined ? undefined : await provePassword(signet, actor, browser, password)
  if (password !== undefined && hash === undefined) return { outcome: 'wrong_password' }
  const isPasswordValid = async (tx: Queryable) => hash === undefined || lockPassword(tx, sub, hash)
  if (code === undefined) {
    if (hash === undefined) throw new Error('Nothing was proven.')
    const proof = { amr: passwordAmr, isSignIn: true, holds: isPasswordValid }
    return (await raise(signet, actor, session, browser, proof)) ?? { outcome: 'wrong_password' }
  }
  if (code.mustBeRecoveryCode && readRecoveryCode(code.typed) === undefined) return { outcome: 'wrong_code' }
  const proven = await proveCode(signet, actor, code.typed, 'step-up')
  if (proven.outcome !== 'proven') return { outcome: 'wrong_code' }
  const { factor, credentialId } = proven
  const proof = {
    amr: hash === undefined ? codeAmr : passwordAndCodeAmr,
    factor,
    isSignIn: hash !== undefined,
    holds: async (tx: Queryable) =>
      (await isPasswordValid(tx)) && (await listCredentials(tx, sub)).some(({ id }) => id === credentialId),
  }
  return (await raise(signet, actor, session, browser, proof)) ?? { outcome: 'wrong_code' }
}

/**
 * Checks the answer of a browser that was asked for a passkey of the account, and raises the session.
 *
 * @throws LimitExceeded, TooManyWaiting
 */
export async function stepUpWithPasskey(
  signet: Signet,
  actor: Person,
  session: OwnSession,
  browser: Pick<Browser, 'browserDigest' | 'sessionDigest'>,
  answer: string | undefined,
): Promise<StepUpOutcome> {
  const { sub, caller } = actor
  const { browserDigest } = browser
  const proven = await provePasskey(signet, caller, { browserDigest, sub, use: 'step-up', answer })
  if (proven.outcome !== 'proven') return { outcome: 'wrong_passkey' }
  const holds = (tx: Queryable) => lockPasskey(tx, sub, proven.passkeyId)
  const proof = { amr: passkeyAmr, factor: 'passkey', isSignIn: true, holds } as const
  return (await raise(signet, actor, session, browser, proof)) ?? { outcome: 'wrong_passkey' }
}

/** The kinds of all credentials of an account: they decide how its person can prove themselves. */
export async function credentialKinds({ database }: Pick<Signet, 'database'>, sub: Sub): Promise<readonly string[]> {
  return kindsOf(await listCredentials(database, sub))
}

/** For the button to use a passkey of the account; undefined if the issuer cannot have passkeys. */
export async function stepUpPasskeyOptions(
  signet: Signet,
  { account: { sub } }: OwnSession,
  browserDigest: Buffer,
): Promise<string | undefined> {
  const allow = await listPasskeys(signet.database, sub)
  return passkeyRequestOptions(signet, { browserDigest, sub, allow, use: 'step-up' })
}

/** @returns undefined if what was proven is no longer valid */
async function raise(
  signet: Signet,
  actor: Person,
  session: OwnSession,
  { sessionDigest }: Pick<Browser, 'sessionDigest'>,
  { amr, factor, isSignIn, holds }: Proof,
): Promise<StepUpOutcome | undefined> {
  const now = signet.clock.now()
  const secondsLeft = await asSignedIn(signet, session, async (tx) => {
    if (!(await holds(tx))) return undefined
    const authTime = isSignIn ? now : undefined
    const left = await raiseSession(tx, session.id, { digest: sessionDigest, amr, factor, authTime, provenAt: now })
    await recordEvent(tx, { type: 'session_raised', ...originOf(actor), sub: actor.sub, detail: { amr } })
    return left
  })
  if (secondsLeft === undefined) return undefined
  return secondsLeft === signedOut ? { outcome: signedOut } : { outcome: 'raised', secondsLeft }
}
