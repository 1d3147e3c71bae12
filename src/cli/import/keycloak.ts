import { isJsonObject, type JsonObject, parseJsonObject } from '#verify/strict-json'
import type { AccountToImport } from '../../operations/import-account.ts'
import type { ClientToImport } from '../../operations/import-client.ts'
import { signingAlgorithms } from '../../platform/jwt/algorithms.ts'
import type { Address, Profile } from '../../records/accounts/account.ts'
import { shown } from '../../records/plain-text.ts'
import { acceptedClaims, splitUsername } from './foreign-profile.ts'
import {
  isEmpty,
  type Members,
  membersOf,
  nameOf,
  notTakenOver,
  Refused,
  type Translated,
  translated,
} from './members.ts'

/** The users of a realm, of several realms, or of a file of users (`--users different_files`). */
export function usersOfRealm(document: unknown): unknown[] | undefined {
  return membersOfRealms(document, 'users')
}

export function clientsOfRealm(document: unknown): unknown[] | undefined {
  return membersOfRealms(document, 'clients')
}

function membersOfRealms(document: unknown, name: 'users' | 'clients'): unknown[] | undefined {
  const realms = Array.isArray(document) ? document : [document]
  if (!realms.every((realm) => isJsonObject(realm) && (Array.isArray(realm[name]) || 'realm' in realm)))
    return undefined
  return realms.flatMap((realm: JsonObject) => (Array.isArray(realm[name]) ? realm[name] : []))
}

/** The attributes of a user that Keycloak's own mappers turn into claims. */
const attributeClaims = {
  middleName: 'middle_name',
  nickname: 'nickname',
  profile: 'profile',
  picture: 'picture',
  website: 'website',
  gender: 'gender',
  birthdate: 'birthdate',
  zoneinfo: 'zoneinfo',
  locale: 'locale',
  phoneNumber: 'phone_number',
} as const
const addressAttributes = {
  formatted: 'formatted',
  street: 'street_address',
  locality: 'locality',
  region: 'region',
  postal_code: 'postal_code',
  country: 'country',
} as const

/** What gives rights in Keycloak, or belongs to its flows. */
const notImported = [
  ...['realmRoles', 'clientRoles', 'groups', 'requiredActions', 'federatedIdentities', 'federationLink'],
  ...['clientConsents', 'applicationRoles', 'socialLinks'],
]
const meaningless = ['createdTimestamp', 'totp', 'notBefore', 'access', 'disableableCredentialTypes', 'origin', 'self']

/** A user of a realm. The `id` is the `sub` that applications know. */
export function userOfKeycloak(row: JsonObject): Translated<AccountToImport> {
  const id = nameOf(row, 'username', 'id')
  return translated(id, () => {
    const read = membersOf(row)
    if (!isEmpty(read.value('serviceAccountClientId')))
      return { kind: 'skip', id, reason: 'It is the service account of a client.' }
    const given = read.text('email')
    const { username, email, notes: nameNotes } = splitUsername(read.text('username'), given)
    const attributes = readAttributes(read.object('attributes'))
    const names = { given_name: read.text('firstName'), family_name: read.text('lastName') }
    const name = [names.given_name, names.family_name].filter((part) => part !== undefined).join(' ') || undefined
    const described = Object.entries(attributeClaims).map(([attribute, claim]) => [claim, attributes.get(attribute)])
    const { profile, notes } = acceptedClaims({ name, ...names, ...Object.fromEntries(described) })
    const address: Address = Object.fromEntries(
      Object.entries(addressAttributes).flatMap(([attribute, member]) => {
        const value = attributes.get(attribute)
        return value === undefined ? [] : [[member, value]]
      }),
    )
    const password = readCredentials(read)
    const left = notImported.filter((member) => !isEmpty(read.value(member))).map(notTakenOver)
    for (const member of meaningless) read.value(member)
    const item = {
      ...{ sub: read.text('id'), email, passwordHash: password.hash, disabled: read.flag('enabled') === false },
      profile: {
        ...profile,
        ...(username !== undefined && { username }),
        ...(Object.keys(address).length > 0 && { address }),
      } satisfies Profile,
      emailVerified: given !== undefined && (read.flag('emailVerified') ?? false),
    }
    const others = attributes.others() ? [notTakenOver('An attribute that is no claim')] : []
    const all = [...nameNotes, ...notes, ...password.notes, ...left, ...others, ...read.unread()]
    return { kind: 'import', id, item, notes: all }
  })
}

function readAttributes(attributes: JsonObject | undefined) {
  const known: readonly string[] = [...Object.keys(attributeClaims), ...Object.keys(addressAttributes)]
  return {
    get: (name: string): string | undefined => {
      const values = attributes && Object.hasOwn(attributes, name) ? attributes[name] : undefined
      const [first] = Array.isArray(values) ? values : [values]
      return typeof first === 'string' && first !== '' ? first : undefined
    },
    others: () => Object.keys(attributes ?? {}).some((name) => !known.includes(name)),
  }
}

/** The password among the credentials of a user. Second factors are not imported. */
function readCredentials(read: Members): { readonly hash: string | undefined; readonly notes: readonly string[] } {
  const notes: string[] = []
  let hash: string | undefined
  for (const credential of read.objects('credentials')) {
    const one = membersOf(credential)
    const type = one.text('type') ?? 'unknown'
    if (type !== 'password') notes.push(notTakenOver(`A credential of the type ${shown(type)}`))
    else if (one.value('value') !== undefined) notes.push(notTakenOver('A password that is not hashed'))
    else hash = passwordOfCredential(one)
  }
  return { hash, notes }
}

/** `credentialData` and `secretData` are JSON documents in a text. The salt and the hash in them are base64. */
function passwordOfCredential(credential: Members): string {
  const data = membersOf(jsonMember(credential, 'credentialData'))
  const secret = membersOf(jsonMember(credential, 'secretData'))
  const [algorithm, iterations] = [data.text('algorithm') ?? '', data.value('hashIterations')]
  const [salt, value] = [secret.text('salt') ?? '', secret.text('value') ?? '']
  // An extension that many realms use. Its value is the complete hash.
  if (algorithm === 'bcrypt') return value
  const isPbkdf2 = /^pbkdf2(?:-sha\d+)?$/.test(algorithm)
  if (!isPbkdf2 && algorithm !== 'argon2')
    throw new Refused(`The password is hashed by ${shown(algorithm)}, which is not supported.`)
  if (typeof iterations !== 'number') throw new Refused('The hashIterations of the password must be a number.')
  // The first version of PBKDF2 in Keycloak, with SHA-1, has no suffix.
  if (isPbkdf2) return `$${algorithm === 'pbkdf2' ? 'pbkdf2-sha1' : algorithm}$i=${iterations}$${salt}$${value}`
  const parameters = readAttributes(data.object('additionalParameters'))
  const version = { '1.0': 16, '1.3': 19 }[parameters.get('version') ?? '']
  const [type, m, p] = [parameters.get('type'), parameters.get('memory'), parameters.get('parallelism')]
  return `$argon2${type}$v=${version}$m=${m},t=${iterations},p=${p}$${salt}$${value}`
}

function jsonMember(credential: Members, name: string): JsonObject {
  const text = credential.text(name)
  if (text === undefined)
    throw new Refused(`The password has no ${name}. Export the realm with kc.sh export: the console leaves it out.`)
  try {
    return parseJsonObject(text)
  } catch {
    throw new Refused(`The ${name} of the password cannot be read.`)
  }
}

/** The clients that every realm has. */
const builtIn = 'account account-console admin-cli broker realm-management security-admin-console'.split(' ')
/** Scopes that only configure mappers of Keycloak. */
const scopesOfKeycloak =
  'web-origins acr basic microprofile-jwt organization service_account role_list saml_organization'.split(' ')
const notImportedOfClients = [
  ...['protocolMappers', 'defaultRoles', 'authorizationSettings', 'authenticationFlowBindingOverrides', 'webOrigins'],
  ...['frontchannelLogout', 'description'],
]

/** A client of a realm that speaks OpenID Connect. */
export function clientOfKeycloak(row: JsonObject): Translated<ClientToImport> {
  const id = nameOf(row, 'clientId')
  const skip = (reason: string) => ({ kind: 'skip', id, reason }) as const
  return translated(id, () => {
    const read = membersOf(row)
    const clientId = read.text('clientId')
    if (clientId === undefined) throw new Refused('clientId is missing.')
    if ((read.text('protocol') ?? 'openid-connect') !== 'openid-connect') return skip('It does not use OpenID Connect.')
    if (builtIn.includes(clientId)) return skip('Keycloak has it for itself.')
    if (read.flag('bearerOnly')) return skip('It is an API. Register it with signet resources create.')
    if (read.flag('enabled') === false) return skip('It is disabled.')
    const attribute = attributeReader(read.object('attributes'))
    const notes: string[] = []
    const isPublic = read.flag('publicClient') ?? false
    const grants = grantsOf(read, attribute, isPublic, notes)
    const redirectUris = read.texts('redirectUris') ?? []
    const rootUrl = read.text('rootUrl') ?? ''
    const withCode = grants.includes('authorization_code')
    const metadata = {
      client_name: readableName(read.text('name')) ?? clientId,
      redirect_uris: withCode ? withoutWildcards(redirectUris, rootUrl) : [],
      post_logout_redirect_uris: withCode ? postLogoutUris(attribute, redirectUris, rootUrl) : [],
      grant_types: grants,
      scope: scopeOf(read, withCode, grants.includes('refresh_token')),
      ...authenticationOf(read, attribute, isPublic),
      ...(attribute('pkce.code.challenge.method') === 'S256' && { require_pkce: true }),
      ...idTokenAlg(attribute, notes),
      ...shownUris(read, attribute),
    }
    const secret = isPublic ? undefined : read.text('secret')
    const isMissing = secret !== undefined && (/^\*+$/.test(secret) || secret.startsWith('${'))
    if (isMissing) notes.push('A secret that the export does not contain is not taken over.')
    const usesSecret = !isPublic && !('jwks' in metadata || 'jwks_uri' in metadata)
    for (const member of notImportedOfClients) if (!isEmpty(read.value(member))) notes.push(notTakenOver(member))
    const item = {
      ...{ clientId, metadata, unknownScopes: 'left out' as const },
      secrets: secret === undefined || isMissing || !usesSecret ? [] : [secret],
    }
    return { kind: 'import', id, item, notes }
  })
}

type AttributeReader = (name: string) => string | undefined

function attributeReader(attributes: JsonObject | undefined): AttributeReader {
  return (name) => {
    const value = attributes && Object.hasOwn(attributes, name) ? attributes[name] : undefined
    return typeof value === 'string' && value !== '' ? value : undefined
  }
}

function grantsOf(read: Members, attribute: AttributeReader, isPublic: boolean, notes: string[]): string[] {
  const withCode = read.flag('standardFlowEnabled') ?? true
  const dropped = [
    ...(read.flag('implicitFlowEnabled') ? ['The implicit flow'] : []),
    ...(read.flag('directAccessGrantsEnabled') ? ['The password grant'] : []),
    ...(attribute('oauth2.device.authorization.grant.enabled') === 'true' ? ['The device grant'] : []),
    ...(attribute('oidc.ciba.grant.enabled') === 'true' ? ['CIBA'] : []),
    ...(attribute('standard.token.exchange.enabled') === 'true' ? ['Token exchange'] : []),
  ]
  notes.push(...dropped.map(notTakenOver))
  const grants = [
    ...(withCode ? ['authorization_code'] : []),
    ...(withCode && attribute('use.refresh.tokens') !== 'false' ? ['refresh_token'] : []),
    ...(read.flag('serviceAccountsEnabled') && !isPublic ? ['client_credentials'] : []),
  ]
  if (grants.length === 0) throw new Refused('It uses none of the grant types that exist here.')
  return grants
}

/** Keycloak accepts a secret in the header and in the body, so no method is chosen for it. */
function authenticationOf(read: Members, attribute: AttributeReader, isPublic: boolean) {
  const type = read.text('clientAuthenticatorType') ?? 'client-secret'
  if (isPublic) return { token_endpoint_auth_method: 'none' }
  if (type === 'client-secret') return {}
  if (type !== 'client-jwt') throw new Refused(`It authenticates with ${shown(type)}, which is not supported.`)
  const [jwks, jwksUri] = [attribute('jwks.string'), attribute('jwks.url')]
  if (jwksUri !== undefined && attribute('use.jwks.url') === 'true')
    return { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: jwksUri }
  if (jwks === undefined || attribute('use.jwks.string') !== 'true')
    throw new Refused('Its key is in a certificate. Put it into jwks.string as a JWK Set.')
  try {
    return { token_endpoint_auth_method: 'private_key_jwt', jwks: parseJsonObject(jwks) }
  } catch {
    throw new Refused('Its jwks.string cannot be read.')
  }
}

/**
 * A wildcard would send codes to any page under it. A URI without a scheme is relative to the root URL.
 *
 * @throws Refused
 */
function withoutWildcards(uris: readonly string[], rootUrl: string): string[] {
  const wild = uris.find((uri) => uri.includes('*') || uri === '+')
  if (wild !== undefined)
    throw new Refused(
      `The redirect URI '${shown(wild)}' has a wildcard. Name each URI completely in Keycloak, and export again.`,
    )
  return uris.map((uri) => (uri.startsWith('/') ? `${rootUrl.replace(/\/$/, '')}${uri}` : uri))
}

/** `##` separates them. `+` stands for the redirect URIs, and `-` for none. */
function postLogoutUris(attribute: AttributeReader, redirectUris: readonly string[], rootUrl: string): string[] {
  const listed = attribute('post.logout.redirect.uris')
  if (listed === undefined || listed === '-') return []
  const uris = listed.split('##').flatMap((uri) => (uri === '+' ? redirectUris : [uri]))
  return [...new Set(withoutWildcards(uris, rootUrl))]
}

function scopeOf(read: Members, withCode: boolean, withRefresh: boolean): string {
  const named = [...(read.texts('defaultClientScopes') ?? []), ...(read.texts('optionalClientScopes') ?? [])]
  const openid = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access', 'roles', 'groups']
  const usable = named.filter((scope) => !scopesOfKeycloak.includes(scope) && (withCode || !openid.includes(scope)))
  return [...new Set([...(withCode ? ['openid'] : []), ...usable])]
    .filter((scope) => withRefresh || scope !== 'offline_access')
    .join(' ')
}

function idTokenAlg(attribute: AttributeReader, notes: string[]) {
  const alg = attribute('id.token.signed.response.alg')
  if (alg === undefined) return {}
  // Not HS256: Keycloak signs with a key of the realm, not with the client's secret.
  if (signingAlgorithms.some((one) => one === alg)) return { id_token_signed_response_alg: alg }
  notes.push(notTakenOver(`The algorithm ${shown(alg)} of ID tokens`))
  return {}
}

/** Only https URIs are shown to people. */
function shownUris(read: Members, attribute: AttributeReader) {
  const uris = {
    client_uri: read.text('baseUrl'),
    logo_uri: attribute('logoUri'),
    policy_uri: attribute('policyUri'),
    tos_uri: attribute('tosUri'),
  }
  return Object.fromEntries(Object.entries(uris).filter(([, uri]) => uri?.startsWith('https://')))
}

/** Keycloak stores references to its translations, such as `${client_account}`. */
function readableName(name: string | undefined): string | undefined {
  return name?.startsWith('${') ? undefined : name
}
