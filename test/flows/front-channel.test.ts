import { createHash } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as client from 'openid-client'
import t from 'tap'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { contentsOf, type ResponseType, responseTypes } from '../../src/protocol/oidc-values.ts'
import { deleteExpired } from '../../src/records/cleanup/cleanup-store.ts'
import { grantTypesFor } from '../../src/records/clients/grant-and-response-types.ts'
import { personalClaimNames } from '../../src/tokens/personal-claims.ts'
import { formsOf } from '../support/browser.ts'
import { defaultRedirectUri, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'
import { clientKey, push, withRequestUri } from '../support/request-objects.ts'

/* The response types that return tokens from the authorization endpoint (OpenID Connect Core §3.2, §3.3). */
const idp = await startSignet(t, { SIGNET_LEGACY_RESPONSE_TYPES: 'on' })
const publicKeys = createRemoteJWKSet(new URL(`${idp.issuer}/.well-known/jwks.json`))
const older = responseTypes.filter((type) => type !== 'code')
const nonce = 'the-nonce'

const registered = (types: readonly ResponseType[], more: Parameters<typeof idp.client>[0] = {}) =>
  idp.client({
    ...{
      response_types: types,
      grant_types: [...new Set(types.flatMap(grantTypesFor))],
      id_token_profile_claims: true,
    },
    ...more,
  })

const signInFor = (client: TestClient, type: string, more: Record<string, string> = {}) =>
  signIn(idp, client, { parameters: { response_type: type, nonce, scope: 'openid profile email', ...more } })

const userinfo = async (token: string | null | undefined) => {
  const response = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const verified = async (idToken: string | null | undefined, { client_id: audience }: TestClient) =>
  (await jwtVerify(idToken ?? '', publicKeys, { issuer: idp.issuer, audience })).payload

t.test(
  'each type returns what its name says, with hashes of what is beside the ID token, by each algorithm',
  async (t) => {
    for (const alg of signingAlgorithms) {
      const registration = await registered(responseTypes, { id_token_signed_response_alg: alg })
      const half = (text: string | null) => {
        const hash = createHash(alg === 'EdDSA' ? 'sha512' : 'sha256')
          .update(text ?? '')
          .digest()
        return hash.subarray(0, hash.length / 2).toString('base64url')
      }
      for (const type of older) {
        const { response, code, redeem, person } = await signInFor(registration, type)
        const returned = contentsOf(type)
        t.same(
          [response.has('code'), response.has('id_token'), response.has('access_token')],
          Object.values(returned),
          `${alg}: ${type}`,
        )
        if (returned.accessToken) {
          t.match(Object.fromEntries(response), {
            token_type: 'Bearer',
            expires_in: '900',
            scope: 'openid profile email',
          })
          t.match(await userinfo(response.get('access_token')), {
            status: 200,
            body: { sub: person.sub, email: person.email },
          })
        }
        const first = returned.idToken ? await verified(response.get('id_token'), registration) : undefined
        if (first) {
          t.match(first, { sub: person.sub, nonce, sid: String, auth_time: Number, acr: 'aal1', amr: ['pwd'] })
          t.equal(first['at_hash'], returned.accessToken ? half(response.get('access_token')) : undefined)
          t.equal(first['c_hash'], returned.code ? half(code) : undefined)
        }
        if (!returned.code) continue
        const { body } = await redeem()
        const second = await verified(body.id_token, registration)
        t.equal(second['at_hash'], half(body.access_token))
        // OpenID Connect Core §3.3.3.6.
        for (const claim of ['iss', 'sub', 'aud', 'nonce', 'auth_time', 'acr', 'amr', 'sid'])
          if (first) t.same(second[claim], first[claim], claim)
        if (returned.accessToken) t.not(body.access_token, response.get('access_token'))
        t.equal((await userinfo(body.access_token)).status, 200)
      }
    }
  },
)

t.test('an ID token has claims about the person only where nothing else returns them', async (t) => {
  const registration = await registered(responseTypes, { scope: 'openid profile email phone' })
  const person = await idp.person({ name: 'Ada Lovelace', phone_number: '+41441234567' })
  const claims = JSON.stringify({ id_token: { phone_number: null }, userinfo: { phone_number_verified: null } })
  const personal = (payload: object) => Object.keys(payload).filter((name) => personalClaimNames.includes(name))
  for (const type of older) {
    const parameters = { response_type: type, nonce, scope: 'openid email', claims }
    const { response, redeem } = await signIn(idp, registration, { person, parameters })
    const expected: Partial<Record<ResponseType, string[]>> = {
      id_token: ['phone_number', 'email', 'email_verified'],
      'id_token token': ['phone_number'],
    }
    if (contentsOf(type).idToken)
      t.same(personal(await verified(response.get('id_token'), registration)), expected[type] ?? [], type)
    if (contentsOf(type).code)
      t.same(
        personal(await verified((await redeem()).body.id_token, registration)),
        ['phone_number', 'email', 'email_verified'],
        `${type}: at the token endpoint`,
      )
    if (contentsOf(type).accessToken)
      t.match((await userinfo(response.get('access_token'))).body, {
        email: person.email,
        phone_number_verified: false,
      })
  }
})

t.test('openid-client signs in with id_token and code id_token, by fragment and by form', async (t) => {
  const discovered = async (registration: TestClient, use: (config: client.Configuration) => void) =>
    client.discovery(
      new URL(idp.issuer),
      registration.client_id,
      { id_token_signed_response_alg: 'ES256' },
      client.ClientSecretBasic(registration.secret),
      {
        execute: [client.allowInsecureRequests, use],
      },
    )
  /** What the library reads at the redirect URI: the address with the fragment, or the POST request. */
  const journey = async (config: client.Configuration, parameters: Record<string, string>) => {
    const [browser, person] = [idp.browser(), await idp.person()]
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: defaultRedirectUri,
      scope: 'openid email',
      ...parameters,
    })
    const back = await passPages(browser, await browser.get(url.href), person)
    if (back.location !== undefined) return { person, callback: new URL(back.location) }
    const { action, inputs } = formsOf(back.text)[0]!
    return { person, callback: new Request(action, { method: 'POST', body: new URLSearchParams(inputs) }) }
  }
  for (const mode of ['fragment', 'form_post']) {
    const parameters = { response_mode: mode, nonce: client.randomNonce(), state: client.randomState() }
    const expected = { expectedNonce: parameters.nonce, expectedState: parameters.state }
    const implicit = await discovered(await registered(['id_token']), client.useIdTokenResponseType)
    const { person, callback } = await journey(implicit, parameters)
    const claims = await client.implicitAuthentication(implicit, callback, parameters.nonce, {
      expectedState: parameters.state,
    })
    t.match(claims, { sub: person.sub, email: person.email }, mode)

    const hybrid = await discovered(await registered(['code id_token']), client.useCodeIdTokenResponseType)
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const challenge = await client.calculatePKCECodeChallenge(pkceCodeVerifier)
    const signedIn = await journey(hybrid, { ...parameters, code_challenge: challenge, code_challenge_method: 'S256' })
    const tokens = await client.authorizationCodeGrant(hybrid, signedIn.callback, { pkceCodeVerifier, ...expected })
    t.equal(tokens.claims()?.sub, signedIn.person.sub, mode)
    t.match(await client.fetchUserInfo(hybrid, tokens.access_token, signedIn.person.sub), {
      email: signedIn.person.email,
    })
  }
})

t.test('requests that are pushed, and requests in signed objects, get the same', async (t) => {
  const key = await clientKey()
  const registration = await registered(responseTypes, { first_party: true, jwks: key.jwks })
  const { browser } = await signIn(idp, registration)
  const now = Math.floor(Date.now() / 1000)
  for (const type of older) {
    const parameters = authorizationParameters(registration, pkce(), { response_type: type, nonce, scope: 'openid' })
    const { body } = await push(idp, registration, parameters)
    const claims = { ...parameters, iss: registration.client_id, aud: idp.issuer, iat: now, exp: now + 300 }
    const query = new URLSearchParams({ client_id: registration.client_id, request: await key.sign(claims) })
    for (const url of [withRequestUri(registration, body.request_uri), `/authorize?${query}`]) {
      const answered = new URLSearchParams(new URL((await browser.get(url)).location ?? '').hash.slice(1))
      t.same(
        [answered.has('code'), answered.has('id_token'), answered.has('access_token')],
        Object.values(contentsOf(type)),
        type,
      )
    }
    const again = await browser.get(withRequestUri(registration, body.request_uri))
    t.match(again.location, /#error=invalid_request_uri/, 'a pushed request has one response')
  }
})

t.test('whatever ends the grant ends its access token from the browser as well', async (t) => {
  const statusOf = async (token: string | null) => (await userinfo(token)).status
  await t.test('a code that is redeemed twice', async (t) => {
    const { response, redeem } = await signInFor(await registered(['code id_token token']), 'code id_token token')
    const token = response.get('access_token')
    const redeemed = await redeem()
    t.same([redeemed.status, await statusOf(token)], [200, 200])
    t.equal((await redeem()).body.error, 'invalid_grant')
    t.equal(await statusOf(token), 401)
    t.equal(await statusOf(redeemed.body.access_token), 401)
  })
  const ends: Record<
    string,
    (journey: Awaited<ReturnType<typeof signIn>>, registration: TestClient) => Promise<unknown>
  > = {
    'a sign-out': async ({ browser, response }) => {
      const hint = response.get('id_token') ?? ''
      const asked = await browser.get(`/logout?${new URLSearchParams({ id_token_hint: hint })}`)
      if (asked.text.includes('id="confirm-logout"')) await browser.submit(asked, 'confirm-logout')
    },
    'access that is withdrawn': async ({ browser }, { client_id: id }) =>
      browser.submit(await browser.get('/account/applications'), `disconnect-${id}`),
    'a client without its registration': (_, registered) => idp.changeClient(registered, 'deleted_at = now()'),
  }
  for (const [what, end] of Object.entries(ends))
    await t.test(what, async (t) => {
      const registration = await registered(['id_token token'])
      const journey = await signInFor(registration, 'id_token token')
      const token = journey.response.get('access_token')
      t.equal(await statusOf(token), 200)
      await end(journey, registration)
      t.equal(await statusOf(token), 401)
    })
})

t.test('the access token is for the API that the request names, and only for it', async (t) => {
  const api = 'https://notes.example'
  await idp.resource(api, ['notes:read'])
  const registration = await registered(['id_token token'], { scope: 'openid profile notes:read', resources: [api] })
  const { response } = await signInFor(registration, 'id_token token', { scope: 'openid notes:read', resource: api })
  t.equal(response.get('scope'), 'notes:read', 'which differs from what was asked for (RFC 6749 §4.2.2)')
  const { payload } = await jwtVerify(response.get('access_token') ?? '', publicKeys, { audience: api, typ: 'at+jwt' })
  t.match(payload, { scope: 'notes:read', client_id: registration.client_id })
  t.equal((await userinfo(response.get('access_token'))).status, 401)
})

t.test('events and metrics say what was issued', async (t) => {
  const registration = await registered(['id_token token', 'code id_token'])
  const counted = (token: string) =>
    idp.signet.metrics.readings
      .signet_tokens_issued_total()
      .filter(({ labels }) => labels['grant_type'] === 'implicit' && labels['token'] === token)
      .reduce((sum, { value }) => sum + value, 0)
  const [accessBefore, idBefore] = [counted('access'), counted('id')]
  const { response } = await signInFor(registration, 'id_token token')
  await signInFor(registration, 'code id_token')
  t.same([counted('access') - accessBefore, counted('id') - idBefore], [1, 2])
  const { rows } = await idp.signet.database.query<{ detail: object }>({
    text: "SELECT detail FROM events WHERE type = 'tokens_issued' AND client_id = $1 ORDER BY id",
    values: [registration.client_id],
  })
  const jti = JSON.parse(Buffer.from(response.get('access_token')?.split('.')[1] ?? '', 'base64url').toString()).jti
  t.same(
    rows.map(({ detail }) => detail),
    [
      {
        grant_type: 'implicit',
        response_type: 'id_token token',
        audience: idp.issuer,
        jti,
        scopes: ['openid', 'profile', 'email'],
      },
      { grant_type: 'implicit', response_type: 'code id_token' },
    ],
  )
})

t.test('a grant without a code is deleted like any other once it is no longer needed', async (t) => {
  const registration = await registered(['id_token'])
  await signInFor(registration, 'id_token')
  const { database } = idp.signet
  const grants = async () => {
    const { rows } = await database.query<{ id: string }>({
      text: 'SELECT id FROM grants WHERE client_id = $1',
      values: [registration.client_id],
    })
    return rows.map(({ id }) => id)
  }
  const [id] = await grants()
  await deleteExpired(database, 3600)
  t.same(await grants(), [id])
  await database.query({
    text: "UPDATE authorization_codes SET expires_at = now() - interval '1 day' WHERE grant_id = $1",
    values: [id],
  })
  await deleteExpired(database, 3600)
  t.same(await grants(), [])
})
