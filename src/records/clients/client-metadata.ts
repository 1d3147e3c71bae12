import { assertionAlgorithms, type SigningAlgorithm, signingAlgorithms } from '../../platform/jwt/algorithms.ts'
import { responseParameters } from '../../protocol/oidc-values.ts'
import { isPlainText, longestName, shown } from '../plain-text.ts'
import { isOpenidScope, isScopeToken, type Resource } from '../resources/resource.ts'
import {
  type AuthenticationMetadata,
  type AuthenticationMethod,
  authenticationMethods,
  type ClientMetadata,
  type GrantType,
  grantTypes,
  scopesOf,
} from './client.ts'
import { readClientJwks } from './client-jwks.ts'
import { InvalidClientMetadata, invalid, type MetadataInput, mostEntries, readMembers } from './metadata-members.ts'
import { type RedirectUriUse, redirectUriFault, shownUriFault } from './redirect-uri-rules.ts'

/** What the rules need to know beside the metadata. */
export interface RegistrationTerms {
  /** Those of all resources that the metadata, old or new, names or has a scope of. */
  readonly resources: readonly Pick<Resource, 'identifier' | 'scopes'>[]
  /** Where the input names none. A registration has RS256 (OpenID Connect Registration §2), a command ES256. */
  readonly defaultIdTokenAlg: SigningAlgorithm
  /** Set where an operator has written the input, and not the client itself (RFC 7591). */
  readonly byOperator?: true
}

/**
 * Fills in what is left out (RFC 7591 §2) and checks the whole: the one place where metadata becomes a client.
 *
 * @throws InvalidClientMetadata for the first fault found
 */
export function completeMetadata(input: MetadataInput, terms: RegistrationTerms): ClientMetadata {
  const read = readMembers(input)
  const authMethod = read.oneOf('token_endpoint_auth_method', authenticationMethods) ?? 'client_secret_basic'
  const isPublic = authMethod === 'none'
  const redirectUris = read.texts('redirect_uris') ?? []
  const grants = readGrantTypes(read.texts('grant_types'), isPublic)
  const withCode = grants.includes('authorization_code')
  checkResponseTypes(read.texts('response_types'), withCode)
  const byOperator = terms.byOperator === true
  checkRedirectUris(redirectUris, withCode, { isPublic, byOperator, adds: responseParameters })
  const scopes = scopesOf(read.text('scope') ?? defaultScope(grants))
  return {
    client_name: readName(read.text('client_name')) ?? nameFrom(redirectUris),
    redirect_uris: redirectUris,
    post_logout_redirect_uris: readPostLogoutUris(read.texts('post_logout_redirect_uris') ?? [], {
      isPublic,
      byOperator,
      // OpenID Connect RP-Initiated Logout §3.
      adds: ['state'],
    }),
    grant_types: grants,
    response_types: withCode ? ['code'] : [],
    scope: scopes.join(' '),
    ...readAuthentication(read, authMethod),
    id_token_signed_response_alg:
      read.oneOf('id_token_signed_response_alg', signingAlgorithms) ?? terms.defaultIdTokenAlg,
    default_max_age: read.seconds('default_max_age'),
    require_auth_time: read.flag('require_auth_time') ?? false,
    client_uri: readShownUri('client_uri', read.text('client_uri')),
    logo_uri: readShownUri('logo_uri', read.text('logo_uri')),
    policy_uri: readShownUri('policy_uri', read.text('policy_uri')),
    tos_uri: readShownUri('tos_uri', read.text('tos_uri')),
    contacts: readContacts(read.texts('contacts') ?? []),
    require_pkce: readRequirePkce(read.flag('require_pkce'), isPublic),
    first_party: read.flag('first_party') ?? false,
    refresh_token_rotation: readRotation(read.flag('refresh_token_rotation'), isPublic),
    resources: readResources(scopes, read.texts('resources') ?? [], terms.resources),
  }
}

/**
 * A client's metadata with some members replaced. What was derived from a replaced member is derived anew: response types from
 * grant types, rotation from the way of authenticating, and resources that were allowed for the sake of a scope from the scopes.
 *
 * @throws InvalidClientMetadata for the first fault found
 */
export function changeMetadata(
  existing: ClientMetadata,
  changes: MetadataInput,
  terms: RegistrationTerms,
): ClientMetadata {
  const { response_types: _, refresh_token_rotation: rotation, resources, ...kept } = existing
  const method = changes['token_endpoint_auth_method'] ?? existing.token_endpoint_auth_method
  const rescoped = Object.hasOwn(changes, 'scope')
  const owners = ownersOf(scopesOf(existing.scope), terms.resources)
  return completeMetadata(
    {
      ...kept,
      ...(method !== 'none' && existing.token_endpoint_auth_method !== 'none' && { refresh_token_rotation: rotation }),
      resources: rescoped ? resources.filter((identifier) => !owners.includes(identifier)) : resources,
      ...changes,
    },
    terms,
  )
}

/** RFC 7591 §2: keys are for who authenticates with them, and RFC 8725 §3.1 wants the algorithm to be one they fit. */
function readAuthentication(
  read: ReturnType<typeof readMembers>,
  method: AuthenticationMethod,
): AuthenticationMetadata {
  const alg = read.oneOf('token_endpoint_auth_signing_alg', assertionAlgorithms)
  const jwks = read.value('jwks')
  if (method !== 'private_key_jwt') {
    if (alg !== undefined) throw invalid('token_endpoint_auth_signing_alg goes with private_key_jwt only.')
    return { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: undefined, jwks: undefined }
  }
  if (jwks === undefined) throw invalid('jwks is missing: private_key_jwt needs the public keys of the client.')
  return {
    token_endpoint_auth_method: method,
    token_endpoint_auth_signing_alg: alg,
    jwks: readClientJwks(jwks, alg),
  }
}

function readGrantTypes(given: readonly string[] | undefined, isPublic: boolean): GrantType[] {
  const named = given ?? ['authorization_code', 'refresh_token']
  const unknown = named.find((name) => !(grantTypes as readonly string[]).includes(name))
  if (unknown !== undefined)
    throw invalid(`grant_types has '${shown(unknown)}', which is not offered: it has some of ${grantTypes.join(', ')}.`)
  if (named.length === 0) throw invalid('grant_types must name at least one.')
  if (named.includes('refresh_token') && !named.includes('authorization_code'))
    throw invalid('grant_types has refresh_token, which needs authorization_code.')
  // RFC 6749 §4.4.
  if (named.includes('client_credentials') && isPublic)
    throw invalid(
      'grant_types has client_credentials, which needs a client with a secret: token_endpoint_auth_method is none.',
    )
  return grantTypes.filter((name) => named.includes(name))
}

/** RFC 7591 §2.1: response types and grant types say the same thing twice, and must agree. */
function checkResponseTypes(given: readonly string[] | undefined, withCode: boolean): void {
  if (given === undefined) return
  if (given.some((type) => type !== 'code')) throw invalid('response_types can have code only.')
  if (withCode && given.length === 0)
    throw invalid('response_types must have code, because grant_types has authorization_code.')
  if (!withCode && given.length > 0)
    throw invalid('response_types has code, but grant_types has no authorization_code.')
}

function checkRedirectUris(uris: readonly string[], withCode: boolean, use: RedirectUriUse): void {
  if (withCode && uris.length === 0)
    throw new InvalidClientMetadata(
      'invalid_redirect_uri',
      'redirect_uris must have at least one URI for authorization_code.',
    )
  for (const uri of uris) {
    const fault = redirectUriFault(uri, use)
    if (fault) throw new InvalidClientMetadata('invalid_redirect_uri', `redirect_uris: '${shown(uri)}' ${fault}.`)
  }
}

/** OpenID Connect RP-Initiated Logout §3.1: people are sent there as they are to redirect URIs, so the same rules hold. */
function readPostLogoutUris(uris: string[], use: RedirectUriUse): string[] {
  for (const uri of uris) {
    const fault = redirectUriFault(uri, use)
    if (fault) throw invalid(`post_logout_redirect_uris: '${shown(uri)}' ${fault}.`)
  }
  return uris
}

function readShownUri(name: keyof ClientMetadata, uri: string | undefined): string | undefined {
  const fault = uri === undefined ? undefined : shownUriFault(uri)
  if (uri !== undefined && fault) throw invalid(`${name}: '${shown(uri)}' ${fault}.`)
  return uri
}

/** A person reads it on the consent page: it must not be able to pass for something else there. */
function readName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  if (!isPlainText(name, longestName))
    throw invalid(`client_name must be 1 to ${longestName} characters, without control characters.`)
  return name
}

function readContacts(contacts: string[]): string[] {
  if (!contacts.every((contact) => isPlainText(contact, longestName)))
    throw invalid(`contacts: each must be 1 to ${longestName} characters, without control characters.`)
  return contacts
}

/**
 * RFC 7591 §2 leaves the name of a nameless client to the server. People know the host that they are sent back to. Behind an app's own scheme
 * there is no host: the app chooses what stands there, and `app://bank.example/` must not be shown as the bank. So the scheme is the name.
 */
function nameFrom([uri]: readonly string[]): string {
  if (uri === undefined) return 'Unnamed client'
  const { protocol, host } = new URL(uri)
  return protocol === 'https:' || protocol === 'http:' ? host : protocol.slice(0, -1)
}

/** RFC 9700 §2.1.1: public clients must use PKCE. */
function readRequirePkce(given: boolean | undefined, isPublic: boolean): boolean {
  if (given === false && isPublic) throw invalid('require_pkce cannot be false: a public client must use PKCE.')
  return given ?? true
}

/**
 * RFC 9700 §2.2.2, §4.14.2: rotation is how theft of a public client's refresh token is noticed. The other clients authenticate, so a
 * stolen token is no use without their credentials.
 */
function readRotation(given: boolean | undefined, isPublic: boolean): boolean {
  if (given === false && isPublic)
    throw invalid('refresh_token_rotation cannot be false: a public client must rotate its refresh tokens.')
  return given ?? isPublic
}

/** A client that only acts for itself has no person to ask about. */
function defaultScope(grants: readonly GrantType[]): string {
  if (!grants.includes('authorization_code')) return ''
  return grants.includes('refresh_token') ? 'openid profile email offline_access' : 'openid profile email'
}

/** The allow-list: what it names, and what owns a registered scope. */
function readResources(
  scopes: readonly string[],
  named: readonly string[],
  resources: RegistrationTerms['resources'],
): string[] {
  if (scopes.length > mostEntries) throw invalid(`scope must not have more than ${mostEntries} names.`)
  const malformed = scopes.find((scope) => !isScopeToken(scope))
  if (malformed !== undefined) throw invalid(`scope: '${shown(malformed)}' is not a scope (RFC 6749 section 3.3).`)
  const orphan = scopes.find(
    (scope) => !isOpenidScope(scope) && !resources.some((resource) => resource.scopes.includes(scope)),
  )
  if (orphan !== undefined)
    throw invalid(
      `scope: '${shown(orphan)}' is not an OpenID scope, and no resource has it: register it with signet resources create --scope.`,
    )
  const unknown = named.find((identifier) => !resources.some((resource) => resource.identifier === identifier))
  if (unknown !== undefined) throw invalid(`resources: there is no resource '${shown(unknown)}'.`)
  return [...new Set([...named, ...ownersOf(scopes, resources)])]
}

function ownersOf(scopes: readonly string[], resources: RegistrationTerms['resources']): string[] {
  return resources
    .filter((resource) => resource.scopes.some((scope) => scopes.includes(scope)))
    .map(({ identifier }) => identifier)
}
