import { type AuthenticationRequirement, checkRequirement } from './authentication-requirement.ts'
import type { Fetch } from './jwk-set-request.ts'
import type { Clock } from './remote-keys.ts'
import type { KeySource } from './signed-jwt.ts'
import type { VerificationError } from './verification-error.ts'
import { type SignatureAlgorithm, signatureAlgorithms } from './verification-key.ts'

/** All durations are in seconds. */
export type VerifierOptions = {
  /** The issuer, exactly as in its metadata and its tokens. */
  issuer: string
  /** The identifier of this service (RFC 8707), or several; a token must be for one of them. */
  audience: string | readonly string[]
  /** The accepted signature algorithms. Default: ES256 and RS256. */
  algorithms?: readonly SignatureAlgorithm[]
  /** Scopes that every token must have. Default: none. */
  requiredScopes?: readonly string[]
  /** The values of `acr` of which every token must have one, in order of preference. Default: any. */
  acr?: readonly string[]
  /** The maximum time since the person signed in. Default: any. */
  maxAge?: number
  /** How much the issuer's clock and this one may differ. 0 to 300, default 60. */
  clockTolerance?: number
  /** The media type that `typ` must name. Default `at+jwt` (RFC 9068 §4). */
  typ?: string
  /** In characters; longer tokens are rejected without parsing them. Default 16,384. */
  maxTokenLength?: number
  /** The URL of the JWK Set: https, or http on a loopback host. Default `<issuer>/.well-known/jwks.json`. */
  jwksUri?: string
  /** The name of this verifier, sent to the issuer in the header `signet-verifier`. Default: the host of the audience. */
  name?: string
  /** The minimum time between two fetches because of keys that are not in the set. Default 30. */
  cooldown?: number
  /** The maximum time that a fetch of the set may take. Default 5. */
  timeout?: number
  /** How long keys are used after the issuer last confirmed them, if it is unavailable. Default 86,400 (a day). */
  keepKeysFor?: number
  /** Fetches the set instead of the global `fetch`. */
  fetch?: Fetch
  /** Called for every failed fetch of the set. While a set is cached, tokens are still accepted, and this is the only sign of the failure. */
  onKeysError?: (error: VerificationError) => void
  /** A local source of keys: nothing is fetched. For the issuer itself, and for tests. */
  keys?: KeySource
  /** For tests. Default: `Date.now` and `performance.now`. */
  clock?: Clock
}

export type VerifierSettings = Required<Omit<VerifierOptions, 'audience' | 'keys' | 'acr' | 'maxAge'>> & {
  requirement: AuthenticationRequirement
  audience: readonly string[]
  keys: KeySource | undefined
}

const optionNames: Record<keyof VerifierOptions, true> = {
  issuer: true,
  audience: true,
  algorithms: true,
  requiredScopes: true,
  acr: true,
  maxAge: true,
  clockTolerance: true,
  typ: true,
  maxTokenLength: true,
  jwksUri: true,
  name: true,
  cooldown: true,
  timeout: true,
  keepKeysFor: true,
  fetch: true,
  onKeysError: true,
  keys: true,
  clock: true,
}

/** Options for fetching the JWK Set. With `keys` nothing is fetched, so each of them would be ignored. */
const fetchOptions = ['jwksUri', 'name', 'cooldown', 'timeout', 'keepKeysFor', 'fetch', 'onKeysError'] as const

/**
 * Checks the options and adds the defaults. An invalid option stops the service at its start. Otherwise a check could be silently left out
 * (`audience: process.env.AUDIENCE` with a missing variable, a misspelt `requiredScope`), or the first failed fetch could throw (a logger in
 * place of a function).
 *
 * @throws {TypeError} naming the option, what it accepts and what it got
 */
export function readOptions(options: VerifierOptions): VerifierSettings {
  demand(isObject(options), `createVerifier expects an object with options; got ${kindOf(options)}.`)
  for (const name of Object.keys(options))
    demand(
      Object.hasOwn(optionNames, name),
      `There is no option ${name}. The options are ${Object.keys(optionNames).join(', ')}.`,
    )

  // Only undefined options get a default. null, for example from a setting that could not be read, would disable a check.
  const { issuer, keys, fetch: givenFetch, onKeysError, clock } = options
  const { algorithms = signatureAlgorithms, typ = 'at+jwt', clockTolerance = 60, maxTokenLength = 16_384 } = options
  const { cooldown = 30, timeout = 5, keepKeysFor = 86_400 } = options
  demand(isText(issuer), `issuer must be a non-empty string; got ${kindOf(issuer)}.`)
  const audience = typeof options.audience === 'string' ? [options.audience] : options.audience
  demand(
    Array.isArray(audience) && audience.length > 0 && Array.from(audience).every(isText),
    `audience must be a non-empty string or a list of them; got ${kindOf(options.audience)}.`,
  )
  demand(
    Array.isArray(algorithms) &&
      algorithms.length > 0 &&
      Array.from(algorithms).every((alg) => signatureAlgorithms.includes(alg)),
    `algorithms must be some of ${signatureAlgorithms.join(', ')}.`,
  )
  const requiredScopes = checkScopes(options.requiredScopes === undefined ? [] : options.requiredScopes)
  const requirement = checkRequirement(options)
  demand(isText(typ), `typ must be a media type; got ${kindOf(typ)}.`)

  checkFunction('keys', keys, 'takes { kid, alg } and returns a key from importVerificationKey')
  checkFunction('fetch', givenFetch, 'takes the parameters of the global fetch')
  checkFunction('onKeysError', onKeysError, 'takes the error')
  if (clock !== undefined) checkClock(clock)
  const ignored = keys === undefined ? undefined : fetchOptions.find((name) => options[name] !== undefined)
  demand(
    ignored === undefined,
    `keys and ${ignored} exclude each other: with keys nothing is fetched, so ${ignored} would be ignored.`,
  )

  demand(
    options.jwksUri === undefined || isText(options.jwksUri),
    `jwksUri must be a URL as a string; got ${kindOf(options.jwksUri)}.`,
  )
  const jwksUri = options.jwksUri ?? `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`
  if (keys === undefined) checkJwksUri(jwksUri)
  const { name = hostOf(audience[0] ?? '') } = options
  demand(
    typeof name === 'string' && /^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/.test(name),
    'name must be 1 to 100 printable ASCII characters, without leading or trailing spaces.',
  )

  return {
    issuer,
    audience: [...audience],
    algorithms: [...algorithms],
    requiredScopes,
    requirement,
    typ,
    jwksUri,
    name,
    keys,
    clockTolerance: inRange('clockTolerance', clockTolerance, 0, 300, 'seconds'),
    maxTokenLength: inRange('maxTokenLength', maxTokenLength, 256, 1_048_576, 'characters'),
    cooldown: inRange('cooldown', cooldown, 1, 3600, 'seconds'),
    timeout: inRange('timeout', timeout, 0.1, 60, 'seconds'),
    keepKeysFor: inRange('keepKeysFor', keepKeysFor, 60, 604_800, 'seconds'),
    fetch: givenFetch ?? ((url, init) => fetch(url, init)),
    onKeysError: onKeysError ?? (() => {}),
    clock: clock ?? { wallTime: () => Date.now(), monotonicTime: () => performance.now() },
  }
}

/** If a clock does not return numbers, every comparison with `exp` is false. */
function checkClock(clock: Clock): void {
  demand(
    isObject(clock),
    `clock must be an object with the functions wallTime and monotonicTime; got ${kindOf(clock)}.`,
  )
  for (const name of ['wallTime', 'monotonicTime'] as const) {
    checkFunction(`clock.${name}`, clock[name] ?? null, 'returns milliseconds')
    demand(Number.isFinite(clock[name]()), `clock.${name} must return a number of milliseconds.`)
  }
}

/** @param does completes the sentence "… must be a function that …" */
function checkFunction(name: string, value: unknown, does: string): void {
  demand(
    value === undefined || typeof value === 'function',
    `${name} must be a function that ${does}; got ${kindOf(value)}.`,
  )
}

/**
 * RFC 6749 §3.3: a scope has no spaces, quotes or backslashes. One with a space would never be found in a token, and scopes are sent in a
 * header (RFC 6750 §3).
 *
 * @throws {TypeError}
 */
export function checkScopes(scopes: readonly string[]): readonly string[] {
  demand(
    // Array.from, because `every` skips the holes of a sparse list.
    Array.isArray(scopes) &&
      Array.from(scopes).every((scope) => isText(scope) && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)),
    'Scopes must be a list of scopes without spaces, quotes or backslashes.',
  )
  return [...scopes]
}

/** Anyone who can modify the set in transit can forge tokens. */
function checkJwksUri(jwksUri: string): void {
  demand(URL.canParse(jwksUri), `The address of the JWK Set, ${jwksUri}, is not a URL: issuer or jwksUri must be one.`)
  const { protocol, hostname, username, password } = new URL(jwksUri)
  const loopback = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  demand(
    protocol === 'https:' || (protocol === 'http:' && loopback),
    `The address of the JWK Set, ${jwksUri}, must be https; http is accepted only for a loopback host.`,
  )
  demand(username === '' && password === '', 'The address of the JWK Set must not contain a user name or a password.')
}

function hostOf(identifier: string): string {
  const host = URL.canParse(identifier) ? new URL(identifier).host : ''
  return host === '' ? identifier.replace(/[^\x21-\x7e]/g, '?').slice(0, 100) : host.slice(0, 100)
}

function inRange(name: string, value: number, min: number, max: number, unit: string): number {
  demand(Number.isFinite(value) && value >= min && value <= max, `${name} must be ${min} to ${max} ${unit}.`)
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The type of a value, for a message. Never the value itself, which may be a secret passed to the wrong option. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null) return String(value)
  if (value === '') return 'an empty string'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function demand(holds: boolean, fault: string): asserts holds {
  if (!holds) throw new TypeError(fault)
}
