import type { Queryable } from '../../platform/database/queryable.ts'
import type { SessionId, Sub } from '../ids.ts'

/*
 * A browser is known to an account once somebody has signed in to the account there (`insertSession`), whatever becomes of the session. The
 * limits on guessing treat known browsers better than others. So a browser that may be somebody else's is forgotten at once.
 */

/**
 * Forgets all browsers of an account, after a decision that ends everything it has open.
 *
 * @param tx a transaction that has locked the account, so that no sign-in is under way
 */
export async function forgetBrowsers(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({ text: 'DELETE FROM known_browsers WHERE sub = $1', values: [sub] })
}

/**
 * Forgets all browsers of an account except the one that a session was started in. The request's own browser cookie does not count: with
 * a stolen session cookie, it would be the thief's.
 *
 * @param tx a transaction that has locked the account, so that no sign-in is under way
 * @param presentId the session that goes on
 */
export async function forgetOtherBrowsers(tx: Queryable, sub: Sub, presentId: SessionId): Promise<void> {
  await tx.query({
    text: `DELETE FROM known_browsers
           WHERE sub = $1 AND browser_digest IS DISTINCT FROM (SELECT browser_digest FROM sessions WHERE id = $2)`,
    values: [sub, presentId],
  })
}

/**
 * Forgets the browser that a session of an account was started in, unless it is the browser of the present session.
 *
 * @param tx a transaction that has locked the account, so that no sign-in is under way
 * @param sessionId if it is not one of the account's sessions, nothing is forgotten
 * @param presentId the session by which the person asks
 */
export async function forgetBrowserOf(
  tx: Queryable,
  sub: Sub,
  sessionId: SessionId,
  presentId: SessionId,
): Promise<void> {
  await tx.query({
    text: `DELETE FROM known_browsers
           WHERE sub = $1 AND browser_digest = (SELECT browser_digest FROM sessions WHERE id = $2 AND sub = $1)
             AND browser_digest IS DISTINCT FROM (SELECT browser_digest FROM sessions WHERE id = $3)`,
    values: [sub, sessionId, presentId],
  })
}
