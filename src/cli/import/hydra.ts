import { isJsonObject, type JsonObject } from '#verify/strict-json'
import type { ClientToImport } from '../../operations/import-client.ts'
import { shown } from '../../records/plain-text.ts'
import { CommandFailed } from '../command-failures.ts'
import { isEmpty, membersOf, nameOf, notTakenOver, Refused, type Translated, translated } from './members.ts'

/** The clients in a response of the admin API, or in the output of `hydra list oauth2-clients` or `hydra get oauth2-client`. */
export function clientsOfHydra(document: unknown): unknown[] | undefined {
  if (Array.isArray(document)) return document
  if (!isJsonObject(document)) return undefined
  const { items } = document
  if (Array.isArray(items)) {
    // The import would otherwise seem complete.
    if (!isEmpty(document['next_page_token']))
      throw new CommandFailed('The list has more pages. List the clients with a larger --page-size.')
    return items
  }
  return 'client_id' in document ? [document] : undefined
}

const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials']
const notImported = [
  ...['audience', 'skip_consent', 'skip_logout_consent', 'allowed_cors_origins', 'request_uris', 'metadata', 'owner'],
  ...['backchannel_logout_uri', 'frontchannel_logout_uri', 'request_object_signing_alg', 'access_token_strategy'],
  'userinfo_signed_response_alg',
]
const meaningless = [
  ...['created_at', 'updated_at', 'client_secret_expires_at', 'registration_access_token', 'registration_client_uri'],
  ...['response_types', 'sector_identifier_uri', 'subject_type'],
  ...['backchannel_logout_session_required', 'frontchannel_logout_session_required'],
]

/**
 * A client of Hydra, which has the names of RFC 7591. Hydra stores secrets as hashes and exports none, so `client_secret` is only there if somebody
 * has added it.
 */
export function clientOfHydra(row: JsonObject): Translated<ClientToImport> {
  const id = nameOf(row, 'client_id')
  return translated(id, () => {
    const read = membersOf(row)
    const clientId = read.text('client_id')
    if (clientId === undefined) throw new Refused('client_id is missing.')
    if (read.text('subject_type') === 'pairwise')
      throw new Refused('Its subject_type is pairwise: people would have another sub there.')
    const notes: string[] = []
    const method = read.text('token_endpoint_auth_method') ?? 'client_secret_basic'
    const [jwks, jwksUri] = [read.object('jwks'), read.text('jwks_uri')]
    if (method === 'private_key_jwt' && isEmpty(jwks) && jwksUri === undefined)
      throw new Refused('It has no keys (jwks or jwks_uri).')
    const named = read.texts('grant_types') ?? []
    const given = named.length > 0 ? named : ['authorization_code']
    const other = given.filter((type) => !grantTypes.includes(type))
    notes.push(...other.map((type) => notTakenOver(`The grant type ${shown(type)}`)))
    const withCode = given.includes('authorization_code')
    const grants = given
      .filter((type) => grantTypes.includes(type))
      .filter((type) => (withCode || type !== 'refresh_token') && (method !== 'none' || type !== 'client_credentials'))
    if (grants.length === 0) throw new Refused('It uses none of the grant types that exist here.')
    const redirectUris = read.texts('redirect_uris') ?? []
    const wild = redirectUris.find((uri) => uri.includes('*'))
    if (wild !== undefined) throw new Refused(`The redirect URI '${shown(wild)}' has a wildcard.`)
    const scopes = (read.text('scope') ?? '')
      .split(' ')
      .map((scope) => (scope === 'offline' ? 'offline_access' : scope))
    const metadata = {
      client_name: read.text('client_name') ?? clientId,
      redirect_uris: withCode ? redirectUris : [],
      post_logout_redirect_uris: withCode ? read.texts('post_logout_redirect_uris') : [],
      ...{ grant_types: grants, scope: [...new Set(scopes)].join(' '), token_endpoint_auth_method: method },
      ...(method === 'private_key_jwt' && {
        // RFC 7591 §2: never both.
        ...(isEmpty(jwks) ? { jwks_uri: jwksUri } : { jwks }),
        token_endpoint_auth_signing_alg: read.text('token_endpoint_auth_signing_alg'),
      }),
      contacts: read.texts('contacts'),
      client_uri: read.text('client_uri'),
      logo_uri: read.text('logo_uri'),
      policy_uri: read.text('policy_uri'),
      tos_uri: read.text('tos_uri'),
    }
    const secret = read.text('client_secret')
    for (const name of notImported)
      if (!isEmpty(read.value(name)) && read.value(name) !== 'none') notes.push(notTakenOver(name))
    for (const name of meaningless) read.value(name)
    const lifespans = Object.keys(row).filter((name) => name.endsWith('_lifespan'))
    if (lifespans.some((name) => !isEmpty(read.value(name)))) notes.push(notTakenOver('A lifespan of tokens'))
    read.value('token_endpoint_auth_signing_alg')
    const item = {
      ...{ clientId, metadata, unknownScopes: 'left out' as const },
      secrets: secret === undefined || !method.startsWith('client_secret_') ? [] : [secret],
    }
    return { kind: 'import', id, item, notes: [...notes, ...read.unread()] }
  })
}
