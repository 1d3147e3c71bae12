import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Settings } from '../../platform/config/settings.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { cookieAttributes, cookieNames, readCookie } from '../../platform/http/cookies.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import { decideEnding } from '../endings/follow-ending.ts'
import { findSession, insertSession, type NewSession, type Session } from './sessions-store.ts'

type SessionSettings = Pick<Settings, 'issuer' | 'sessionTtl' | 'sessionIdleTtl'>

/** The session that a request's cookie stands for, if it is alive. Its person's language becomes the language of the page. */
export async function currentSession(
  db: Queryable,
  settings: SessionSettings,
  request: FastifyRequest,
): Promise<Session | undefined> {
  const cookie = readCookie(request, cookieNames(settings.issuer).session)
  const session = cookie === undefined ? undefined : await findSession(db, digest(cookie), settings.sessionIdleTtl)
  request.profileLocale = session?.account.locale
  return session
}

/** For the operator: why a request has no session. */
export function whyNoSession(request: FastifyRequest, issuer: string): string {
  const { session } = cookieNames(issuer)
  if (readCookie(request, session) !== undefined) return `cookie ${session}: its session has ended, or is too old`
  return request.cookies[session] === undefined
    ? `cookie ${session}: did not come`
    : `cookie ${session}: is none of ours, or came twice`
}

/**
 * Signs a browser in under a new cookie, whatever cookie was sent (session fixation). The session that the browser had goes on where
 * it is the same person's, and otherwise ends with what is bound to it.
 *
 * @param authTime milliseconds since 1970
 * @returns undefined where the account has been disabled or deleted; `left` where rows of the ended session are to follow
 */
export async function startSession(
  tx: Queryable,
  settings: SessionSettings,
  request: FastifyRequest,
  reply: FastifyReply,
  who: Pick<NewSession, 'sub' | 'authTime' | 'amr' | 'browserDigest' | 'sidVersion'>,
): Promise<{ readonly left: boolean } | undefined> {
  const name = cookieNames(settings.issuer).session
  const replaced = readCookie(request, name)
  const value = randomText(32)
  const started = await insertSession(tx, {
    ...who,
    digest: digest(value),
    ttl: settings.sessionTtl,
    replaces: replaced === undefined ? undefined : digest(replaced),
  })
  if (!started) return undefined
  // No cache may keep the answer and hand the cookie to somebody else.
  reply
    .header('cache-control', 'no-store')
    .setCookie(name, value, { ...cookieAttributes(settings.issuer), maxAge: settings.sessionTtl })
  if (!started.replaced) return { left: false }
  const { id, sub } = started.replaced
  return decideEnding(tx, { kind: 'session_grants', reason: 'signed_out', sub, sessionIds: [id] })
}

/** Takes the cookie away. The session itself is ended in the database. */
export function forgetSession(reply: FastifyReply, issuer: string): void {
  reply.clearCookie(cookieNames(issuer).session, cookieAttributes(issuer))
}
