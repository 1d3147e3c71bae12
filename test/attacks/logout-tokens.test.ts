import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import t from 'tap'
import { createVerifier } from '#verify'
import { eventually } from '../support/eventually.ts'
import { outgoingToTests } from '../support/https-server.ts'
import { basic, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { startLogoutReceiver } from '../support/logout-receiver.ts'

/*
 * A logout token is signed with the keys of ID tokens, and has their issuer, audience, `sub` and `sid`. Whoever receives one tries to use it as something else,
 * and a client whose ID token somebody else has gets it as a logout token (RFC 8725 §2.8).
 */

const bye = 'https://app.example/bye'
const applications = await startLogoutReceiver(t)
const idp = await startSignet(t, {}, { outgoing: outgoingToTests() })

for (const alg of ['ES256', 'HS256'] as const)
  t.test(`with ${alg}`, async (t) => {
    const path = `/${alg}`
    const client = await idp.client({
      ...{ id_token_signed_response_alg: alg, post_logout_redirect_uris: [bye] },
      backchannel_logout_uri: applications.url(path),
    })
    const laptop = await signIn(idp, client)
    const { browser, person } = await signIn(idp, client, { person: laptop.person })
    const { id_token: idToken, access_token: accessToken } = (await laptop.redeem()).body
    // The session of the laptop ends, and that of the other browser continues.
    await laptop.browser.submit(await laptop.browser.get('/logout'), 'confirm-logout')
    const [{ token }] = await eventually(
      'the logout token',
      () => applications.at(path) as [ReturnType<typeof applications.at>[number]],
      ({ length }) => length > 0,
    )
    t.equal(decodeJwt(token).sub, person.sub)

    t.test('it is no hint: neither of a person nor to sign out', async (t) => {
      const parameters = authorizationParameters(client, pkce(), { id_token_hint: token, prompt: 'none' })
      const silent = await browser.get(`/authorize?${new URLSearchParams(parameters)}`)
      t.equal(new URL(silent.location ?? '', 'http://x').searchParams.get('code'), null)
      const hint = new URLSearchParams({ id_token_hint: token, post_logout_redirect_uri: bye })
      t.match(await browser.get(`/logout?${hint}`), { status: 400, location: undefined })
      t.match((await browser.get('/')).text, person.username)
    })

    t.test('it is no access token', async (t) => {
      const { status } = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
      t.equal(status, 401)
      const headers = { authorization: basic(client.client_id, client.secret ?? '') }
      const body = new URLSearchParams({ token })
      const introspected = await fetch(`${idp.issuer}/introspect`, { method: 'POST', headers, body })
      t.same(await introspected.json(), { active: false })
      const verifier = createVerifier({ issuer: idp.issuer, audience: client.client_id })
      await t.rejects(verifier.verify(token), { code: /./ })
    })

    t.test('it is no ID token for a client that checks what every ID token has', async (t) => {
      const { nonce, auth_time: authTime, amr } = decodeJwt(token) as Record<string, unknown>
      t.same([nonce, authTime, amr], [undefined, undefined, undefined])
    })

    t.test('neither an ID token nor an access token is a logout token', async (t) => {
      const key =
        alg === 'HS256'
          ? () => Buffer.from(client.secret ?? '')
          : createRemoteJWKSet(new URL(`${idp.issuer}/.well-known/jwks.json`))
      const asLogoutToken = (text: string) =>
        jwtVerify(text, key as ReturnType<typeof createRemoteJWKSet>, {
          ...{ issuer: idp.issuer, audience: client.client_id, typ: 'logout+jwt', requiredClaims: ['events', 'jti'] },
        })
      await asLogoutToken(token)
      await t.rejects(asLogoutToken(idToken), { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' })
      await t.rejects(asLogoutToken(accessToken))
      t.equal(decodeJwt(idToken)['events'], undefined, 'also for a client that does not look at typ')
      t.equal(decodeJwt(accessToken)['events'], undefined)
    })
  })
