import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose'
import { VerificationError } from '#verify'
import { parseCompactJws, parsePart } from '#verify/compact-jws'
import { changedMeaning, isMediaType } from '#verify/signed-jwt'
import type { JsonObject } from '#verify/strict-json'
import { quoted } from '#verify/verification-error'
import { type AssertionAlgorithm, assertionAlgorithms } from '../platform/jwt/algorithms.ts'

export interface AssertionRules {
  readonly clientId: string
  readonly issuer: string
  /** The other URLs of this server that an assertion may be for. */
  readonly otherAudiences: readonly string[]
  /** Whether `aud` must be the issuer, as a string, and nothing else. */
  readonly requireIssuerAudience: boolean
  readonly jwks: JSONWebKeySet
  /** The client's registered algorithm; undefined: any algorithm that its key allows. */
  readonly algorithm: AssertionAlgorithm | undefined
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
 * RFC 7523 does not define `typ`. Its successor defines `client-authentication+jwt` (draft-ietf-oauth-rfc7523bis §4). Current clients
 * send `JWT` or nothing. Any other type means a JWT that the same key signed for another purpose (RFC 8725 §2.8, §3.11).
 */
const assertionTypes = ['JWT', 'client-authentication+jwt']

/**
 * The client that an assertion claims to be from. The claim is not verified yet: use it only to find the keys that verify the assertion.
 * The assertion is parsed more strictly than jose does later, so that it has only one encoding, and one value for each member.
 *
 * @returns undefined if it is not a JWT, or if its `sub` is not printable ASCII, as every `client_id` is
 */
export function claimedClientId(assertion: string): string | undefined {
  try {
    const { sub } = parsePart('payload', parseCompactJws(assertion, maxLength).payload)
    return typeof sub === 'string' && /^[\x20-\x7e]{1,255}$/.test(sub) ? sub : undefined
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}

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
 * Checks a client assertion (RFC 7523 §3, OpenID Connect Core §9). The caller must ensure by the `jti` that it is used only once.
 *
 * @returns the `jti` and when it may be forgotten, in seconds since 1970; or what is wrong, for the operator
 */
export async function verifyClientAssertion(
  assertion: string,
  rules: AssertionRules,
): Promise<{ readonly jti: string; readonly forgetAt: number } | { readonly fault: string }> {
  const { clientId, jwks, algorithm, now, clockSkew } = rules
  try {
    const fault = faultInHeader(parseCompactJws(assertion, maxLength).header)
    if (fault) return { fault }
    const { payload } = await jwtVerify(assertion, createLocalJWKSet(jwks), {
      algorithms: algorithm ? [algorithm] : [...assertionAlgorithms],
      issuer: clientId,
      subject: clientId,
      currentDate: new Date(now * 1000),
      clockTolerance: clockSkew,
      requiredClaims: ['exp', 'jti'],
    })
    const { aud, exp, iat, jti } = payload
    const wrongAudience = faultInAudience(aud, rules)
    if (wrongAudience) return { fault: wrongAudience }
    if (exp === undefined || exp - now > maxLifetime + clockSkew) return { fault: 'exp is more than ten minutes away' }
    if (iat !== undefined && iat > now + clockSkew) return { fault: 'iat is in the future' }
    if (typeof jti !== 'string' || jti === '' || jti.length > 255)
      return { fault: 'jti is not a string of 1 to 255 characters' }
    return { jti, forgetAt: exp + clockSkew }
  } catch (error) {
    // Errors that a hostile assertion or key can cause in jose are refusals. Our own faults are not.
    if (error instanceof errors.JOSEError || error instanceof VerificationError || error instanceof TypeError)
      return { fault: error.message }
    throw error
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

/** Checks what jose does not: it ignores a `b64` that `crit` does not list, and it can check `typ` against one type only. */
function faultInHeader(header: JsonObject): string | undefined {
  const refused = changedMeaning.find((parameter) => Object.hasOwn(header, parameter))
  if (refused !== undefined) return `its header has ${refused}`
  const { typ } = header
  if (typ === undefined || assertionTypes.some((type) => isMediaType(typ, type))) return undefined
  return `its type (typ) is ${quoted(typ)}, not ${assertionTypes.join(' or ')}`
}
