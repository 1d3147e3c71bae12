import type { Fetch } from './jwk-set-request.ts'
import type { Clock } from './remote-keys.ts'
import type { KeySource } from './signed-jwt.ts'
import type { VerificationError } from './verification-error.ts'
import { type SignatureAlgorithm, signatureAlgorithms } from './verification-key.ts'

/** All durations are in seconds. */
export type VerifierOptions = {
  /** The issuer, exactly as its metadata and its tokens have it. */
  issuer: string
  /** The identifier of this service (RFC 8707), or several; a token must be for one of them. */
  audience: string | readonly string[]
  /** Which signature algorithms are taken. Default: ES256 and RS256. */
  algorithms?: readonly SignatureAlgorithm[]
  /** Scopes that every token must have. Default: none. */
  requiredScopes?: readonly string[]
  /** By how much the issuer's clock and this one may differ. 0 to 300, default 60. */
  clockTolerance?: number
  /** The media type that `typ` must name. Default `at+jwt` (RFC 9068 §4). */
  typ?: string
  /** In characters; longer tokens are refused unread. Default 16,384. */
  maxTokenLength?: number
  /** Where the JWK Set is. Default `<issuer>/.well-known/jwks.json`. https, or http on a loopback host. */
  jwksUri?: string
  /** How this verifier names itself to the issuer, in the header `signet-verifier`. Default: the host of the audience. */
  name?: string
  /** The least time between two fetches for keys that the set does not have. Default 30. */
  cooldown?: number
  /** The longest that a fetch of the set may take. Default 5. */
  timeout?: number
  /** The longest that keys are used after the issuer last confirmed them, if it is away. Default 86,400 (a day). */
  keepKeysFor?: number
  /** Used for the set instead of the global `fetch`. */
  fetch?: Fetch
  /** Told of every failed fetch of the set. While a set is at hand, requests are served and this is the only sign. */
  onKeysError?: (error: VerificationError) => void
  /** A local source of keys: nothing is fetched. For the issuer itself, and for tests. */
  keys?: KeySource
  /** For tests. Default: `Date.now` and `performance.now`. */
  clock?: Clock
}

export type VerifierSettings = Required<Omit<VerifierOptions, 'audience' | 'keys'>> & {
  audience: readonly string[]
  keys: KeySource | undefined
}

const optionNames: Record<keyof VerifierOptions, true> = {
  issuer: true,
  audience: true,
  algorithms: true,
  requiredScopes: true,
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

/** Options about fetching the JWK Set. With `keys` nothing is fetched, so each of them would be ignored. */
const fetchOptions = ['jwksUri', 'name', 'cooldown', 'timeout', 'keepKeysFor', 'fetch', 'onKeysError'] as const

/**
 * Completes and checks the options. A fault stops the service when it starts; it must not become a check that is silently left out,
 * as with `audience: process.env.AUDIENCE` where the variable is missing, or a misspelt `requiredScope`, nor an exception at the first
 * failed fetch, as with a logger that was given in place of a function.
 *
 * @throws {TypeError} naming the option, what it takes and what it is
 */
export function readOptions(options: VerifierOptions): VerifierSettings {
  demand(isObject(options), `createVerifier takes an object with options; it was given ${kindOf(options)}.`)
  for (const name of Object.keys(options))
    demand(
      Object.hasOwn(optionNames, name),
      `There is no option ${name}. There are ${Object.keys(optionNames).join(', ')}.`,
    )

  // Only what is left out has a default. null, as from a setting that could not be read, would leave a check out.
  const { issuer, keys, fetch: givenFetch, onKeysError, clock } = options
  const { algorithms = signatureAlgorithms, typ = 'at+jwt', clockTolerance = 60, maxTokenLength = 16_384 } = options
  const { cooldown = 30, timeout = 5, keepKeysFor = 86_400 } = options
  demand(isText(issuer), `issuer must be a non-empty string; it is ${kindOf(issuer)}.`)
  const audience = typeof options.audience === 'string' ? [options.audience] : options.audience
  demand(
    Array.isArray(audience) && audience.length > 0 && Array.from(audience).every(isText),
    `audience must be a non-empty string or a list of them; it is ${kindOf(options.audience)}.`,
  )
  demand(
    Array.isArray(algorithms) &&
      algorithms.length > 0 &&
      Array.from(algorithms).every((alg) => signatureAlgorithms.includes(alg)),
    `algorithms must be some of ${signatureAlgorithms.join(', ')}.`,
  )
  const requiredScopes = checkScopes(options.requiredScopes === undefined ? [] : options.requiredScopes)
  demand(isText(typ), `typ must be a media type; it is ${kindOf(typ)}.`)

  checkFunction('keys', keys, 'takes { kid, alg } and returns a key of importVerificationKey')
  checkFunction('fetch', givenFetch, 'takes what the global fetch takes')
  checkFunction('onKeysError', onKeysError, 'takes the error')
  if (clock !== undefined) checkClock(clock)
  const ignored = keys === undefined ? undefined : fetchOptions.find((name) => options[name] !== undefined)
  demand(
    ignored === undefined,
    `keys and ${ignored} exclude each other: with keys nothing is fetched, so ${ignored} would be ignored.`,
  )

  demand(
    options.jwksUri === undefined || isText(options.jwksUri),
    `jwksUri must be a URL as a string; it is ${kindOf(options.jwksUri)}.`,
  )
  const jwksUri = options.jwksUri ?? `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`
  if (keys === undefined) checkJwksUri(jwksUri)
  const { name = hostOf(audience[0] ?? '') } = options
  demand(
    typeof name === 'string' && /^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/.test(name),
    'name must be 1 to 100 printable ASCII characters, without a space at either end.',
  )

  return {
    issuer,
    audience: [...audience],
    algorithms: [...algorithms],
    requiredScopes,
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

/** A clock that returns no number would make every comparison with `exp` false. */
function checkClock(clock: Clock): void {
  demand(
    isObject(clock),
    `clock must be an object with the functions wallTime and monotonicTime; it is ${kindOf(clock)}.`,
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
    `${name} must be a function that ${does}; it is ${kindOf(value)}.`,
  )
}

/**
 * RFC 6749 §3.3: a scope has no space, no quote and no backslash. One with a space would be found in no token, and they all go into
 * a header (RFC 6750 §3).
 *
 * @throws {TypeError}
 */
export function checkScopes(scopes: readonly string[]): readonly string[] {
  demand(
    // Array.from, because `every` skips the holes of a sparse list.
    Array.isArray(scopes) &&
      Array.from(scopes).every((scope) => isText(scope) && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)),
    'Scopes must be a list of scopes, each without space, quote and backslash.',
  )
  return [...scopes]
}

/** Whoever can change the set on its way can mint. */
function checkJwksUri(jwksUri: string): void {
  demand(URL.canParse(jwksUri), `The JWK Set's address ${jwksUri} is not a URL: give issuer or jwksUri as one.`)
  const { protocol, hostname, username, password } = new URL(jwksUri)
  const loopback = /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
  demand(
    protocol === 'https:' || (protocol === 'http:' && loopback),
    `The JWK Set's address ${jwksUri} must be https; http serves on a loopback host only.`,
  )
  demand(username === '' && password === '', "The JWK Set's address must have no user name and no password.")
}

function hostOf(identifier: string): string {
  const host = URL.canParse(identifier) ? new URL(identifier).host : ''
  return host === '' ? identifier.replace(/[^\x21-\x7e]/g, '?').slice(0, 100) : host.slice(0, 100)
}

function inRange(name: string, value: number, least: number, most: number, unit: string): number {
  demand(Number.isFinite(value) && value >= least && value <= most, `${name} must be ${least} to ${most} ${unit}.`)
  return value
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What a value is, for a message. Never the value itself, which may be a secret in the wrong place. */
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
