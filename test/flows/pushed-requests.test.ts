import { randomUUID } from 'node:crypto'
import t from 'tap'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'
import { clientKey, push, withRequestUri } from '../support/request-objects.ts'

const idp = await startSignet(t)
const answered = (location: string | undefined) => new URL(location ?? '', 'http://x').searchParams

t.test('a public client pushes a request, and its user signs in and consents on another node', async (t) => {
  const client = await idp.client({ token_endpoint_auth_method: 'none' })
  const person = await idp.person()
  const proof = pkce()
  const { status, body, headers } = await push(idp, client, authorizationParameters(client, proof, { state: 'xyz' }))
  t.equal(status, 201)
  t.match(headers.get('content-type'), 'application/json')
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('access-control-allow-origin'), null, 'without an Origin')
  t.same(Object.keys(body), ['request_uri', 'expires_in'])
  t.ok(body.expires_in >= 60 && body.expires_in <= 90)

  const another = await idp.another()
  const browser = another.browser()
  const page = await browser.follow(await browser.get(withRequestUri(client, body.request_uri)))
  t.ok(page.url.length < 600, 'the id is carried, not the parameters')
  const response = answered((await passPages(browser, page, person)).location)
  t.equal(response.get('state'), 'xyz')
  const code = response.get('code') ?? ''
  const redirect_uri = client.redirect_uris[0] ?? ''
  const redemption = { grant_type: 'authorization_code', code, redirect_uri, code_verifier: proof.verifier }
  t.equal((await idp.token(client, redemption)).status, 200)
})

t.test('the parameters of a pushed request decide about its pages and its response', async (t) => {
  const client = await idp.client()
  const person = await idp.person()
  const asked = authorizationParameters(client, pkce(), {
    ...{ response_mode: 'form_post', ui_locales: 'de', login_hint: person.email, state: 's'.repeat(2000) },
  })
  const { body } = await push(idp, client, asked)
  const browser = idp.browser()
  const page = await browser.follow(await browser.get(withRequestUri(client, body.request_uri)))
  t.match(page.text, '<html lang="de"')
  t.match(page.text, person.email)
  const back = await passPages(browser, page, person)
  t.match(back.text, `action="${client.redirect_uris[0]}"`)
  t.match(back.text, `name="state" value="${'s'.repeat(2000)}"`)
})

t.test('a request that is left open for an hour leads back to the application', async (t) => {
  const client = await idp.client()
  const { body } = await push(idp, client, authorizationParameters(client, pkce(), { state: 'xyz' }))
  const { signet } = idp
  const browser = idp.browser()
  const arrived = await browser.get(withRequestUri(client, body.request_uri))
  const { now } = signet.clock
  Object.assign(signet, { clock: { ...signet.clock, now: () => now.call(signet.clock) + 61 * 60_000 } })
  t.teardown(() => Object.assign(signet, { clock: { ...signet.clock, now } }))
  const page = await browser.get(arrived.location ?? '')
  t.equal(page.status, 400)
  t.match(page.text, /href="https:\/\/app\.example\/callback\?error=access_denied[^"]*state=xyz/)
})

t.test(
  'a client assertion may be for the endpoint, as for the issuer and the token endpoint (RFC 9126 §2)',
  async (t) => {
    const key = await clientKey()
    const client = await idp.client({ token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks })
    for (const aud of [idp.issuer, `${idp.issuer}/token`, `${idp.issuer}/par`]) {
      const claims = { iss: client.client_id, sub: client.client_id, aud, jti: randomUUID() }
      const exp = Math.floor(Date.now() / 1000) + 60
      const { status } = await push(idp, client, {
        ...authorizationParameters(client, pkce()),
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await key.sign({ ...claims, exp }, { typ: 'JWT' }),
      })
      t.equal(status, 201, aud)
    }
  },
)

t.test('scopes that are dropped leave one note, when the request is pushed', async (t) => {
  const client = await idp.client({ scope: 'openid' })
  const { body } = await push(idp, client, authorizationParameters(client, pkce(), { scope: 'openid email' }))
  const browser = idp.browser()
  await browser.follow(await browser.get(withRequestUri(client, body.request_uri)))
  await idp.signet.refusals.stop()
  const { rows } = await idp.signet.database.query({
    text: 'SELECT entry FROM refusals WHERE client_id = $1',
    values: [client.client_id],
  })
  t.same(rows, [{ entry: 'scopes_dropped' }])
})

t.test('the metadata names the endpoint, and what it accepts', async (t) => {
  const metadata = await (await fetch(`${idp.issuer}/.well-known/openid-configuration`)).json()
  t.match(metadata, {
    pushed_authorization_request_endpoint: `${idp.issuer}/par`,
    require_pushed_authorization_requests: false,
    request_parameter_supported: true,
    request_uri_parameter_supported: true,
    require_request_uri_registration: true,
    require_signed_request_object: false,
  })
  t.same(metadata.request_object_signing_alg_values_supported, ['ES256', 'RS256', 'PS256', 'EdDSA'])
})
