import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { sessionTurn } from '../records/accounts/account.ts'
import { decideEnding, type Followed } from '../records/endings/decide-ending.ts'
import { endAllSessions, endSession, moveSession } from '../records/endings/decisions-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { SessionId, Sub } from '../records/ids.ts'
import { forgetBrowserOf, forgetOtherBrowsers } from '../records/sessions/known-browsers-store.ts'
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

async function endOne(tx: Queryable, sub: Sub, id: SessionId): Promise<Followed | undefined> {
  if (!(await endSession(tx, sub, id))) return undefined
  return decideEnding(tx, { kind: 'session_grants', reason: 'signed_out', sub, sessionIds: [id] })
}

/** Ends all sessions of a person but the present one, in a transaction that holds their account and session, and forgets the other browsers. */
export async function endOthers(tx: Queryable, present: OwnSession): Promise<Followed> {
  const { sub } = present.account
  const epoch = await endAllSessions(tx, sub)
  await moveSession(tx, present.id, epoch)
  await forgetOtherBrowsers(tx, sub, present.id)
  return decideEnding(tx, { kind: 'sessions', reason: 'signed_out', sub, epoch })
}

/** How many, for an event. Of very many, those that had followed by then; `more` says so. */
export function countOf(name: string, { sessions, left }: Followed): Record<string, number | boolean> {
  return { [name]: sessions, ...(left && { more: true }) }
}
