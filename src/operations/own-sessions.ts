import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { sessionTurn } from '../records/accounts/account.ts'
import { replacePasswordHash } from '../records/accounts/account-password-store.ts'
import { decideEnding, type Followed } from '../records/endings/decide-ending.ts'
import { endAllAccess, endAllSessions, endSession, moveSession } from '../records/endings/decisions-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { SessionId, Sub } from '../records/ids.ts'
import { forgetBrowserOf, forgetOtherBrowsers } from '../records/sessions/known-browsers-store.ts'
import { renewSession } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import { asSignedIn, type OwnSession, signedOut } from './as-signed-in.ts'

type Terms = Pick<Signet, 'database' | 'endings' | 'turns'>

/*
 * Ending a session ends the grants that were to last no longer than it. Those with `offline_access` go on: that is what the scope is for
 * (OpenID Connect Core §11). All of it holds when these functions return, however much there was; rows and events of the grants follow.
 *
 * A person who signs out comes back in the same browser, so the account goes on knowing it. A session that is ended from another browser may be
 * a thief's, or of a computer that was lost: that browser is forgotten.
 */

/** Signs a person out of their present session. */
export async function signOut(signet: Terms, actor: Actor, session: OwnSession): Promise<void> {
  const { sub } = session.account
  const end = async (tx: Queryable) => {
    const ended = await endOne(tx, sub, session.id)
    if (ended) await recordEvent(tx, { type: 'signed_out', ...originOf(actor), sub })
    return ended
  }
  const followed = await signet.turns.take(sessionTurn(session.id), () => inTransaction(signet.database, end))
  if (followed?.left) signet.endings.due()
}

/**
 * Ends one session of a person and forgets its browser, unless it is also the browser of the present session. One that has ended before is as
 * good as ended, and its browser is forgotten all the same: a thief may have signed out a moment earlier. Somebody else's is never looked at.
 *
 * @param present the session by which they ask
 * @param chosen the id of the one to end
 */
export async function endOwnSession(
  signet: Terms,
  actor: Actor,
  present: OwnSession,
  chosen: SessionId,
): Promise<'done' | typeof signedOut> {
  const { sub } = present.account
  const followed = await asSignedIn(signet, present, async (tx) => {
    const ended = await endOne(tx, sub, chosen)
    await forgetBrowserOf(tx, sub, chosen, present.id)
    if (ended) await recordEvent(tx, { type: 'sessions_ended', ...originOf(actor), sub, detail: { sessions: 1 } })
    return ended
  })
  if (followed === signedOut) return signedOut
  if (followed?.left) signet.endings.due()
  return 'done'
}

/** Ends all sessions of a person but the present one, and forgets all browsers but its own. */
export async function endOtherSessions(
  signet: Terms,
  actor: Actor,
  present: OwnSession,
): Promise<'done' | typeof signedOut> {
  const { sub } = present.account
  const followed = await asSignedIn(signet, present, async (tx) => {
    const ended = await endOthers(tx, present)
    const detail = countOf('sessions', ended)
    if (ended.sessions > 0 || ended.left)
      await recordEvent(tx, { type: 'sessions_ended', ...originOf(actor), sub, detail })
    return ended
  })
  if (followed === signedOut) return signedOut
  if (followed.left) signet.endings.due()
  return 'done'
}

/** @param from, to the hash that the current password fits, and that of the new one; both in PHC form */
interface ProvenChange {
  readonly from: string
  readonly to: string
  /** Of the cookie under which the present session goes on. */
  readonly sessionDigest: Buffer
  /**
   * `end`: all grants end, those with `offline_access` and those of the present session included. `keep`: the applications of the present
   * session and those with `offline_access` go on.
   */
  readonly applications: 'end' | 'keep'
}

/**
 * Changes the password of a person who has proven the current one. In the same transaction it ends all other sessions, forgets all other
 * browsers and, if the person wants it, ends all grants. The present session goes on under another cookie: a copy of the old one is worth
 * nothing any more (OWASP Session Management, "Renew the Session ID After Any Privilege Level Change").
 *
 * @returns seconds that the session still has at the most; `password_replaced` where somebody else was faster, and what was proved is the
 *   current password no more
 */
export async function changeProvenPassword(
  signet: Terms,
  actor: Actor,
  present: OwnSession,
  { from, to, sessionDigest, applications }: ProvenChange,
): Promise<{ readonly secondsLeft: number } | 'password_replaced' | typeof signedOut> {
  const { sub } = present.account
  const outcome = await asSignedIn(signet, present, async (tx) => {
    if (!(await replacePasswordHash(tx, sub, from, to))) return 'password_replaced'
    const ended = applications === 'end' ? await endOthersAndGrants(tx, present) : await endOthers(tx, present)
    const secondsLeft = await renewSession(tx, present.id, sessionDigest)
    const which =
      applications === 'end' ? { applications: 'ended', grants_ended: ended.grants } : { applications: 'kept' }
    const detail = { ...countOf('sessions_ended', ended), ...which }
    await recordEvent(tx, { type: 'password_changed', ...originOf(actor), sub, detail })
    return { secondsLeft, left: ended.left }
  })
  if (typeof outcome === 'string') return outcome
  if (outcome.left) signet.endings.due()
  return { secondsLeft: outcome.secondsLeft }
}

async function endOne(tx: Queryable, sub: Sub, id: SessionId): Promise<Followed | undefined> {
  if (!(await endSession(tx, sub, id))) return undefined
  return decideEnding(tx, { kind: 'session_grants', reason: 'signed_out', sub, sessionIds: [id] })
}

async function endOthers(tx: Queryable, present: OwnSession): Promise<Followed> {
  const { sub } = present.account
  const epoch = await endAllSessions(tx, sub)
  await moveSession(tx, present.id, epoch)
  await forgetOtherBrowsers(tx, sub, present.id)
  return decideEnding(tx, { kind: 'sessions', reason: 'signed_out', sub, epoch })
}

async function endOthersAndGrants(tx: Queryable, present: OwnSession): Promise<Followed> {
  const { sub } = present.account
  const epoch = await endAllAccess(tx, sub, 'password_changed')
  await moveSession(tx, present.id, epoch)
  await forgetOtherBrowsers(tx, sub, present.id)
  return decideEnding(tx, { kind: 'account', reason: 'password_changed', sub, epoch })
}

/** How many, for an event. Of very many, those that had followed by then; `more` says so. */
function countOf(name: string, { sessions, left }: Followed): Record<string, number | boolean> {
  return { [name]: sessions, ...(left && { more: true }) }
}
