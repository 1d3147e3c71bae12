import { parseJsonObject } from '#verify/strict-json'
import { OAuthError } from '../protocol/errors/oauth-error.ts'
import { shortened } from '../protocol/errors/refusal.ts'
import { type ContextClass, isContextClass } from '../protocol/oidc-values.ts'
import type { Client } from '../records/clients/client.ts'

/** How strong the sign-in must be that a request is answered with. */
export interface RequestedAcr {
  /** In order of preference. Any of them is enough. Empty: any sign-in is, unless they are essential. */
  readonly classes: readonly ContextClass[]
  /** Whether the client accepts nothing else (OpenID Connect Core §5.5.1.1). */
  readonly isEssential: boolean
}

/** The maximum number of values in `claims`, and of characters of each. */
const [maxValues, maxLength] = [20, 200]

/**
 * The classes that a request asks for: with the claim `acr` in `claims`, or else with `acr_values` (OpenID Connect Core §3.1.2.1), or else those that
 * the client has registered. Values that are not reachable here are left out. If that leaves none, a voluntary request is as good as none, and an
 * essential one cannot be met.
 *
 * @param reachable the classes that a sign-in at this issuer can reach
 * @throws OAuthError `invalid_request` if `claims` is malformed
 */
export function readRequestedAcr(
  values: ReadonlyMap<string, string>,
  { default_acr_values: defaults }: Pick<Client, 'default_acr_values'>,
  reachable: readonly ContextClass[],
): RequestedAcr {
  const claim = readAcrClaim(values.get('claims'))
  const listed = values.get('acr_values')?.split(' ').filter(Boolean) ?? []
  const wanted = claim?.values ?? (listed.length > 0 ? listed : defaults)
  const classes = [...new Set(wanted)].filter(isContextClass).filter((value) => reachable.includes(value))
  return { classes, isEssential: claim?.isEssential === true }
}

/** A request for the claim `acr` with values of which one must be met. */
interface AcrClaim {
  readonly isEssential: boolean
  readonly values: readonly string[]
}

/**
 * The claim `acr` of the ID token in the parameter `claims` (OpenID Connect Core §5.5). Other claims in it are ignored. So is a request for `acr` without
 * values: ID tokens always have this claim.
 */
function readAcrClaim(text: string | undefined): AcrClaim | undefined {
  if (text === undefined) return undefined
  const claims = objectIn(text)
  const idToken = member(claims, 'id_token')
  const acr = idToken && member(idToken, 'acr')
  if (!acr) return undefined
  const { essential, value, values } = acr
  if (essential !== undefined && typeof essential !== 'boolean') throw malformed('acr.essential is not true or false')
  if (value !== undefined && values !== undefined) throw malformed('acr has both value and values')
  const named = value === undefined ? values : [value]
  if (named === undefined) return undefined
  if (!Array.isArray(named) || named.length === 0 || named.length > maxValues)
    throw malformed(`acr.values is not a list of 1 to ${maxValues} values`)
  if (!named.every((one): one is string => typeof one === 'string' && one !== '' && one.length <= maxLength))
    throw malformed(`a value of acr is not a string of 1 to ${maxLength} characters`)
  return { isEssential: essential === true, values: named }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    return parseJsonObject(text)
  } catch {
    throw malformed(`claims ${shortened(text, 80)}`)
  }
}

/** An object in an object. It can be absent or null, as for any claim that is requested without further information (§5.5.1). */
function member(parent: Record<string, unknown>, name: string): Record<string, unknown> | undefined {
  const value = Object.hasOwn(parent, name) ? (parent[name] ?? undefined) : undefined
  if (value === undefined || isObject(value)) return value
  throw malformed(`${name} is not an object`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function malformed(detail: string): OAuthError {
  return new OAuthError('claims_malformed', { detail })
}
