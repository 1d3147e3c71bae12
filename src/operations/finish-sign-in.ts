import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { accountTurn } from '../records/accounts/account.ts'
import { listCredentials } from '../records/accounts/account-credentials-store.ts'
import { hasSecondFactor, kindsOf, passkeyAmr, passwordAmr, passwordAndCodeAmr } from '../records/accounts/factors.ts'
import { listPasskeys, lockPasskey, type Passkey } from '../records/accounts/passkeys-store.ts'
import type { Caller } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { NewSession } from '../records/sessions/sessions-store.ts'
import type { BrowserDigests } from '../records/sessions/start-session.ts'
import {
  findUnfinishedSignIn,
  spendUnfinishedSignIn,
  type UnfinishedKey,
} from '../records/sessions/unfinished-sign-ins-store.ts'
import type { Signet } from '../signet.ts'
import type { Person } from './actor.ts'
import { beginSession } from './begin-session.ts'
import type { PasskeyRefusal } from './passkey-answers.ts'
import { checkPasskey, type RefusedPasskey, refusePasskey, spendPasskeyAnswer } from './passkey-ceremonies.ts'
import { proveCode } from './prove-code.ts'

/*
 * The second step of a sign-in with a password. The first has left an unfinished sign-in, which is no session. A code or a passkey of the same account completes it,
 * in the same browser, within ten minutes, unless the password has changed or the account has been disabled meanwhile.
 */

/** What the second step can be done with. */
export interface SecondStep {
  readonly sub: Sub
  readonly hasOneTimeCodes: boolean
  readonly hasRecoveryCodes: boolean
  readonly passkeys: readonly Passkey[]
}

/** @returns undefined if there is no such sign-in, or no longer: the person has to start again */
export async function findSecondStep(
  { database }: Pick<Signet, 'database'>,
  unfinished: UnfinishedKey,
): Promise<SecondStep | undefined> {
  const sub = await findUnfinishedSignIn(database, unfinished)
  if (sub === undefined) return undefined
  const kinds = kindsOf(await listCredentials(database, sub))
  // The factor has been removed meanwhile. Perhaps the password is enough now.
  if (!hasSecondFactor(kinds)) return undefined
  return {
    sub,
    hasOneTimeCodes: kinds.includes('totp'),
    hasRecoveryCodes: kinds.includes('recovery_codes'),
    passkeys: kinds.includes('passkey') ? await listPasskeys(database, sub) : [],
  }
}

/** `over`: there is no such sign-in any more. Perhaps another request has completed it. */
export type FinishOutcome =
  | { readonly outcome: 'signed_in'; readonly sub: Sub }
  | { readonly outcome: 'wrong_code' | 'passkey_refused' | 'over' }

/**
 * Completes a sign-in with a one-time code or a recovery code.
 *
 * @param browser its session uses the new cookie once this has returned `signed_in`
 * @throws LimitExceeded, TooManyWaiting
 */
export async function finishWithCode(
  signet: Signet,
  { caller, language }: Pick<Person, 'caller' | 'language'>,
  browser: BrowserDigests,
  unfinished: UnfinishedKey,
  typed: string | undefined,
): Promise<FinishOutcome> {
  const step = await findSecondStep(signet, unfinished)
  if (!step) return { outcome: 'over' }
  const { sub } = step
  const person: Person = { kind: 'person', sub, caller, ...(language !== undefined && { language }) }
  const proof = await proveCode(signet, person, typed)
  if (proof.outcome === 'wrong') {
    const isOver = (await findUnfinishedSignIn(signet.database, unfinished)) === undefined
    return { outcome: isOver ? 'over' : 'wrong_code' }
  }
  const finished = await complete<'over'>(signet, person, browser, async (tx) => {
    const authTime = await spendUnfinishedSignIn(tx, sub, unfinished)
    if (authTime === undefined) return 'over'
    // The account is locked now. What has proven the person may have been removed since.
    const isLeft = (await listCredentials(tx, sub)).some(({ id }) => id === proof.credentialId)
    return isLeft ? { authTime, amr: passwordAndCodeAmr, factor: proof.factor } : 'over'
  })
  return finished === 'signed_in' ? { outcome: finished, sub } : { outcome: 'over' }
}

/**
 * Completes a sign-in with a passkey of the account.
 *
 * @param browser its session uses the new cookie once this has returned `signed_in`
 * @param answer the field `credential` of the form
 * @throws LimitExceeded, TooManyWaiting
 */
export async function finishWithPasskey(
  signet: Signet,
  { caller, language }: Pick<Person, 'caller' | 'language'>,
  browser: BrowserDigests,
  unfinished: UnfinishedKey,
  answer: string | undefined,
): Promise<FinishOutcome> {
  const step = await findSecondStep(signet, unfinished)
  if (!step) return { outcome: 'over' }
  const { sub } = step
  const person: Person = { kind: 'person', sub, caller, ...(language !== undefined && { language }) }
  const attempt = { browserDigest: browser.browserDigest, sub, use: 'second-factor', answer } as const
  const checked = await checkPasskey(signet, attempt)
  if ('refusal' in checked) return refuse(signet, caller, attempt, checked)
  const { passkey } = checked
  const finished = await complete<'over' | PasskeyRefusal>(signet, person, browser, async (tx) => {
    const isHeld = await lockPasskey(tx, sub, passkey.id)
    // The challenge is spent, whatever follows.
    const refusal = await spendPasskeyAnswer(tx, checked)
    if (refusal || !isHeld) return refusal ?? 'disabled'
    if ((await spendUnfinishedSignIn(tx, sub, unfinished)) === undefined) return 'over'
    // A passkey is a full proof, so the time of the password does not matter.
    return { authTime: signet.clock.now(), amr: [...passwordAmr, ...passkeyAmr], factor: 'passkey' }
  })
  if (finished === 'signed_in') return { outcome: finished, sub }
  if (finished === 'over') return { outcome: finished }
  return refuse(signet, caller, attempt, { passkey, refusal: finished })
}

async function refuse(
  signet: Signet,
  caller: Caller,
  attempt: { readonly use: 'second-factor' },
  refused: RefusedPasskey,
): Promise<FinishOutcome> {
  await refusePasskey(signet, caller, attempt, refused)
  return { outcome: 'passkey_refused' }
}

/**
 * Starts the session in one transaction with what uses the proof up.
 *
 * @param settle locks the account, and returns what was proven, or why nothing was
 */
async function complete<Refused extends string>(
  signet: Signet,
  person: Person,
  browser: BrowserDigests,
  settle: (tx: Queryable) => Promise<Pick<NewSession, 'amr' | 'factor' | 'authTime'> | Refused>,
): Promise<'signed_in' | 'over' | Refused> {
  const { database, turns, endings } = signet
  const work = async (tx: Queryable) => {
    const proven = await settle(tx)
    if (typeof proven === 'string') return proven
    return (await beginSession(tx, signet, person, browser, proven)) ?? 'over'
  }
  const finished = await turns.take(accountTurn(person.sub), () => inTransaction(database, work))
  if (typeof finished === 'string') return finished
  if (finished.left) endings.wake()
  return 'signed_in'
}
