import type { AssertionAlgorithm, SigningAlgorithm } from '../../platform/jwt/algorithms.ts'
import type { ContextClass } from '../../protocol/oidc-values.ts'
import type { ClientId, GrantId } from '../ids.ts'
import type { Resource } from '../resources/resource.ts'

/** RFC 8628 §3.4. */
export const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code'

export const grantTypes = ['authorization_code', 'refresh_token', 'client_credentials', deviceCodeGrant] as const
export type GrantType = (typeof grantTypes)[number]

export const authenticationMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none'] as const
export type AuthenticationMethod = (typeof authenticationMethods)[number]

/** Whether authorization requests need PKCE. `auto`: a confidential client may send a `nonce` with `openid` instead (RFC 9700 §2.1.1). */
export type RequirePkce = boolean | 'auto'

/** The metadata of all clients, under the names of RFC 7591 §2 and OpenID Connect Registration §2. The last six are extensions of Signet. */
export interface CommonMetadata {
  readonly client_name: string
  readonly redirect_uris: readonly string[]
  readonly post_logout_redirect_uris: readonly string[]
  readonly grant_types: readonly GrantType[]
  readonly response_types: readonly 'code'[]
  /** All scopes that the client may request, space-delimited (RFC 7591 §2). */
  readonly scope: string
  readonly id_token_signed_response_alg: SigningAlgorithm
  /** Seconds. */
  readonly default_max_age: number | undefined
  /** The Authentication Context Classes for requests that ask for none, in order of preference (OpenID Connect Registration §2). */
  readonly default_acr_values: readonly ContextClass[]
  readonly require_auth_time: boolean
  readonly client_uri: string | undefined
  readonly logo_uri: string | undefined
  readonly policy_uri: string | undefined
  readonly tos_uri: string | undefined
  readonly contacts: readonly string[]
  readonly require_pkce: RequirePkce
  readonly first_party: boolean
  readonly refresh_token_rotation: boolean
  /** The identifiers of the resources that it may request tokens for. */
  readonly resources: readonly string[]
  /** Whether ID tokens from the token endpoint contain what userinfo returns for the scopes. */
  readonly id_token_profile_claims: boolean
  /** The names of the groups that it may see in the claims `groups` and `roles`, or `*` for all. */
  readonly groups: readonly string[]
}

/** The members about keys, for a client that has none. */
export const noKeys = {
  require_issuer_audience: false,
  token_endpoint_auth_signing_alg: undefined,
  jwks: undefined,
} as const
type NoKeys = typeof noKeys

/** A public client does not authenticate (RFC 6749 §2.1). */
interface PublicAuthentication extends NoKeys {
  readonly token_endpoint_auth_method: 'none'
}

/** The client authenticates with a secret, of which Signet stores a digest. */
interface SecretAuthentication extends NoKeys {
  /** Undefined: nobody chose one, and the client may send its secret either way (RFC 6749 §2.3.1). */
  readonly token_endpoint_auth_method: 'client_secret_basic' | 'client_secret_post' | undefined
}

/** The client authenticates with a signed assertion (RFC 7523). */
interface KeyAuthentication {
  readonly token_endpoint_auth_method: 'private_key_jwt'
  /** Undefined: any algorithm that the keys support. */
  readonly token_endpoint_auth_signing_alg: AssertionAlgorithm | undefined
  /** The client's public keys (RFC 7517 §5). */
  readonly jwks: ClientJwks
  /** Whether the `aud` of an assertion must be the issuer, as a string (draft-ietf-oauth-rfc7523bis §4). An extension of Signet. */
  readonly require_issuer_audience: boolean
}

export type AuthenticationMetadata = PublicAuthentication | SecretAuthentication | KeyAuthentication

export type ClientMetadata = CommonMetadata & AuthenticationMetadata

/** All members of the metadata, in the order in which they are displayed. */
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
  'require_issuer_audience',
  'id_token_signed_response_alg',
  'default_max_age',
  'default_acr_values',
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
  'id_token_profile_claims',
  'groups',
] as const satisfies readonly (keyof ClientMetadata)[]

/** The set of public keys that a client registered, checked by `readClientJwks`. */
export interface ClientJwks {
  readonly keys: readonly Readonly<Record<string, unknown> & { kty: string }>[]
}

export interface ClientSecret {
  readonly id: number
  readonly digest: Buffer
  /** The ID of the open standing grant of this secret, if the client has ever used it to get a token (client_credentials). */
  readonly standingGrant: GrantId | undefined
}

interface CommonClient extends CommonMetadata {
  readonly client_id: ClientId
  /** The existing resources on its allow-list. */
  readonly allowed: readonly Resource[]
}

export interface PublicClient extends CommonClient, PublicAuthentication {}

export interface SecretClient extends CommonClient, SecretAuthentication {
  readonly secrets: readonly ClientSecret[]
}

export interface KeyClient extends CommonClient, KeyAuthentication {
  /** The ID of the open standing grant of its key, if the client has ever used it to get a token (client_credentials). */
  readonly standingGrant: GrantId | undefined
}

/** A registered client with everything that its requests need, read in one statement. */
export type Client = PublicClient | SecretClient | KeyClient

type Method<A extends AuthenticationMetadata> = Pick<A, 'token_endpoint_auth_method'>

export function isPublic<C extends Method<AuthenticationMetadata>>(
  client: C,
): client is C & Method<PublicAuthentication> {
  return client.token_endpoint_auth_method === 'none'
}

/**
 * Whether each use of a refresh token issues a new one. RFC 9700 §2.2.2: refresh tokens of public clients must be rotated or bound to a key, and
 * Signet does not bind them. So rotation also applies to public clients that were registered when it could still be switched off.
 */
export function rotatesRefreshTokens(
  client: Pick<ClientMetadata, 'token_endpoint_auth_method' | 'refresh_token_rotation'>,
): boolean {
  return isPublic(client) || client.refresh_token_rotation
}

export function usesSecret<C extends Method<AuthenticationMetadata>>(
  client: C,
): client is C & Method<SecretAuthentication> {
  const method = client.token_endpoint_auth_method
  return method === undefined || method === 'client_secret_basic' || method === 'client_secret_post'
}

/** The scopes of a `scope` value (RFC 6749 §3.3), in order, without duplicates. */
export function scopesOf(scope: string | undefined): string[] {
  return [...new Set((scope ?? '').split(' ').filter((part) => part !== ''))]
}
