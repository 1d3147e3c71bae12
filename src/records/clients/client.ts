import type { AssertionAlgorithm, SigningAlgorithm } from '../../platform/jwt/algorithms.ts'
import type { ClientId, GrantId } from '../ids.ts'
import type { Resource } from '../resources/resource.ts'

export const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials'] as const
export type GrantType = (typeof grantTypes)[number]

export const authenticationMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const
export type AuthenticationMethod = (typeof authenticationMethods)[number]

/** The metadata of all clients, under the names of RFC 7591 §2 and OpenID Connect Registration §2; the last four are Signet's own. */
export interface CommonMetadata {
  readonly client_name: string
  readonly redirect_uris: readonly string[]
  readonly post_logout_redirect_uris: readonly string[]
  readonly grant_types: readonly GrantType[]
  readonly response_types: readonly 'code'[]
  /** Space-delimited (RFC 7591 §2): all that the client may ask for. */
  readonly scope: string
  readonly id_token_signed_response_alg: SigningAlgorithm
  /** Seconds. */
  readonly default_max_age: number | undefined
  readonly require_auth_time: boolean
  readonly client_uri: string | undefined
  readonly logo_uri: string | undefined
  readonly policy_uri: string | undefined
  readonly tos_uri: string | undefined
  readonly contacts: readonly string[]
  readonly require_pkce: boolean
  readonly first_party: boolean
  readonly refresh_token_rotation: boolean
  /** Identifiers of the resources it may ask tokens for. */
  readonly resources: readonly string[]
}

interface NoKeys {
  readonly token_endpoint_auth_signing_alg: undefined
  readonly jwks: undefined
}

/** A public client proves nothing (RFC 6749 §2.1). */
interface PublicAuthentication extends NoKeys {
  readonly token_endpoint_auth_method: 'none'
}

/** The client proves itself with a secret that Signet keeps a digest of. */
interface SecretAuthentication extends NoKeys {
  readonly token_endpoint_auth_method: 'client_secret_basic' | 'client_secret_post'
}

/** The client signs an assertion (RFC 7523). */
interface KeyAuthentication {
  readonly token_endpoint_auth_method: 'private_key_jwt'
  /** Undefined: what the keys are for. */
  readonly token_endpoint_auth_signing_alg: AssertionAlgorithm | undefined
  /** The client's public keys (RFC 7517 §5). */
  readonly jwks: ClientJwks
}

export type AuthenticationMetadata = PublicAuthentication | SecretAuthentication | KeyAuthentication

export type ClientMetadata = CommonMetadata & AuthenticationMetadata

/** Every member of the metadata, in the order in which people read them. */
export const metadataMembers = [
  'client_name',
  'redirect_uris',
  'post_logout_redirect_uris',
  'grant_types',
  'response_types',
  'scope',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'id_token_signed_response_alg',
  'default_max_age',
  'require_auth_time',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'contacts',
  'require_pkce',
  'first_party',
  'refresh_token_rotation',
  'resources',
] as const satisfies readonly (keyof ClientMetadata)[]

/** A set of public keys as the client registered it, checked by `readClientJwks`. */
export interface ClientJwks {
  readonly keys: readonly Readonly<Record<string, unknown> & { kty: string }>[]
}

export interface ClientSecret {
  readonly id: number
  readonly digest: Buffer
  /** The id of the open grant that stands for this credential, if it ever asked for a token (client_credentials). */
  readonly standingGrant: GrantId | undefined
}

interface CommonClient extends CommonMetadata {
  readonly client_id: ClientId
  /** The resources on its allow-list that exist. */
  readonly allowed: readonly Resource[]
}

export interface PublicClient extends CommonClient, PublicAuthentication {}

export interface SecretClient extends CommonClient, SecretAuthentication {
  readonly secrets: readonly ClientSecret[]
}

export interface KeyClient extends CommonClient, KeyAuthentication {
  /** The id of the open grant that stands for its key, if it ever asked for a token (client_credentials). */
  readonly standingGrant: GrantId | undefined
}

/** A registered client with all that a request of its needs to know, read in one statement. */
export type Client = PublicClient | SecretClient | KeyClient

type Method<A extends AuthenticationMetadata> = Pick<A, 'token_endpoint_auth_method'>

export function isPublic<C extends Method<AuthenticationMetadata>>(
  client: C,
): client is C & Method<PublicAuthentication> {
  return client.token_endpoint_auth_method === 'none'
}

/**
 * Whether each use of a refresh token gives a new one. RFC 9700 §2.2.2: those of public clients must be rotated or bound to a key, and
 * Signet binds none. So it holds for a client, too, that was registered when that could be switched off.
 */
export function rotatesRefreshTokens(
  client: Pick<ClientMetadata, 'token_endpoint_auth_method' | 'refresh_token_rotation'>,
): boolean {
  return isPublic(client) || client.refresh_token_rotation
}

export function usesSecret<C extends Method<AuthenticationMetadata>>(
  client: C,
): client is C & Method<SecretAuthentication> {
  return client.token_endpoint_auth_method.startsWith('client_secret_')
}

/** The scopes of a `scope` value (RFC 6749 §3.3), each once, in order. */
export function scopesOf(scope: string | undefined): string[] {
  return [...new Set((scope ?? '').split(' ').filter((part) => part !== ''))]
}
