import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  jwtVerify,
} from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import t from 'tap'
import { createVerifier } from '#verify'
import { decide, ofDevice } from '../support/device.ts'
import { defaultRedirectUri, type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { passPages } from '../support/journey.ts'

const api = 'https://notes.example'

async function registered(idp: Idp, metadata: Parameters<Idp['client']>[0] = {}): Promise<TestClient> {
  return idp.client({
    scope: 'openid profile email offline_access notes:read',
    resources: [api],
    post_logout_redirect_uris: ['https://app.example/bye'],
    ...metadata,
  })
}

/** Takes a browser to the authorization endpoint and returns the address that it ends at. */
async function visit(idp: Idp, url: URL) {
  const browser = idp.browser()
  const person = await idp.person({ name: 'Some Person' })
  const back = await passPages(browser, await browser.get(url.href), person)
  return { browser, person, callback: new URL(back.location ?? '') }
}

t.test('openid-client gets the tokens of a device without a browser', async (t) => {
  const idp = await startSignet(t)
  const registration = await idp.client(ofDevice)
  const config = await client.discovery(
    new URL(idp.issuer),
    registration.client_id,
    { id_token_signed_response_alg: 'ES256' },
    client.None(),
    { execute: [client.allowInsecureRequests] },
  )
  const issued = await client.initiateDeviceAuthorization(config, { scope: 'openid profile offline_access' })
  const person = await idp.person()
  const poll = () => Promise.reject(new Error('The library polls.'))
  await decide(idp.browser(), person, {
    issued: { interval: 5, ...issued, verification_uri_complete: issued.verification_uri_complete ?? '' },
    poll,
  })
  // It waits before it asks for the first time.
  const tokens = await client.pollDeviceAuthorizationGrant(config, { ...issued, interval: 0 })
  t.equal(tokens.claims()?.sub, person.sub)
  t.match(tokens, { access_token: String, refresh_token: String })
})

t.test('openid-client completes discovery, code with PKCE, userinfo, refresh and sign-out', async (t) => {
  const idp = await startSignet(t)
  await idp.resource(api, ['notes:read'])
  const registration = await registered(idp, { id_token_signed_response_alg: 'RS256' })
  const config = await client.discovery(
    new URL(idp.issuer),
    registration.client_id,
    { id_token_signed_response_alg: 'RS256' },
    client.ClientSecretBasic(registration.secret),
    {
      execute: [client.allowInsecureRequests],
    },
  )
  const verifier = client.randomPKCECodeVerifier()
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: client.randomState(),
    expectedNonce: client.randomNonce(),
  }
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: defaultRedirectUri,
    scope: 'openid profile email offline_access notes:read',
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: checks.expectedState,
    nonce: checks.expectedNonce,
  })
  const { person, callback, browser } = await visit(idp, url)
  const tokens = await client.authorizationCodeGrant(
    config,
    callback,
    { ...checks, idTokenExpected: true, maxAge: 600 },
    { resource: idp.issuer },
  )
  t.equal(tokens.claims()?.sub, person.sub)
  t.equal(decodeProtectedHeader(tokens.id_token ?? '').alg, 'RS256')

  const userinfo = await client.fetchUserInfo(config, tokens.access_token, person.sub)
  t.match(userinfo, {
    sub: person.sub,
    name: 'Some Person',
    email: person.email,
    email_verified: false,
    preferred_username: person.username,
  })

  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '', { resource: api })
  t.equal(refreshed.claims()?.sub, person.sub)
  t.equal(refreshed.claims()?.['nonce'], undefined, 'OpenID Connect Core §12.2: the nonce should be absent')
  t.equal(refreshed.claims()?.auth_time, tokens.claims()?.auth_time)

  const set = createRemoteJWKSet(new URL('/.well-known/jwks.json', idp.issuer))
  const { payload } = await jwtVerify(refreshed.access_token, set, { issuer: idp.issuer, audience: api, typ: 'at+jwt' })
  t.match(payload, { sub: person.sub, client_id: registration.client_id, scope: 'notes:read' })
  const claims = await createVerifier({ issuer: idp.issuer, audience: api, requiredScopes: ['notes:read'] }).verify(
    refreshed.access_token,
  )
  t.equal(claims.sub, person.sub)

  const end = client.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token ?? '',
    post_logout_redirect_uri: 'https://app.example/bye',
    state: 'bye-state',
  })
  const left = await browser.get(end.href)
  t.equal(left.location, 'https://app.example/bye?state=bye-state', 'with a hint for this very session nobody is asked')
  const silent = await browser.get(`${url.href}&prompt=none`)
  t.equal(new URL(silent.location ?? '').searchParams.get('error'), 'login_required')
})

t.test('openid-client pushes its requests, signs them, and does both', async (t) => {
  const idp = await startSignet(t)
  const { privateKey: key, publicKey } = await generateKeyPair('ES256')
  const { kty = '', ...jwk } = await exportJWK(publicKey)
  const registration = await idp.client({ jwks: { keys: [{ ...jwk, kty, kid: 'signing', alg: 'ES256' }] } })
  const config = await client.discovery(
    new URL(idp.issuer),
    registration.client_id,
    { id_token_signed_response_alg: 'ES256' },
    client.ClientSecretBasic(registration.secret),
    { execute: [client.allowInsecureRequests] },
  )
  const signingKey = { key, kid: 'signing' }
  const ways: Record<string, (parameters: Record<string, string>) => Promise<URL>> = {
    pushed: (parameters) => client.buildAuthorizationUrlWithPAR(config, parameters),
    signed: (parameters) => client.buildAuthorizationUrlWithJAR(config, parameters, signingKey),
    'signed and pushed': async (parameters) => {
      const { searchParams } = await client.buildAuthorizationUrlWithJAR(config, parameters, signingKey)
      return client.buildAuthorizationUrlWithPAR(config, searchParams)
    },
  }
  for (const [name, build] of Object.entries(ways)) {
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()]
    const url = await build({
      ...{ redirect_uri: defaultRedirectUri, scope: 'openid profile', state: expectedState, nonce: expectedNonce },
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
      code_challenge_method: 'S256',
    })
    t.same([...url.searchParams.keys()].sort(), ['client_id', name === 'signed' ? 'request' : 'request_uri'])
    const { person, callback } = await visit(idp, url)
    const tokens = await client.authorizationCodeGrant(config, callback, {
      ...{ pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true },
    })
    t.equal(tokens.claims()?.sub, person.sub, name)
  }
})

t.test('oauth4webapi, as strict as the specifications, completes the same with a public client', async (t) => {
  const idp = await startSignet(t)
  const registration = await registered(idp, {
    token_endpoint_auth_method: 'none',
    resources: [],
    scope: 'openid profile offline_access',
  })
  const insecure = { [oauth.allowInsecureRequests]: true }
  const issuer = new URL(idp.issuer)
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    const response = await oauth.discoveryRequest(issuer, { algorithm, ...insecure })
    t.equal((await oauth.processDiscoveryResponse(issuer, response)).issuer, idp.issuer, `${algorithm} metadata`)
  }
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const self: oauth.Client = { client_id: registration.client_id, id_token_signed_response_alg: 'ES256' }
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const url = new URL(server.authorization_endpoint ?? '')
  url.search = new URLSearchParams({
    client_id: self.client_id,
    response_type: 'code',
    redirect_uri: defaultRedirectUri,
    scope: 'openid profile offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }).toString()
  const { person, callback } = await visit(idp, url)
  const parameters = oauth.validateAuthResponse(server, self, callback, state)
  const response = await oauth.authorizationCodeGrantRequest(
    server,
    self,
    oauth.None(),
    parameters,
    defaultRedirectUri,
    verifier,
    insecure,
  )
  const tokens = await oauth.processAuthorizationCodeResponse(server, self, response, {
    expectedNonce: nonce,
    requireIdToken: true,
  })
  await oauth.validateApplicationLevelSignature(server, response, insecure)
  t.equal(oauth.getValidatedIdTokenClaims(tokens)?.sub, person.sub)

  const userinfo = await oauth.userInfoRequest(server, self, tokens.access_token, insecure)
  t.equal((await oauth.processUserInfoResponse(server, self, person.sub, userinfo)).sub, person.sub)

  const refresh = await oauth.refreshTokenGrantRequest(server, self, oauth.None(), tokens.refresh_token ?? '', insecure)
  const refreshed = await oauth.processRefreshTokenResponse(server, self, refresh)
  t.not(refreshed.refresh_token, tokens.refresh_token, 'the refresh token of a public client rotates')

  const request = new Request('https://api.example/x', {
    headers: { authorization: `Bearer ${refreshed.access_token}` },
  })
  const validated = await oauth.validateJwtAccessToken(server, request, idp.issuer, insecure)
  t.equal(validated.sub, person.sub, 'the access token follows RFC 9068')
})

t.test('client credentials give a token for the resource that owns the scope, and no refresh token', async (t) => {
  const idp = await startSignet(t)
  await idp.resource('https://invoices.example', ['invoices:read', 'invoices:write'], { accessTokenTtl: 120 })
  const job = await idp.client({
    grant_types: ['client_credentials'],
    response_types: [],
    redirect_uris: [],
    scope: 'invoices:read',
    resources: ['https://invoices.example'],
  })
  const { status, body } = await idp.token(job, { grant_type: 'client_credentials' })
  t.equal(status, 200)
  t.match(body, { token_type: 'Bearer', expires_in: 120, scope: 'invoices:read' })
  t.notOk('refresh_token' in body || 'id_token' in body)
  const jwks = await (await fetch(`${idp.issuer}/.well-known/jwks.json`)).json()
  const { payload, protectedHeader } = await jwtVerify(body.access_token, createLocalJWKSet(jwks), {
    issuer: idp.issuer,
    audience: 'https://invoices.example',
  })
  t.match(payload, { sub: job.client_id, client_id: job.client_id, scope: 'invoices:read' })
  t.match(protectedHeader, { alg: 'ES256', typ: 'at+jwt' })

  const again = await idp.token(job, { grant_type: 'client_credentials' })
  const second = await jwtVerify(again.body.access_token, createLocalJWKSet(jwks))
  t.equal(second.payload['grant_id'], payload['grant_id'], 'one standing grant per credential')
  t.not(second.payload.jti, payload.jti)
})
