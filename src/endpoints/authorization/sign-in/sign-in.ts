import type { FastifyReply, FastifyRequest } from 'fastify'
import { browserOf } from '../../../platform/http/cookies.ts'
import { callerOf } from '../../../platform/http/request-context.ts'
import { digest } from '../../../platform/secrets/digest.ts'
import {
  findSignInCandidates,
  type SignInCandidate,
  setPasswordHash,
} from '../../../records/accounts/accounts-store.ts'
import { recordEvent } from '../../../records/events/events-store.ts'
import { LimitExceeded } from '../../../records/limits/sign-in-limits.ts'
import { startSession } from '../../../records/sessions/browser-session.ts'
import type { Signet } from '../../../signet.ts'

/**
 * Checks a password and signs the browser in. An unknown user takes the time of a known one and gets the same answer.
 *
 * @returns whether the person is signed in
 * @throws LimitExceeded, HashQueueFull
 */
export async function signIn(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  username: string,
  password: string,
): Promise<boolean> {
  const { database, limits, passwords, settings, clock } = signet
  const caller = callerOf(request)
  const browserDigest = digest(browserOf(request, reply, settings.issuer))
  const candidates = await findSignInCandidates(database, username, browserDigest)
  const attempt = {
    account:
      candidates.length > 0
        ? candidates
            .map(({ sub }) => sub)
            .sort()
            .join()
        : username.toLowerCase(),
    network: caller.network,
    knownBrowser: candidates.some(({ knownHere }) => knownHere) ? browserDigest : undefined,
  }
  try {
    await limits.beforeHashing(attempt)
  } catch (error) {
    if (error instanceof LimitExceeded) await recordEvent(database, { type: 'sign_in_limited', caller })
    throw error
  }
  const account = await matchingAccount(signet, candidates, password)
  if (!account) {
    await recordEvent(database, { type: 'sign_in_failed', caller, sub: candidates[0]?.sub })
    return false
  }
  if (account.passwordHash && passwords.isOutdated(account.passwordHash))
    await setPasswordHash(database, account.sub, await passwords.hash(password))
  await startSession(database, settings, request, reply, {
    sub: account.sub,
    authTime: clock.now(),
    amr: ['pwd'],
    browserDigest,
  })
  await Promise.all([
    limits.succeeded(attempt),
    recordEvent(database, { type: 'signed_in', caller, sub: account.sub, detail: { amr: ['pwd'] } }),
  ])
  return true
}

/** Whose password it is. A disabled account's is checked like any other, and never matches. */
async function matchingAccount(
  { passwords }: Signet,
  candidates: readonly SignInCandidate[],
  password: string,
): Promise<SignInCandidate | undefined> {
  if (candidates.length === 0) await passwords.verify(password, undefined)
  for (const candidate of candidates) {
    const matches = await passwords.verify(password, candidate.passwordHash)
    if (matches && !candidate.disabled) return candidate
  }
  return undefined
}
