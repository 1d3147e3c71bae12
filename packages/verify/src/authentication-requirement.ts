import type { AccessTokenClaims } from './access-token-claims.ts'
import { quoted, VerificationError } from './verification-error.ts'

/** How strong and how recent a person's sign-in must be (RFC 9470). */
export type AuthenticationRequirement = {
  /** The accepted values of `acr`, in order of preference; the token must have one of them. Values are compared as they are: the list must contain the stronger ones too. */
  acr?: readonly string[]
  /** The maximum time since the sign-in, in seconds. */
  maxAge?: number
}

/** A time at which claims are checked. */
export type CheckTime = {
  /** In seconds. */
  clockTolerance: number
  /** Seconds since 1970. */
  now: number
}

const maxSeconds = 31_536_000

/**
 * Checks a requirement when the service starts.
 *
 * @throws {TypeError}
 */
export function checkRequirement({ acr, maxAge }: AuthenticationRequirement): AuthenticationRequirement {
  // The values are sent in a header, separated by spaces (RFC 9470 §3).
  if (
    acr !== undefined &&
    !(
      Array.isArray(acr) &&
      acr.length > 0 &&
      Array.from(acr).every((value) => typeof value === 'string' && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value))
    )
  )
    throw new TypeError('acr must be a non-empty list of values without spaces, quotes or backslashes.')
  if (maxAge !== undefined && !(Number.isInteger(maxAge) && maxAge >= 0 && maxAge <= maxSeconds))
    throw new TypeError(`maxAge must be a whole number of seconds, at most ${maxSeconds}.`)
  return { ...(acr && { acr: [...acr] }), ...(maxAge !== undefined && { maxAge }) }
}

/**
 * What two requirements demand together: the values of `acr` that both accept, and the shorter time.
 *
 * @throws {TypeError} if there is no value that both accept
 */
export function bothRequirements(
  first: AuthenticationRequirement,
  second: AuthenticationRequirement,
): AuthenticationRequirement {
  const acr =
    first.acr && second.acr ? second.acr.filter((value) => first.acr?.includes(value)) : (second.acr ?? first.acr)
  if (acr?.length === 0) throw new TypeError('No value of acr is accepted by the verifier and by this call.')
  const ages = [first.maxAge, second.maxAge].filter((age) => age !== undefined)
  return { ...(acr && { acr }), ...(ages.length > 0 && { maxAge: Math.min(...ages) }) }
}

/**
 * Checks how and when the person signed in (RFC 9470 §6.1). A token without these claims, such as that of a client that acts for itself, satisfies no
 * requirement.
 *
 * @throws {VerificationError} `insufficient_user_authentication`
 */
export function requireAuthentication(
  claims: AccessTokenClaims,
  requirement: AuthenticationRequirement,
  { clockTolerance, now }: CheckTime,
): void {
  const { acr, maxAge } = requirement
  const { acr: given, auth_time: authTime } = claims
  if (acr && !(given !== undefined && acr.includes(given)))
    throw insufficient(
      `The user must sign in with ${acr.join(' or ')}; the token's acr is ${quoted(given)}.`,
      requirement,
    )
  if (maxAge === undefined) return
  // Written so that the token is rejected if the clock returns NaN.
  if (!(authTime !== undefined && now <= authTime + maxAge + clockTolerance)) {
    const when = authTime === undefined ? 'the token does not say when' : `it was ${Math.floor(now - authTime)} s ago`
    throw insufficient(`The user must have signed in within the last ${maxAge} s; ${when} (auth_time).`, requirement)
  }
}

function insufficient(message: string, requirement: AuthenticationRequirement): VerificationError {
  return new VerificationError('insufficient_user_authentication', message, { requirement })
}
