import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Settings } from '../platform/config/settings.ts'
import { cookieNames, readCookie, stateCookieAttributes } from '../platform/http/cookies.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { browserStateFor } from '../tokens/authentication.ts'

type StateSettings = Pick<Settings, 'issuer' | 'sessionTtl'>

/**
 * The state of the browser as applications see it (OpenID Connect Session Management §3.2): the value of the state cookie. It stays the same while a session lasts, and is
 * another one when somebody has signed in or out. The cookie is set if it differs.
 *
 * Only a request with the session cookie can change a state that is there. Browsers send the state cookie with requests that other sites make, but not the session cookie: such a
 * request says nothing about who is signed in, and must not make applications believe that somebody has signed out.
 *
 * @param session the session of the session cookie
 */
export async function browserState(
  { settings, secrets }: Pick<Signet, 'settings' | 'secrets'>,
  request: FastifyRequest,
  reply: FastifyReply,
  session: Session | undefined,
): Promise<string> {
  const names = cookieNames(settings.issuer)
  const present = readCookie(request, names.state)
  const state = session
    ? await browserStateFor(secrets, session)
    : // Without any state it is a new one, and never one that anybody could guess: the page of another site could ask for it, and learn whether there is a state.
      (endedState(readCookie(request, names.session)) ?? present ?? randomText(32))
  if (state !== present) setState(reply, settings, state)
  return state
}

/** A session that has ended elsewhere, or expired, has one state too. If it were a new one each time, two applications would keep each other busy. */
function endedState(cookie: string | undefined): string | undefined {
  return cookie === undefined ? undefined : digest(`ended session:${cookie}`).toString('base64url')
}

/** Replaces the state, whatever it was, because somebody signs in or out. The next authorization response sets that of the session. */
export function changeBrowserState(reply: FastifyReply, settings: StateSettings): void {
  setState(reply, settings, randomText(32))
}

/** It lasts at least as long as the session. */
function setState(reply: FastifyReply, { issuer, sessionTtl }: StateSettings, state: string): void {
  reply.setCookie(cookieNames(issuer).state, state, { ...stateCookieAttributes(issuer), maxAge: sessionTtl })
}
