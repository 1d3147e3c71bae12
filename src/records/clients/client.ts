import type { AssertionAlgorithm, IdTokenAlgorithm, SigningAlgorithm } from '../../platform/jwt/algorithms.ts'
import type { ContextClass, ResponseType } from '../../protocol/oidc-values.ts'
import type { ClientId, GrantId } from '../ids.ts'
import { isOpenidScope, type Resource } from '../resources/resource.ts'

/** RFC 8628 §3.4. */
export const deviceCodeGrant = 'urn:ietf:params:oauth:grant-type:device_code'

export const grantTypes = [
  'authorization_code',
  'implicit',
  'refresh_token',
  'client_credentials',
  deviceCodeGrant,
] as const
export type GrantType = (typeof grantTypes)[number]

export const authenticationMethods = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'none',
] as const
export type AuthenticationMethod = (typeof authenticationMethods)[number]

/** OpenID Connect Registration §2. */
export const applicationTypes = ['web', 'native'] as const
export type ApplicationType = (typeof applicationTypes)[number]

/** OpenID Connect Core §8. */
export const subjectTypes = ['public', 'pairwise'] as const
export type SubjectType = (typeof subjectTypes)[number]

/** Whether authorization requests need PKCE. `auto`: a confidential client may send a `nonce` with `openid` instead (RFC 9700 §2.1.1). */
export type RequirePkce = boolean | 'auto'

/** The metadata of all clients, under the names of RFC 7591 §2 and OpenID Connect Registration §2. The last six are extensions of Signet. */
export interface CommonMetadata {
  readonly client_name: string
  readonly application_type: ApplicationType
  readonly redirect_uris: readonly string[]
  readonly post_logout_redirect_uris: readonly string[]
  readonly grant_types: readonly GrantType[]
  readonly response_types: readonly ResponseType[]
  /** All scopes that the client may request, space-delimited (RFC 7591 §2). */
  readonly scope: string
  /** The client's public keys (RFC 7517 §5). A client has either these or `jwks_uri`, and with private_key_jwt it needs one of them. */
  readonly jwks: ClientJwks | undefined
  readonly jwks_uri: string | undefined
  readonly subject_type: SubjectType
  /** Where the redirect URIs are listed of all clients that see the same pairwise subjects (OpenID Connect Core §8.1). */
  readonly sector_identifier_uri: string | undefined
  readonly id_token_signed_response_alg: IdTokenAlgorithm
  /** Undefined: userinfo responses are JSON, without a signature (OpenID Connect Core §5.3.2). */
  readonly userinfo_signed_response_alg: SigningAlgorithm | undefined
  /** Undefined: any algorithm that the client's keys support. */
  readonly request_object_signing_alg: AssertionAlgorithm | undefined
  /** RFC 9101 §10.5. */
  readonly require_signed_request_object: boolean
  /** The only values of `request_uri` that Signet fetches request objects from (OpenID Connect Registration §2). */
  readonly request_uris: readonly string[]
  /** RFC 9126 §6. */
  readonly require_pushed_authorization_requests: boolean
  /** Seconds. */
  readonly default_max_age: number | undefined
  /** The Authentication Context Classes for requests that ask for none, in order of preference (OpenID Connect Registration §2). */
  readonly default_acr_values: readonly ContextClass[]
  readonly require_auth_time: boolean
  readonly client_uri: string | undefined
  readonly logo_uri: string | undefined
  readonly policy_uri: string | undefined
  readonly tos_uri: string | undefined
  /** OpenID Connect Core §4. */
  readonly initiate_login_uri: string | undefined
  /** OpenID Connect Back-Channel Logout §2.2. */
  readonly backchannel_logout_uri: string | undefined
  readonly backchannel_logout_session_required: boolean
  /** OpenID Connect Front-Channel Logout §2. */
  readonly frontchannel_logout_uri: string | undefined
  readonly frontchannel_logout_session_required: boolean
  readonly contacts: readonly string[]
  readonly software_id: string | undefined
  readonly software_version: string | undefined
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

/** The members about assertions, for a client that authenticates without any. */
export const noAssertions = { require_issuer_audience: false, token_endpoint_auth_signing_alg: undefined } as const

type NoAssertions = typeof noAssertions

/** A public client does not authenticate (RFC 6749 §2.1). */
interface PublicAuthentication extends NoAssertions {
  readonly token_endpoint_auth_method: 'none'
}

/** The client sends a secret, of which Signet stores a digest. */
interface SentSecretAuthentication extends NoAssertions {
  /** Undefined: nobody chose one, and the client may send its secret either way (RFC 6749 §2.3.1). */
  readonly token_endpoint_auth_method: 'client_secret_basic' | 'client_secret_post' | undefined
}

/** The client authenticates with an assertion, for which its secret is the key of an HMAC (OpenID Connect Core §9). So Signet keeps the secret sealed. */
interface SecretJwtAuthentication {
  readonly token_endpoint_auth_method: 'client_secret_jwt'
  readonly token_endpoint_auth_signing_alg: 'HS256' | undefined
  readonly require_issuer_audience: boolean
}

type SecretAuthentication = SentSecretAuthentication | SecretJwtAuthentication

/** The client authenticates with an assertion that it signs with a key (RFC 7523). */
interface KeyAuthentication {
  readonly token_endpoint_auth_method: 'private_key_jwt'
  /** Undefined: any algorithm that the keys support. */
  readonly token_endpoint_auth_signing_alg: AssertionAlgorithm | undefined
  /** Whether the `aud` of an assertion must be the issuer, as a string (draft-ietf-oauth-rfc7523bis §4). An extension of Signet. */
  readonly require_issuer_audience: boolean
}

export type AuthenticationMetadata = PublicAuthentication | SecretAuthentication | KeyAuthentication

export type ClientMetadata = CommonMetadata & AuthenticationMetadata

/** All members of the metadata, in the order in which they are displayed. */
export const metadataMembers = [
  'client_name',
  'application_type',
  'redirect_uris',
  'post_logout_redirect_uris',
  'grant_types',
  'response_types',
  'scope',
  'token_endpoint_auth_method',
  'token_endpoint_auth_signing_alg',
  'jwks',
  'jwks_uri',
  'require_issuer_audience',
  'subject_type',
  'sector_identifier_uri',
  'id_token_signed_response_alg',
  'userinfo_signed_response_alg',
  'request_object_signing_alg',
  'require_signed_request_object',
  'request_uris',
  'require_pushed_authorization_requests',
  'default_max_age',
  'default_acr_values',
  'require_auth_time',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'initiate_login_uri',
  'backchannel_logout_uri',
  'backchannel_logout_session_required',
  'frontchannel_logout_uri',
  'frontchannel_logout_session_required',
  'contacts',
  'software_id',
  'software_version',
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

/** The value of a secret, sealed with the purpose secret `client-secrets`. */
export interface SealedSecret {
  readonly text: string
  /** The version of the purpose secret. */
  readonly version: number
}

/** What is stored of a secret. */
export interface StoredSecret {
  readonly digest: Buffer
  /** Its value, sealed, if the client uses its secrets as keys (hmac-secrets.ts). */
  readonly sealed: SealedSecret | undefined
}

export interface ClientSecret extends StoredSecret {
  readonly id: number
  /** The ID of the open standing grant of this secret, if the client has ever used it to get a token (client_credentials). */
  readonly standingGrant: GrantId | undefined
}

/** The client ID metadata document of a client, as it was fetched last. */
export interface ClientDocument {
  /** SHA-256, in hexadecimal, of what consents and codes are bound to. */
  readonly digest: string
  /** Until when a new request does not need to fetch it again, in milliseconds since 1970. */
  readonly expiresAt: number
}

interface CommonClient extends CommonMetadata {
  readonly client_id: ClientId
  /** When its registration changed last, as PostgreSQL writes it, to the microsecond. Identifies the version of the row. */
  readonly updatedAt: string
  /** The existing resources on its allow-list. */
  readonly allowed: readonly Resource[]
  /** Whether it registered itself (RFC 7591), or identifies itself by a document. Nobody has verified who is behind it. */
  readonly isSelfRegistered: boolean
  /** The client ID metadata document that its metadata comes from; its URL is the `client_id`. Undefined: it is registered. */
  readonly document: ClientDocument | undefined
}

export type PublicClient = CommonClient & PublicAuthentication

export type SecretClient = CommonClient &
  SecretAuthentication & {
    readonly secrets: readonly ClientSecret[]
  }

export type SecretJwtClient = Extract<SecretClient, SecretJwtAuthentication>

export type KeyClient = CommonClient &
  KeyAuthentication & {
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
  return method !== 'none' && method !== 'private_key_jwt'
}

/** The scopes of a `scope` value (RFC 6749 §3.3), in order, without duplicates. */
export function scopesOf(scope: string | undefined): string[] {
  return [...new Set((scope ?? '').split(' ').filter((part) => part !== ''))]
}

/** The scopes of a client that registered itself, without those of resources that are no longer open to such clients. */
export function openScopes(scope: string, allowed: Client['allowed']): string {
  const isOpen = (one: string) => isOpenidScope(one) || allowed.some(({ scopes }) => scopes.includes(one))
  return scopesOf(scope).filter(isOpen).join(' ')
}
