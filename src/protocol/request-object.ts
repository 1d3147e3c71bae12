import { compactVerify } from 'jose'
import { parseCompactJws, parsePart } from '#verify/compact-jws'
import type { JsonObject } from '#verify/strict-json'
import { quoted } from '#verify/verification-error'
import { type AssertionAlgorithm, assertionAlgorithms } from '../platform/jwt/algorithms.ts'
import { faultInHeader, faultOf, type PublicKeys, verifyWithKeysOf } from './client-jwt.ts'
import type { ErrorName } from './errors/error-registry.ts'
import { type Parameters, parametersFrom } from './http/parameters.ts'
import { authorizationParameters } from './oidc-values.ts'

export interface RequestObjectRules {
  /** The `client_id` that was sent beside it, or that has authenticated. */
  readonly clientId: string
  readonly issuer: string
  /** The client's registered algorithm; undefined: any that its key allows. */
  readonly algorithm: AssertionAlgorithm | undefined
  /** The client's keys (`verifyWithKeysOf`). Called only if the algorithm is allowed, so that nothing is fetched for an object without a signature. */
  readonly keys: (kid: string | undefined, tried?: PublicKeys) => Promise<PublicKeys>
  /** Seconds since 1970. */
  readonly now: number
  /** Seconds. */
  readonly clockSkew: number
}

/** Why an object is refused: the error that is sent, and what exactly is wrong, for the operator. */
export interface RequestObjectRefused {
  readonly refused: Extract<ErrorName, `request_object_${string}`>
  readonly fault: string
}

/** Characters of an object, wherever it comes from. A form has the same limit. */
export const maxObjectLength = 32 * 1024

/** Seconds. A client that wants no limit leaves `exp` out. So an `exp` far away is a mistake, usually milliseconds. */
const maxLifetime = 86_400

/** RFC 9101 §10.8.1 defines the second. OpenID Connect defines none, and many libraries send `JWT`. */
const objectTypes = ['JWT', 'oauth-authz-req+jwt']

/** Parameters that contain a key, or a URL to fetch it from. Keys come from the registration only (RFC 8725 §3.10). */
const keyParameters = ['jwk', 'jku', 'x5c', 'x5u']

/**
 * Checks a request object (RFC 9101 §6, OpenID Connect Core §6.3) and reads the parameters in it. Only these count, nothing that was sent beside it
 * (RFC 9101 §6.3).
 *
 * @throws what `keys` throws
 */
export async function readRequestObject(
  object: string,
  rules: RequestObjectRules,
): Promise<{ readonly parameters: Parameters } | RequestObjectRefused> {
  const { clientId, algorithm } = rules
  // RFC 7516 §7.1: a JWE has five parts.
  if (object.length <= maxObjectLength && object.split('.', 6).length === 5)
    return { refused: 'request_object_encrypted', fault: 'it has five parts' }
  let claims: JsonObject
  try {
    const { header } = parseCompactJws(object, maxObjectLength)
    const { alg, kid } = header
    // In any spelling: libraries differ in what they accept as "none".
    if (typeof alg === 'string' && alg.toLowerCase() === 'none')
      return { refused: 'request_object_unsigned', fault: `its alg is ${quoted(alg)}` }
    const allowed: readonly string[] = algorithm ? [algorithm] : assertionAlgorithms
    if (typeof alg !== 'string' || !allowed.includes(alg))
      return refused(`its alg is ${quoted(alg)}, not ${allowed.join(' or ')}`)
    const fault = faultInHeader(header, objectTypes)
    if (fault) return refused(fault)
    const named = keyParameters.find((parameter) => Object.hasOwn(header, parameter))
    if (named !== undefined) return refused(`its header has ${named}`)
    if (kid !== undefined && typeof kid !== 'string') return refused('its kid is not a string')
    const { payload } = await verifyWithKeysOf(
      (tried) => rules.keys(kid, tried),
      (keyFor) => compactVerify(object, keyFor, { algorithms: [...allowed] }),
    )
    // jose has decoded what the strict parser has accepted as the only encoding. Its JSON is read by the strict parser.
    claims = parsePart('payload', Buffer.from(payload))
  } catch (error) {
    return refused(faultOf(error))
  }
  const fault = faultInClaims(claims, rules)
  if (fault) return refused(fault)
  return parametersIn(claims, clientId)
}

function refused(fault: string): RequestObjectRefused {
  return { refused: 'request_object_refused', fault }
}

function faultInClaims(
  claims: JsonObject,
  { clientId, issuer, now, clockSkew }: RequestObjectRules,
): string | undefined {
  const { iss, aud, sub, client_id, exp, nbf, iat } = claims
  // RFC 9101 §5: both must be identical. OpenID Connect does not require client_id inside, but the signature must not be about nobody.
  if (client_id === undefined && iss === undefined) return 'it has neither client_id nor iss'
  if (client_id !== undefined && client_id !== clientId) return 'its client_id is not that of the request'
  if (iss !== undefined && iss !== clientId) return 'its iss is not the client_id'
  // RFC 9101 §10.8: otherwise it might serve as a client assertion, and a client assertion as a request object.
  if (sub === clientId) return 'its sub is the client_id, as in a client assertion'
  // RFC 9101 §4. An object for several servers is fine, because what it says is the same for each of them.
  if (aud !== undefined && aud !== issuer && !(Array.isArray(aud) && aud.includes(issuer)))
    return 'its aud does not name this issuer'
  for (const [name, time] of Object.entries({ exp, nbf, iat }))
    if (time !== undefined && typeof time !== 'number') return `its ${name} is not a number`
  if (typeof exp === 'number' && exp <= now - clockSkew) return 'it has expired (exp)'
  if (typeof exp === 'number' && exp > now + maxLifetime + clockSkew) return 'its exp is more than a day away'
  if (typeof nbf === 'number' && nbf > now + clockSkew) return 'its nbf is in the future'
  if (typeof iat === 'number' && iat > now + clockSkew) return 'its iat is in the future'
  // RFC 9101 §4.
  const nested = ['request', 'request_uri'].find((name) => Object.hasOwn(claims, name))
  return nested === undefined ? undefined : `it contains ${nested}`
}

/**
 * The parameters in an object, as if they had been sent in a query. Claims of JWTs (RFC 7519 §4.1) and unknown members are no parameters. Numbers and objects are
 * accepted where the parameter is one (OpenID Connect Core §6.1). Anything else is refused and not converted, because programs convert it differently.
 */
function parametersIn(
  claims: JsonObject,
  clientId: string,
): { readonly parameters: Parameters } | RequestObjectRefused {
  const values: [string, string][] = [['client_id', clientId]]
  for (const name of authorizationParameters) {
    if (name === 'client_id' || !Object.hasOwn(claims, name)) continue
    const text = textOf(name, claims[name])
    if (text === undefined) return refused(`its ${name} is ${kindOf(claims[name])}`)
    values.push([name, text])
  }
  // RFC 8707 §2: one, or several in an array.
  const { resource = [] } = claims
  const resources: unknown[] = Array.isArray(resource) ? resource : [resource]
  if (!resources.every((one) => typeof one === 'string'))
    return refused('its resource is not a string or an array of strings')
  return { parameters: parametersFrom(values, resources) }
}

function textOf(name: string, value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (name === 'max_age' && typeof value === 'number') return String(value)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return (name === 'claims' || name === 'registration') && isObject ? JSON.stringify(value) : undefined
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `of the type ${typeof value}`
}
