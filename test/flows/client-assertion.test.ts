import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import t from 'tap'
import { assertionAlgorithms } from '../../src/platform/jwt/algorithms.ts'
import { randomText } from '../../src/platform/secrets/digest.ts'
import type { ClientJwks } from '../../src/records/clients/client.ts'
import { completeMetadata } from '../../src/records/clients/client-metadata.ts'
import { basic, type Idp, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

const type = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

async function keyFor(alg: string) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: randomText(8), alg } as ClientJwks['keys'][number]
  return { privateKey, jwk, privateJwk: await exportJWK(privateKey) }
}

async function ask(idp: Idp, assertion: string, more: Record<string, string> = {}, headers = {}) {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_assertion_type: type,
    client_assertion: assertion,
    ...more,
  })
  const response = await fetch(`${idp.issuer}/token`, { method: 'POST', body, headers })
  return { status: response.status, body: await response.json() }
}

t.test('a client that authenticates with its key', async (t) => {
  const idp = await startSignet(t)
  await idp.resource('https://api.example', ['api:read'])
  const key = await keyFor('ES256')
  const registered = {
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['client_credentials'],
    scope: 'api:read',
    resources: ['https://api.example'],
  } as const
  const client = await idp.client({ ...registered, jwks: { keys: [key.jwk] } })
  const now = () => Math.floor(Date.now() / 1000)
  const claims = (more: JWTPayload = {}): JWTPayload => ({
    iss: client.client_id,
    sub: client.client_id,
    aud: idp.issuer,
    jti: randomText(16),
    iat: now(),
    exp: now() + 60,
    ...more,
  })
  const signed = (payload: JWTPayload, header = {}, { privateKey, jwk } = key) =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: String(jwk['alg']), kid: String(jwk['kid']), ...header })
      .sign(privateKey)

  t.test('a faulty assertion is refused, whatever is wrong with it, and nothing of it is stored', async (t) => {
    const other = await keyFor('ES256')
    const stranger = await idp.client()
    const { body: tokens } = await (await signIn(idp, stranger)).redeem()
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const forged: Record<string, string> = {
      'another key': await signed(claims(), {}, other),
      'another key under the registered kid': await signed(claims(), { kid: key.jwk['kid'] }, other),
      'alg none': `${part({ alg: 'none' })}.${part(claims())}.`,
      'HS256 with the public key': await new SignJWT(claims())
        .setProtectedHeader({ alg: 'HS256', kid: String(key.jwk['kid']) })
        .sign(Buffer.from(JSON.stringify(key.jwk))),
      'audience: another server': await signed(claims({ aud: 'https://other.example' })),
      'audience: a list with another server': await signed(claims({ aud: [idp.issuer, 'https://other.example'] })),
      'audience: another endpoint': await signed(claims({ aud: `${idp.issuer}/revoke` })),
      'audience: none': await signed(claims({ aud: undefined as unknown as string })),
      'issued by another client': await signed(claims({ iss: stranger.client_id })),
      'about another client': await signed(claims({ sub: stranger.client_id })),
      expired: await signed(claims({ iat: now() - 600, exp: now() - 120 })),
      'valid for an hour': await signed(claims({ exp: now() + 3600 })),
      'without an expiry': await signed(claims({ exp: undefined as unknown as number })),
      'not valid yet': await signed(claims({ nbf: now() + 300 })),
      'from the future': await signed(claims({ iat: now() + 300, exp: now() + 400 })),
      'without a jti': await signed(claims({ jti: undefined as unknown as string })),
      'an empty jti': await signed(claims({ jti: '' })),
      'a critical header': await signed(claims(), { crit: ['exp'], exp: 1 }).catch(() => 'x.y.z'),
      'an ID token': tokens.id_token,
      'an access token': tokens.access_token,
      rubbish: 'rubbish',
      'four parts': `${await signed(claims())}.x`,
    }
    for (const [name, assertion] of Object.entries(forged))
      t.match(await ask(idp, assertion), { status: 400, body: { error: 'invalid_client' } }, name)
    const { rows } = await idp.signet.database.query('SELECT FROM client_assertions')
    t.equal(rows.length, 0, 'a jti is stored only after the signature is verified')
  })

  t.test('more than one authentication method at once is refused', async (t) => {
    const assertion = await signed(claims())
    const refused = { status: 400, body: { error: 'invalid_request' } }
    t.match(await ask(idp, assertion, {}, { authorization: basic(client.client_id, 'x') }), refused)
    t.match(await ask(idp, assertion, { client_secret: 'x' }), refused)
    t.match(await ask(idp, assertion, { client_id: 'client_other' }), refused)
    t.match(await ask(idp, assertion, { client_assertion_type: 'urn:other' }), refused)
    t.match(await ask(idp, assertion, { client_assertion_type: '' }), refused)
    t.match(await ask(idp, '', {}), refused)
    t.equal(
      (await ask(idp, assertion, { client_id: client.client_id })).status,
      200,
      'and none of these requests used up the assertion',
    )
  })

  t.test('an assertion is accepted once, however many requests present it at once', async (t) => {
    const assertion = await signed(claims())
    const replies = await Promise.all(Array.from({ length: 20 }, () => ask(idp, assertion)))
    t.equal(replies.filter(({ status }) => status === 200).length, 1)
    t.equal(replies.filter(({ status }) => status === 400).length, 19)
  })

  t.test('a client with a secret cannot authenticate with a key, nor the reverse', async (t) => {
    const withSecret = await idp.client({ ...registered, token_endpoint_auth_method: 'client_secret_basic' })
    const assertion = await signed(claims({ iss: withSecret.client_id, sub: withSecret.client_id }))
    t.match(await ask(idp, assertion), { status: 400, body: { error: 'invalid_client' } })
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: client.client_id })
    t.equal((await fetch(`${idp.issuer}/token`, { method: 'POST', body })).status, 400)
  })

  t.test('each offered algorithm works, and only the registered one', async (t) => {
    for (const alg of assertionAlgorithms) {
      const own = await keyFor(alg)
      const { client_id: id } = await idp.client({
        ...registered,
        jwks: { keys: [key.jwk, own.jwk] },
        token_endpoint_auth_signing_alg: alg,
      })
      const payload = () => claims({ iss: id, sub: id })
      t.equal((await ask(idp, await signed(payload(), {}, own))).status, 200, alg)
      if (alg !== 'ES256') t.equal((await ask(idp, await signed(payload()))).status, 400, `ES256 in place of ${alg}`)
    }
  })

  t.test('its tokens belong to one standing grant, which the operator can end', async (t) => {
    const grantOf = async () => {
      const { body } = await ask(idp, await signed(claims()))
      return JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString()).grant_id as string
    }
    const grants = await Promise.all([grantOf(), grantOf(), grantOf()])
    t.equal(new Set(grants).size, 1)
    await idp.signet.database.query({
      text: "UPDATE grants SET ended_at = now(), end_reason = 'x' WHERE id = $1",
      values: [grants[0]],
    })
    idp.signet.clients.clear()
    t.not(await grantOf(), grants[0])
  })

  t.test('invalid keys cannot be registered', async (t) => {
    const terms = { resources: [], defaultIdTokenAlg: 'ES256' } as const
    const complete = (jwks: unknown, more = {}) =>
      completeMetadata(
        { token_endpoint_auth_method: 'private_key_jwt', redirect_uris: ['https://a.example/cb'], jwks, ...more },
        terms,
      )
    const weak = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
    const p384 = await keyFor('ES384')
    for (const [name, jwks] of Object.entries<unknown>({
      'none at all': undefined,
      'an empty set': { keys: [] },
      'a list': [key.jwk],
      'a private key': { keys: [key.privateJwk] },
      'a secret': { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] },
      'two under one kid': { keys: [key.jwk, key.jwk] },
      'another curve': { keys: [{ ...p384.jwk, alg: undefined }] },
      'an algorithm that does not fit': { keys: [{ ...key.jwk, alg: 'RS256' }] },
      'a key for encryption': { keys: [{ ...key.jwk, use: 'enc' }] },
      'a use that is not a string': { keys: [{ ...key.jwk, use: ['sig'] }] },
      'a key for encryption, by its operations': { keys: [{ ...key.jwk, key_ops: ['encrypt'] }] },
      'a key that may only sign': { keys: [{ ...key.jwk, key_ops: ['sign'] }] },
      'a key for two purposes': { keys: [{ ...key.jwk, key_ops: ['verify', 'wrapKey'] }] },
      'a key without operations': { keys: [{ ...key.jwk, key_ops: [] }] },
      'an operation twice': { keys: [{ ...key.jwk, key_ops: ['verify', 'verify'] }] },
      'operations that are not a list': { keys: [{ ...key.jwk, key_ops: 'verify' }] },
      'operations that are null': { keys: [{ ...key.jwk, key_ops: null }] },
      'a use and operations that contradict each other': { keys: [{ ...key.jwk, use: 'sig', key_ops: ['deriveKey'] }] },
      'a point off the curve': { keys: [{ ...key.jwk, x: key.jwk['y'], y: key.jwk['y'] }] },
      __proto__: JSON.parse('{"__proto__": {"keys": []}}'),
    }))
      t.throws(() => complete(jwks), { code: 'invalid_client_metadata' }, name)
    t.throws(() => complete({ keys: [key.jwk] }, { token_endpoint_auth_signing_alg: 'RS256' }), {
      code: 'invalid_client_metadata',
    })
    const rsa = { ...(await exportJWK(weak.publicKey)), secretNote: 'x' }
    for (const key_ops of [['verify'], ['sign', 'verify']])
      t.equal(complete({ keys: [{ ...key.jwk, use: 'sig', key_ops }] }).jwks?.keys.length, 1)
    t.notOk(JSON.stringify(complete({ keys: [rsa] }).jwks).includes('secretNote'), 'only public members are stored')
  })
})
