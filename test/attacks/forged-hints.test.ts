import { jwtVerify, SignJWT } from 'jose'
import t from 'tap'
import { createVerifier } from '#verify'
import { signingAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { basic, type Idp, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, pkce, type SignedIn, signIn } from '../support/journey.ts'
import { issuerKeys } from './issuer-keys.ts'
import { encode, signWith } from './jose-vectors.ts'
import { faultsOf } from './plain-answer.ts'
import { send } from './send.ts'

const idp = await startSignet(t)
const bye = 'https://app.example/bye'
const octets = (text: string | undefined) => Buffer.from(text ?? '', 'utf8')
const cookieOf = ({ browser }: Pick<SignedIn, 'browser'>) =>
  [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
const answered = (location: string | undefined) => new URL(location ?? '', 'http://x').searchParams

function authorize(idp: Idp, client: TestClient, cookie: string, hint: string, more: Record<string, string> = {}) {
  const parameters = authorizationParameters(client, pkce(), { id_token_hint: hint, ...more })
  return send(idp, { path: `/authorize?${new URLSearchParams(parameters)}`, headers: { cookie } })
}

function logout(idp: Idp, cookie: string, hint: string) {
  const parameters = { id_token_hint: hint, post_logout_redirect_uri: bye }
  return send(idp, { path: `/logout?${new URLSearchParams(parameters)}`, headers: { cookie } })
}

t.test('a client with HS256 makes up hints', async (t) => {
  const client = await idp.client({ id_token_signed_response_alg: 'HS256', post_logout_redirect_uris: [bye] })
  const journey = await signIn(idp, client)
  const own = (await journey.redeem()).body.id_token as string
  const { payload: claims } = await jwtVerify(own, octets(client.secret))
  const cookie = cookieOf(journey)
  const forge = (changes: object, header: object = { alg: 'HS256', typ: 'JWT' }, secret = client.secret) =>
    new SignJWT({ ...claims, ...changes }).setProtectedHeader(header as { alg: string }).sign(octets(secret))

  t.test('its real one works: in silence, and to sign out without a question', async (t) => {
    t.ok(answered((await authorize(idp, client, cookie, own, { prompt: 'none' })).location).get('code'))
    const apart = await signIn(idp, client)
    const hint = (await apart.redeem()).body.id_token as string
    t.match(await logout(idp, cookieOf(apart), hint), { status: 303, location: bye })
  })

  t.test('in silence, it does not learn whether a person who has not consented to it is somebody', async (t) => {
    const stranger = await signIn(idp, await idp.client())
    const silently = async (changes: object) => {
      const answer = await authorize(idp, client, cookieOf(stranger), await forge(changes), { prompt: 'none' })
      t.same(faultsOf(answer), [])
      return answered(answer.location).get('error')
    }
    t.equal(await silently({ sub: stranger.person.sub }), 'login_required', 'the right guess')
    t.equal(await silently({ sub: stranger.person.sub, sid: undefined }), 'login_required')
    t.equal(await silently({ sub: 'somebody-else' }), 'login_required', 'a wrong one')
    t.equal(await silently({}), 'login_required', 'the person it knows')
    t.equal(await silently({ sub: '' }), 'login_required', 'the placeholder')
  })

  t.test('it signs nobody out without a question', async (t) => {
    const other = await signIn(idp, client)
    for (const changes of [
      { sub: other.person.sub },
      { sub: other.person.sub, sid: undefined },
      { sub: other.person.sub, sid: '' },
    ]) {
      const answer = await logout(idp, cookieOf(other), await forge(changes))
      t.equal(answer.status, 200)
      t.match(answer.text, 'id="confirm-logout"')
    }
  })

  t.test('nothing else passes for one', async (t) => {
    const other = await idp.client({ id_token_signed_response_alg: 'HS256', post_logout_redirect_uris: [bye] })
    const rs256 = await idp.client({ id_token_signed_response_alg: 'RS256', post_logout_redirect_uris: [bye] })
    const [published] = JSON.parse(String(idp.signet.keyRing.jwkSet().body)).keys
    const forged: Record<string, string> = {
      "another client's secret": await forge({}, undefined, other.secret),
      'for another client, with its own secret': await forge({ aud: other.client_id }),
      'for a client without HS256, with its secret': await forge({ aud: rs256.client_id }, undefined, rs256.secret),
      "Signet's public key": await forge({}, undefined, JSON.stringify(published)),
      'a kid of Signet': await forge({}, { alg: 'HS256', typ: 'JWT', kid: published.kid }),
      'no type': await forge({}, { alg: 'HS256' }),
      'the type of an access token': await forge({}, { alg: 'HS256', typ: 'at+jwt' }),
      HS512: await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS512', typ: 'JWT' })
        .sign(Buffer.alloc(64, client.secret)),
      'several audiences': await forge({ aud: [client.client_id, other.client_id] }),
      'another issuer': await forge({ iss: 'https://other.example' }),
      'without times': await forge({ exp: undefined, iat: undefined }),
      'no claims': `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode('[]')}.AAAA`,
    }
    for (const [name, hint] of Object.entries(forged)) {
      const answer = await authorize(idp, client, cookie, hint)
      t.same(faultsOf(answer), [], name)
      t.equal(answered(answer.location).get('error'), 'invalid_request', name)
      t.match(await logout(idp, cookie, hint), { status: 400, location: undefined }, name)
    }
  })

  t.test('the hints of a client that no longer uses HS256 are refused', async (t) => {
    await idp.changeClient(client, `id_token_signed_response_alg = 'RS256'`)
    t.equal(answered((await authorize(idp, client, cookie, own)).location).get('error'), 'invalid_request')
  })
})

t.test('hints in each algorithm of Signet are accepted, but not under the name of another one', async (t) => {
  const keys = await issuerKeys(idp)
  for (const alg of signingAlgorithms) {
    const client = await idp.client({ id_token_signed_response_alg: alg, first_party: true })
    const journey = await signIn(idp, client)
    const hint = (await journey.redeem()).body.id_token as string
    const ask = async (text: string) =>
      answered((await authorize(idp, client, cookieOf(journey), text, { prompt: 'none' })).location)
    t.ok((await ask(hint)).get('code'), alg)
    const [, payload = ''] = hint.split('.')
    for (const other of signingAlgorithms.filter((one) => one !== alg)) {
      const key = keys[other]
      const claims = Buffer.from(payload, 'base64url').toString()
      for (const header of [
        { alg, typ: 'JWT', kid: key.kid },
        { alg: other, typ: 'JWT', kid: keys[alg].kid },
      ])
        t.equal((await ask(signWith(key, header, claims))).get('error'), 'invalid_request', `${other} under ${alg}`)
    }
  }
})

t.test('a signed userinfo response passes for no other token', async (t) => {
  for (const alg of signingAlgorithms) {
    const client = await idp.client({
      userinfo_signed_response_alg: alg,
      id_token_signed_response_alg: alg,
      post_logout_redirect_uris: [bye],
    })
    const journey = await signIn(idp, client)
    const tokens = (await journey.redeem()).body as { access_token: string }
    const response = await fetch(`${idp.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    const jwt = await response.text()
    const cookie = cookieOf(journey)
    t.equal(
      answered((await authorize(idp, client, cookie, jwt, { prompt: 'none' })).location).get('error'),
      'invalid_request',
      'a hint',
    )
    t.match(await logout(idp, cookie, jwt), { status: 400, location: undefined }, 'a hint at sign-out')
    const again = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${jwt}` } })
    t.equal(again.status, 401, 'an access token')
    for (const audience of [idp.issuer, client.client_id])
      await t.rejects(
        createVerifier({ issuer: idp.issuer, audience }).verify(jwt),
        { name: 'VerificationError' },
        'a service',
      )
    const form = new URLSearchParams({ token: jwt })
    const headers = { authorization: basic(client.client_id, client.secret ?? '') }
    t.same(await (await fetch(`${idp.issuer}/introspect`, { method: 'POST', body: form, headers })).json(), {
      active: false,
    })
  }
})
