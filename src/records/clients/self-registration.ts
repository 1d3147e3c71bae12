import { isReservedScheme } from '../../platform/uri-schemes.ts'
import { type ResponseType, responseTypeOf, responseTypes } from '../../protocol/oidc-values.ts'
import { shown } from '../plain-text.ts'
import { openidScopes, type Resource } from '../resources/resource.ts'
import { type ClientMetadata, deviceCodeGrant, metadataMembers, scopesOf } from './client.ts'
import { completeMetadata } from './client-metadata.ts'
import { grantTypesFor } from './grant-and-response-types.ts'
import { InvalidClientMetadata, invalid, type MetadataInput } from './metadata-members.ts'

/*
 * What clients that register themselves may have (RFC 7591, OpenID Connect Registration 1.0). Nobody has checked who is behind them. So they get nothing
 * that only an operator can give away: no tokens without a person, no groups, no trust of a first party, and only the APIs that are open to them.
 *
 * RFC 7591 §2 lets a server replace values that it does not support. What such a client cannot have is left out, and the response says what was registered.
 * What it needs to work as it expects is refused instead, such as encryption.
 */

/** What the rules need to know besides the metadata. */
export interface SelfRegistrationContext {
  /** The resources that such clients may request. */
  readonly openResources: readonly Pick<Resource, 'identifier' | 'scopes'>[]
  /** SIGNET_NAME: what pages call this provider. */
  readonly providerName: string
  /** SIGNET_ISSUER */
  readonly issuer: string
  /** SIGNET_LEGACY_RESPONSE_TYPES */
  readonly legacyResponseTypes: 'off' | 'on'
  /** Whether web clients of the implicit grant may be on loopback, as during development. */
  readonly allowsLoopback: boolean
}

const ownGrantTypes: readonly string[] = ['authorization_code', 'implicit', 'refresh_token', deviceCodeGrant]

/** Without the groups and roles of a person, which an operator reveals group by group. */
const ownScopes: readonly string[] = openidScopes.filter((scope) => scope !== 'groups' && scope !== 'roles')

/** Members that only an operator decides about. */
const operatorMembers: readonly string[] = ['first_party', 'groups', 'resources'] satisfies (keyof ClientMetadata)[]

/** The members of a response to a client about itself, in their order. */
export const ownMembers = metadataMembers.filter((name) => !operatorMembers.includes(name))

/**
 * Fills in the defaults of RFC 7591 §2 for a client that registers itself, and checks everything.
 *
 * @param input unchecked
 * @throws InvalidClientMetadata for the first fault found
 */
export function completeOwnMetadata(input: MetadataInput, context: SelfRegistrationContext): ClientMetadata {
  // Only what is read below. It may contain anything, in any number.
  const given = new Map<string, unknown>(
    ownMembers.filter((name) => Object.hasOwn(input, name)).map((name) => [name, givenValue(name, input[name])]),
  )
  refuseUnsupported(input)
  const member = <T>(name: keyof ClientMetadata, change: (value: unknown) => T) => ({ [name]: change(given.get(name)) })
  const method = given.get('token_endpoint_auth_method') ?? 'client_secret_basic'
  const offered = context.legacyResponseTypes === 'on' ? responseTypes : (['code'] as const)
  const types = ownResponseTypes(given.get('response_types'), offered)
  const grantTypes = ownGrantTypesFor(types, given.get('grant_types') ?? ['authorization_code'])
  const metadata = completeMetadata(
    {
      ...Object.fromEntries(given),
      token_endpoint_auth_method: method,
      grant_types: grantTypes,
      response_types: types,
      ...member('scope', (value) => ownScope(value, grantTypes, context)),
      ...member('redirect_uris', withoutClaimable),
      ...member('jwks', withoutEncryptionKeys),
      ...member('application_type', (value) => value ?? applicationTypeOf(given.get('redirect_uris'))),
      // Certified libraries send neither PKCE nor a nonce for a client that authenticates. A public client has no choice (RFC 9700 §2.1.1).
      ...member('require_pkce', (value) => value ?? method === 'none'),
    },
    { resources: context.openResources, allowsLoopback: context.allowsLoopback },
  )
  checkApplicationType(metadata)
  refuseOurOrigin(metadata, context.issuer)
  checkName(metadata.client_name, context)
  return metadata
}

/**
 * Why an operator cannot change a client that registered itself in this way: it could still change itself with its registration access token.
 *
 * @returns a sentence; undefined if it is possible
 */
export function beyondOwnMetadata(
  metadata: ClientMetadata,
  openResources: SelfRegistrationContext['openResources'],
): string | undefined {
  const isOpen = (scope: string) =>
    ownScopes.includes(scope) || openResources.some(({ scopes }) => scopes.includes(scope))
  const beyond = [
    ...(metadata.first_party ? ['first_party'] : []),
    ...(metadata.groups.length > 0 ? ['groups'] : []),
    ...metadata.grant_types.filter((type) => !ownGrantTypes.includes(type)),
    ...metadata.resources.filter((one) => !openResources.some(({ identifier }) => identifier === one)),
    ...scopesOf(metadata.scope).filter((scope) => !isOpen(scope)),
  ]
  return beyond.length === 0
    ? undefined
    : `A client that registered itself cannot have ${shown(beyond.join(', '))}. Once you know who is behind it, take it over: signet clients adopt.`
}

export type Presentation = 'client_name' | 'logo_uri' | 'client_uri' | 'policy_uri' | 'tos_uri' | 'redirect_uris'

/** What people see of a client when they give their consent, and where they are sent. If it changes, a consent from before no longer holds. */
export function presentationOf(client: Pick<ClientMetadata, Presentation>): string {
  const { client_name: name, logo_uri, client_uri, policy_uri, tos_uri, redirect_uris: uris } = client
  return JSON.stringify([name, logo_uri, client_uri, policy_uri, tos_uri, [...uris].sort()])
}

/** RFC 7592 §2.2 treats null and empty values as left out. Programs that have no terms or logo send them as empty addresses. */
function givenValue(name: string, value: unknown): unknown {
  return value === null || (value === '' && name.endsWith('_uri')) ? undefined : value
}

/** What needs encryption could not be used by the client as it expects. */
function refuseUnsupported(input: MetadataInput): void {
  const isGiven = (name: string) => input[name] !== undefined && input[name] !== null
  if (isGiven('software_statement'))
    // RFC 7591 §3.2.2. Ignoring it (§2.3) would leave out what its issuer vouches for.
    throw new InvalidClientMetadata(
      'unapproved_software_statement',
      'software_statement: this server trusts no issuer of software statements. Send the metadata as members of the request.',
    )
  const encrypted = Object.keys(input).find(
    (name) => /^[a-z_]{1,40}_(?:encrypted_response|encryption)_(?:alg|enc)$/.test(name) && isGiven(name),
  )
  if (encrypted !== undefined)
    throw invalid(`${encrypted} is not supported: this server neither encrypts nor decrypts. Leave it out.`)
}

/**
 * Those of the values that the client may have. Other types are for `completeMetadata` to refuse.
 *
 * @throws InvalidClientMetadata if nothing is left
 */
function ownOf(value: unknown, allowed: readonly string[], name: keyof ClientMetadata): unknown {
  if (!Array.isArray(value) || value.length === 0) return value
  const own = value.filter((one) => typeof one !== 'string' || allowed.includes(one))
  if (own.length === 0) throw invalid(`${name} must have one of: ${allowed.join(', ')}.`)
  return own
}

/** Without those that are not offered. The order of the words in one does not matter (RFC 6749 §3.1.1). */
function ownResponseTypes(value: unknown, offered: readonly ResponseType[]): unknown {
  if (!Array.isArray(value)) return value
  const known = value.map((one) => (typeof one === 'string' ? (responseTypeOf(one) ?? one) : one))
  return ownOf(known, offered, 'response_types')
}

/** Without `implicit` if no response type needs it. Many libraries register it beside `code`. */
function ownGrantTypesFor(types: unknown, value: unknown): unknown {
  const needsImplicit = responseTypes.some(
    (type) => Array.isArray(types) && types.includes(type) && grantTypesFor(type).includes('implicit'),
  )
  return ownOf(value, needsImplicit ? ownGrantTypes : ownGrantTypes.filter((one) => one !== 'implicit'), 'grant_types')
}

/**
 * RFC 7591 §2: a server may register a default set of scopes. These are all that such a client may request.
 *
 * A scope of an open resource brings all scopes of that resource. A tool of an MCP server may demand another one later, and clients then ask for it without
 * registering again. The person decides about it on the consent page, as about the first.
 */
function ownScope(value: unknown, grantTypes: unknown, { openResources }: SelfRegistrationContext): unknown {
  const open = [...ownScopes, ...openResources.flatMap(({ scopes }) => scopes)]
  if (value !== undefined && typeof value !== 'string') return value
  const hasRefresh = Array.isArray(grantTypes) && grantTypes.includes('refresh_token')
  const asked = value === undefined ? open.filter((scope) => scope !== 'offline_access' || hasRefresh) : scopesOf(value)
  const named = openResources.filter(({ scopes }) => scopes.some((scope) => asked.includes(scope)))
  const wanted = [...asked, ...named.flatMap(({ scopes }) => scopes)]
  return [...new Set(wanted)].filter((scope) => open.includes(scope)).join(' ')
}

/**
 * RFC 8252 §7.1: any app can claim a scheme that is no domain name. Editors send one such URI beside others that they can use as well. It is left out, because
 * refusing it would keep them from registering at all. If nothing else remains, it is for the rules of redirect URIs to refuse.
 */
function withoutClaimable(uris: unknown): unknown {
  if (!Array.isArray(uris)) return uris
  const kept = uris.filter((uri) => {
    const [, scheme] = typeof uri === 'string' ? (/^([a-z][a-z0-9+-]*):/.exec(uri) ?? []) : []
    return scheme === undefined || scheme === 'http' || scheme === 'https' || isReservedScheme(scheme)
  })
  return kept.length === 0 ? uris : kept
}

/** Some clients have one set for everything. Their keys for encryption are never used here. A private key is not left out, so that it is refused. */
function withoutEncryptionKeys(jwks: unknown): unknown {
  if (typeof jwks !== 'object' || jwks === null || !('keys' in jwks) || !Array.isArray(jwks.keys)) return jwks
  const keys = jwks.keys.filter((key) => !isForEncryption(key))
  return keys.length === 0 && jwks.keys.length > 0 ? undefined : { keys }
}

function isForEncryption(key: unknown): boolean {
  if (typeof key !== 'object' || key === null || 'd' in key || 'k' in key) return false
  const { use, alg } = key as { use?: unknown; alg?: unknown }
  // RFC 7517 §4.2, RFC 7518 §4.1.
  return use === 'enc' || (use === undefined && typeof alg === 'string' && /^(?:RSA-OAEP|RSA1_5|ECDH-ES)/.test(alg))
}

/**
 * Apps on people's devices often leave `application_type` out although its default is `web` (OpenID Connect Registration §2). Their redirect URIs say what they
 * are.
 */
function applicationTypeOf(redirectUris: unknown): 'web' | 'native' {
  const isWeb = (uri: unknown) => typeof uri !== 'string' || uri.startsWith('https:')
  return Array.isArray(redirectUris) && !redirectUris.every(isWeb) ? 'native' : 'web'
}

/**
 * OpenID Connect Registration §2. A web client may be in development, so it may have a loopback address: the section forbids that for the implicit grant only.
 * A native client may have an https URI that belongs to the app (RFC 8252 §7.2).
 */
function checkApplicationType({ application_type: type, redirect_uris: uris }: ClientMetadata): void {
  const custom = uris.find((uri) => !/^https?:/.test(uri))
  if (type === 'web' && custom !== undefined)
    throw new InvalidClientMetadata(
      'invalid_redirect_uri',
      `redirect_uris: '${shown(custom)}' has a private-use scheme, which needs application_type native.`,
    )
}

/**
 * Nothing of a client is at our own origin. A consent page would say that it leads to this provider, which is where people are used to trust what they read, and
 * responses would reach our own pages as if they had sent them.
 */
function refuseOurOrigin(metadata: ClientMetadata, issuer: string): void {
  const isOurs = (uri: string | undefined) => uri !== undefined && new URL(uri).origin === issuer
  if (metadata.redirect_uris.some(isOurs))
    throw new InvalidClientMetadata('invalid_redirect_uri', 'redirect_uris must not lead to this server.')
  if (metadata.post_logout_redirect_uris.some(isOurs))
    throw invalid('post_logout_redirect_uris must not lead to this server.')
  const names = ['client_uri', 'policy_uri', 'tos_uri', 'initiate_login_uri'] as const
  const name = names.find((one) => isOurs(metadata[one]))
  if (name !== undefined) throw invalid(`${name} must not lead to this server.`)
}

/**
 * A name that people would take for the provider itself. Longer names that contain it are allowed: short brands are parts of honest names, and every page that
 * shows the name says that nobody has checked it.
 */
function checkName(name: string, { providerName, issuer }: SelfRegistrationContext): void {
  // Unicode calls some of these letters, such as U+3164. A name of nothing else would leave a gap in the sentences of pages.
  if (/^[\p{Default_Ignorable_Code_Point}\p{White_Space}\u2800]*$/u.test(name))
    throw invalid('client_name has no character that can be seen.')
  const [own, provider] = [folded(name), folded(providerName)]
  if ([issuer, new URL(issuer).host].some((address) => own === folded(address)))
    throw invalid('client_name is the address of this provider. Choose the name of your application.')
  // A name may consist of other characters only.
  if (own === provider && (own !== '' || name.trim() === providerName.trim()))
    throw invalid('client_name is the name of this provider. Choose the name of your application.')
}

/** Letters and digits that can be seen, compatibility forms and case folded. */
function folded(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]|\p{Default_Ignorable_Code_Point}/gu, '')
}
