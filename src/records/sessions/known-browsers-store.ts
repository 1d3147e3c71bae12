import type { Queryable } from '../../platform/database/queryable.ts'
import type { SessionId, Sub } from '../ids.ts'

/*
 * An account knows a browser once somebody has signed in to the account in it (`insertSession`), even after that session has ended. The limits on
 * password guessing favour known browsers. So a browser that may belong to somebody else is forgotten immediately.
 */

/**
 * Forgets all browsers of an account, after a decision that ends all of its sessions and grants.
 *
 * @param tx a transaction that has locked the account, so that no sign-in is in progress
 */
export async function forgetBrowsers(tx: Queryable, sub: Sub): Promise<void> {
  await tx.query({ text: 'DELETE FROM known_browsers WHERE sub = $1', values: [sub] })
}

/**
 * Forgets all browsers of an account except the one that a session was started in. The request's own browser cookie does not count: with
 * a stolen session cookie, it would be the thief's.
 *
 * @param tx a transaction that has locked the account, so that no sign-in is in progress
 * @param currentId the session that continues
 */
export async function forgetOtherBrowsers(tx: Queryable, sub: Sub, currentId: SessionId): Promise<void> {
  await tx.query({
    text: `DELETE FROM known_browsers
           WHERE sub = $1 AND browser_digest IS DISTINCT FROM (SELECT browser_digest FROM sessions WHERE id = $2)`,
    values: [sub, currentId],
  })
}

/**
 * Forgets the browser that a session of an account was started in, unless it is the browser of the current session.
 *
 * @param tx a transaction that has locked the account, so that no sign-in is in progress
 * @param sessionId if it is not one of the account's sessions, nothing is forgotten
 * @param currentId the person's current session
 */
export async function forgetBrowserOf(
  tx: Queryable,
  sub: Sub,
  sessionId: SessionId,
  currentId: SessionId,
): Promise<void> {
  await tx.query({
    text: `DELETE FROM known_browsers
           WHERE sub = $1 AND browser_digest = (SELECT browser_digest FROM sessions WHERE id = $2 AND sub = $1)
             AND browser_digest IS DISTINCT FROM (SELECT browser_digest FROM sessions WHERE id = $3)`,
    values: [sub, sessionId, currentId],
  })
}
