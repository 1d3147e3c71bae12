import assert from 'node:assert/strict'
import { loadFrames } from '../support/frames.ts'
import { assertFrontChannelLogout, assertLogoutToken, logoutTokenIn } from '../support/logout-messages.ts'
import { assertReturned, signInForLogout, signOut } from '../support/logouts.ts'
import { openOpFrame } from '../support/op-frame.ts'
import { type Module, warnUnless } from '../support/play.ts'
import { staticLogoutMetadata } from '../support/static-clients.ts'
import { logoutDiscovery } from './logout.ts'
import { assertNotSignedIn } from './sessions.ts'

/** oidcc-frontchannel-logout-discovery-endpoint-verification and oidcc-backchannel-logout-discovery-endpoint-verification */
export function channelDiscovery(channel: 'frontchannel' | 'backchannel'): Module {
  return async (play) => {
    const { metadata } = play.provider
    await logoutDiscovery(play)
    for (const [name, value] of Object.entries(metadata))
      if (name.endsWith('_endpoint')) assert.match(String(value), /^https:/, name)
    for (const name of [`${channel}_logout_supported`, `${channel}_logout_session_supported`])
      assert.equal(metadata[name], true, name)
  }
}

/** oidcc-session-management-discovery-endpoint-verification */
export const sessionDiscovery: Module = async (play) => {
  await logoutDiscovery(play)
  assert.match(String(play.provider.metadata.check_session_iframe), /^https:/, 'check_session_iframe')
}

/** oidcc-session-management-rp-initiated-logout: the provider's frame says that the session is unchanged, and after the logout that it has changed. */
export const sessionManagement: Module = async (play) => {
  await sessionDiscovery(play)
  const { client, flow, request } = await signInForLogout(play)
  const state = flow.answer.response?.parameters.get('session_state') ?? ''
  // The suite writes it into a script. OpenID Connect Session Management §2: no space.
  assert.match(state, /^[\w.-]+$/, 'session_state')
  const message = `${client.client_id} ${state}`
  const origin = new URL(client.redirectUri).origin
  const before = await openOpFrame(play)
  assert.equal(await before.ask(message, origin), 'unchanged')
  assertReturned(play, request, (await signOut(play, request)).end)
  const after = await openOpFrame(play)
  assert.equal(await after.ask(message, origin), 'changed')
  // Not in the suite. OpenID Connect Session Management §3.2, §6: a frame of another origin must not learn anything, and a message without both parts is an error.
  assert.notEqual(await before.ask(message, 'https://other.example'), 'unchanged')
  assert.equal(await after.ask(client.client_id, origin), 'error')
}

/** oidcc-frontchannel-rp-initiated-logout: both the frame and the redirect arrive, and then nobody is signed in. */
export const frontChannelLogout: Module = async (play) => {
  const { server } = play.suite
  const { client, flow, request } = await signInForLogout(play, staticLogoutMetadata(server, 'frontchannel'))
  const told = server.expect('/frontchannel_logout')
  const { end } = await signOut(play, request)
  const left = await loadFrames(play, end)
  assertFrontChannelLogout(play, await told, flow.idToken)
  assertReturned(play, request, left)
  await assertNotSignedIn(play, client)
}

/** oidcc-backchannel-rp-initiated-logout: both the logout token and the redirect arrive, and then nobody is signed in. */
export const backChannelLogout: Module = async (play) => {
  const { server } = play.suite
  const { client, flow, request } = await signInForLogout(play, staticLogoutMetadata(server, 'backchannel'))
  const told = server.expect('/backchannel_logout')
  assertReturned(play, request, (await signOut(play, request)).end)
  const received = await told
  await assertLogoutToken(play, client, logoutTokenIn(play, received), flow.idToken)
  warnUnless(play, received.tlsVersion === 'TLSv1.3', `the logout token came with ${received.tlsVersion}`)
  await assertNotSignedIn(play, client)
}
