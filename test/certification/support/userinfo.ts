import assert from 'node:assert/strict'
import { assertClaimTypes } from './claims.ts'
import type { IdToken } from './id-tokens.ts'
import type { Play } from './play.ts'

type UserinfoRequest = Pick<RequestInit, 'method' | 'headers' | 'body'>

/** Every flow ends with this request (requestProtectedResource). */
export async function getUserinfo(play: Play, { accessToken }: { readonly accessToken: string }): Promise<Response> {
  return fetchUserinfo(play, { headers: { authorization: `Bearer ${accessToken}` } })
}

export async function fetchUserinfo(play: Play, request: UserinfoRequest): Promise<Response> {
  return fetch(play.provider.metadata.userinfo_endpoint, request)
}

/** Checks a response in JSON (OpenID Connect Core §5.3.2) and returns its claims. */
export async function claimsFrom(response: Response, { idToken }: { readonly idToken: IdToken }) {
  assert.equal(response.status, 200)
  assert.match(response.headers.get('content-type') ?? '', /^application\/json\b/)
  const claims = (await response.json()) as Record<string, unknown>
  assertClaimTypes(claims)
  assert.equal(claims['sub'], idToken.claims.sub, 'sub is not that of the ID token')
  return claims
}
