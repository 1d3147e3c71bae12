import type { JsonObject } from './strict-json.ts'
import { quoted, VerificationError } from './verification-error.ts'

/**
 * The claims of a JWT access token (RFC 9068 §2.2). The presence and type of those named here have been checked. The type of any other claim
 * has not been checked.
 */
export type AccessTokenClaims = {
  iss: string
  sub: string
  aud: string | string[]
  client_id: string
  jti: string
  /** Seconds since 1970, like all times in a JWT. */
  exp: number
  iat: number
  nbf?: number
  /** Space-delimited; see `scopesOf`. */
  scope?: string
  auth_time?: number
  acr?: string
  sid?: string
  [claim: string]: unknown
}

export type ClaimRules = {
  issuer: string
  audience: readonly string[]
  requiredScopes: readonly string[]
  /** In seconds. */
  clockTolerance: number
  /** Seconds since 1970. */
  now: number
}

/**
 * Checks the claims of an access token whose signature is valid.
 *
 * @throws {VerificationError} `missing_claim`, `malformed_claim`, `wrong_issuer`, `wrong_audience`, `expired`, `not_yet_valid`,
 *   `sender_constrained`, `insufficient_scope`
 */
export function checkClaims(payload: JsonObject, rules: ClaimRules): AccessTokenClaims {
  const claims = readClaims(payload)
  const { issuer, audience, clockTolerance, now } = rules

  // RFC 9068 §4: an exact match, character by character; `https://id.example.com/` is a different issuer.
  if (claims.iss !== issuer)
    throw new VerificationError(
      'wrong_issuer',
      `The token was issued by ${quoted(claims.iss)} (iss), but this service trusts ${issuer}.`,
    )
  const audiences = typeof claims.aud === 'string' ? [claims.aud] : claims.aud
  if (!audiences.some((name) => audience.includes(name)))
    throw new VerificationError(
      'wrong_audience',
      `The token is for ${quoted(audiences.join(', '))} (aud), but this service is ${audience.join(' or ')}.`,
    )

  // RFC 7519 §4.1.4: the token is expired on or after `exp`. The tolerance is for clock differences, not to extend the lifetime. Written so
  // that the token is rejected if the clock returns NaN.
  if (!(now < claims.exp + clockTolerance))
    throw new VerificationError(
      'expired',
      `The token expired ${Math.floor(now - claims.exp)} s ago (exp ${claims.exp}, now ${Math.floor(now)}).`,
    )
  for (const name of ['nbf', 'iat'] as const) {
    const moment = claims[name]
    if (moment !== undefined && !(moment <= now + clockTolerance))
      throw new VerificationError(
        'not_yet_valid',
        `The token is not valid for another ${Math.ceil(moment - now)} s (${name} ${moment}, now ${Math.floor(now)}). Is a clock wrong?`,
      )
  }

  // RFC 7800 §3.1: a token that is bound to a key must not be accepted without proof of possession, and a Bearer request has none.
  if (Object.hasOwn(payload, 'cnf'))
    throw new VerificationError(
      'sender_constrained',
      'The token is bound to a key (cnf) and cannot be used as a bearer token.',
    )

  requireScopes(claims, rules.requiredScopes)
  return claims
}

/** The scopes that a token grants (RFC 9068 §2.2.3, RFC 6749 §3.3). */
export function scopesOf(claims: AccessTokenClaims): readonly string[] {
  return claims.scope === undefined ? [] : claims.scope.split(' ').filter((scope) => scope !== '')
}

/** @throws {VerificationError} `insufficient_scope` if one of the scopes is missing */
export function requireScopes(claims: AccessTokenClaims, requiredScopes: readonly string[]): void {
  const granted = scopesOf(claims)
  const missing = requiredScopes.filter((scope) => !granted.includes(scope))
  if (missing.length > 0)
    throw new VerificationError('insufficient_scope', `The token lacks the scope ${missing.join(' ')}.`, {
      requiredScopes,
    })
}

/** Checks the required claims (RFC 9068 §2.2) and the type of each claim (RFC 7519 §4.1, RFC 8693 §4.2). */
function readClaims(payload: JsonObject): AccessTokenClaims {
  const time = (name: string) => readTime(payload, name)
  const text = (name: string) => readText(payload, name)
  const claims: AccessTokenClaims = {
    ...payload,
    iss: required('iss', text('iss')),
    sub: required('sub', text('sub')),
    aud: readAudience(payload),
    client_id: required('client_id', text('client_id')),
    jti: required('jti', text('jti')),
    exp: required('exp', time('exp')),
    iat: required('iat', time('iat')),
  }
  for (const name of ['nbf', 'auth_time']) time(name)
  for (const name of ['scope', 'acr', 'sid']) text(name)
  return claims
}

function required<Value>(name: string, value: Value | undefined): Value {
  if (value === undefined || value === '')
    throw new VerificationError('missing_claim', `The token has no ${name} claim, which RFC 9068, 2.2 requires.`)
  return value
}

function readText(payload: JsonObject, name: string): string | undefined {
  const value = payload[name]
  if (value === undefined || typeof value === 'string') return value
  throw new VerificationError('malformed_claim', `The token's ${name} claim is not a string.`)
}

/** A NumericDate is a number, not digits in a string. `1e400` is valid JSON, but becomes infinite when parsed. */
function readTime(payload: JsonObject, name: string): number | undefined {
  const value = payload[name]
  if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value
  throw new VerificationError('malformed_claim', `The token's ${name} claim is not a number of seconds.`)
}

function readAudience(payload: JsonObject): string | string[] {
  const value = payload['aud']
  if (value === undefined || typeof value === 'string') return required('aud', value)
  if (Array.isArray(value) && value.every((name) => typeof name === 'string')) return value
  throw new VerificationError('malformed_claim', "The token's aud claim is neither a string nor a list of strings.")
}
