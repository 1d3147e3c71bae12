import assert from 'node:assert/strict'
import { assertReturned, type LogoutRequest, signInForLogout, signOut } from '../support/logouts.ts'
import type { Module, Play } from '../support/play.ts'
import { errorPageFrom } from '../support/responses.ts'
import { assertNotSignedIn } from './sessions.ts'

export const logoutDiscovery: Module = async ({ provider }) => {
  assert.match(String(provider.metadata.end_session_endpoint), /^https:/)
}

/** How a module changes the request; an empty parameter is not sent. */
type Change = (request: LogoutRequest, play: Play) => Partial<LogoutRequest> | Promise<Partial<LogoutRequest>>

/** oidcc-rp-initiated-logout and -no-state: back at the client, with `state` and nothing else, and then signed out. */
export function redirects(change: Change = () => ({})): Module {
  return async (play) => {
    const { client, request, end } = await logout(play, change)
    assertReturned(play, request, end)
    await assertNotSignedIn(play, client)
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
    await assertNotSignedIn(play, client)
  }
}

async function logout(play: Play, change: Change) {
  const { client, request: whole } = await signInForLogout(play)
  const request = { ...whole, ...(await change(whole, play)) }
  return { client, request, ...(await signOut(play, request)) }
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
