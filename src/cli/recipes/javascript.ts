import type { Application } from './application.ts'
import {
  beyondOpenid,
  callbackPathOf,
  isPlainHttp,
  onServer,
  originOf,
  type Part,
  type Recipe,
  type Registration,
  scopeOf,
} from './recipe.ts'
import { type Code, code, codeIf, dotenv, javascript, listOf } from './writing.ts'

const env = (text: string): Part => ({ file: '.env', language: 'sh', text })
const js = (file: string, text: string): Part => ({ file, language: 'js', text })
const ts = (file: string, text: string): Part => ({ file, language: 'ts', text })

const environment = ({ issuer, clientId, secret }: Application): Part =>
  env(dotenv`
    ISSUER=${issuer}
    CLIENT_ID=${clientId}
    CLIENT_SECRET=${secret}
  `)

const registrationEnvironment = ({ issuer, initialAccessToken }: Registration): Part =>
  env(dotenv`
    ISSUER=${issuer}
    INITIAL_ACCESS_TOKEN=${initialAccessToken}
  `)

/** The provider of Auth.js. Its session has what the ID token has, unless it is told to call userinfo. */
const authjsProvider = (app: Application) => javascript`
  {
    id: 'signet',
    name: 'Signet',
    type: 'oidc',
    issuer: process.env.AUTH_SIGNET_ISSUER,
    clientId: process.env.AUTH_SIGNET_ID,
    clientSecret: process.env.AUTH_SIGNET_SECRET,
    ${authjsClient(app)}
    ${codeIf(!app.profileInIdToken, 'idToken: false, // name and address come from userinfo')}
  }
`

/** What differs from the defaults of Auth.js. */
function authjsClient({ secretBy, idTokenAlg }: Application): Code | undefined {
  const members = [
    ...(secretBy === 'client_secret_post' ? [`token_endpoint_auth_method: '${secretBy}'`] : []),
    ...(idTokenAlg === 'RS256' ? [] : [`id_token_signed_response_alg: '${idTokenAlg}'`]),
  ]
  return codeIf(members.length > 0, `client: { ${members.join(', ')} },`)
}

/** In production, Auth.js takes the host from requests only if it is told so. */
const authjsEnvironment = (app: Application): Part =>
  env(dotenv`
    # AUTH_SECRET encrypts the sessions of your application: openssl rand -base64 33
    AUTH_SECRET=
    AUTH_URL=${originOf(app)}
    AUTH_SIGNET_ISSUER=${app.issuer}
    AUTH_SIGNET_ID=${app.clientId}
    AUTH_SIGNET_SECRET=${app.secret}
  `)

/** Makes the key pair of an application that authenticates with a key. */
const keyPair = ({ assertionAlg, jwksUri }: Application): Part =>
  js(
    'make-key.mjs',
    javascript`
      import { writeFileSync } from 'node:fs'
      import { calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'

      const alg = ${assertionAlg}
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
      const publicJwk = await exportJWK(publicKey)
      const named = { kid: await calculateJwkThumbprint(publicJwk), alg, use: 'sig' }

      // The private key stays with the application, readable only by its owner.
      writeFileSync('private-key.json', JSON.stringify({ ...(await exportJWK(privateKey)), ...named }), { mode: 0o600, flag: 'wx' })
      ${code(jwksUri === undefined ? '// The public key is what --jwks registers.' : `// The public key is what the application serves at the registered jwks_uri, as application/json.`)}
      writeFileSync('jwks.json', JSON.stringify({ keys: [{ ...publicJwk, ...named }] }))
    `,
  )

/** Reads the private key that `keyPair` has made. */
const readKey = code(`const jwk = JSON.parse(readFileSync('private-key.json', 'utf8'))
const privateKey = { key: await importJWK(jwk, jwk.alg), kid: jwk.kid }`)

/** How the library authenticates with it. RFC 8037 calls the algorithm EdDSA, the library Ed25519 (RFC 9864). */
const withKey = ({ assertionAlg }: Application, library: 'client' | 'oauth') =>
  assertionAlg === 'EdDSA'
    ? `${library}.PrivateKeyJwt(privateKey, { [${library}.modifyAssertion]: (header) => { header.alg = 'EdDSA' } })`
    : `${library}.PrivateKeyJwt(privateKey)`

/** The last argument of openid-client's requests that happen before it has its configuration. */
function registrationOptions({ issuer, initialAccessToken }: Registration): Code | undefined {
  const members = [
    ...(initialAccessToken === undefined ? [] : ['initialAccessToken: process.env.INITIAL_ACCESS_TOKEN']),
    ...(issuer.startsWith('http:') ? ['execute: [client.allowInsecureRequests]'] : []),
  ]
  return codeIf(members.length > 0, `{ ${members.join(', ')} },`)
}

const indented = (text: string) => code(text.replaceAll('\n', '\n    '))

const authjsNotes = ['The path of the redirect URI contains the id of the provider, signet.']

export const javascriptRecipes = {
  'openid-client': {
    title: 'openid-client 6',
    ways: ['confidential', 'public', 'machine', 'key'],
    callback: '/callback',
    pushes: true,
    signsWithSecret: true,
    registersItself: (registration) => [
      registrationEnvironment(registration),
      js(
        'register.mjs',
        javascript`
          import * as client from 'openid-client'

          const config = await client.dynamicClientRegistration(
            new URL(process.env.ISSUER),
            {
              client_name: 'Notes',
              redirect_uris: ['https://app.example.com/callback'],
              token_endpoint_auth_method: 'client_secret_post',
              grant_types: ['authorization_code', 'refresh_token'],
              scope: 'openid profile email offline_access',
            },
            client.ClientSecretPost(),
            ${registrationOptions(registration)}
          )
          // Once. Keep all of it: from now on, begin with client.discovery and this client_id and client_secret.
          const { client_id, client_secret, registration_client_uri, registration_access_token } = config.clientMetadata()
        `,
      ),
    ],
    parts: (app) => {
      // The secret as the third argument is sent in the body. Every other way is the fourth one.
      const bySecret =
        app.secretBy === 'client_secret_basic'
          ? ['undefined', 'client.ClientSecretBasic(process.env.CLIENT_SECRET)']
          : ['process.env.CLIENT_SECRET', 'undefined']
      const [secret, method] =
        app.way === 'public'
          ? ['undefined', 'client.None()']
          : app.way === 'key'
            ? ['undefined', withKey(app, 'client')]
            : app.secretBy === 'client_secret_jwt'
              ? ['undefined', 'client.ClientSecretJwt(process.env.CLIENT_SECRET)']
              : bySecret
      const insecure = isPlainHttp(app) ? ', { execute: [client.allowInsecureRequests] }' : ''
      const authentication = insecure === '' && method === 'undefined' ? secret : `${secret}, ${method}${insecure}`
      const discover = code(
        `await client.discovery(new URL(process.env.ISSUER), process.env.CLIENT_ID, ${authentication})`,
      )
      if (app.way === 'machine')
        return [
          environment(app),
          js(
            'app.mjs',
            javascript`
              import * as client from 'openid-client'

              const config = ${discover}
              const { access_token } = await client.clientCredentialsGrant(config, {
                scope: ${app.scopes.length > 0 ? app.scopes.join(' ') : undefined},
                resource: ${app.resource},
              })
            `,
          ),
        ]
      return [
        environment(app),
        ...(app.way === 'key' ? [keyPair(app)] : []),
        js(
          'app.mjs',
          javascript`
            ${codeIf(app.way === 'key', "import { readFileSync } from 'node:fs'\nimport { importJWK } from 'jose'")}
            import * as client from 'openid-client'

            ${app.way === 'key' ? readKey : undefined}
            const config = ${discover}

            // To sign in: keep codeVerifier and state in the session, and redirect to url.
            const codeVerifier = client.randomPKCECodeVerifier()
            const state = client.randomState()
            const url = ${code(app.mustPush ? 'await client.buildAuthorizationUrlWithPAR' : 'client.buildAuthorizationUrl')}(config, {
              redirect_uri: ${app.redirectUri},
              scope: ${scopeOf(app)},
              code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
              code_challenge_method: 'S256',
              state,
            })

            // At the redirect URI: currentUrl is the whole URL of the request.
            const tokens = await client.authorizationCodeGrant(config, currentUrl, {
              pkceCodeVerifier: codeVerifier,
              expectedState: state,
            })
            const person = await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
          `,
        ),
      ]
    },
  },
  'openid-client-5': {
    title: 'openid-client 5',
    ways: ['confidential', 'public'],
    signsWithSecret: true,
    publicKind: 'native',
    callback: '/callback',
    parts: (app) => [
      environment(app),
      js(
        'app.mjs',
        javascript`
          import { generators, Issuer } from 'openid-client'

          const signet = await Issuer.discover(process.env.ISSUER)
          const client = new signet.Client({
            client_id: process.env.CLIENT_ID,
            ${codeIf(app.secret, 'client_secret: process.env.CLIENT_SECRET,')}
            ${codeIf(app.way === 'public' || app.secretBy, `token_endpoint_auth_method: '${app.way === 'public' ? 'none' : app.secretBy}',`)}
            redirect_uris: [${app.redirectUri}],
            response_types: ['code'],
            ${codeIf(app.idTokenAlg !== 'RS256', `id_token_signed_response_alg: '${app.idTokenAlg}',`)}
          })

          // To sign in: keep code_verifier and state in the session, and redirect to url.
          const code_verifier = generators.codeVerifier()
          const state = generators.state()
          const url = client.authorizationUrl({
            scope: ${scopeOf(app)},
            code_challenge: generators.codeChallenge(code_verifier),
            code_challenge_method: 'S256',
            state,
          })

          // At the redirect URI:
          const tokens = await client.callback(${app.redirectUri}, client.callbackParams(request), { code_verifier, state })
          const person = await client.userinfo(tokens)
        `,
      ),
    ],
  },
  oauth4webapi: {
    title: 'oauth4webapi 3',
    ways: ['confidential', 'public'],
    callback: '/callback',
    registersItself: (registration) => {
      const options = [
        ...(registration.initialAccessToken === undefined
          ? []
          : ['initialAccessToken: process.env.INITIAL_ACCESS_TOKEN']),
        ...(registration.issuer.startsWith('http:') ? ['[oauth.allowInsecureRequests]: true'] : []),
      ]
      const last = code(registration.issuer.startsWith('http:') ? ', { [oauth.allowInsecureRequests]: true }' : '')
      return [
        registrationEnvironment(registration),
        js(
          'register.mjs',
          javascript`
            import * as oauth from 'oauth4webapi'

            const issuer = new URL(process.env.ISSUER)
            const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer${last}))
            const response = await oauth.dynamicClientRegistrationRequest(
              as,
              {
                client_name: 'Notes',
                redirect_uris: ['https://app.example.com/callback'],
                token_endpoint_auth_method: 'client_secret_post',
                grant_types: ['authorization_code', 'refresh_token'],
                scope: 'openid profile email offline_access',
              },
              ${codeIf(options.length > 0, `{ ${options.join(', ')} },`)}
            )
            // Once. Keep all of it: from now on, the application is this client.
            const client = await oauth.processDynamicClientRegistrationResponse(response)
          `,
        ),
      ]
    },
    parts: (app) => {
      const insecure = isPlainHttp(app) ? '{ [oauth.allowInsecureRequests]: true }' : undefined
      const last = code(insecure === undefined ? '' : `, ${insecure}`)
      const method = {
        client_secret_basic: 'ClientSecretBasic',
        client_secret_post: 'ClientSecretPost',
        client_secret_jwt: 'ClientSecretJwt',
      }[app.secretBy ?? 'client_secret_post']
      const authentication = code(app.way === 'public' ? 'None()' : `${method}(process.env.CLIENT_SECRET)`)
      return [
        environment(app),
        js(
          'app.mjs',
          javascript`
            import * as oauth from 'oauth4webapi'

            const issuer = new URL(process.env.ISSUER)
            const discovered = await oauth.discoveryRequest(issuer${last})
            const as = await oauth.processDiscoveryResponse(issuer, discovered)
            const client = { client_id: process.env.CLIENT_ID }
            const authentication = oauth.${authentication}
            const redirectUri = ${app.redirectUri}

            // To sign in: keep codeVerifier and state in the session, and redirect to url.
            const codeVerifier = oauth.generateRandomCodeVerifier()
            const state = oauth.generateRandomState()
            const url = new URL(as.authorization_endpoint)
            url.search = new URLSearchParams({
              client_id: client.client_id,
              redirect_uri: redirectUri,
              response_type: 'code',
              scope: ${scopeOf(app)},
              code_challenge: await oauth.calculatePKCECodeChallenge(codeVerifier),
              code_challenge_method: 'S256',
              state,
            })

            // At the redirect URI: currentUrl is the whole URL of the request.
            const answer = oauth.validateAuthResponse(as, client, currentUrl, state)
            const response = await oauth.authorizationCodeGrantRequest(as, client, authentication, answer, redirectUri, codeVerifier${last})
            const tokens = await oauth.processAuthorizationCodeResponse(as, client, response)
            const { sub } = oauth.getValidatedIdTokenClaims(tokens)
            const userinfo = await oauth.userInfoRequest(as, client, tokens.access_token${last})
            const person = await oauth.processUserInfoResponse(as, client, sub, userinfo)
          `,
        ),
      ]
    },
  },
  authjs: {
    title: 'Auth.js (@auth/express)',
    ways: ['confidential'],
    because: onServer,
    callback: '/auth/callback/signet',
    callbackIsFixed: true,
    notes: authjsNotes,
    parts: (app) => [
      authjsEnvironment(app),
      js(
        'app.mjs',
        javascript`
          import { ExpressAuth } from '@auth/express'
          import express from 'express'

          const app = express()
          app.set('trust proxy', true)
          app.use('/auth', ExpressAuth({
            providers: [
              ${indented(authjsProvider(app))},
            ],
          }))
        `,
      ),
    ],
  },
  nextjs: {
    title: 'Auth.js in Next.js (next-auth 5)',
    ways: ['confidential'],
    because: onServer,
    callback: '/api/auth/callback/signet',
    callbackIsFixed: true,
    notes: authjsNotes,
    parts: (app) => [
      { ...authjsEnvironment(app), file: '.env.local' },
      ts(
        'auth.ts',
        javascript`
          import NextAuth from 'next-auth'

          export const { handlers, signIn, signOut, auth } = NextAuth({
            providers: [
              ${indented(authjsProvider(app))},
            ],
          })
        `,
      ),
      ts(
        'app/api/auth/[...nextauth]/route.ts',
        javascript`
          import { handlers } from '@/auth'

          export const { GET, POST } = handlers
        `,
      ),
    ],
  },
  'express-openid-connect': {
    title: 'express-openid-connect',
    ways: ['confidential'],
    because: onServer,
    callback: '/callback',
    notes: [
      'Its default response_type, id_token, sends the ID token through the browser, which Signet has turned off by default: the configuration has code.',
    ],
    parts: (app) => [
      env(dotenv`
        # SESSION_SECRET encrypts the sessions of your application: openssl rand -hex 32
        SESSION_SECRET=
        ISSUER=${app.issuer}
        CLIENT_ID=${app.clientId}
        CLIENT_SECRET=${app.secret}
      `),
      js(
        'app.js',
        javascript`
          const express = require('express')
          const { auth } = require('express-openid-connect')

          const app = express()
          app.use(auth({
            issuerBaseURL: process.env.ISSUER,
            baseURL: ${originOf(app)},
            clientID: process.env.CLIENT_ID,
            clientSecret: process.env.CLIENT_SECRET,
            secret: process.env.SESSION_SECRET,
            authorizationParams: { response_type: 'code', scope: ${scopeOf(app)} },
            ${codeIf(app.secretBy === 'client_secret_post', "clientAuthMethod: 'client_secret_post',")}
            ${codeIf(app.idTokenAlg !== 'RS256', `idTokenSigningAlg: '${app.idTokenAlg}',`)}
            ${callbackPathOf(app) === '/callback' ? undefined : code(`routes: { callback: ${javascript`${callbackPathOf(app)}`} },`)}
            idpLogout: true,
          }))
        `,
      ),
    ],
  },
  'passport-openidconnect': {
    title: 'passport-openidconnect',
    ways: ['confidential'],
    because: 'cannot send PKCE, which a public client needs',
    callback: '/callback',
    secretBy: 'client_secret_post',
    sends: 'nonce',
    parts: (app) => [
      environment(app),
      js(
        'app.js',
        javascript`
          const passport = require('passport')
          const OpenIDConnectStrategy = require('passport-openidconnect')

          passport.use(new OpenIDConnectStrategy({
            issuer: process.env.ISSUER,
            authorizationURL: ${`${app.issuer}/authorize`},
            tokenURL: ${`${app.issuer}/token`},
            userInfoURL: ${`${app.issuer}/userinfo`},
            clientID: process.env.CLIENT_ID,
            clientSecret: process.env.CLIENT_SECRET,
            callbackURL: ${app.redirectUri},
            scope: [${listOf('javascript', beyondOpenid(app))}],
            nonce: true, // checked in the ID token; takes the place of PKCE
          }, (issuer, profile, done) => done(null, profile)))
        `,
      ),
    ],
  },
  'fastify-oauth2': {
    title: '@fastify/oauth2',
    ways: ['confidential'],
    because: 'needs a secret',
    callback: '/login/callback',
    secretBy: 'client_secret_basic',
    notes: ['It does not check ID tokens: take the person from userinfo, as here.'],
    parts: (app) => [
      environment(app),
      js(
        'app.mjs',
        javascript`
          import oauthPlugin from '@fastify/oauth2'
          import Fastify from 'fastify'

          const fastify = Fastify()
          fastify.register(oauthPlugin, {
            name: 'signet',
            scope: [${listOf('javascript', app.signInScopes)}],
            credentials: { client: { id: process.env.CLIENT_ID, secret: process.env.CLIENT_SECRET } },
            discovery: { issuer: process.env.ISSUER }, // turns on PKCE
            startRedirectPath: '/login',
            callbackUri: ${app.redirectUri},
          })

          fastify.get(${callbackPathOf(app)}, async function (request, reply) {
            const { token } = await this.signet.getAccessTokenFromAuthorizationCodeFlow(request, reply)
            return this.signet.userinfo(token.access_token)
          })
        `,
      ),
    ],
  },
  'better-auth': {
    title: 'better-auth 1.7',
    ways: ['confidential'],
    because: onServer,
    callback: '/api/auth/callback/signet',
    callbackIsFixed: true,
    secretBy: 'client_secret_post',
    notes: [
      'The path of the redirect URI contains the providerId. Up to better-auth 1.6 it is /api/auth/oauth2/callback/signet.',
      'It needs an e-mail address: people without one cannot sign in.',
    ],
    parts: (app) => [
      env(dotenv`
        # BETTER_AUTH_SECRET encrypts the sessions of your application: openssl rand -base64 32
        BETTER_AUTH_SECRET=
        BETTER_AUTH_URL=${originOf(app)}
        SIGNET_DISCOVERY=${`${app.issuer}/.well-known/openid-configuration`}
        CLIENT_ID=${app.clientId}
        CLIENT_SECRET=${app.secret}
      `),
      ts(
        'auth.ts',
        javascript`
          import { betterAuth } from 'better-auth'
          import { genericOAuth } from 'better-auth/plugins'

          export const auth = betterAuth({
            // … database
            plugins: [
              genericOAuth({
                config: [
                  {
                    providerId: 'signet',
                    clientId: process.env.CLIENT_ID,
                    clientSecret: process.env.CLIENT_SECRET,
                    discoveryUrl: process.env.SIGNET_DISCOVERY,
                    scopes: [${listOf('javascript', app.signInScopes)}],
                  },
                ],
              }),
            ],
          })
        `,
      ),
      ts('in the page', `await authClient.signIn.social({ provider: 'signet' })`),
    ],
  },
  'oidc-client-ts': {
    title: 'oidc-client-ts',
    ways: ['public'],
    publicKind: 'spa',
    because: 'runs in the browser, where a secret could be read by anybody',
    callback: '/callback',
    notes: [
      'On http://localhost, renewal in a hidden frame answers consent_required: Signet asks for consent every time there. With offline_access it renews by refresh token.',
    ],
    parts: (app) => [
      js(
        'app.js',
        javascript`
          import { UserManager } from 'oidc-client-ts'

          export const userManager = new UserManager({
            authority: ${app.issuer},
            client_id: ${app.clientId},
            redirect_uri: ${app.redirectUri},
            post_logout_redirect_uri: ${app.postLogoutRedirectUri},
            scope: ${browserScopeOf(app)},
            ${codeIf(!app.profileInIdToken, 'loadUserInfo: true, // name and address come from userinfo')}
          })

          // To sign in:          await userManager.signinRedirect()
          // At the redirect URI: await userManager.signinRedirectCallback()
        `,
      ),
    ],
  },
  'react-oidc-context': {
    title: 'react-oidc-context',
    ways: ['public'],
    publicKind: 'spa',
    because: 'runs in the browser, where a secret could be read by anybody',
    callback: '/',
    parts: (app) => [
      {
        file: 'main.jsx',
        language: 'jsx',
        text: javascript`
          import { createRoot } from 'react-dom/client'
          import { AuthProvider } from 'react-oidc-context'
          import App from './App'

          const oidcConfig = {
            authority: ${app.issuer},
            client_id: ${app.clientId},
            redirect_uri: ${app.redirectUri},
            post_logout_redirect_uri: ${app.postLogoutRedirectUri},
            scope: ${browserScopeOf(app)},
            ${codeIf(!app.profileInIdToken, 'loadUserInfo: true, // name and address come from userinfo')}
            onSigninCallback: () => window.history.replaceState({}, document.title, window.location.pathname),
          }

          createRoot(document.getElementById('root')).render(
            <AuthProvider {...oidcConfig}>
              <App />
            </AuthProvider>,
          )
        `,
      },
    ],
  },
} satisfies Record<string, Recipe>

/** A page keeps its tokens for as long as it is open, so it renews them. */
function browserScopeOf({ signInScopes, scopes }: Application): string {
  return [...signInScopes, ...scopes.filter((scope) => scope === 'offline_access')].join(' ')
}
