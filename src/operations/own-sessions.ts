import { inTransaction, type Queryable } from '../platform/database/queryable.ts'
import { sessionTurn } from '../records/accounts/account.ts'
import { decideEnding, type EndedRows } from '../records/endings/decide-ending.ts'
import { endAllSessions, endSession, moveProvenSessions, moveSession } from '../records/endings/decisions-store.ts'
import { recordEvent } from '../records/events/events-store.ts'
import type { SessionId, Sub } from '../records/ids.ts'
import { forgetBrowserOf, forgetOtherBrowsers } from '../records/sessions/known-browsers-store.ts'
import { type FrontChannelClient, findFrontChannelClients } from '../records/sessions/session-clients-store.ts'
import type { Signet } from '../signet.ts'
import { type Actor, originOf } from './actor.ts'
import { asSignedIn, type OwnSession, signedOut } from './as-signed-in.ts'

type Context = Pick<Signet, 'database' | 'endings' | 'turns'>

/*
 * Ending a session also ends the grants that are bound to it. Grants with `offline_access` continue, because that is the purpose of the scope
 * (OpenID Connect Core §11). All of them have ended when these functions return, no matter how many there are. The rows and events of the grants
 * are written later.
 *
 * After a sign-out the account still knows the browser, because the person is likely to come back in it. A session that is ended from another
 * browser may belong to a thief or be on a lost computer, so its browser is forgotten.
 */

/**
 * Signs a person out of their current session.
 *
 * @returns the clients of the session to be told in the browser (OpenID Connect Front-Channel Logout). The others are told by jobs, which the end of the session has queued
 */
export async function signOut(signet: Context, actor: Actor, session: OwnSession): Promise<FrontChannelClient[]> {
  const { sub } = session.account
  const end = async (tx: Queryable) => {
    const clients = await findFrontChannelClients(tx, session.id)
    const ended = await endOne(tx, sub, session.id)
    if (ended) await recordEvent(tx, { type: 'signed_out', ...originOf(actor), sub })
    return { clients, ended }
  }
  const { clients, ended } = await signet.turns.take(sessionTurn(session.id), () => inTransaction(signet.database, end))
  if (ended?.left) signet.endings.wake()
  return clients
}

/**
 * Ends one session of a person and forgets its browser, unless it is also the browser of the current session. If the session has already ended,
 * its browser is forgotten nevertheless, because a thief may have signed out a moment earlier. Sessions of other people are not affected.
 *
 * @param session the person's current session
 * @param chosen the id of the session to end
 */
export async function endOwnSession(
  signet: Context,
  actor: Actor,
  session: OwnSession,
  chosen: SessionId,
): Promise<'done' | typeof signedOut> {
  const { sub } = session.account
  const ended = await asSignedIn(signet, session, async (tx) => {
    const ended = await endOne(tx, sub, chosen)
    await forgetBrowserOf(tx, sub, chosen, session.id)
    if (ended) await recordEvent(tx, { type: 'sessions_ended', ...originOf(actor), sub, detail: { sessions: 1 } })
    return ended
  })
  if (ended === signedOut) return signedOut
  if (ended?.left) signet.endings.wake()
  return 'done'
}

/** Ends all sessions of a person except the current one, and forgets all browsers except the current one. */
export async function endOtherSessions(
  signet: Context,
  actor: Actor,
  session: OwnSession,
): Promise<'done' | typeof signedOut> {
  const { sub } = session.account
  const ended = await asSignedIn(signet, session, async (tx) => {
    const ended = await endOthers(tx, session)
    const detail = countOf('sessions', ended)
    if (ended.sessions > 0 || ended.left)
      await recordEvent(tx, { type: 'sessions_ended', ...originOf(actor), sub, detail })
    return ended
  })
  if (ended === signedOut) return signedOut
  if (ended.left) signet.endings.wake()
  return 'done'
}

async function endOne(tx: Queryable, sub: Sub, id: SessionId): Promise<EndedRows | undefined> {
  if (!(await endSession(tx, sub, id))) return undefined
  return decideEnding(tx, { kind: 'session_grants', reason: 'signed_out', sub, sessionIds: [id] })
}

/** Does what endOtherSessions does, inside the caller's transaction, which has locked the account and the session. */
export async function endOthers(tx: Queryable, session: OwnSession): Promise<EndedRows> {
  const { sub } = session.account
  const epoch = await endAllSessions(tx, sub)
  await moveSession(tx, session.id, epoch)
  await forgetOtherBrowsers(tx, sub, session.id)
  return decideEnding(tx, { kind: 'sessions', reason: 'signed_out', sub, epoch })
}

/**
 * Ends the other sessions of a person that were started with the password alone, because it no longer signs in alone. All other browsers are forgotten.
 *
 * @param tx a transaction that has locked the account and the session
 */
export async function endPasswordSessions(tx: Queryable, session: OwnSession): Promise<EndedRows> {
  const { sub } = session.account
  await moveProvenSessions(tx, sub)
  const epoch = await endAllSessions(tx, sub)
  await moveSession(tx, session.id, epoch)
  await forgetOtherBrowsers(tx, sub, session.id)
  return decideEnding(tx, { kind: 'sessions', reason: 'signed_out', sub, epoch })
}

/** The number of sessions for an event. With a large number, it is only those whose rows have been updated so far, and `more` is set. */
export function countOf(name: string, { sessions, left }: EndedRows): Record<string, number | boolean> {
  return { [name]: sessions, ...(left && { more: true }) }
}
