import { type ClientMetadata, deviceCodeGrant, isPublic, scopesOf, usesSecret } from '../../records/clients/client.ts'
import { quoted } from './writing.ts'

/** How an application gets tokens, and what it authenticates with: a library is for some of these. */
export type Way = 'confidential' | 'public' | 'key' | 'implicit' | 'machine' | 'device'

/** What an application needs to know about Signet and about its registration. */
export interface Application {
  readonly issuer: string
  readonly clientId: string
  readonly way: Way
  readonly isPublic: boolean
  /** The secret, or a placeholder where only its digest is known; undefined if it has none. */
  readonly secret: string | undefined
  /** The first registered one; empty for a machine and for a device without a browser. */
  readonly redirectUri: string
  readonly otherRedirectUris: readonly string[]
  readonly postLogoutRedirectUri: string | undefined
  /** All registered scopes. */
  readonly scopes: readonly string[]
  /** The scopes to ask for when a person signs in: openid, also if it is not registered, and what else there is about the person. */
  readonly signInScopes: readonly string[]
  readonly idTokenAlg: string
  readonly pkce: 'required' | 'or nonce' | 'optional'
  /** The registered way to prove the secret; undefined if it can be sent either way. */
  readonly secretBy: 'client_secret_basic' | 'client_secret_post' | 'client_secret_jwt' | undefined
  /** Whether ID tokens contain what the scopes profile and email give. */
  readonly profileInIdToken: boolean
  /** The first API that it may request tokens for. */
  readonly resource: string | undefined
  readonly otherResources: readonly string[]
  /** How it signs client assertions. */
  readonly assertionAlg: string
  /** Where it publishes its keys; undefined if they are registered. */
  readonly jwksUri: string | undefined
  /** The registered response types that return tokens from the authorization endpoint. */
  readonly olderTypes: readonly string[]
  /** Whether it must push its authorization requests (RFC 9126). */
  readonly mustPush: boolean
  /** Whether it must sign them (RFC 9101). */
  readonly mustSign: boolean
}

/** Stands for a secret, which Signet does not show again. */
export const secretPlaceholder = 'CLIENT_SECRET'

const secretWays = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt'] as const

type Registered = ClientMetadata & { readonly client_id: string; readonly id_token_profile_claims?: boolean }

/**
 * @param secret undefined: it is not shown again
 */
export function applicationOf(client: Registered, issuer: string, secret?: string): Application {
  const scopes = scopesOf(client.scope)
  const way = wayOf(client)
  const [redirectUri = '', ...otherRedirectUris] = client.redirect_uris
  const [resource, ...otherResources] = client.resources
  return {
    issuer,
    clientId: client.client_id,
    way,
    isPublic: isPublic(client),
    secret: usesSecret(client) ? (secret ?? secretPlaceholder) : undefined,
    redirectUri,
    otherRedirectUris,
    postLogoutRedirectUri: client.post_logout_redirect_uris[0],
    scopes,
    signInScopes:
      way === 'machine' ? [] : ['openid', ...scopes.filter((scope) => ['profile', 'email'].includes(scope))],
    idTokenAlg: client.id_token_signed_response_alg,
    pkce: pkceOf(client),
    secretBy: secretWays.find((way) => way === client.token_endpoint_auth_method),
    profileInIdToken: client.id_token_profile_claims === true,
    resource,
    otherResources,
    assertionAlg: client.token_endpoint_auth_signing_alg ?? 'ES256',
    jwksUri: client.jwks_uri,
    olderTypes: client.response_types.filter((type) => type !== 'code'),
    mustPush: client.require_pushed_authorization_requests,
    mustSign: client.require_signed_request_object,
  }
}

/** The application of the documentation: its values are placeholders. */
export function exampleApplication(way: Way, callback: string): Application {
  const isPublicClient = way === 'public'
  return {
    issuer: 'https://id.example.com',
    clientId: 'CLIENT_ID',
    way,
    isPublic: isPublicClient,
    secret: isPublicClient || way === 'key' ? undefined : secretPlaceholder,
    redirectUri: way === 'machine' ? '' : callback.startsWith('/') ? `https://app.example.com${callback}` : callback,
    otherRedirectUris: [],
    postLogoutRedirectUri: undefined,
    scopes: way === 'machine' ? [] : ['openid', 'profile', 'email', 'offline_access'],
    signInScopes: way === 'machine' ? [] : ['openid', 'profile', 'email'],
    idTokenAlg: 'RS256',
    pkce: isPublicClient ? 'required' : 'or nonce',
    secretBy: undefined,
    profileInIdToken: true,
    resource: 'https://api.example.com',
    otherResources: [],
    assertionAlg: 'ES256',
    jwksUri: way === 'key' ? 'https://app.example.com/jwks.json' : undefined,
    olderTypes: [],
    mustPush: false,
    mustSign: false,
  }
}

/**
 * How a client gets tokens.
 *
 * @param metadata of a client, or unchecked metadata without some members
 */
export function wayOf(
  metadata: Readonly<{ grant_types?: unknown; response_types?: unknown; token_endpoint_auth_method?: unknown }>,
): Way {
  const { grant_types: grants, response_types: types, token_endpoint_auth_method: method } = metadata
  if (Array.isArray(grants) && !grants.includes('authorization_code'))
    return grants.includes('implicit') ? 'implicit' : grants.includes(deviceCodeGrant) ? 'device' : 'machine'
  // Without grant types, they follow from the response types.
  if (!Array.isArray(grants) && Array.isArray(types) && !types.some((type) => /\bcode\b/.test(String(type))))
    return 'implicit'
  return method === 'none' ? 'public' : method === 'private_key_jwt' ? 'key' : 'confidential'
}

/** RFC 9700 §2.1.1: PKCE always for public clients; for others what was registered. */
function pkceOf(client: Registered): Application['pkce'] {
  if (isPublic(client) || client.require_pkce === true) return 'required'
  return client.require_pkce === false ? 'optional' : 'or nonce'
}

/** What an application needs, as paragraphs. */
export function describe(app: Application): string[] {
  const facts = [
    `Issuer: ${app.issuer} (enter it exactly like this, without a slash at the end)`,
    `Discovery document: ${app.issuer}/.well-known/openid-configuration`,
    `Client ID: ${app.clientId}`,
    aboutSecret(app),
  ]
  if (app.way === 'machine')
    return [
      ...facts,
      `Token endpoint: ${app.issuer}/token (with grant_type=client_credentials)`,
      aboutScopes(app),
      ...aboutResources(app),
    ]
  if (app.way === 'device')
    return [
      ...facts,
      `Device authorization endpoint: ${app.issuer}/device_authorization (the device asks here, and shows the user_code)`,
      `Users enter the code at: ${app.issuer}/device (show them verification_uri, or a QR code of verification_uri_complete)`,
      `Token endpoint: ${app.issuer}/token (with grant_type=${deviceCodeGrant}, every 5 seconds, and 5 seconds less often after each slow_down)`,
      aboutScopes(app),
      ...aboutResources(app),
      ...aboutClaims(app),
    ]
  return [
    ...facts,
    ...aboutRedirects(app),
    ...aboutOlderTypes(app),
    aboutScopes(app),
    ...aboutResources(app),
    ...(app.way === 'implicit' ? [] : [aboutPkce(app)]),
    ...aboutClaims(app),
  ]
}

/** RFC 8252 §7.3: only the port of a loopback address may differ. */
function aboutRedirects({ redirectUri, otherRedirectUris, postLogoutRedirectUri }: Application): string[] {
  const uris = [redirectUri, ...otherRedirectUris]
  const anyPort = uris.some((uri) => /^http:\/\/(?:127\.0\.0\.1|\[::1\])/.test(uri))
    ? '; only the port of a loopback address may differ'
    : ''
  return [
    `${uris.length > 1 ? 'Redirect URIs' : 'Redirect URI'}: ${uris.join(' ')} (users return here; the application must send it exactly like this${anyPort})`,
    ...(postLogoutRedirectUri === undefined
      ? []
      : [`After signing out: ${postLogoutRedirectUri} (post_logout_redirect_uri)`]),
  ]
}

function aboutOlderTypes({ olderTypes }: Application): string[] {
  if (olderTypes.length === 0) return []
  return [
    `Response types with tokens: ${olderTypes.join(', ')} (the tokens are in the fragment of the redirect URI, or in a form with response_mode=form_post; with id_token, send a nonce). They work only while SIGNET_LEGACY_RESPONSE_TYPES is on. If the application can, use response_type=code.`,
  ]
}

function aboutResources({ resource, otherResources }: Application): string[] {
  if (resource === undefined) return []
  return [
    `APIs: ${[resource, ...otherResources].join(' ')} (name the one that a token is for, with the parameter resource)`,
  ]
}

function aboutSecret({ way, secret, secretBy, isPublic }: Application): string {
  if (way === 'device' && isPublic) return 'Secret: none, because whoever has the device could read it.'
  if (way === 'implicit' && isPublic) return 'Secret: none. The application makes no requests that need one.'
  if (way === 'public') return 'Secret: none, because whoever has the application could read it. PKCE takes its place.'
  if (secret === undefined) return 'Secret: none. The application authenticates with its private key (private_key_jwt).'
  const sent =
    secretBy === undefined
      ? 'It may be sent in the Authorization header or in the body.'
      : secretBy === 'client_secret_basic'
        ? 'It must be sent in the Authorization header (client_secret_basic).'
        : secretBy === 'client_secret_post'
          ? 'It must be sent in the body (client_secret_post).'
          : 'It is not sent: the application signs assertions with it (client_secret_jwt).'
  return `Secret: keep it on the server, in an environment variable or a secret store. It must not get into a repository, a page or an app. ${sent}`
}

function aboutScopes({ way, clientId, scopes }: Application): string {
  if (scopes.length === 0)
    return `Scopes: none. To give it access to an API: signet clients update ${quoted('shell', clientId)} --scope SCOPE`
  const renewal =
    way !== 'machine' && scopes.includes('offline_access')
      ? ' Ask for offline_access only if the application needs a refresh token.'
      : ''
  const missing =
    way !== 'machine' && !scopes.includes('openid') ? ' Without openid there is no ID token and no userinfo.' : ''
  return `Scopes: ${scopes.join(' ')} (it may ask for these, and gets no others).${renewal}${missing}`
}

function aboutPkce({ pkce }: Application): string {
  if (pkce === 'required') return 'PKCE: required, with S256.'
  return pkce === 'or nonce'
    ? 'PKCE: send it (S256) if the library can; otherwise send a nonce. A request with neither is refused.'
    : 'PKCE: not required. Send it (S256) if the library can.'
}

function aboutClaims({ scopes, profileInIdToken, idTokenAlg }: Application): string[] {
  if (!scopes.includes('openid')) return []
  const where = profileInIdToken
    ? 'The ID token has sub, and the name and the e-mail address if the scopes profile and email were granted. Userinfo has the same.'
    : 'The ID token has sub. The name and the e-mail address are in the answer of userinfo, if the scopes profile and email were granted.'
  return [
    `Claims: ${where} ID tokens are signed with ${idTokenAlg}. Recognise people by sub; use an e-mail address only if email_verified is true.`,
  ]
}
