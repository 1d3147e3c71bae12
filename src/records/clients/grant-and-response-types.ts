import { contentsOf, type ResponseType, responseTypeOf, responseTypes } from '../../protocol/oidc-values.ts'
import { shown } from '../plain-text.ts'
import { deviceCodeGrant, type GrantType, grantTypes } from './client.ts'
import { invalid } from './metadata-members.ts'

/* Which grant types and response types a client can be registered for. The two say the same in different words (RFC 7591 §2.1), so neither is complete without the other. */

/** In the order of `grantTypes`. */
export function readGrantTypes(named: readonly string[], isPublic: boolean): GrantType[] {
  const unknown = named.find((name) => !(grantTypes as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw invalid(
      `grant_types has '${shown(unknown)}', which is not supported. Supported are ${grantTypes.join(', ')}.`,
    )
  if (named.length === 0) throw invalid('grant_types must name at least one.')
  if (named.includes('refresh_token') && !named.some(isOfPerson))
    throw invalid('grant_types has refresh_token, which needs authorization_code or the device code grant.')
  // RFC 6749 §4.4.
  if (named.includes('client_credentials') && isPublic)
    throw invalid(
      'grant_types has client_credentials, which needs a client with a secret: token_endpoint_auth_method is none.',
    )
  return grantTypes.filter((name) => named.includes(name))
}

/** In the order of `responseTypes`. A response type is a set of words (RFC 6749 §3.1.1), so their order does not matter. */
export function readResponseTypes(given: readonly string[] | undefined): ResponseType[] | undefined {
  if (given === undefined) return undefined
  const unknown = given.find((text) => responseTypeOf(text) === undefined)
  if (unknown !== undefined)
    throw invalid(
      `response_types has '${shown(unknown)}', which is not supported. Supported are ${responseTypes.join(', ')}.`,
    )
  return responseTypes.filter((type) => given.some((text) => responseTypeOf(text) === type))
}

/** The grant types that a response type needs (OpenID Connect Registration §2). */
export function grantTypesFor(type: ResponseType): readonly GrantType[] {
  const { code, idToken, accessToken } = contentsOf(type)
  return [
    ...(code ? (['authorization_code'] as const) : []),
    ...(idToken || accessToken ? (['implicit'] as const) : []),
  ]
}

/** RFC 7591 §2: `authorization_code`. Signet adds what the response types need, and refresh tokens. */
export function defaultGrantTypes(types: readonly ResponseType[] = []): GrantType[] {
  const needed = types.length > 0 ? [...new Set(types.flatMap(grantTypesFor))] : grantTypesFor('code')
  return needed.includes('authorization_code') ? [...needed, 'refresh_token'] : [...needed]
}

/** Those of a client's response types that it can keep if its grant types become these. `code` is added if nothing else would use a code. */
export function keptResponseTypes(types: readonly ResponseType[], grants: unknown): ResponseType[] {
  const has = (name: GrantType) => Array.isArray(grants) && grants.includes(name)
  const kept = types.filter((type) => grantTypesFor(type).every(has))
  return has('authorization_code') && !kept.some((type) => contentsOf(type).code) ? ['code', ...kept] : kept
}

/** RFC 7591 §2.1: response types and grant types are redundant, and must be consistent. */
export function checkResponseTypes(types: readonly ResponseType[], grants: readonly GrantType[]): void {
  for (const type of types) {
    const missing = grantTypesFor(type).find((name) => !grants.includes(name))
    if (missing !== undefined) throw invalid(`response_types has ${type}, but grant_types has no ${missing}.`)
  }
  if (grants.includes('authorization_code') && !types.some((type) => contentsOf(type).code))
    throw invalid('response_types must have code, because grant_types has authorization_code.')
  if (grants.includes('implicit') && !types.some((type) => grantTypesFor(type).includes('implicit')))
    throw invalid('response_types must have one that needs the grant type implicit, such as id_token.')
}

/** Whether a person allows something with this grant type, by which a client can get refresh tokens. */
export function isOfPerson(grantType: string): boolean {
  return grantType === 'authorization_code' || grantType === deviceCodeGrant
}
