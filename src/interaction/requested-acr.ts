import type { Settings } from '../platform/config/settings.ts'
import { type ContextClass, isContextClass } from '../protocol/oidc-values.ts'
import type { Client } from '../records/clients/client.ts'
import { reachableClasses } from '../tokens/authentication.ts'
import { type ClaimsParameter, claimsMalformed } from './claims-parameter.ts'

/** How strong the sign-in must be that a request is answered with. */
export interface RequestedAcr {
  /** In order of preference. Any of them is enough. Empty: any sign-in is, unless they are essential. */
  readonly classes: readonly ContextClass[]
  /** Whether the client accepts nothing else (OpenID Connect Core §5.5.1.1). */
  readonly isEssential: boolean
}

/** The maximum number of characters of a value in `claims`. */
const maxLength = 200

/**
 * The classes that a request asks for: with the claim `acr` in `claims`, or else with `acr_values` (OpenID Connect Core §3.1.2.1), or else those that
 * the client has registered. Values that are not reachable here are left out. If that leaves none, a voluntary request is as good as none, and an
 * essential one cannot be met.
 *
 * @param settings decide which classes a sign-in can reach
 * @throws OAuthError `invalid_request` if a value in `claims` is no text
 */
export function readRequestedAcr(
  values: ReadonlyMap<string, string>,
  claims: ClaimsParameter,
  { default_acr_values: defaults }: Pick<Client, 'default_acr_values'>,
  settings: Pick<Settings, 'issuer'>,
): RequestedAcr {
  const claim = readAcrClaim(claims)
  const listed = values.get('acr_values')?.split(' ').filter(Boolean) ?? []
  const wanted = claim?.values ?? (listed.length > 0 ? listed : defaults)
  const known = [...new Set(wanted)].filter(isContextClass)
  const reachable = known.length === 0 ? [] : reachableClasses(settings)
  return { classes: known.filter((value) => reachable.includes(value)), isEssential: claim?.isEssential === true }
}

/** A request for the claim `acr` with values of which one must be met. */
interface AcrClaim {
  readonly isEssential: boolean
  readonly values: readonly string[]
}

/**
 * The claim `acr` of the ID token in the parameter `claims` (OpenID Connect Core §5.5.1.1). A request for it without values is ignored: ID tokens always
 * have this claim.
 */
function readAcrClaim({ idToken }: ClaimsParameter): AcrClaim | undefined {
  const acr = idToken.get('acr')
  if (acr?.values === undefined) return undefined
  if (!acr.values.every((one): one is string => typeof one === 'string' && one !== '' && one.length <= maxLength))
    throw claimsMalformed(`a value of acr is not a string of 1 to ${maxLength} characters`)
  return { isEssential: acr.isEssential, values: acr.values }
}
