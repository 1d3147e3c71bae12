import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { findAccount, lockAccount } from '../records/accounts/accounts-store.ts'
import { matchingRecoveryCode, readRecoveryCode, usableRecoveryCodes } from '../records/accounts/recovery-code-rule.ts'
import { findRecoveryCodes, useRecoveryCode } from '../records/accounts/recovery-codes-store.ts'
import { acceptedStep, readOneTimeCode, sealTotp, unsealTotp } from '../records/accounts/totp.ts'
import { findTotp, useTotp } from '../records/accounts/totp-store.ts'
import { type NewEvent, recordEvent } from '../records/events/events-store.ts'
import type { CodeUse } from '../records/limits/limit-counters.ts'
import { LimitExceeded, oneTimeCodesOfDay } from '../records/limits/sign-in-limits.ts'
import type { Signet } from '../signet.ts'
import { originOf, type Person } from './actor.ts'
import { notifyPerson } from './notify-person.ts'

type Context = Pick<Signet, 'database' | 'secrets' | 'settings' | 'clock' | 'limits' | 'turns'>

/** `credentialId`: what proved it (account-credentials-store.ts). It may be removed before the caller acts on the proof, so check it again then. */
export type CodeProof =
  | { readonly outcome: 'proven'; readonly factor: 'totp' | 'recovery_code'; readonly credentialId: number }
  | { readonly outcome: 'wrong' }

/**
 * Why a code was refused, for the event. The person learns only that it was. `used`: it was right, but has been accepted before, or is older than one that
 * has. `unreadable`: the secret that it depends on was revoked. `none`: the account has no codes of this kind.
 */
type CodeFailure = 'wrong' | 'used' | 'unreadable' | 'none'

/**
 * Checks a one-time code or a recovery code of an account, and uses it up: none is accepted twice, whatever callers race. One-time codes are counted
 * before they are compared, for the account and the use. What is neither kind of code is wrong without being counted.
 *
 * @param actor the person who says that the account is theirs. They have already proven something else, or are about to
 * @param typed what they typed
 * @throws LimitExceeded, TooManyWaiting
 */
export async function proveCode(
  signet: Context,
  actor: Person,
  typed: string | undefined,
  use: CodeUse = 'sign-in',
): Promise<CodeProof> {
  const oneTimeCode = readOneTimeCode(typed)
  if (oneTimeCode !== undefined) return proveOneTimeCode(signet, actor, oneTimeCode, use)
  const recoveryCode = readRecoveryCode(typed)
  return recoveryCode === undefined ? { outcome: 'wrong' } : proveRecoveryCode(signet, actor, recoveryCode)
}

async function proveOneTimeCode(signet: Context, actor: Person, code: string, use: CodeUse): Promise<CodeProof> {
  const { database, secrets, clock, limits } = signet
  const { sub } = actor
  const counted = await limits.beforeOneTimeCode(sub, use).catch(async (error: unknown) => {
    const isExhausted = error instanceof LimitExceeded && error.limit === oneTimeCodesOfDay && error.isFirst
    if (isExhausted) await tellOfExhaustion(signet, actor, use)
    throw error
  })
  const fail = (reason: CodeFailure) => refuse(database, actor, 'totp', reason)
  const totp = await findTotp(database, sub)
  if (!totp) return fail('none')
  const secret = await unsealTotp(secrets, sub, totp)
  if (!secret) return fail('unreadable')
  const now = clock.now()
  const step = await acceptedStep(secret, code, now, totp.lastStep)
  if (step === undefined) {
    const wasRight = (await acceptedStep(secret, code, now, Number.NEGATIVE_INFINITY)) !== undefined
    return fail(wasRight ? 'used' : 'wrong')
  }
  const purpose = secrets['totp-sealing']
  const resealed = totp.version === purpose.current ? undefined : sealTotp(purpose, sub, secret)
  if (!(await useTotp(database, totp.id, step, resealed))) return fail('used')
  await limits.undoOneTimeCode(counted)
  return { outcome: 'proven', factor: 'totp', credentialId: totp.id }
}

/** Somebody has entered as many wrong codes as are allowed in a day. The person is told if that means that somebody knows their password. */
async function tellOfExhaustion(signet: Context, actor: Person, use: CodeUse): Promise<void> {
  await forAccount(signet, actor, async (tx) => {
    const account = await findAccount(tx, actor.sub)
    await recordEvent(tx, failure(actor, 'totp', 'limited'))
    const mail = { kind: 'codes-exhausted', at: signet.clock.now() } as const
    if (account && use === 'sign-in') await notifyPerson(tx, signet, actor, account, mail)
  })
}

async function proveRecoveryCode(signet: Context, actor: Person, code: string): Promise<CodeProof> {
  const { database, secrets, clock, limits } = signet
  const { sub } = actor
  await limits.beforeRecoveryCode(actor.caller.network)
  const fail = (reason: CodeFailure) => refuse(database, actor, 'recovery_code', reason)
  const set = await findRecoveryCodes(database, sub)
  if (!set) return fail('none')
  const usable = () => usableRecoveryCodes(secrets['recovery-codes'], set.unused)
  // Another node may have learned of a new version a moment earlier.
  if (usable().length < set.unused.length) await secrets.reload()
  const matching = matchingRecoveryCode(secrets['recovery-codes'], sub, usable(), code)
  if (!matching) return fail(usable().length > 0 || set.unused.length === 0 ? 'wrong' : 'unreadable')
  const isUsed = await forAccount(signet, actor, async (tx) => {
    if (!(await useRecoveryCode(tx, set.id, matching.mac))) return false
    const after = await findRecoveryCodes(tx, sub)
    const left = usableRecoveryCodes(secrets['recovery-codes'], after?.unused ?? []).length
    await recordEvent(tx, { type: 'recovery_code_used', ...originOf(actor), sub, detail: { left } })
    const account = await findAccount(tx, sub)
    const mail = { kind: 'recovery-code-used', left, at: clock.now() } as const
    if (account) await notifyPerson(tx, signet, actor, account, mail)
    return true
  })
  return isUsed ? { outcome: 'proven', factor: 'recovery_code', credentialId: set.id } : fail('used')
}

/** @returns undefined if the account has been deleted */
async function forAccount<T>(
  { database, turns }: Context,
  { sub }: Person,
  work: (tx: Queryable) => Promise<T>,
): Promise<T | undefined> {
  return turns.take(accountTurn(sub), () =>
    inTransaction(database, async (tx) => ((await lockAccount(tx, sub)) ? work(tx) : undefined)),
  )
}

async function refuse(
  db: Queryable,
  actor: Person,
  factor: 'totp' | 'recovery_code',
  reason: CodeFailure,
): Promise<CodeProof> {
  await recordEvent(db, failure(actor, factor, reason))
  return { outcome: 'wrong' }
}

function failure(actor: Person, factor: 'totp' | 'recovery_code', reason: CodeFailure | 'limited'): NewEvent {
  return { type: 'second_factor_failed', ...originOf(actor), sub: actor.sub, detail: { factor, reason } }
}
