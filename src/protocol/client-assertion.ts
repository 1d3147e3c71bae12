import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from 'jose'
import { VerificationError } from '#verify'
import { parseCompactJws, parsePart } from '#verify/compact-jws'
import { changedMeaning, isMediaType } from '#verify/signed-jwt'
import type { JsonObject } from '#verify/strict-json'
import { quoted } from '#verify/verification-error'
import { type AssertionAlgorithm, assertionAlgorithms } from '../platform/jwt/algorithms.ts'

export interface AssertionRules {
  readonly clientId: string
  /** Of which the assertion must name exactly one, and as a string: an array would make it good elsewhere too. */
  readonly audiences: readonly string[]
  readonly jwks: JSONWebKeySet
  /** The client's registered algorithm; undefined: any that its key is for. */
  readonly algorithm: AssertionAlgorithm | undefined
  /** Seconds since 1970. */
  readonly now: number
  /** Seconds. */
  readonly clockSkew: number
}

/** Seconds that an assertion may live: its `jti` is remembered for as long. */
const longestLife = 600

/** Characters; a form holds no more. */
const longestAssertion = 8192

/**
 * RFC 7523 says nothing of `typ`, and its successor names `client-authentication+jwt` (draft-ietf-oauth-rfc7523bis §4). Clients of
 * today send `JWT` or nothing. Any other type is a JWT that the same key signed for another purpose (RFC 8725 §2.8, §3.11).
 */
const assertionTypes = ['JWT', 'client-authentication+jwt']

/**
 * The client's own statement of who it is: not to be believed, only to find the keys that check it. The assertion is read more
 * strictly than jose reads it afterwards, so that it has one spelling, and one value for each member.
 *
 * @returns undefined for what is no JWT, or names no client in printable ASCII, as every `client_id` is
 */
export function claimedClientId(assertion: string): string | undefined {
  try {
    const { sub } = parsePart('payload', parseCompactJws(assertion, longestAssertion).payload)
    return typeof sub === 'string' && /^[\x20-\x7e]{1,255}$/.test(sub) ? sub : undefined
  } catch (error) {
    if (error instanceof VerificationError) return undefined
    throw error
  }
}

/**
 * Checks a client assertion (RFC 7523 §3, OpenID Connect Core §9). That it is used once is the caller's to see to, by its `jti`.
 *
 * @returns the `jti` and when it may be forgotten, in seconds since 1970; or, for the operator, what is wrong
 */
export async function verifyClientAssertion(
  assertion: string,
  rules: AssertionRules,
): Promise<{ readonly jti: string; readonly forgetAt: number } | { readonly fault: string }> {
  const { clientId, audiences, jwks, algorithm, now, clockSkew } = rules
  try {
    const fault = faultInHeader(parseCompactJws(assertion, longestAssertion).header)
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
    if (typeof aud !== 'string' || !audiences.includes(aud)) return { fault: 'aud is not the one string it must be' }
    if (exp === undefined || exp - now > longestLife + clockSkew) return { fault: 'it lives longer than ten minutes' }
    if (iat !== undefined && iat > now + clockSkew) return { fault: 'iat is in the future' }
    if (typeof jti !== 'string' || jti === '' || jti.length > 255)
      return { fault: 'jti is no text of 1 to 255 characters' }
    return { jti, forgetAt: exp + clockSkew }
  } catch (error) {
    // Whatever a hostile assertion or key makes jose throw is a refusal; a fault of ours is not.
    if (error instanceof errors.JOSEError || error instanceof VerificationError || error instanceof TypeError)
      return { fault: error.message }
    throw error
  }
}

/** jose ignores a `b64` that `crit` does not name, and looks at `typ` only where there is one type. */
function faultInHeader(header: JsonObject): string | undefined {
  const refused = changedMeaning.find((parameter) => Object.hasOwn(header, parameter))
  if (refused !== undefined) return `its header has ${refused}`
  const { typ } = header
  if (typ === undefined || assertionTypes.some((type) => isMediaType(typ, type))) return undefined
  return `its type (typ) is ${quoted(typ)}, not ${assertionTypes.join(' or ')}`
}
