import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Person } from '../operations/actor.ts'
import type { Settings } from '../platform/config/settings.ts'
import type { Queryable } from '../platform/database/queryable.ts'
import { browserOf, cookieAttributes, cookieNames, readCookie } from '../platform/http/cookies.ts'
import { callerOf } from '../platform/http/request-context.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import { pageContextOf } from '../protocol/http/ui-locales.ts'
import { findSessionForClient, type SessionForClient } from '../records/sessions/session-for-client-store.ts'
import { findSession, type Session } from '../records/sessions/sessions-store.ts'
import type { BrowserDigests } from '../records/sessions/start-session.ts'
import { changeBrowserState } from './browser-state.ts'

type SessionSettings = Pick<Settings, 'issuer' | 'sessionTtl' | 'sessionIdleTtl'>

/** The session of a request's session cookie, if it has not ended. Pages for this request are then in the language of the person's profile. */
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

/**
 * The same session, with what an authorization request of a client needs to know about it and about what the client has pushed. Takes at most one statement: none
 * if the browser sent no session cookie and nothing was pushed.
 *
 * @param clientId as it was sent
 * @param of `pushed`: the digest of the id of the pushed request; `withGroups`: whether to read the groups of the person
 */
export async function currentSessionForClient(
  db: Queryable,
  settings: SessionSettings,
  request: FastifyRequest,
  clientId: string,
  of: { readonly pushed: Buffer | undefined; readonly withGroups: boolean },
): Promise<SessionForClient> {
  const cookie = readCookie(request, cookieNames(settings.issuer).session)
  if (cookie === undefined && of.pushed === undefined) return nothingFound
  const sessionDigest = cookie === undefined ? undefined : digest(cookie)
  const found = await findSessionForClient(db, { sessionDigest, idleTtl: settings.sessionIdleTtl, clientId, ...of })
  request.profileLocale = found.session?.account.locale
  return found
}

const nothingFound = { session: undefined, consent: undefined, groups: [], pushedRequest: undefined }

/** The person of a session, as the actor of an operation. */
export function personOf(request: FastifyRequest, { account }: Pick<Session, 'account'>): Person {
  return {
    ...{ kind: 'person', sub: account.sub, caller: callerOf(request) },
    // Only a mail needs it.
    get language() {
      return pageContextOf(request).locale
    },
  }
}

/** For the operator: why a request has no session. */
export function whyNoSession(request: FastifyRequest, issuer: string): string {
  const { session } = cookieNames(issuer)
  if (readCookie(request, session) !== undefined) return `cookie ${session}: its session has ended or expired`
  return request.cookies[session] === undefined
    ? `cookie ${session}: not sent`
    : `cookie ${session}: not set by this issuer, or sent twice`
}

/** The digest of the cookie that identifies the browser, which gets one if it has none. */
export function browserDigestOf(request: FastifyRequest, reply: FastifyReply, issuer: string): Buffer {
  return digest(browserOf(request, reply, issuer))
}

/** The digests that an operation stores for the browser of a sign-in, and the session cookie to set if it succeeds. */
export function newBrowserSession(
  request: FastifyRequest,
  reply: FastifyReply,
  issuer: string,
): { readonly cookie: string; readonly digests: BrowserDigests } {
  const cookie = randomText(32)
  const replaced = readCookie(request, cookieNames(issuer).session)
  return {
    cookie,
    digests: {
      browserDigest: browserDigestOf(request, reply, issuer),
      sessionDigest: digest(cookie),
      replaces: replaced === undefined ? undefined : digest(replaced),
    },
  }
}

/** Sets the cookie of a new session. Applications that watch this browser notice that somebody has signed in. */
export function setSessionCookie(reply: FastifyReply, settings: SessionSettings, cookie: string): void {
  renewSessionCookie(reply, settings.issuer, cookie, settings.sessionTtl)
  changeBrowserState(reply, settings)
}

/**
 * Sets the new cookie of a session that was raised.
 *
 * @param secondsLeft the maximum remaining lifetime of the session, in seconds
 */
export function renewSessionCookie(reply: FastifyReply, issuer: string, cookie: string, secondsLeft: number): void {
  // No cache may store the response and give the cookie to somebody else.
  reply
    .header('cache-control', 'no-store')
    .setCookie(cookieNames(issuer).session, cookie, { ...cookieAttributes(issuer), maxAge: secondsLeft })
}

/** Deletes the cookie. The session itself is ended in the database. Applications that watch this browser notice that somebody has signed out. */
export function forgetSession(reply: FastifyReply, settings: SessionSettings): void {
  reply.clearCookie(cookieNames(settings.issuer).session, cookieAttributes(settings.issuer))
  changeBrowserState(reply, settings)
}
