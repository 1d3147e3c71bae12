import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { findAccount, lockAccount } from '../records/accounts/accounts-store.ts'
import { passkeyAmr } from '../records/accounts/factors.ts'
import { findPasskey, type Passkey, type PasskeyUse, usePasskey } from '../records/accounts/passkeys-store.ts'
import { type Caller, recordEvent } from '../records/events/events-store.ts'
import type { Sub } from '../records/ids.ts'
import type { Signet } from '../signet.ts'
import { notifyPerson } from './notify-person.ts'
import { isFromOurPage, type PasskeyRefusal, readAuthenticatorFlags, readPasskeyAnswer } from './passkey-answers.ts'
import { openChallenge, type PasskeyPurpose } from './passkey-challenges.ts'
import { relyingPartyId } from './passkey-options.ts'

/** The answer of a browser that was asked for a passkey. */
export interface PasskeyAttempt {
  /** The digest of the browser's cookie. */
  readonly browserDigest: Buffer
  /** The account whose passkey is needed. Undefined at sign-in: the passkey says whose it is. */
  readonly sub?: Sub | undefined
  /** The same as for `passkeyRequestOptions`. */
  readonly use: PasskeyPurpose
  /** The field `credential` of the form. */
  readonly answer: string | undefined
}

export type PasskeyProof =
  | {
      readonly outcome: 'proven'
      readonly sub: Sub
      readonly passkeyId: number
      readonly amr: typeof passkeyAmr
    }
  | { readonly outcome: 'refused' }

/**
 * Checks that somebody has used a passkey now, in this browser, for this use, and spends the challenge. What the proof is for happens later, in a
 * transaction of the caller, which calls `lockPasskey` first: the passkey may be removed in between.
 *
 * @throws LimitExceeded if the network has sent too many answers that were refused
 */
export async function provePasskey(signet: Signet, caller: Caller, attempt: PasskeyAttempt): Promise<PasskeyProof> {
  const checked = await checkPasskey(signet, attempt)
  if ('refusal' in checked) return refusePasskey(signet, caller, attempt, checked)
  const refusal = await spendPasskeyAnswer(signet.database, checked)
  if (refusal) return refusePasskey(signet, caller, attempt, { passkey: checked.passkey, refusal })
  const { sub, id } = checked.passkey
  return { outcome: 'proven', sub, passkeyId: id, amr: passkeyAmr }
}

/** An answer that was correct. It has no effect before `usePasskey` has accepted its challenge and its counter. */
export interface CheckedPasskey {
  readonly passkey: Passkey
  readonly use: PasskeyUse
}

/** An answer that was refused, with the passkey that it claims to be from, if that exists. */
export interface RefusedPasskey {
  readonly refusal: PasskeyRefusal
  readonly passkey?: Passkey | undefined
}

/**
 * Checks an answer (Web Authentication Level 3 §7.2). Reads, and changes nothing.
 *
 * @throws what reloading the secrets throws
 */
export async function checkPasskey(signet: Signet, attempt: PasskeyAttempt): Promise<CheckedPasskey | RefusedPasskey> {
  const { issuer } = signet.settings
  const { browserDigest, sub, use } = attempt
  const answer = readPasskeyAnswer(attempt.answer)
  if (!answer) return { refusal: 'malformed' }
  const { clientData, credentialId, json } = answer
  // Steps 10 to 13: this ceremony, our challenge, our page.
  const binding = { ceremony: 'get', use, browserDigest } as const
  const challenge = await openChallenge(signet, clientData.challenge, binding)
  if (clientData.type !== 'webauthn.get' || !challenge || challenge.sub !== sub) return { refusal: 'challenge' }
  if (!isFromOurPage(clientData, issuer)) return { refusal: 'origin' }

  // Steps 5 and 6: whose passkey it is. Without a known account, the user handle must say so.
  const passkey = await findPasskey(signet.database, credentialId)
  if (!passkey) return { refusal: 'unknown' }
  if (sub !== undefined && passkey.sub !== sub) return { refusal: 'other_account', passkey }
  const { userHandle } = json.response
  const isOwnHandle = userHandle === Buffer.from(passkey.sub).toString('base64url')
  if (!isOwnHandle && (sub === undefined || (userHandle !== undefined && userHandle !== null)))
    return { refusal: 'user_handle', passkey }

  // Steps 15 to 19: our RP ID, and a person who was there and was verified.
  const rpId = relyingPartyId(signet.settings)
  const flags = readAuthenticatorFlags(json.response['authenticatorData'], rpId)
  if (!flags) return { refusal: 'malformed', passkey }
  if (!flags.isOurs) return { refusal: 'rp_id', passkey }
  if (!flags.isVerified) return { refusal: 'user_verification', passkey }
  if (flags.isBackupEligible !== passkey.isBackupEligible || (flags.isBackedUp && !flags.isBackupEligible))
    return { refusal: 'backup_eligibility', passkey }

  // Steps 20 and 21.
  const signCount = await verifiedSignCount(passkey, json, { challenge: clientData.challenge, issuer, rpId })
  if (signCount === undefined) return { refusal: 'signature', passkey }
  return {
    passkey,
    use: {
      ...{ id: passkey.id, challengeDigest: challenge.digest, expiresAt: challenge.expiresAt },
      ...{ signCount, isBackedUp: flags.isBackedUp },
    },
  }
}

/** @returns the counter in an answer; undefined if the passkey has not signed the answer */
async function verifiedSignCount(
  { credentialId, publicKey }: Passkey,
  answer: object,
  expected: { readonly challenge: string; readonly issuer: string; readonly rpId: string },
): Promise<number | undefined> {
  // Large, and needed only by installations whose people have passkeys.
  const { verifyAuthenticationResponse } = await import('@simplewebauthn/server')
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: answer as AuthenticationResponseJSON,
      expectedChallenge: expected.challenge,
      expectedOrigin: expected.issuer,
      expectedRPID: expected.rpId,
      // `usePasskey` judges the counter, because two answers can race.
      credential: { id: credentialId.toString('base64url'), publicKey: new Uint8Array(publicKey), counter: 0 },
      requireUserVerification: true,
    })
    return verified ? authenticationInfo.newCounter : undefined
  } catch {
    // It throws for everything that is wrong with an answer.
    return undefined
  }
}

/**
 * Spends the challenge of a correct answer, and updates the passkey.
 *
 * @returns why the answer is refused after all: another request has used it before, or the passkey has been used with a greater counter or removed
 */
export async function spendPasskeyAnswer(
  db: Queryable,
  { passkey, use }: CheckedPasskey,
): Promise<'replayed' | 'counter' | 'removed' | undefined> {
  const outcome = await usePasskey(db, use)
  if (outcome !== 'refused') return outcome === 'used' ? undefined : outcome
  return (await findPasskey(db, passkey.credentialId)) ? 'counter' : 'removed'
}

/**
 * Counts and records a refused answer. The person is not told why, and an unknown passkey is treated like any other.
 *
 * @throws LimitExceeded: then it is not recorded, because the number of events would be unbounded
 */
export async function refusePasskey(
  signet: Signet,
  caller: Caller,
  { use }: Pick<PasskeyAttempt, 'use'>,
  refused: RefusedPasskey,
): Promise<{ readonly outcome: 'refused' }> {
  const { refusal, passkey } = refused
  await signet.limits.afterRefusedPasskey(caller.network)
  const detail = { reason: refusal, use, ...(passkey && { passkey: passkey.name }) }
  if (refusal === 'counter' && passkey) await reportCounter(signet, caller, passkey.sub, detail)
  else await recordEvent(signet.database, { type: 'passkey_refused', caller, sub: passkey?.sub, detail })
  return { outcome: 'refused' }
}

/** A passkey that counts was used with a number that it has used before: there are two of it (Web Authentication Level 3 §6.1.1). Its owner is told. */
async function reportCounter(
  signet: Signet,
  caller: Caller,
  sub: Sub,
  detail: Readonly<Record<string, string>>,
): Promise<void> {
  await inTransaction(signet.database, async (tx) => {
    await lockAccount(tx, sub)
    await recordEvent(tx, { type: 'passkey_counter_went_back', caller, sub, detail })
    const account = await findAccount(tx, sub)
    const mail = { kind: 'passkey-counter', at: signet.clock.now() } as const
    if (account) await notifyPerson(tx, signet, { kind: 'person', sub, caller }, account, mail)
  })
}
