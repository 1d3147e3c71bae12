import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { compactVerify, decodeJwt, decodeProtectedHeader, importJWK, type JWK, type JWTPayload } from 'jose'
import type { AuthorizationRequest } from './authorization.ts'
import { assertClaimTypes, claimsOfScope } from './claims.ts'
import type { SuiteClient } from './clients.ts'
import { type Play, warnUnless } from './play.ts'
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

/** What came in the same response as an ID token, and which endpoint it is from. */
export interface Accompanied {
  readonly by: 'authorization endpoint' | 'token endpoint'
  readonly accessToken?: string | undefined
  readonly code?: string | undefined
}

/** The claims of an ID token that are not about the person. */
const idTokenClaims: readonly string[] = [
  ...['iss', 'sub', 'aud', 'exp', 'iat', 'auth_time', 'nonce', 'acr', 'amr', 'azp'],
  ...['at_hash', 'c_hash', 's_hash', 'nbf', 'jti', 'sid'],
]

/** PerformStandardIdTokenChecks (OpenID Connect Core §2, §3.1.3.7, §3.2.2.11, §3.3.2.12). */
export async function readIdToken(
  play: Play,
  client: SuiteClient,
  text: string,
  request: AuthorizationRequest,
  accompanied: Accompanied,
): Promise<IdToken> {
  const claims = decodeJwt<Record<string, unknown>>(text)
  const { alg, kid } = decodeProtectedHeader(text)
  assertIssued(claims, play.provider.issuer, client.client_id)
  // Absent if none was sent.
  assert.equal(claims['nonce'], request['nonce'], 'nonce')
  if (claims['azp'] !== undefined) assert.equal(claims['azp'], client.client_id, 'azp')
  assert.notEqual(claims['acr'], '', 'acr')
  assertClaimTypes(claims)
  await verifySignature(play, text, { alg, kid })
  assertHashes(claims, alg, accompanied)
  const expected = [...idTokenClaims, ...personalClaimsFor(request)]
  for (const name of Object.keys(claims)) warnUnless(play, expected.includes(name), `${name} in the ID token`)
  const authTime = claims['auth_time'] as number | undefined
  return { text, alg, kid, claims, authTime: authTime === undefined ? undefined : authTime + play.waited }
}

/** ValidateIdToken, and CheckSubjectValid: at most 255 printable characters of ASCII. */
function assertIssued(claims: JWTPayload, issuer: string, clientId: string): void {
  const now = Date.now() / 1000
  const skew = 300
  assert.equal(claims.iss, issuer, 'iss')
  assert.ok([claims.aud].flat().includes(clientId), 'aud')
  assert.ok(claims.exp !== undefined && claims.exp > now - skew && claims.exp < now + 50 * 365 * 86_400, 'exp')
  assert.ok(claims.iat !== undefined && claims.iat > now - skew && claims.iat < now + skew, 'iat')
  assert.match(String(claims.sub), /^[\x20-\x7e]{1,255}$/, 'sub')
}

/**
 * `at_hash` and `c_hash` (OpenID Connect Core §3.1.3.6, §3.2.2.10, §3.3.2.11): right if they are there, never without what they are the hash of, and required from
 * the authorization endpoint. The suite looks for missing ones in oidcc-server only.
 */
export function assertHashes(claims: JWTPayload, alg: string | undefined, { by, accessToken, code }: Accompanied) {
  for (const [name, value] of [
    ['at_hash', accessToken],
    ['c_hash', code],
  ] as const) {
    if (value === undefined) assert.equal(claims[name], undefined, `${name} without what it is the hash of`)
    else if (claims[name] === undefined) assert.equal(by, 'token endpoint', `${name} is missing`)
    else assert.equal(claims[name], halfHash(value, alg), name)
  }
}

/** The left half of the hash. EdDSA uses SHA-512 (RFC 8032), the others the hash in their name. */
export function halfHash(value: string, alg: string | undefined): string {
  const name = alg === 'EdDSA' ? 'sha512' : `sha${alg?.slice(-3)}`
  const digest = createHash(name).update(value).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

/**
 * EnsureIdTokenDoesNotContainNonRequestedClaims, and more strictly also without claims of scopes, unless there is no access token for userinfo
 * (OpenID Connect Core §5.4).
 */
function personalClaimsFor(request: AuthorizationRequest): readonly string[] {
  const asked = Object.keys(JSON.parse(request['claims'] ?? '{}').id_token ?? {})
  if (request['response_type'] !== 'id_token') return asked
  return [...asked, ...(request['scope'] ?? '').split(' ').flatMap((scope) => claimsOfScope[scope] ?? [])]
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
