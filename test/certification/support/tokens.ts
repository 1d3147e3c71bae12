import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK, type JWTPayload } from 'jose'
import type { Reply } from '../../support/idp.ts'
import type { AuthorizationRequest } from './authorization.ts'
import { assertClaimTypes } from './claims.ts'
import { type Credentials, credentialsOf, type SuiteClient } from './clients.ts'
import { type Play, warn, warnUnless } from './play.ts'
import { readKeys } from './provider.ts'

export interface IdToken {
  readonly text: string
  readonly alg: string | undefined
  readonly kid: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: claims are judged one by one
  readonly claims: JWTPayload & Record<string, any>
  /** `auth_time` on the clock of the suite, which has waited (`waitFor`). */
  readonly authTime: number | undefined
}

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  readonly idToken: IdToken
}

/** The claims of an ID token that are not about the person. */
const idTokenClaims: readonly string[] = [
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'azp'],
  ...['at_hash', 'c_hash', 's_hash', 'nbf', 'jti', 'sid'],
]

/** POST to the token endpoint. */
export async function postToken(
  play: Play,
  { headers, form }: Credentials,
  parameters: Readonly<Record<string, string>>,
): Promise<Reply> {
  const response = await fetch(play.provider.metadata.token_endpoint, {
    method: 'POST',
    headers: { accept: 'application/json', ...headers },
    body: new URLSearchParams({ ...parameters, ...form }),
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

export function codeRequest(client: SuiteClient, code: string, redirectUri = client.redirectUri) {
  return { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
}

/** Redeems a code and checks what comes back (requestAuthorizationCode, PerformStandardIdTokenChecks). */
export async function redeem(
  play: Play,
  client: SuiteClient,
  request: AuthorizationRequest,
  code: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Tokens> {
  const parameters = { ...codeRequest(client, code, request['redirect_uri']), ...more }
  return tokensFrom(play, client, await postToken(play, await credentialsOf(play, client), parameters), request)
}

export async function tokensFrom(
  play: Play,
  client: SuiteClient,
  { status, headers, body }: Reply,
  request: AuthorizationRequest,
): Promise<Tokens> {
  assert.equal(status, 200, JSON.stringify(body))
  assert.match(headers.get('content-type') ?? '', /^application\/json\b/)
  assert.equal(typeof body.access_token, 'string')
  assert.equal(String(body.token_type).toLowerCase(), 'bearer')
  if ('expires_in' in body) assert.equal(typeof body.expires_in, 'number', 'expires_in')
  else warn(play, 'expires_in is missing')
  const idToken = await readIdToken(play, client, body.id_token, request, body.access_token)
  return { accessToken: body.access_token, refreshToken: body.refresh_token, idToken }
}

/** OpenID Connect Core §2, §3.1.3.7. */
async function readIdToken(
  play: Play,
  client: SuiteClient,
  text: string,
  request: AuthorizationRequest,
  accessToken: string,
): Promise<IdToken> {
  const claims = decodeJwt<Record<string, unknown>>(text)
  const { alg, kid } = decodeProtectedHeader(text)
  const now = Date.now() / 1000
  const skew = 300
  assert.equal(claims.iss, play.provider.issuer, 'iss')
  assert.ok([claims.aud].flat().includes(client.client_id), 'aud')
  assert.ok(claims.exp !== undefined && claims.exp > now - skew && claims.exp < now + 50 * 365 * 86_400, 'exp')
  assert.ok(claims.iat !== undefined && claims.iat < now + skew, 'iat')
  assert.ok(claims.sub !== undefined && claims.sub.length > 0 && claims.sub.length <= 255, 'sub')
  assert.equal(claims['nonce'], request['nonce'], 'nonce')
  if (claims['azp'] !== undefined) assert.equal(claims['azp'], client.client_id, 'azp')
  assertClaimTypes(claims)
  await verifySignature(play, text, { alg, kid })
  const digest = createHash(hashOf(alg)).update(accessToken).digest()
  if (claims['at_hash'] !== undefined)
    assert.equal(claims['at_hash'], digest.subarray(0, digest.length / 2).toString('base64url'), 'at_hash')
  // EnsureIdTokenDoesNotContainNonRequestedClaims, and more strictly also without claims of scopes, which are for userinfo (§5.4).
  for (const name of Object.keys(claims)) warnUnless(play, idTokenClaims.includes(name), `${name} in the ID token`)
  const authTime = claims['auth_time'] as number | undefined
  return { text, alg, kid, claims, authTime: authTime === undefined ? undefined : authTime + play.waited }
}

/** The hash function of a signature, for `at_hash` (§3.1.3.6). */
function hashOf(alg: string | undefined): string {
  return alg === 'EdDSA' ? 'sha512' : `sha${alg?.slice(-3)}`
}

/** ValidateIdTokenSignature, ValidateIdTokenSignatureUsingKid: with the key of the published set that the header names. */
export async function verifySignature(
  play: Play,
  text: string,
  { alg, kid }: { alg: string | undefined; kid: string | undefined },
): Promise<void> {
  const find = (keys: readonly JWK[]) => keys.find((key) => key.kid === kid)
  const key = find(play.provider.keys) ?? find(await readKeys(play.provider.metadata.jwks_uri))
  assert.ok(kid !== undefined && key, `the JWK Set has no key ${kid}`)
  await compactVerify(text, await importJWK(key, alg))
}

/** Checks an error of the token endpoint (RFC 6749 §5.2). */
export function assertTokenError({ status, headers, body }: Reply, allowed: readonly string[]): void {
  assert.ok(allowed.includes(body.error), `error is ${JSON.stringify(body)}, and should be ${allowed.join(' or ')}`)
  assert.ok(status === 400 || (status === 401 && body.error === 'invalid_client'), `the status is ${status}`)
  assert.match(headers.get('content-type') ?? '', /^application\/json\b/)
  assert.match(body.error_description ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]*$/, 'error_description')
  assert.match(body.error_uri ?? '', /^[\x21\x23-\x5b\x5d-\x7e]*$/, 'error_uri')
}
