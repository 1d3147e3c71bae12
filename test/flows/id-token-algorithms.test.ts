import { createHash } from 'node:crypto'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import * as client from 'openid-client'
import t from 'tap'
import { changeClient, registerClient } from '../../src/operations/client-registration.ts'
import { revokeClientSecret, rotateClientSecret } from '../../src/operations/client-secrets.ts'
import { idTokenAlgorithms, signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { defaultRedirectUri, type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { passPages, signIn } from '../support/journey.ts'

const idp = await startSignet(t)
const operator = { kind: 'operator', by: 'test' } as const
const publicKeys = createRemoteJWKSet(new URL(`${idp.issuer}/.well-known/jwks.json`))
const octets = (text: string | undefined) => Buffer.from(text ?? '', 'utf8')

/** A complete sign-in with openid-client, which verifies the signatures of the ID token and the userinfo response. */
async function withOpenidClient(
  idp: Idp,
  registered: TestClient,
  metadata: Partial<client.ClientMetadata>,
  auth: client.ClientAuth,
) {
  const config = await client.discovery(new URL(idp.issuer), registered.client_id, metadata, auth, {
    // The library verifies only signatures that prove who made them; this test verifies those with HS256.
    execute: [
      client.allowInsecureRequests,
      ...(metadata.id_token_signed_response_alg === 'HS256' ? [] : [client.enableNonRepudiationChecks]),
    ],
  })
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const checks = { pkceCodeVerifier, expectedNonce: client.randomNonce(), expectedState: client.randomState() }
  const url = client.buildAuthorizationUrl(config, {
    ...{ redirect_uri: defaultRedirectUri, scope: 'openid profile email offline_access' },
    ...{ code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256' },
    ...{ nonce: checks.expectedNonce, state: checks.expectedState },
  })
  const browser = idp.browser()
  const person = await idp.person({ name: 'Some Person' })
  const back = await passPages(browser, await browser.get(url.href), person)
  const tokens = await client.authorizationCodeGrant(config, new URL(back.location ?? ''), checks)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
  const profile = await client.fetchUserInfo(config, refreshed.access_token, person.sub)
  return { tokens, refreshed, profile, person }
}

for (const alg of idTokenAlgorithms)
  t.test(`openid-client verifies ID tokens with ${alg}, at the sign-in and after a refresh`, async (t) => {
    const registered = await idp.client({
      id_token_signed_response_alg: alg,
      scope: 'openid profile email offline_access',
    })
    const metadata = { id_token_signed_response_alg: alg, client_secret: registered.secret ?? '' }
    const { tokens, refreshed, person } = await withOpenidClient(
      idp,
      registered,
      metadata,
      client.ClientSecretBasic(registered.secret),
    )
    const key = alg === 'HS256' ? octets(registered.secret) : undefined
    for (const { id_token: text = '', access_token: accessToken } of [tokens, refreshed]) {
      const rules = { algorithms: [alg], issuer: idp.issuer, audience: registered.client_id, typ: 'JWT' }
      const { payload, protectedHeader } = key
        ? await jwtVerify(text, key, rules)
        : await jwtVerify(text, publicKeys, rules)
      t.match(payload, { sub: person.sub, aud: registered.client_id })
      t.equal(protectedHeader.kid === undefined, alg === 'HS256', 'a secret has no kid')
      // OpenID Connect Core §3.1.3.6. For Ed25519 it is SHA-512 (RFC 8032 §5.1).
      const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
        .update(accessToken)
        .digest()
      t.equal(payload['at_hash'], hash.subarray(0, hash.length / 2).toString('base64url'))
      t.match(
        decodeProtectedHeader(accessToken),
        { alg: 'ES256', typ: 'at+jwt' },
        'the access token does not depend on it',
      )
    }
  })

for (const alg of signingAlgorithms)
  t.test(`openid-client verifies a userinfo response that is signed with ${alg}`, async (t) => {
    const registered = await idp.client({
      userinfo_signed_response_alg: alg,
      id_token_signed_response_alg: 'RS256',
      scope: 'openid profile email offline_access',
    })
    const metadata = { userinfo_signed_response_alg: alg, id_token_signed_response_alg: 'RS256' }
    const { profile, refreshed, person } = await withOpenidClient(
      idp,
      registered,
      metadata,
      client.ClientSecretBasic(registered.secret),
    )
    t.match(profile, { sub: person.sub, name: 'Some Person', iss: idp.issuer, aud: registered.client_id })
    const response = await fetch(`${idp.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${refreshed.access_token}` },
    })
    t.match(response.headers.get('content-type'), /^application\/jwt(;|$)/)
    const text = await response.text()
    const { payload } = await jwtVerify(text, publicKeys, { algorithms: [alg] })
    for (const claim of ['nonce', 'exp', 'iat', 'auth_time', 'at_hash', 'sid']) t.notOk(claim in payload, claim)
  })

t.test('openid-client and oauth4webapi authenticate with client_secret_jwt', async (t) => {
  const metadata = { token_endpoint_auth_method: 'client_secret_jwt', id_token_signed_response_alg: 'HS256' } as const
  const registered = await idp.client({ ...metadata, scope: 'openid profile email offline_access' })
  const { profile, person } = await withOpenidClient(
    ...([
      idp,
      registered,
      { ...metadata, client_secret: registered.secret ?? '' },
      client.ClientSecretJwt(registered.secret),
    ] as const),
  )
  t.equal(profile.sub, person.sub)

  const issuer = new URL(idp.issuer)
  const insecure = { [oauth.allowInsecureRequests]: true }
  const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  t.ok(server.token_endpoint_auth_signing_alg_values_supported?.includes('HS256'))
  t.same(server.id_token_signing_alg_values_supported, ['ES256', 'RS256', 'PS256', 'EdDSA', 'HS256'])
  t.same(server['userinfo_signing_alg_values_supported'], signingAlgorithms)
  await idp.resource('https://api.example', ['api:read'])
  const machine = await idp.client({
    ...{ token_endpoint_auth_method: 'client_secret_jwt', grant_types: ['client_credentials'] },
    ...{ scope: 'api:read', resources: ['https://api.example'] },
  })
  const itself = { client_id: machine.client_id }
  const auth = oauth.ClientSecretJwt(machine.secret ?? '')
  const answer = await oauth.clientCredentialsGrantRequest(server, itself, auth, { scope: 'api:read' }, insecure)
  t.match(await oauth.processClientCredentialsResponse(server, itself, answer), { scope: 'api:read' })
})

t.test(
  'through a rotation of secrets, each ID token is signed with the secret that its request was authenticated with',
  async (t) => {
    const { client: made, secret: first = '' } = await registerClient(idp.signet, operator, {
      ...{ redirect_uris: [defaultRedirectUri], id_token_signed_response_alg: 'HS256', require_pkce: true },
    })
    const using = (secret: string) => ({ ...made, secret }) as unknown as TestClient
    const verified = async (secret: string, by = secret) => {
      const { body } = await (await signIn(idp, using(by))).redeem()
      return jwtVerify(body.id_token, octets(secret), { algorithms: ['HS256'] }).then(
        () => true,
        () => false,
      )
    }
    t.ok(await verified(first))
    const rotated = await rotateClientSecret(idp.signet, operator, made.client_id, 'newest kept')
    const second = typeof rotated === 'object' && 'secret' in rotated ? rotated.secret : ''
    t.ok(await verified(first), 'the application that has not been switched over')
    t.ok(await verified(second), 'and the one that has')
    t.notOk(await verified(second, first))
    t.notOk(await verified(first, second))
    const { rows } = await idp.signet.database.query<{ id: number }>({
      text: 'SELECT id FROM client_secrets WHERE client_id = $1 ORDER BY id',
      values: [made.client_id],
    })
    await revokeClientSecret(idp.signet, operator, made.client_id, rows[0]?.id ?? 0)
    t.ok(await verified(second))
  },
)

t.test('a client that comes to want HS256 gets a new secret, and one that no longer does keeps it', async (t) => {
  const { client: made, secret: first = '' } = await registerClient(idp.signet, operator, {
    redirect_uris: [defaultRedirectUri],
  })
  const changed = await changeClient(idp.signet, operator, made.client_id, { id_token_signed_response_alg: 'HS256' })
  const second = typeof changed === 'object' ? (changed.secret ?? '') : ''
  t.ok(second !== '' && second !== first)
  idp.signet.clients.clear()
  const algOf = async (secret: string) => {
    const { body } = await (await signIn(idp, { ...made, secret } as unknown as TestClient)).redeem()
    return decodeProtectedHeader(body.id_token).alg
  }
  t.equal(await algOf(first), 'HS256', 'the value is in the request, and long enough')
  t.equal(await algOf(second), 'HS256')
  await changeClient(idp.signet, operator, made.client_id, { id_token_signed_response_alg: 'RS256' })
  idp.signet.clients.clear()
  t.equal(await algOf(second), 'RS256')
})
