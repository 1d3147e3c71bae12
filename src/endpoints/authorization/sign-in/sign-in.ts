import type { FastifyReply, FastifyRequest } from 'fastify'
import { inTransaction, type Queryable } from '../../../platform/database/queryable.ts'
import { browserOf } from '../../../platform/http/cookies.ts'
import { callerOf, requesterOf } from '../../../platform/http/request-context.ts'
import { digest } from '../../../platform/secrets/digest.ts'
import { accountTurn } from '../../../records/accounts/account.ts'
import { holdPassword, replacePasswordHash } from '../../../records/accounts/account-password-store.ts'
import { findSignInCandidates } from '../../../records/accounts/accounts-store.ts'
import { recordEvent } from '../../../records/events/events-store.ts'
import { startSession } from '../../../records/sessions/browser-session.ts'
import type { Signet } from '../../../signet.ts'
import { matchingAccount } from './matching-account.ts'

/**
 * Checks a password and signs the browser in. An unknown user takes the time of a known one and gets the same answer.
 *
 * @returns whether the person is signed in
 * @throws LimitExceeded, HashQueueFull, TooManyWaiting
 */
export async function signIn(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  username: string,
  password: string,
): Promise<boolean> {
  const { database, passwords, settings, clock } = signet
  const caller = callerOf(request)
  const requester = requesterOf(request, reply)
  const browserDigest = digest(browserOf(request, reply, settings.issuer))
  const candidates = await findSignInCandidates(database, username, browserDigest)
  const account = await matchingAccount(signet, candidates, {
    username,
    password,
    requester,
    browserDigest,
  })
  if (!account?.passwordHash) {
    await recordEvent(database, { type: 'sign_in_failed', caller, sub: candidates[0]?.sub })
    return false
  }
  const { sub, passwordHash } = account
  const renewed = passwords.isOutdated(passwordHash) ? await passwords.hash(password, requester) : undefined
  const enter = async (tx: Queryable) => {
    // A password that was changed while it was being checked signs nobody in.
    if (!(await holdPassword(tx, sub, passwordHash))) return undefined
    if (renewed) await replacePasswordHash(tx, sub, passwordHash, renewed)
    const sidVersion = signet.secrets['session-id'].current
    const who = { sub, authTime: clock.now(), amr: ['pwd'], browserDigest, sidVersion }
    const session = await startSession(tx, settings, request, reply, who)
    if (session) await recordEvent(tx, { type: 'signed_in', caller, sub, detail: { amr: ['pwd'] } })
    return session
  }
  const started = await signet.turns.take(accountTurn(sub), () => inTransaction(database, enter))
  if (started?.left) signet.endings.due()
  return started !== undefined
}
