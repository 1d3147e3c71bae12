import type { Queryable } from '../../platform/database/queryable.ts'
import { decideSignedUp } from '../accounts/account-origin-store.ts'
import { decideEnding } from '../endings/decide-ending.ts'
import { insertSession, type NewSession } from './sessions-store.ts'

/** The digests of a browser's cookies that a sign-in needs. */
export interface BrowserDigests {
  /** Of the cookie that identifies the browser. */
  readonly browserDigest: Buffer
  /** Of the session cookie that the browser will receive. */
  readonly sessionDigest: Buffer
  /** Of the session cookie that the browser sent. */
  readonly replaces: Buffer | undefined
}

/**
 * Signs a browser in under a new cookie, regardless of the cookie that it sent (session fixation). The previous session of the browser
 * continues if it belongs to the same person. Otherwise it ends, with the grants that are bound to it.
 *
 * @param ttl the lifetime of the session, in seconds
 * @param who `authTime` in milliseconds since 1970
 * @returns undefined if the account has been disabled or deleted; `left` if rows of the previous session remain to be updated;
 *   `isNewBrowser` if nobody has signed in to the account in this browser before, but in another
 */
export async function startSession(
  tx: Queryable,
  ttl: number,
  { browserDigest, sessionDigest, replaces }: BrowserDigests,
  who: Pick<NewSession, 'sub' | 'authTime' | 'amr' | 'factor' | 'sidVersion' | 'caller'>,
): Promise<{ readonly left: boolean; readonly isNewBrowser: boolean } | undefined> {
  const started = await insertSession(tx, { ...who, browserDigest, digest: sessionDigest, ttl, replaces })
  if (!started) return undefined
  if (started.isOriginUnknown) await decideSignedUp(tx, who.sub)
  const { isNewBrowser } = started
  if (!started.replaced) return { left: false, isNewBrowser }
  const { id, sub } = started.replaced
  const { left } = await decideEnding(tx, { kind: 'session_grants', reason: 'signed_out', sub, sessionIds: [id] })
  return { left, isNewBrowser }
}
