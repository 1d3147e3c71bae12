import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PageContext } from '../html/messages/messages.ts'
import { digest, randomText } from '../platform/secrets/digest.ts'
import type { Session } from '../records/sessions/sessions-store.ts'
import type { Signet } from '../signet.ts'
import { type Outcome, sendResponse } from './authorization-response.ts'
import type { VerifiedTarget } from './authorization-target.ts'
import { browserState } from './browser-state.ts'

/**
 * Sends an authorization response with `session_state` (OpenID Connect Session Management §2), errors too. The application gives the value to the page
 * `/check-session`, whose script compares it with the state of the browser (`public/check-session.js`).
 *
 * @param session the session of the browser, if it has one
 * @param page called only if the response is a page
 */
export async function respond(
  signet: Signet,
  request: FastifyRequest,
  reply: FastifyReply,
  { target, session }: { readonly target: VerifiedTarget; readonly session: Session | undefined },
  outcome: Outcome,
  page: () => PageContext,
): Promise<FastifyReply> {
  const origin = watchingOrigin(target)
  const sessionState =
    origin === undefined
      ? undefined
      : sessionStateOf(target.client.client_id, origin, await browserState(signet, request, reply, session))
  return sendResponse(reply, target, signet.settings.issuer, { ...outcome, sessionState }, page)
}

/**
 * §3.2: the origin of the application's pages. That is where the response goes, so another site's page cannot use the value. Undefined for an app, which has no page that could
 * embed ours, and without `openid`, because such a client knows nothing about sign-ins.
 */
function watchingOrigin({ redirectUri, isOpenid }: VerifiedTarget): string | undefined {
  const { protocol, origin } = new URL(redirectUri)
  return isOpenid && (protocol === 'https:' || protocol === 'http:') ? origin : undefined
}

/**
 * §3.2: a salted hash of the client, its origin and the state of the browser. The salt is new in each response, so two responses cannot be linked. `public/check-session.js` computes the
 * same.
 */
export function sessionStateOf(clientId: string, origin: string, state: string, salt = randomText(16)): string {
  return `${digest(`${clientId} ${origin} ${state} ${salt}`).toString('base64url')}.${salt}`
}
