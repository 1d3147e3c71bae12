import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Settings } from '../../platform/config/settings.ts'
import type { Queryable } from '../../platform/database/queryable.ts'
import { cookieAttributes, cookieNames, readCookie } from '../../platform/http/cookies.ts'
import { digest, randomText } from '../../platform/secrets/digest.ts'
import { findSession, insertSession, type NewSession, type Session } from './sessions-store.ts'

type SessionSettings = Pick<Settings, 'issuer' | 'sessionTtl' | 'sessionIdleTtl'>

/** The session that a request's cookie stands for, if it is alive. */
export async function currentSession(
  db: Queryable,
  settings: SessionSettings,
  request: FastifyRequest,
): Promise<Session | undefined> {
  const cookie = readCookie(request, cookieNames(settings.issuer).session)
  return cookie === undefined ? undefined : findSession(db, digest(cookie), settings.sessionIdleTtl)
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
 * Signs a browser in: a new session under a new cookie, whatever cookie was sent (session fixation), in place of the one it had.
 *
 * @param authTime milliseconds since 1970
 */
export async function startSession(
  db: Queryable,
  settings: SessionSettings,
  request: FastifyRequest,
  reply: FastifyReply,
  who: Pick<NewSession, 'sub' | 'authTime' | 'amr' | 'browserDigest'>,
): Promise<void> {
  const name = cookieNames(settings.issuer).session
  const replaced = readCookie(request, name)
  const value = randomText(32)
  await insertSession(db, {
    ...who,
    digest: digest(value),
    ttl: settings.sessionTtl,
    replaces: replaced === undefined ? undefined : digest(replaced),
  })
  // No cache may keep the answer and hand the cookie to somebody else.
  reply
    .header('cache-control', 'no-store')
    .setCookie(name, value, { ...cookieAttributes(settings.issuer), maxAge: settings.sessionTtl })
}

/** Takes the cookie away. The session itself is ended in the database. */
export function forgetSession(reply: FastifyReply, issuer: string): void {
  reply.clearCookie(cookieNames(issuer).session, cookieAttributes(issuer))
}
