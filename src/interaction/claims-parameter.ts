import { isJsonObject, type JsonObject, parseJsonObject } from '#verify/strict-json'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'

/** How a request asks for a claim (OpenID Connect Core §5.5.1). */
export interface ClaimRequest {
  readonly isEssential: boolean
  /** The member `values`, or `value` as the only one; undefined if the request names none. They can be any JSON. */
  readonly values: readonly unknown[] | undefined
}

/** The content of the parameter `claims`, by the names of the claims. A map, because a claim may be called `constructor`. */
export interface ClaimsParameter {
  readonly userinfo: ReadonlyMap<string, ClaimRequest>
  readonly idToken: ReadonlyMap<string, ClaimRequest>
}

/** The maximum number of claims in each of the two members, of characters of a name, and of values of a claim. */
const [maxClaims, maxNameLength, maxValues] = [100, 200, 20]

const nothing: ClaimsParameter = { userinfo: new Map(), idToken: new Map() }

/**
 * Reads the parameter `claims` (OpenID Connect Core §5.5). Members that are not understood are ignored, as §5.5 and §5.5.1 demand. What is understood must
 * have the right form: a client that sends something else relies on something that would not happen.
 *
 * @param text undefined if the request does not have the parameter
 * @throws OAuthError `invalid_request`
 */
export function readClaimsParameter(text: string | undefined): ClaimsParameter {
  if (text === undefined) return nothing
  const claims = objectIn(text)
  return { userinfo: readTarget(claims, 'userinfo'), idToken: readTarget(claims, 'id_token') }
}

/**
 * The subjects that the claim `sub` names (OpenID Connect Core §5.5.1, §3.1.2.2). If both the ID token and userinfo have it, a person must be named in both.
 *
 * @returns empty if nobody is: then nobody can answer the request
 * @throws OAuthError `invalid_request`
 */
export function readClaimedSubs({ userinfo, idToken }: ClaimsParameter): readonly string[] | undefined {
  const [one, other] = [userinfo.get('sub')?.values, idToken.get('sub')?.values].map((subs) => {
    if (subs?.every((sub): sub is string => typeof sub === 'string')) return subs
    if (subs !== undefined) throw claimsMalformed('a value of sub is not a string')
    return undefined
  })
  return one && other ? one.filter((sub) => other.includes(sub)) : (one ?? other)
}

function objectIn(text: string): JsonObject {
  try {
    return parseJsonObject(text)
  } catch (error) {
    throw claimsMalformed(`${(error as Error).message}: ${shortened(text, 80)}`)
  }
}

function readTarget(claims: JsonObject, target: 'userinfo' | 'id_token'): ReadonlyMap<string, ClaimRequest> {
  const requested = Object.entries(objectOrNull(claims[target], target) ?? {})
  if (requested.length > maxClaims) throw claimsMalformed(`${target} has ${requested.length} claims`)
  return new Map(
    requested.map(([name, request]) => {
      if (name.length > maxNameLength) throw claimsMalformed(`${target}: the name of a claim is ${name.length} long`)
      return [name, readClaim(request, `${target}.${shortened(name, 40)}`)]
    }),
  )
}

function readClaim(request: unknown, where: string): ClaimRequest {
  const members = objectOrNull(request, where) ?? {}
  const { essential, value, values } = members
  if (essential !== undefined && typeof essential !== 'boolean')
    throw claimsMalformed(`${where}.essential is not true or false`)
  if (value !== undefined && values !== undefined) throw claimsMalformed(`${where} has both value and values`)
  if (values !== undefined && !(Array.isArray(values) && values.length > 0 && values.length <= maxValues))
    throw claimsMalformed(`${where}.values is not a list of 1 to ${maxValues} values`)
  return { isEssential: essential === true, values: value === undefined ? values : [value] }
}

/** An object in an object. It can be absent or null, as for any claim that is requested without further information (§5.5.1). */
function objectOrNull(value: unknown, where: string): JsonObject | undefined {
  if (value === undefined || value === null) return undefined
  if (isJsonObject(value)) return value
  throw claimsMalformed(`${where} is not an object`)
}

export function claimsMalformed(detail: string): OAuthError {
  return new OAuthError('claims_malformed', { detail: `claims: ${detail}` })
}
