import type { Queryable } from '../../platform/database/queryable.ts'
import { decideEnding } from '../endings/decide-ending.ts'
import { insertSession, type NewSession } from './sessions-store.ts'

/** What a sign-in has to know of the browser's cookies, as digests. */
export interface BrowserDigests {
  /** Of the cookie that tells this browser from others. */
  readonly browserDigest: Buffer
  /** Of the session cookie that the browser will be given. */
  readonly sessionDigest: Buffer
  /** Of the session cookie that it came with. */
  readonly replaces: Buffer | undefined
}

/**
 * Signs a browser in under a new cookie, whatever cookie was sent (session fixation). The session that the browser had goes on if it
 * is the same person's, and otherwise ends with what is bound to it.
 *
 * @param ttl seconds
 * @param who `authTime` in milliseconds since 1970
 * @returns undefined where the account has been disabled or deleted; `left` where rows of the ended session are to follow
 */
export async function startSession(
  tx: Queryable,
  ttl: number,
  { browserDigest, sessionDigest, replaces }: BrowserDigests,
  who: Pick<NewSession, 'sub' | 'authTime' | 'amr' | 'sidVersion'>,
): Promise<{ readonly left: boolean } | undefined> {
  const started = await insertSession(tx, { ...who, browserDigest, digest: sessionDigest, ttl, replaces })
  if (!started) return undefined
  if (!started.replaced) return { left: false }
  const { id, sub } = started.replaced
  return decideEnding(tx, { kind: 'session_grants', reason: 'signed_out', sub, sessionIds: [id] })
}
