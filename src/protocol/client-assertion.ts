import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { VerificationError } from '#verify'
import { parseCompactJws, parsePart } from '#verify/compact-jws'
import {
  type AssertionAlgorithm,
  assertionAlgorithms,
  type ClientAssertionAlgorithm,
} from '../platform/jwt/algorithms.ts'
import { macHolds } from '../platform/jwt/verify.ts'
import { faultInHeader, faultOf, type PublicKeys, verifyWithKeysOf } from './client-jwt.ts'

export interface AssertionRules {
  readonly clientId: string
  readonly issuer: string
  /** The other URLs of this server that an assertion may be for. */
  readonly otherAudiences: readonly string[]
  /** Whether `aud` must be the issuer, as a string, and nothing else. */
  readonly requireIssuerAudience: boolean
  /** Seconds since 1970. */
  readonly now: number
  /** Seconds. */
  readonly clockSkew: number
}

/** Seconds. The `jti` of an assertion is remembered until it expires. */
const maxLifetime = 600

/** Characters. A form has the same limit. */
const maxLength = 8192

/**
 * RFC 7523 does not define `typ`. Its successor defines `client-authentication+jwt` (draft-ietf-oauth-rfc7523bis §4), and
 * draft-ietf-oauth-client-id-metadata-document recommends `oauth-client-auth+jwt`. Current clients send `JWT` or nothing. Any other type means a JWT that the same key signed for another purpose (RFC 8725 §2.8, §3.11).
 */
const assertionTypes = ['JWT', 'client-authentication+jwt', 'oauth-client-auth+jwt']

/** What an assertion says about itself. Nothing of it is verified yet. */
export interface ClaimedAssertion {
  readonly clientId: string
  /** `private_key_jwt` unless its algorithm is that of an HMAC. Only the method that the client registered decides which keys are tried. */
  readonly method: 'client_secret_jwt' | 'private_key_jwt'
}

/**
 * The client that an assertion claims to be from. The claim is not verified yet: use it only to find the keys that verify the assertion.
 * The assertion is parsed more strictly than jose does later, so that it has only one encoding, and one value for each member.
 *
 * @returns undefined if it is not a JWT, or if its `sub` is not printable ASCII, as every `client_id` is
 */
export function claimedAssertion(assertion: string): ClaimedAssertion | undefined {
  try {
    const { header, payload } = parseCompactJws(assertion, maxLength)
    const { sub } = parsePart('payload', payload)
    if (typeof sub !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(sub)) return undefined
    const { alg } = header
    const isHmac = typeof alg === 'string' && alg.startsWith('HS')
    return { clientId: sub, method: isHmac ? 'client_secret_jwt' : 'private_key_jwt' }
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}

/** The `jti` of an assertion and when it may be forgotten, in seconds since 1970; or what is wrong, for the operator. */
export type VerifiedAssertion = { readonly jti: string; readonly forgetAt: number } | { readonly fault: string }

/**
 * The key that an assertion names. The claim is not verified yet: use it only to find the keys that verify the assertion.
 *
 * @returns undefined if it names none, or is not a JWT
 */
export function claimedKeyId(assertion: string): string | undefined {
  try {
    const { kid } = parseCompactJws(assertion, maxLength).header
    return typeof kid === 'string' ? kid : undefined
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}

/**
 * Checks an assertion that was signed with a private key (private_key_jwt: RFC 7523 §3, OpenID Connect Core §9). The caller must ensure by the `jti` that
 * it is used only once.
 *
 * @param keys as in `verifyWithKeysOf`
 * @param algorithm the client's registered one; undefined: any that its key allows. Never that of an HMAC: its public keys are no secret (RFC 8725 §2.1)
 */
export async function verifyClientAssertion(
  assertion: string,
  rules: AssertionRules,
  {
    keys,
    algorithm,
  }: {
    readonly keys: (tried?: PublicKeys) => Promise<PublicKeys>
    readonly algorithm: AssertionAlgorithm | undefined
  },
): Promise<VerifiedAssertion> {
  const algorithms: ClientAssertionAlgorithm[] = algorithm ? [algorithm] : [...assertionAlgorithms]
  return verify(assertion, rules, algorithms, (jwtWith) => verifyWithKeysOf(keys, jwtWith))
}

/** A key for comparisons with nothing, so that they take the same time. */
const dummyKey = createSecretKey(randomBytes(32))

/** The number of comparisons for any client: a rotation leaves two secrets. */
const comparisons = 2

/**
 * Finds the secret that an assertion was signed with (client_secret_jwt, OpenID Connect Core §9). It compares with every secret without stopping at the first
 * match, and does the same work if there is none.
 *
 * @param secrets the opened secrets of the client; empty if it is unknown or registered for another method
 * @returns undefined if none matches, or if the algorithm is not HS256
 */
export function matchingHmacSecret<Secret extends { readonly key: KeyObject }>(
  assertion: string,
  secrets: readonly Secret[],
): Secret | undefined {
  const { header, signingInput, signature } = parseCompactJws(assertion, maxLength)
  const matches = secrets.filter(({ key }) => macHolds(key, signingInput, signature))
  for (let count = secrets.length; count < comparisons; count++) macHolds(dummyKey, signingInput, signature)
  // RFC 8725 §3.1: no longer HMAC either, as the client could not have registered it.
  return header['alg'] === 'HS256' ? matches[0] : undefined
}

/** Checks an assertion whose key was found by `matchingHmacSecret`. The caller must ensure by the `jti` that it is used only once. */
export async function verifyHmacAssertion(
  assertion: string,
  rules: AssertionRules,
  key: KeyObject,
): Promise<VerifiedAssertion> {
  return verify(assertion, rules, ['HS256'], (jwtWith) => jwtWith(async () => key))
}

async function verify(
  assertion: string,
  rules: AssertionRules,
  algorithms: ClientAssertionAlgorithm[],
  withKeys: (jwtWith: (keyFor: JWTVerifyGetKey) => Promise<JWTPayload>) => Promise<JWTPayload>,
): Promise<VerifiedAssertion> {
  const { clientId, now, clockSkew } = rules
  try {
    const fault = faultInHeader(parseCompactJws(assertion, maxLength).header, assertionTypes)
    if (fault) return { fault }
    const options = {
      algorithms,
      issuer: clientId,
      subject: clientId,
      currentDate: new Date(now * 1000),
      clockTolerance: clockSkew,
      requiredClaims: ['exp', 'jti'],
    }
    const { aud, exp, iat, jti } = await withKeys(
      async (keyFor) => (await jwtVerify(assertion, keyFor, options)).payload,
    )
    const wrongAudience = faultInAudience(aud, rules)
    if (wrongAudience) return { fault: wrongAudience }
    if (exp === undefined || exp - now > maxLifetime + clockSkew) return { fault: 'exp is more than ten minutes away' }
    if (iat !== undefined && iat > now + clockSkew) return { fault: 'iat is in the future' }
    if (typeof jti !== 'string' || jti === '' || jti.length > 255)
      return { fault: 'jti is not a string of 1 to 255 characters' }
    return { jti, forgetAt: exp + clockSkew }
  } catch (error) {
    return { fault: faultOf(error) }
  }
}

/**
 * RFC 7523 §3, item 3: the audience is this server, by its issuer or the URL of its token endpoint (OpenID Connect Core §9). An assertion
 * that also names another server is refused, because that server could send it to us. A client that talks to several servers can be made to sign
 * an assertion for the token endpoint of another one (draft-ietf-oauth-rfc7523bis §1). Only the issuer as its whole audience prevents that.
 */
function faultInAudience(
  aud: unknown,
  { issuer, otherAudiences, requireIssuerAudience }: AssertionRules,
): string | undefined {
  if (requireIssuerAudience) return aud === issuer ? undefined : 'aud is not the issuer as a single string'
  const members: unknown[] = Array.isArray(aud) ? aud : [aud]
  if (
    members.length > 0 &&
    members.every((member) => member === issuer || otherAudiences.some((url) => url === member))
  )
    return undefined
  return 'aud does not name this issuer or its token endpoint, or also names another server'
}
