import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import type { Visit } from '../../support/browser.ts'
import { randomState } from './authorization.ts'
import { newClient } from './clients.ts'
import { signIn } from './flow.ts'
import { type Play, warnUnless } from './play.ts'

/** A request to the logout endpoint; an empty parameter is not sent. */
export interface LogoutRequest {
  readonly id_token_hint: string
  readonly post_logout_redirect_uri: string
  readonly state: string
}

/** The beginning of every module about logout: somebody who has signed in, and the request by which they could be signed out. */
export async function signInForLogout(play: Play, metadata: Readonly<Record<string, unknown>> = {}) {
  const post_logout_redirect_uri = `${play.suite.server.base}/post_logout_redirect`
  const client = await newClient(play, { post_logout_redirect_uris: [post_logout_redirect_uri], ...metadata })
  const flow = await signIn(play, client, { state: randomState(128) })
  const request: LogoutRequest = {
    ...{ id_token_hint: flow.idToken.text, post_logout_redirect_uri, state: randomLogoutState() },
  }
  return { client, flow, request }
}

/** Goes to the logout endpoint, and confirms if the provider asks. */
export async function signOut(play: Play, request: LogoutRequest): Promise<{ page: Visit; end: Visit }> {
  const sent = Object.entries(request).filter(([, value]) => value !== '')
  const page = await play.browser.get(`${play.provider.metadata.end_session_endpoint}?${new URLSearchParams(sent)}`)
  const asks = page.text.includes('id="confirm-logout"')
  return { page, end: asks ? await play.browser.submit(page, 'confirm-logout') : page }
}

/** Back at the client, with `state` and nothing else (CheckPostLogoutState, CheckForUnexpectedParametersInPostLogoutRedirect). */
export function assertReturned(play: Play, request: LogoutRequest, end: Pick<Visit, 'location' | 'status'>): void {
  assert.ok(end.location, `a page: ${end.status}`)
  const target = new URL(end.location)
  assert.equal(target.origin + target.pathname, request.post_logout_redirect_uri)
  assert.equal(target.searchParams.get('state') ?? '', request.state, 'state')
  for (const name of target.searchParams.keys()) warnUnless(play, name === 'state', `${name} after the logout`)
}

const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'
const punctuation = '!"#$%&\'()*,-./:<=>?@[\\]^_`{|}~'

/** CreateRandomEndSessionState: 50 letters, 10 digits and 30 other characters of RFC 6749 Appendix A.5, of which the suite leaves out what is often mistaken in URLs. */
function randomLogoutState(): string {
  const some = (of: string, count: number) => Array.from({ length: count }, () => of[randomInt(of.length)])
  const all = [...some(letters, 50), ...some('0123456789', 10), ...some(punctuation, 30)]
  return all
    .map((character) => ({ character, place: randomInt(2 ** 32) }))
    .sort((one, other) => one.place - other.place)
    .map(({ character }) => character)
    .join('')
}
