import * as client from 'openid-client'
import { postLogoutRedirectUri, redirectUri } from './settings.js'

/** @typedef {import('./settings.js').NotesSettings} NotesSettings */
/** @typedef {import('./sessions.js').PendingSignIn} PendingSignIn */
/** @typedef {import('./sessions.js').SignedIn} SignedIn */

/** Who the user is, their profile and e-mail address, access while they are away, and the two scopes of the API. */
const scope = 'openid profile email offline_access notes:read notes:write'

/** Milliseconds before its expiry from which a token is no longer sent: it must still be valid when it arrives. */
const margin = 30_000

/** Seconds. A user is waiting. */
const timeout = 5

/** Signet cannot be reached, or cannot answer at the moment. */
export class SignetAway extends Error {
  /** @param {unknown} cause */
  constructor(cause) {
    super('Signet cannot be reached', { cause })
    this.name = 'SignetAway'
  }
}

/** The user must sign in again: the grant has ended. */
export class SignInEnded extends Error {
  /** @param {unknown} [cause] */
  constructor(cause) {
    super('The sign-in has ended', { cause })
    this.name = 'SignInEnded'
  }
}

/**
 * Signs users in with Signet. openid-client makes the checks that the specifications require.
 *
 * @param {NotesSettings} settings
 */
export function createOpenid(settings) {
  /** @type {Promise<client.Configuration> | undefined} */
  let found
  // Discovered when first needed, so that Notes can start while Signet is unreachable. Only a success is cached.
  const provider = () => {
    found ??= discover(settings).catch((error) => {
      found = undefined
      throw error
    })
    return found
  }

  return {
    /** @returns {Promise<{ url: URL, state: string, pending: PendingSignIn }>} where to send the user, and what to remember */
    begin: () => withOwnErrors(async () => begin(await provider(), settings)),

    /**
     * @param {URL} answer the address to which the user came back
     * @param {string} state
     * @param {PendingSignIn} pending
     */
    finish: (answer, state, pending) =>
      withOwnErrors(async () => finish(await provider(), settings, answer, state, pending)),

    /**
     * The access token for the API; a new one if the last is about to expire.
     *
     * @param {SignedIn} signedIn
     * @returns {Promise<string>}
     * @throws {SignInEnded}
     */
    apiToken: async (signedIn) => {
      const { apiToken } = signedIn
      if (apiToken && apiToken.expiresAt > Date.now() + margin) return apiToken.token
      // One refresh at a time for each user: ten requests that find an old token wait for the same new one.
      signedIn.refreshing ??= withOwnErrors(async () => refresh(await provider(), settings, signedIn)).finally(() => {
        signedIn.refreshing = undefined
      })
      return signedIn.refreshing
    },

    /**
     * Where to continue signing out (OpenID Connect RP-Initiated Logout §2). The hint shows that Notes asks, and for which session, so
     * Signet does not have to ask the user.
     *
     * @param {Pick<SignedIn, 'idToken'>} signedIn
     */
    signOutUrl: ({ idToken }) =>
      withOwnErrors(async () =>
        client.buildEndSessionUrl(await provider(), {
          id_token_hint: idToken,
          post_logout_redirect_uri: postLogoutRedirectUri(settings),
        }),
      ),
  }
}

/** @param {NotesSettings} settings */
async function discover({ issuer, client: readClient }) {
  const { client_id, client_secret } = await readClient()
  const execute = [
    // The ID token comes directly from Signet, so over TLS its signature need not be checked. With this line it is checked anyway.
    client.enableNonRepudiationChecks,
  ]
  // openid-client refuses plain http, because tokens would travel unencrypted. On this machine nobody can listen in, and there are no
  // certificates for localhost. Do not call this for any other issuer.
  if (issuer.startsWith('http://localhost:')) execute.push(client.allowInsecureRequests)
  const authentication = client.ClientSecretBasic(client_secret)
  return client.discovery(new URL(issuer), client_id, undefined, authentication, { execute, timeout })
}

/**
 * The authorization request (RFC 6749 §4.1.1).
 *
 * @param {client.Configuration} provider
 * @param {NotesSettings} settings
 */
async function begin(provider, settings) {
  // Three random values. `state` shows that the response belongs to a request from this browser, and `nonce` that the ID token is for
  // this sign-in. The code verifier (PKCE) proves to Signet that the code is redeemed by the client that asked for it.
  const state = client.randomState()
  const pending = { nonce: client.randomNonce(), codeVerifier: client.randomPKCECodeVerifier() }
  const url = client.buildAuthorizationUrl(provider, {
    redirect_uri: redirectUri(settings),
    scope,
    // RFC 8707 §2: the API for which tokens will be requested.
    resource: settings.api.audience,
    state,
    nonce: pending.nonce,
    code_challenge: await client.calculatePKCECodeChallenge(pending.codeVerifier),
    code_challenge_method: 'S256',
  })
  return { url, state, pending }
}

/**
 * Redeems the code. openid-client checks state and `iss` (RFC 9207) of the response, then signature, issuer, audience, times and nonce
 * of the ID token (OpenID Connect Core §3.1.3.7).
 *
 * @param {client.Configuration} provider
 * @param {NotesSettings} settings
 * @param {URL} answer
 * @param {string} expectedState
 * @param {PendingSignIn} pending
 * @returns {Promise<SignedIn>}
 */
async function finish(provider, settings, answer, expectedState, { nonce, codeVerifier }) {
  const tokens = await client.authorizationCodeGrant(
    provider,
    answer,
    { expectedState, expectedNonce: nonce, pkceCodeVerifier: codeVerifier, idTokenExpected: true },
    // An access token is for one audience. This first one is for Signet's own userinfo endpoint, which returns the user's name.
    { resource: settings.issuer },
  )
  const claims = /** @type {client.IDToken} */ (tokens.claims())
  // OpenID Connect Core §5.3.2: openid-client refuses a response about another user than the one in the ID token.
  const person = await client.fetchUserInfo(provider, tokens.access_token, claims.sub)
  return {
    sub: claims.sub,
    name: person.name ?? person.email ?? 'friend',
    idToken: /** @type {string} */ (tokens.id_token),
    refreshToken: tokens.refresh_token,
    apiToken: undefined,
    refreshing: undefined,
    trial: undefined,
  }
}

/**
 * A new access token for the API (RFC 6749 §6, RFC 8707 §2.2).
 *
 * @param {client.Configuration} provider
 * @param {NotesSettings} settings
 * @param {SignedIn} signedIn
 */
async function refresh(provider, settings, signedIn) {
  if (signedIn.refreshToken === undefined) throw new SignInEnded()
  const tokens = await client.refreshTokenGrant(provider, signedIn.refreshToken, { resource: settings.api.audience })
  // A server may return a new refresh token with each use. It then replaces the old one.
  signedIn.refreshToken = tokens.refresh_token ?? signedIn.refreshToken
  const expiresAt = Date.now() + (tokens.expiresIn() ?? 0) * 1000
  signedIn.apiToken = { token: tokens.access_token, expiresAt }
  return tokens.access_token
}

/**
 * Turns the errors that the user can do something about into errors of our own.
 *
 * @template T
 * @param {() => Promise<T>} action
 * @returns {Promise<T>}
 */
async function withOwnErrors(action) {
  try {
    return await action()
  } catch (error) {
    if (error instanceof client.ResponseBodyError && error.error === 'invalid_grant') throw new SignInEnded(error)
    if (isAway(error)) throw new SignetAway(error)
    throw error
  }
}

/** @param {unknown} error */
function isAway(error) {
  // What `fetch` throws when there is no connection.
  if (error instanceof TypeError && error.message === 'fetch failed') return true
  if (error instanceof client.ResponseBodyError) return error.status >= 500
  if (!(error instanceof client.ClientError)) return false
  if (error.code === 'OAUTH_TIMEOUT') return true
  return error.cause instanceof Response && error.cause.status >= 500
}
