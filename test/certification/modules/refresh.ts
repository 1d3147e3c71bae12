import assert from 'node:assert/strict'
import { decodeJwt } from 'jose'
import { authorizationRequest, authorize } from '../support/authorization.ts'
import { credentialsOf, grantTypesFor, newClient, newClientWithJwksUri, type SuiteClient } from '../support/clients.ts'
import { assertUnguessable } from '../support/entropy.ts'
import { complete, type Outcome } from '../support/flow.ts'
import { type Module, type Play, Skipped, waitFor, warnUnless } from '../support/play.ts'
import { assertTokenError, postToken, type Tokens, tokensFrom } from '../support/tokens.ts'
import { claimsFrom, getUserinfo } from '../support/userinfo.ts'

const withRefreshTokens = ({ variant }: Play) => ({
  grant_types: [...grantTypesFor(variant.responseType), 'refresh_token'],
})

/** oidcc-refresh-token: with two clients, the second of which is given away at the end. */
export const refreshToken: Module = async (play) => {
  const first = await newClient(play, withRefreshTokens(play))
  const second = await newClient(play, withRefreshTokens(play), 'second')
  await refresh(play, first, await signInForRefresh(play, first), true)
  const refreshToken = await refresh(play, second, await signInForRefresh(play, second), false)
  const parameters = { grant_type: 'refresh_token', refresh_token: refreshToken }
  const stolen = await postToken(play, await credentialsOf(play, first), parameters)
  assertTokenError(stolen, ['invalid_grant'])
}

/** oidcc-refresh-token-rp-key-rotation: after other keys are at the client's `jwks_uri`, for a minute. */
export const refreshWithRotatedKeys: Module = async (play) => {
  const client = await newClientWithJwksUri(play, withRefreshTokens(play))
  const signedIn = await signInForRefresh(play, client)
  const rotated = client.rotateKeys()
  await waitFor(play, 60)
  await refresh(play, rotated, signedIn, true)
}

/** A sign-in that leaves a refresh token, or the reason why the module is passed over. */
async function signInForRefresh(play: Play, client: SuiteClient) {
  const isOffered = play.provider.metadata.scopes_supported?.includes('offline_access')
  const request = authorizationRequest(play, client, {
    ...(isOffered ? { scope: 'openid offline_access', prompt: 'consent' } : {}),
  })
  const tokens = await complete(play, client, request, await authorize(play, request))
  const { refreshToken } = tokens
  const says = play.provider.metadata.grant_types_supported?.includes('refresh_token') ?? false
  warnUnless(play, says === (refreshToken !== undefined), 'grant_types_supported is wrong about refresh_token')
  if (refreshToken === undefined) throw new Skipped('no refresh token was issued')
  return { request, tokens, refreshToken }
}

/** RefreshTokenRequestSteps: compares the tokens, and returns the refresh token that the client has then. */
async function refresh(
  play: Play,
  client: SuiteClient,
  { request, tokens, refreshToken }: Awaited<ReturnType<typeof signInForRefresh>>,
  sendsScope: boolean,
): Promise<string> {
  // RFC 6749 Appendix A.17
  assert.match(refreshToken, /^[\x20-\x7e]+$/)
  const reply = await postToken(play, await credentialsOf(play, client), {
    grant_type: 'refresh_token',
    refresh_token: refreshToken,
    ...(sendsScope ? { scope: request['scope'] ?? '' } : {}),
  })
  const after = await tokensFrom(play, client, reply, withoutNonceUnlessSent(reply, request))
  assert.match(reply.headers.get('cache-control') ?? '', /\bno-store\b/)
  assert.match(after.accessToken, /^[\x20-\x7e]+$/)
  assertUnguessable(after.accessToken, 'the access token')
  assert.notEqual(after.accessToken, tokens.accessToken)
  const newest = after.refreshToken ?? refreshToken
  assertUnguessable(newest, 'the refresh token')
  assertSamePerson(after, tokens)
  await claimsFrom(await getUserinfo(play, after), after)
  return newest
}

/** OpenID Connect Core §12.2: an ID token of a refresh should have no nonce; if it has one, it is that of the request. */
function withoutNonceUnlessSent({ body }: { body: { id_token?: string } }, request: Record<string, string>) {
  const hasNonce = body.id_token !== undefined && 'nonce' in decodeJwt(body.id_token)
  return Object.fromEntries(Object.entries(request).filter(([name]) => name !== 'nonce' || hasNonce))
}

/** CompareIdTokenClaims (OpenID Connect Core §12.2). */
function assertSamePerson({ idToken: after }: Tokens, { idToken: before }: Outcome): void {
  for (const name of ['iss', 'sub', 'azp'] as const) assert.equal(after.claims[name], before.claims[name], name)
  assert.deepEqual(after.claims.aud, before.claims.aud)
  assert.equal(after.authTime, before.authTime, 'auth_time')
  assert.ok(Number(after.claims.iat) >= Number(before.claims.iat), 'iat')
}
