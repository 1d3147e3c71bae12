import {
  assertionAlgorithms,
  clientAssertionAlgorithms,
  idTokenAlgorithms,
  signingAlgorithms,
} from '../../platform/jwt/algorithms.ts'
import { initiationParameters } from '../../protocol/initiate-login.ts'
import {
  type ContextClass,
  contentsOf,
  contextClasses,
  isContextClass,
  type ResponseType,
  responseParameters,
} from '../../protocol/oidc-values.ts'
import { allGroups } from '../groups/group-rules.ts'
import { isPlainText, maxNameLength, shown } from '../plain-text.ts'
import { isOpenidScope, isScopeToken, type Resource } from '../resources/resource.ts'
import {
  type AuthenticationMetadata,
  type AuthenticationMethod,
  applicationTypes,
  authenticationMethods,
  type ClientMetadata,
  deviceCodeGrant,
  type GrantType,
  noAssertions,
  type RequirePkce,
  scopesOf,
  subjectTypes,
  usesSecret,
} from './client.ts'
import { readClientJwks } from './client-jwks.ts'
import {
  checkResponseTypes,
  defaultGrantTypes,
  isOfPerson,
  keptResponseTypes,
  readGrantTypes,
  readResponseTypes,
} from './grant-and-response-types.ts'
import { InvalidClientMetadata, invalid, type MetadataInput, maxEntries, readMembers } from './metadata-members.ts'
import {
  fetchedUriFault,
  frontChannelLogoutUriFault,
  implicitRedirectUriFault,
  initiateLoginUriFault,
  type RedirectUriUse,
  redirectUriFault,
  requestUriFault,
  shownUriFault,
} from './redirect-uri-rules.ts'
import { changesSubjects, sectorOf } from './sector.ts'

/** What the rules need to know besides the metadata. */
export interface RegistrationContext {
  /** All resources that the old or new metadata names, or of which it has a scope. */
  readonly resources: readonly Pick<Resource, 'identifier' | 'scopes'>[]
  /** Those names in the member `groups` that are groups. Default: none. */
  readonly groups?: readonly string[]
  /** Set if the input comes from an operator and not from the client itself (RFC 7591). */
  readonly byOperator?: true
  /** Whether a web client of the implicit grant may be on loopback. An operator may always register one. */
  readonly allowsLoopback?: boolean
}

/**
 * Fills in defaults (RFC 7591 §2) and checks everything. All client metadata goes through this function.
 *
 * @throws InvalidClientMetadata for the first fault found
 */
export function completeMetadata(input: MetadataInput, context: RegistrationContext): ClientMetadata {
  const read = readMembers(input)
  const authMethod = read.oneOf('token_endpoint_auth_method', authenticationMethods)
  const isPublic = authMethod === 'none'
  const redirectUris = read.texts('redirect_uris') ?? []
  const namedTypes = readResponseTypes(read.texts('response_types'))
  const grants = readGrantTypes(read.texts('grant_types') ?? defaultGrantTypes(namedTypes), isPublic)
  const types = namedTypes ?? (grants.includes('authorization_code') ? (['code'] as const) : [])
  checkResponseTypes(types, grants)
  const byOperator = context.byOperator === true
  const applicationType = read.oneOf('application_type', applicationTypes) ?? 'web'
  checkRedirectUris(redirectUris, { isPublic, byOperator, adds: responseParameters })
  checkRedirectUrisOfGrants(redirectUris, grants, applicationType, byOperator || context.allowsLoopback === true)
  const scopes = scopesOf(read.text('scope') ?? defaultScope(grants))
  const authentication = readAuthentication(read, authMethod)
  const keys = readKeys(read, authentication)
  return {
    client_name: readName(read.text('client_name')) ?? nameFrom(redirectUris),
    application_type: applicationType,
    redirect_uris: redirectUris,
    post_logout_redirect_uris: readPostLogoutUris(read.texts('post_logout_redirect_uris') ?? [], {
      isPublic,
      byOperator,
      // OpenID Connect RP-Initiated Logout §3.
      adds: ['state'],
    }),
    grant_types: grants,
    response_types: types,
    scope: scopes.join(' '),
    ...authentication,
    ...keys,
    ...readSubjectType(read, redirectUris, grants, byOperator),
    id_token_signed_response_alg: readIdTokenAlgorithm(read, authentication, types),
    userinfo_signed_response_alg: read.oneOf('userinfo_signed_response_alg', signingAlgorithms),
    ...readRequestObjects(read, keys),
    require_pushed_authorization_requests: read.flag('require_pushed_authorization_requests') ?? false,
    default_max_age: read.seconds('default_max_age'),
    default_acr_values: readContextClasses(read.texts('default_acr_values') ?? []),
    require_auth_time: read.flag('require_auth_time') ?? false,
    client_uri: readShownUri('client_uri', read.text('client_uri')),
    logo_uri: readShownUri('logo_uri', read.text('logo_uri')),
    policy_uri: readShownUri('policy_uri', read.text('policy_uri')),
    tos_uri: readShownUri('tos_uri', read.text('tos_uri')),
    initiate_login_uri: readInitiateLoginUri(read.text('initiate_login_uri')),
    ...readLogout(read, redirectUris),
    contacts: readContacts(read.texts('contacts') ?? []),
    software_id: readSoftware('software_id', read.text('software_id')),
    software_version: readSoftware('software_version', read.text('software_version')),
    require_pkce: readRequirePkce(read, isPublic),
    first_party: read.flag('first_party') ?? false,
    refresh_token_rotation: readRotation(read.flag('refresh_token_rotation'), isPublic),
    resources: readResources(scopes, read.texts('resources') ?? [], context.resources),
    // Applications expect them, but whoever registers a client themselves has not decided who sees its ID tokens.
    id_token_profile_claims: read.flag('id_token_profile_claims') ?? byOperator,
    groups: readGroups(read.texts('groups') ?? [], context.groups ?? []),
  }
}

/**
 * A client's metadata with some members replaced. Members that were derived from a replaced member are derived again: response types from grant
 * types (those that they still allow are kept), rotation and the required audience from the authentication method, and resources that were allowed because of a scope from the scopes.
 *
 * @throws InvalidClientMetadata for the first fault found
 */
export function changeMetadata(
  existing: ClientMetadata,
  changes: MetadataInput,
  context: RegistrationContext,
): ClientMetadata {
  const {
    response_types: types,
    refresh_token_rotation: rotation,
    require_issuer_audience: pinned,
    resources,
    ...kept
  } = existing
  const method = Object.hasOwn(changes, 'token_endpoint_auth_method')
    ? changes['token_endpoint_auth_method']
    : existing.token_endpoint_auth_method
  const rescoped = Object.hasOwn(changes, 'scope')
  const owners = ownersOf(scopesOf(existing.scope), context.resources)
  const changed = completeMetadata(
    {
      ...kept,
      response_types: keptResponseTypes(types, changes['grant_types'] ?? existing.grant_types),
      ...(method !== 'none' && existing.token_endpoint_auth_method !== 'none' && { refresh_token_rotation: rotation }),
      ...((method === 'private_key_jwt' || method === 'client_secret_jwt') && { require_issuer_audience: pinned }),
      resources: rescoped ? resources.filter((identifier) => !owners.includes(identifier)) : resources,
      ...changes,
    },
    context,
  )
  if (context.byOperator) checkSubjectsKept(existing, changed, changes)
  else refuseOtherSubjects(existing, changed)
  return changed
}

/** RFC 8725 §3.1: the algorithm must match the method, and the keys if they are known. */
function readAuthentication(
  read: ReturnType<typeof readMembers>,
  method: AuthenticationMethod | undefined,
): AuthenticationMetadata {
  const alg = read.oneOf('token_endpoint_auth_signing_alg', clientAssertionAlgorithms)
  const pinned = read.flag('require_issuer_audience') ?? false
  const withAssertion = method === 'private_key_jwt' || method === 'client_secret_jwt'
  if (!withAssertion && pinned)
    throw invalid('require_issuer_audience can be used with private_key_jwt and client_secret_jwt only.')
  if (!withAssertion && alg !== undefined)
    throw invalid('token_endpoint_auth_signing_alg can be used with private_key_jwt and client_secret_jwt only.')
  if (method === 'private_key_jwt') {
    if (alg === 'HS256')
      throw invalid(
        'token_endpoint_auth_signing_alg HS256 needs client_secret_jwt: private_key_jwt signs with a private key.',
      )
    return {
      token_endpoint_auth_method: method,
      token_endpoint_auth_signing_alg: alg,
      require_issuer_audience: pinned,
    }
  }
  if (method !== 'client_secret_jwt') return { token_endpoint_auth_method: method, ...noAssertions }
  if (alg !== undefined && alg !== 'HS256')
    throw invalid('token_endpoint_auth_signing_alg must be HS256 for client_secret_jwt.')
  return { token_endpoint_auth_method: method, token_endpoint_auth_signing_alg: alg, require_issuer_audience: pinned }
}

type Keys = Pick<ClientMetadata, 'jwks' | 'jwks_uri'>

/** RFC 7591 §2: `jwks` and `jwks_uri` must not both be there. */
function readKeys(read: ReturnType<typeof readMembers>, authentication: AuthenticationMetadata): Keys {
  const [jwks, uri] = [read.value('jwks'), read.text('jwks_uri')]
  if (jwks !== undefined && uri !== undefined)
    throw invalid('jwks and jwks_uri cannot be used together (RFC 7591 section 2).')
  const withKeys = authentication.token_endpoint_auth_method === 'private_key_jwt' ? authentication : undefined
  if (withKeys && jwks === undefined && uri === undefined)
    throw invalid('jwks or jwks_uri is missing: private_key_jwt needs the public keys of the client.')
  const fault = uri === undefined ? undefined : fetchedUriFault(uri)
  if (uri !== undefined && fault) throw invalid(`jwks_uri: '${shown(uri)}' ${fault}.`)
  const alg = withKeys?.token_endpoint_auth_signing_alg
  return { jwks: jwks === undefined ? undefined : readClientJwks(jwks, alg), jwks_uri: uri }
}

/** OpenID Connect Core §8.1: without `sector_identifier_uri`, the host of the redirect URIs is the sector, so they must have only one. */
function readSubjectType(
  read: ReturnType<typeof readMembers>,
  redirectUris: readonly string[],
  grants: readonly GrantType[],
  byOperator: boolean,
) {
  const type = read.oneOf('subject_type', subjectTypes) ?? 'public'
  const uri = read.text('sector_identifier_uri')
  const fault = uri === undefined ? undefined : fetchedUriFault(uri)
  if (uri !== undefined && fault) throw invalid(`sector_identifier_uri: '${shown(uri)}' ${fault}.`)
  const metadata = { subject_type: type, sector_identifier_uri: uri, redirect_uris: redirectUris }
  if (type === 'pairwise' && sectorOf(metadata) === undefined)
    throw invalid(
      'sector_identifier_uri is missing: subject_type pairwise needs it unless all redirect_uris are https and have the same host, which is not loopback.',
    )
  // Nothing proves that a sector is the client's own, except that codes are sent to its redirect URIs. A device gets its tokens without them, so anybody could
  // register the redirect URIs of another application and learn its subjects.
  if (type === 'pairwise' && !byOperator && grants.includes(deviceCodeGrant))
    throw invalid(
      'subject_type cannot be pairwise for a client with the device code grant, unless an operator registers it.',
    )
  return { subject_type: type, sector_identifier_uri: uri }
}

/**
 * Refuses metadata by which a client that registered itself would see other subjects than before: by moving to the sector of another application it would learn how
 * that one knows the people who have allowed this client.
 *
 * @throws InvalidClientMetadata
 */
export function refuseOtherSubjects(existing: ClientMetadata, changed: ClientMetadata): void {
  if (!changesSubjects(existing, changed)) return
  throw invalid(
    'subject_type and the sector (the host of sector_identifier_uri or redirect_uris) cannot be changed: every user would get another sub. Register a new client.',
  )
}

/** An operator has to name what decides about the subjects, so that nobody changes all of them with a new redirect URI. */
function checkSubjectsKept(existing: ClientMetadata, changed: ClientMetadata, changes: MetadataInput): void {
  if (!changesSubjects(existing, changed)) return
  if (Object.hasOwn(changes, 'subject_type') || Object.hasOwn(changes, 'sector_identifier_uri')) return
  throw invalid(
    `redirect_uris: with another host, this pairwise client would know every user by another sub. To keep them, add a sector_identifier_uri with the host ${sectorOf(existing)}. To change them, add subject_type pairwise.`,
  )
}

/** The default is that of OpenID Connect Registration §2. */
function readIdTokenAlgorithm(
  read: ReturnType<typeof readMembers>,
  authentication: AuthenticationMetadata,
  types: readonly ResponseType[],
) {
  const alg = read.oneOf('id_token_signed_response_alg', idTokenAlgorithms) ?? 'RS256'
  // OpenID Connect Core §10.1: the key is the client secret.
  if (alg === 'HS256' && !usesSecret(authentication))
    throw invalid('id_token_signed_response_alg HS256 needs a client with a secret.')
  // While a secret is replaced, a client has two. Only its token request says which one it verifies ID tokens with.
  if (alg === 'HS256' && types.some((type) => contentsOf(type).idToken))
    throw invalid(
      'id_token_signed_response_alg cannot be HS256 with response_types that return an ID token from the authorization endpoint.',
    )
  return alg
}

/** OpenID Connect Registration §2, RFC 9101 §10.5. */
function readRequestObjects(read: ReturnType<typeof readMembers>, { jwks, jwks_uri: uri }: Keys) {
  const alg = read.oneOf('request_object_signing_alg', assertionAlgorithms)
  const isRequired = read.flag('require_signed_request_object') ?? false
  if ((alg !== undefined || isRequired) && jwks === undefined && uri === undefined)
    throw invalid(
      'jwks or jwks_uri is missing: the signature of request objects is verified with the keys of the client.',
    )
  const uris = read.texts('request_uris') ?? []
  for (const one of uris) {
    const fault = requestUriFault(one)
    if (fault) throw invalid(`request_uris: '${shown(one)}' ${fault}.`)
  }
  return { request_object_signing_alg: alg, require_signed_request_object: isRequired, request_uris: uris }
}

function checkRedirectUris(uris: readonly string[], use: RedirectUriUse): void {
  for (const uri of uris) {
    const fault = redirectUriFault(uri, use)
    if (fault) throw new InvalidClientMetadata('invalid_redirect_uri', `redirect_uris: '${shown(uri)}' ${fault}.`)
  }
}

function checkRedirectUrisOfGrants(
  uris: readonly string[],
  grants: readonly GrantType[],
  applicationType: ClientMetadata['application_type'],
  allowsLoopback: boolean,
): void {
  const needing = grants.find((name) => name === 'authorization_code' || name === 'implicit')
  if (needing !== undefined && uris.length === 0)
    throw new InvalidClientMetadata('invalid_redirect_uri', `redirect_uris must have at least one URI for ${needing}.`)
  if (applicationType !== 'web' || !grants.includes('implicit')) return
  for (const uri of uris) {
    const fault = implicitRedirectUriFault(uri, allowsLoopback)
    if (fault) throw new InvalidClientMetadata('invalid_redirect_uri', `redirect_uris: '${shown(uri)}' ${fault}.`)
  }
}

/** OpenID Connect RP-Initiated Logout §3.1: browsers are redirected to these URIs too, so the same rules apply. */
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

function readInitiateLoginUri(uri: string | undefined): string | undefined {
  const fault = uri === undefined ? undefined : initiateLoginUriFault(uri, initiationParameters)
  if (uri !== undefined && fault) throw invalid(`initiate_login_uri: '${shown(uri)}' ${fault}.`)
  return uri
}

/** OpenID Connect Back-Channel Logout §2.2, Front-Channel Logout §2. */
function readLogout(read: ReturnType<typeof readMembers>, redirectUris: readonly string[]) {
  const backChannel = read.text('backchannel_logout_uri')
  const backFault = backChannel === undefined ? undefined : fetchedUriFault(backChannel)
  if (backChannel !== undefined && backFault)
    throw invalid(`backchannel_logout_uri: '${shown(backChannel)}' ${backFault}.`)
  const frontChannel = read.text('frontchannel_logout_uri')
  const frontFault = frontChannel === undefined ? undefined : frontChannelLogoutUriFault(frontChannel, redirectUris)
  if (frontChannel !== undefined && frontFault)
    throw invalid(`frontchannel_logout_uri: '${shown(frontChannel)}' ${frontFault}.`)
  return {
    backchannel_logout_uri: backChannel,
    backchannel_logout_session_required: read.flag('backchannel_logout_session_required') ?? false,
    frontchannel_logout_uri: frontChannel,
    frontchannel_logout_session_required: read.flag('frontchannel_logout_session_required') ?? false,
  }
}

/** The name is shown on the consent page, where it must not be able to imitate other text. */
function readName(name: string | undefined): string | undefined {
  if (name === undefined) return undefined
  if (!isPlainText(name, maxNameLength))
    throw invalid(`client_name must be 1 to ${maxNameLength} characters, without control characters.`)
  return name
}

function readSoftware(name: keyof ClientMetadata, text: string | undefined): string | undefined {
  if (text !== undefined && !isPlainText(text, maxNameLength))
    throw invalid(`${name} must be 1 to ${maxNameLength} characters, without control characters.`)
  return text
}

function readContacts(contacts: string[]): string[] {
  if (!contacts.every((contact) => isPlainText(contact, maxNameLength)))
    throw invalid(`contacts: each must be 1 to ${maxNameLength} characters, without control characters.`)
  return contacts
}

/** A misspelt value would be ignored in every request, so it is refused here. */
function readContextClasses(values: readonly string[]): ContextClass[] {
  const unknown = values.find((value) => !isContextClass(value))
  if (unknown !== undefined)
    throw invalid(
      `default_acr_values has '${shown(unknown)}', which is not supported. Supported are ${contextClasses.join(', ')}.`,
    )
  return values.filter(isContextClass)
}

/**
 * RFC 7591 §2 lets the server choose the name of a client without one. People know the host that they are sent back to. A URI with a private-use
 * scheme has no real host: the app chooses that part, and `app://bank.example/` must not be shown as the bank. So the scheme is used as the name.
 */
function nameFrom([uri]: readonly string[]): string {
  if (uri === undefined) return 'Unnamed client'
  const { protocol, host } = new URL(uri)
  return protocol === 'https:' || protocol === 'http:' ? host : protocol.slice(0, -1)
}

/** RFC 9700 §2.1.1: public clients must use PKCE. */
function readRequirePkce(read: ReturnType<typeof readMembers>, isPublic: boolean): RequirePkce {
  const given = read.value('require_pkce') ?? 'auto'
  if (given !== 'auto' && typeof given !== 'boolean') throw invalid('require_pkce must be true, false or auto.')
  if (given === false && isPublic) throw invalid('require_pkce cannot be false: a public client must use PKCE.')
  return given
}

/**
 * RFC 9700 §2.2.2, §4.14.2: rotation detects the theft of a public client's refresh token. Other clients authenticate, so a stolen token is useless
 * without their credentials.
 */
function readRotation(given: boolean | undefined, isPublic: boolean): boolean {
  if (given === false && isPublic)
    throw invalid('refresh_token_rotation cannot be false: a public client must rotate its refresh tokens.')
  return given ?? isPublic
}

/** A client that only acts for itself gets no OpenID scopes, because there is no person. */
function defaultScope(grants: readonly GrantType[]): string {
  if (!grants.some((name) => isOfPerson(name) || name === 'implicit')) return ''
  return grants.includes('refresh_token') ? 'openid profile email offline_access' : 'openid profile email'
}

/** The allow-list: the named resources, and the owners of registered scopes. */
function readResources(
  scopes: readonly string[],
  named: readonly string[],
  resources: RegistrationContext['resources'],
): string[] {
  if (scopes.length > maxEntries) throw invalid(`scope must not have more than ${maxEntries} names.`)
  const malformed = scopes.find((scope) => !isScopeToken(scope))
  if (malformed !== undefined) throw invalid(`scope: '${shown(malformed)}' is not a scope (RFC 6749 section 3.3).`)
  const orphan = scopes.find(
    (scope) => !isOpenidScope(scope) && !resources.some((resource) => resource.scopes.includes(scope)),
  )
  if (orphan !== undefined)
    throw invalid(
      `scope: '${shown(orphan)}' is not an OpenID scope, and no resource has it. Register it with signet resources create --scope.`,
    )
  const unknown = named.find((identifier) => !resources.some((resource) => resource.identifier === identifier))
  if (unknown !== undefined) throw invalid(`resources: there is no resource '${shown(unknown)}'.`)
  return [...new Set([...named, ...ownersOf(scopes, resources)])]
}

/** The groups that the client may see. A misspelt name would hide a group from it without notice. */
function readGroups(named: readonly string[], existing: readonly string[]): string[] {
  if (named.includes(allGroups)) return [allGroups]
  const unknown = named.find((name) => !existing.includes(name))
  if (unknown !== undefined)
    throw invalid(`groups: there is no group '${shown(unknown)}'. Create it with signet groups create.`)
  return [...named]
}

function ownersOf(scopes: readonly string[], resources: RegistrationContext['resources']): string[] {
  return resources
    .filter((resource) => resource.scopes.some((scope) => scopes.includes(scope)))
    .map(({ identifier }) => identifier)
}
