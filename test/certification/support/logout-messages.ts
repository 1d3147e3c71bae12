import assert from 'node:assert/strict'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { SuiteClient } from './clients.ts'
import { type IdToken, verifySignature } from './id-tokens.ts'
import { type Play, warnUnless } from './play.ts'
import type { ReceivedRequest } from './suite-server.ts'

/** OpenID Connect Front-Channel Logout §2, §3: `iss`, and the `sid` of the last ID token. */
export function assertFrontChannelLogout(play: Play, { method, url }: ReceivedRequest, { claims }: IdToken): void {
  assert.equal(method, 'GET')
  assert.equal(url.searchParams.get('iss'), play.provider.issuer, 'iss')
  assert.ok(typeof claims['sid'] === 'string' && claims['sid'] !== '', 'the ID token has no sid')
  assert.equal(url.searchParams.get('sid'), claims['sid'], 'sid')
  for (const name of url.searchParams.keys())
    warnUnless(play, name === 'iss' || name === 'sid', `${name} at the front-channel logout`)
}

/** OpenID Connect Back-Channel Logout §2.5: the token is in a form, alone. */
export function logoutTokenIn(play: Play, { method, headers, body }: ReceivedRequest): string {
  assert.equal(method, 'POST')
  assert.match(headers['content-type'] ?? '', /^application\/x-www-form-urlencoded\b/)
  const form = new URLSearchParams(body)
  for (const name of form.keys()) warnUnless(play, name === 'logout_token', `${name} beside the logout token`)
  return form.get('logout_token') ?? ''
}

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

/**
 * OpenID Connect Back-Channel Logout §2.4, §2.6. The suite does not look at `exp`, `typ` and `alg`. The section demands the first, recommends the second, and says
 * that the third is that of ID tokens.
 */
export async function assertLogoutToken(
  play: Play,
  client: SuiteClient,
  text: string,
  idToken: IdToken,
): Promise<void> {
  const { alg, kid, typ } = decodeProtectedHeader(text)
  await verifySignature(play, text, { alg, kid })
  assert.equal(typ, 'logout+jwt', 'typ')
  assert.equal(alg, idToken.alg, 'alg')
  const claims = decodeJwt<Record<string, unknown>>(text)
  const now = Date.now() / 1000
  assert.equal(claims.iss, play.provider.issuer, 'iss')
  assert.ok([claims.aud].flat().includes(client.client_id), 'aud')
  assert.ok(claims.iat !== undefined && claims.iat > now - 86_400 && claims.iat < now + 300, 'iat')
  assert.ok(claims.exp !== undefined && claims.exp > now && claims.exp <= claims.iat + 120, 'exp')
  assert.ok(typeof claims.jti === 'string' && claims.jti !== '', 'jti')
  assert.deepEqual(claims['events'], { [logoutEvent]: {} }, 'events')
  assert.ok(!('nonce' in claims), 'nonce')
  assert.ok('sub' in claims || 'sid' in claims, 'neither sub nor sid')
  for (const name of ['sub', 'sid'])
    if (name in claims) assert.equal(claims[name], idToken.claims[name], `${name} is not that of the ID token`)
  // The client was registered with backchannel_logout_session_required (§2.2).
  assert.ok('sid' in claims, 'sid is missing')
}
