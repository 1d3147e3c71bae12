import assert from 'node:assert/strict'
import { authorizationRequest, authorize, errorFrom, errorPageFrom, randomState } from '../support/authorization.ts'
import { newClient, type SuiteClient } from '../support/clients.ts'
import { type Flow, signIn } from '../support/flow.ts'
import { type Module, type Play, warnUnless } from '../support/play.ts'
import { needsInteraction } from './core.ts'

export const logoutDiscovery: Module = async ({ provider }) => {
  assert.match(String(provider.metadata.end_session_endpoint), /^https:/)
}

interface LogoutRequest {
  readonly id_token_hint: string
  readonly post_logout_redirect_uri: string
  readonly state: string
}

/** How a module changes the request; an empty parameter is not sent. */
type Change = (request: LogoutRequest, play: Play) => Partial<LogoutRequest> | Promise<Partial<LogoutRequest>>

/** oidcc-rp-initiated-logout and -no-state: back at the client, with `state` and nothing else, and then signed out. */
export function redirects(change: Change = () => ({})): Module {
  return async (play) => {
    const { client, request, end } = await logout(play, change)
    assert.ok(end.location, `a page: ${end.status}`)
    const target = new URL(end.location)
    assert.equal(target.origin + target.pathname, request.post_logout_redirect_uri)
    assert.equal(target.searchParams.get('state') ?? '', request.state, 'state')
    for (const name of target.searchParams.keys()) warnUnless(play, name === 'state', `${name} after the logout`)
    await assertSignedOut(play, client)
  }
}

/** Five modules: the provider must not redirect, but show an error or ask. */
export function refuses(change: Change): Module {
  return async (play) => {
    const { page } = await logout(play, change)
    if (page.status !== 200) errorPageFrom({ pages: [page], response: undefined })
    else assert.match(page.text, /id="confirm-logout"/)
  }
}

/** Three modules: the person is signed out and told so, without a redirect. */
export function saysSignedOut(change: Change): Module {
  return async (play) => {
    const { client, end } = await logout(play, change)
    assert.equal(end.location, undefined)
    assert.equal(end.status, 200)
    await assertSignedOut(play, client)
  }
}

/** Signs in, goes to the logout endpoint, and confirms if the provider asks. */
async function logout(play: Play, change: Change) {
  const post_logout_redirect_uri = `${play.suite.server.base}/post_logout_redirect`
  const client = await newClient(play, { post_logout_redirect_uris: [post_logout_redirect_uri] })
  const flow: Flow = await signIn(play, client, { state: randomState(128) })
  const whole = { id_token_hint: flow.idToken.text, post_logout_redirect_uri, state: randomState(128) }
  const request = { ...whole, ...(await change(whole, play)) }
  const sent = Object.fromEntries(Object.entries(request).filter(([, value]) => value !== ''))
  const page = await play.browser.get(`${play.provider.metadata.end_session_endpoint}?${new URLSearchParams(sent)}`)
  const asks = page.text.includes('id="confirm-logout"')
  const end = asks ? await play.browser.submit(page, 'confirm-logout') : page
  return { client, request, page, end }
}

async function assertSignedOut(play: Play, client: SuiteClient): Promise<void> {
  const request = authorizationRequest(play, client, { prompt: 'none', state: randomState(128) })
  errorFrom(play, request, await authorize(play, request), needsInteraction)
}

/** ChangeIdTokenToAlgNone */
export const unsignedHint: Change = ({ id_token_hint }) => ({
  id_token_hint: `${Buffer.from('{"alg":"none"}').toString('base64url')}.${id_token_hint.split('.')[1]}.`,
})

/** The same claims, signed with a key of the client. */
export const foreignHint: Change = async ({ id_token_hint }, { suite }) => ({
  id_token_hint: await suite.keys.first.sign(
    JSON.parse(Buffer.from(id_token_hint.split('.')[1] ?? '', 'base64url').toString()),
  ),
})
