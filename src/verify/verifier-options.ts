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

/**
 * Completes and checks the options. A fault stops the service when it starts; it must not become a check that is silently left out,
 * as with `audience: process.env.AUDIENCE` where the variable is missing, or a misspelt `requiredScope`.
 *
 * @throws {TypeError} naming the option and what it takes
 */
export function readOptions(options: VerifierOptions): VerifierSettings {
  for (const name of Object.keys(options))
    demand(
      Object.hasOwn(optionNames, name),
      `There is no option ${name}. There are ${Object.keys(optionNames).join(', ')}.`,
    )

  const { issuer, keys } = options
  demand(isText(issuer), 'issuer must be a string that is not empty.')
  const audience = typeof options.audience === 'string' ? [options.audience] : options.audience
  demand(
    Array.isArray(audience) && audience.length > 0 && audience.every(isText),
    'audience must be a string or strings.',
  )
  const algorithms = options.algorithms ?? signatureAlgorithms
  demand(
    Array.isArray(algorithms) && algorithms.length > 0 && algorithms.every((alg) => signatureAlgorithms.includes(alg)),
    `algorithms must be some of ${signatureAlgorithms.join(', ')}.`,
  )
  const requiredScopes = checkScopes(options.requiredScopes ?? [])
  const typ = options.typ ?? 'at+jwt'
  demand(isText(typ), 'typ must be a media type.')
  demand(keys === undefined || options.jwksUri === undefined, 'keys and jwksUri exclude each other.')
  const jwksUri = options.jwksUri ?? `${issuer.replace(/\/$/, '')}/.well-known/jwks.json`
  if (keys === undefined) checkJwksUri(jwksUri)
  const name = options.name ?? hostOf(audience[0] ?? '')
  demand(/^[\x21-\x7e]([\x20-\x7e]{0,98}[\x21-\x7e])?$/.test(name), 'name must be 1 to 100 printable ASCII characters.')

  return {
    issuer,
    audience: [...audience],
    algorithms: [...algorithms],
    requiredScopes,
    typ,
    jwksUri,
    name,
    keys,
    clockTolerance: inRange('clockTolerance', options.clockTolerance ?? 60, 0, 300, 'seconds'),
    maxTokenLength: inRange('maxTokenLength', options.maxTokenLength ?? 16_384, 256, 1_048_576, 'characters'),
    cooldown: inRange('cooldown', options.cooldown ?? 30, 1, 3600, 'seconds'),
    timeout: inRange('timeout', options.timeout ?? 5, 0.1, 60, 'seconds'),
    keepKeysFor: inRange('keepKeysFor', options.keepKeysFor ?? 86_400, 60, 604_800, 'seconds'),
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    onKeysError: options.onKeysError ?? (() => {}),
    clock: options.clock ?? { wallTime: () => Date.now(), monotonicTime: () => performance.now() },
  }
}

/**
 * RFC 6749 §3.3: a scope has no space, no quote and no backslash. One with a space would be found in no token, and they all go into
 * a header (RFC 6750 §3).
 *
 * @throws {TypeError}
 */
export function checkScopes(scopes: readonly string[]): readonly string[] {
  demand(
    Array.isArray(scopes) && scopes.every((scope) => isText(scope) && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)),
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

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

function demand(holds: boolean, fault: string): asserts holds {
  if (!holds) throw new TypeError(fault)
}
