import { createHmac, generateKeyPairSync, sign as signBytes } from 'node:crypto'
import { exportSPKI, importJWK, type JWTPayload } from 'jose'
import t from 'tap'
import { openContinueValue, sealRequest } from '../../src/interaction/continue-value.ts'
import type { Outgoing } from '../../src/platform/outgoing/outgoing.ts'
import { OutgoingRequestFailed } from '../../src/platform/outgoing-request.ts'
import { parseParameters, soundParameters } from '../../src/protocol/http/parameters.ts'
import { defaultRedirectUri, startSignet, type TestClient } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce } from '../support/journey.ts'
import { clientKey, push } from '../support/request-objects.ts'
import { faultsOf } from './plain-answer.ts'
import { postForm, send } from './send.ts'

const idp = await startSignet(t)
const key = await clientKey('ES256')
const now = () => Math.floor(Date.now() / 1000)

/** What the last request made Signet fetch. */
let fetched: string[] = []
let fetch: (url: string) => string = () => {
  throw new OutgoingRequestFailed('there is nothing')
}
const outgoing: Outgoing = {
  post: async () => 404,
  get: async (url) => {
    fetched.push(url)
    return { body: Buffer.from(fetch(url)), contentType: 'application/jwt' }
  },
}
Object.assign(idp.signet, { outgoing })

const signingClient = (more: Parameters<typeof idp.client>[0] = {}) => idp.client({ jwks: key.jwks, ...more })

const insideOf = (client: TestClient, more: Record<string, string> = {}): JWTPayload => ({
  ...authorizationParameters(client, pkce(), { state: 'inside', ...more }),
  iss: client.client_id,
  aud: idp.issuer,
  iat: now(),
  exp: now() + 300,
})

const answered = (location: string | undefined) => {
  const { search, hash } = new URL(location ?? '', 'http://x')
  return Object.fromEntries(new URLSearchParams(hash ? hash.slice(1) : search))
}

/** What follows a request object: `on` if it is accepted, otherwise the error. Beside it are the parameters of a valid request with the state `beside`. */
async function outcomeOf(client: TestClient, object: string, beside: Record<string, string> = {}): Promise<string> {
  const outside = authorizationParameters(client, pkce(), { state: 'beside', ...beside })
  const query = new URLSearchParams({ ...outside, request: object }).toString()
  const outcomes = []
  for (const sent of [() => send(idp, { path: `/authorize?${query}` }), () => postForm(idp, '/authorize', query)]) {
    const first = await sent()
    // A POST leads to a GET, which finds most faults.
    const isContinued = first.location?.startsWith('/authorize?continue=') === true
    const answer = isContinued ? await send(idp, { path: first.location ?? '' }) : first
    const faults = faultsOf(answer)
    if (faults.length > 0) throw new Error(faults.join())
    const { error = '', state = '' } = answered(answer.location)
    const isOn = answer.location?.startsWith('/sign-in?continue=') === true
    outcomes.push(isOn ? 'on' : answer.location === undefined ? `${answer.status} page` : `${error} (${state})`)
  }
  if (outcomes[0] !== outcomes[1]) throw new Error(`By GET ${outcomes[0]}, by POST ${outcomes[1]}`)
  const { status, body } = await push(idp, client, { request: object })
  const atPar = status === 201 ? 'on' : body.error
  if (atPar !== (outcomes[0] ?? '').split(' ')[0]) throw new Error(`At /par ${atPar}, at /authorize ${outcomes[0]}`)
  return outcomes[0] ?? ''
}

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const refused = 'invalid_request_object (beside)'

t.test('an object that was signed with the key of the client is accepted', async (t) => {
  for (const alg of ['ES256', 'RS256', 'PS256', 'EdDSA'] as const) {
    const own = await clientKey(alg)
    for (const pinned of [undefined, alg]) {
      const client = await idp.client({ jwks: own.jwks, request_object_signing_alg: pinned })
      for (const typ of ['JWT', 'jwt', 'oauth-authz-req+jwt', 'application/oauth-authz-req+jwt', undefined])
        t.equal(await outcomeOf(client, await own.sign(insideOf(client), { typ })), 'on', `${alg} ${typ}`)
    }
  }
})

t.test('no algorithm can be confused with another', async (t) => {
  const rsa = await clientKey('RS256', 'rsa')
  const ps = await clientKey('PS256', 'ps')
  const client = await signingClient()
  const inside = insideOf(client)
  const head = { alg: 'ES256', kid: 'one', typ: 'oauth-authz-req+jwt' }
  const signed = await key.sign(inside)
  const [header = '', payload = '', signature = ''] = signed.split('.')
  const spki = await exportSPKI((await importJWK(key.publicJwk, 'ES256')) as Parameters<typeof exportSPKI>[0])
  const hmac = (secret: string | Buffer, alg = 'HS256') => {
    const input = `${encode({ ...head, alg })}.${payload}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  }
  const other = await clientKey('ES256')
  const objects: Record<string, string> = {
    ...Object.fromEntries(['none', 'None', 'NONE', 'nOnE'].map((alg) => [alg, `${encode({ alg })}.${payload}.`])),
    'none with a signature': `${encode({ ...head, alg: 'none' })}.${payload}.${signature}`,
    'no alg': `${encode({ kid: 'one' })}.${payload}.${signature}`,
    'an alg that is no string': `${encode({ ...head, alg: ['ES256'] })}.${payload}.${signature}`,
    'an alg in lower case': `${encode({ ...head, alg: 'es256' })}.${payload}.${signature}`,
    'HS256 with the secret of the client': hmac(client.secret ?? ''),
    'HS256 with the public key as PEM': hmac(spki),
    'HS256 with the public key as JWK': hmac(JSON.stringify(key.publicJwk)),
    'HS256 with an empty secret': hmac(''),
    'ES256 with the signature of HS256': hmac(spki, 'ES256'),
    ES384: `${encode({ ...head, alg: 'ES384' })}.${payload}.${signature}`,
    'RS256 in the header, signed with ES256': `${encode({ ...head, alg: 'RS256' })}.${payload}.${signature}`,
    'the key of another client': await other.sign(inside),
    'an RSA key that is not registered': await rsa.sign(inside),
    'no signature': `${header}.${payload}.`,
    'zeros as signature': `${header}.${payload}.${Buffer.alloc(64).toString('base64url')}`,
    'a signature in DER': `${header}.${payload}.${encode('0E')}${signature}`,
    'another payload': `${header}.${encode({ ...inside, scope: 'openid email' })}.${signature}`,
    'a kid of nobody': await key.sign(inside, { kid: 'two' }),
    'a kid that is no string': `${encode({ ...head, kid: 1 })}.${payload}.${signature}`,
    'a kid with a path': await key.sign(inside, { kid: '../../etc/passwd' }),
    crit: await key.sign(inside, { crit: ['b64'], b64: true }),
    b64: `${encode({ ...head, b64: false })}.${payload}.${signature}`,
    'b64 that is true': await key.sign(inside, { b64: true }).catch(() => hmac('')),
    'its own key': await other.sign(inside, { jwk: other.publicJwk }),
    'its own key, signed correctly': await key.sign(inside, { jwk: key.publicJwk }),
    'the URL of a key': await other.sign(inside, { jku: 'https://evil.example/jwks' }),
    'the URL of a certificate': await key.sign(inside, { x5u: 'https://evil.example/x5u' }),
    'a certificate': await key.sign(inside, { x5c: ['AAAA'] }),
    'another type': await key.sign(inside, { typ: 'client-authentication+jwt' }),
    'the type of an access token': await key.sign(inside, { typ: 'at+jwt' }),
    'the type of a proof': await key.sign(inside, { typ: 'dpop+jwt' }),
    'padding in the payload': `${header}.${payload}=.${signature}`,
    'white space in the payload': `${header}.${payload} .${signature}`,
    'a second encoding of the signature': `${header}.${payload}.${signature.slice(0, -1)}${String.fromCharCode(signature.charCodeAt(signature.length - 1) + 1)}`,
    'plain base64': `${header}.${payload}.${Buffer.from(signature, 'base64url').toString('base64')}`,
    'two parts': `${header}.${payload}`,
    'four parts': `${signed}.x`,
    'five parts': `${header}.x.${payload}.${signature}.x`,
    'six parts': `${signed}.x.y.z`,
    'a JSON serialization': JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
    'no JWT': 'x',
    'a header with a member twice': `${encode(`{"alg":"none","alg":"ES256","kid":"one"}`)}.${payload}.${signature}`,
    'a header that is no object': `${encode('[]')}.${payload}.${signature}`,
    'a long header': `${encode({ ...head, x: 'x'.repeat(2000) })}.${payload}.${signature}`,
  }
  t.equal(await outcomeOf(client, signed), 'on')
  for (const [name, object] of Object.entries(objects)) t.equal(await outcomeOf(client, object), refused, name)
  t.same(fetched, [], 'and nothing was fetched')

  const forES256 = await idp.client({
    jwks: { keys: [...rsa.jwks.keys, ...key.jwks.keys] },
    request_object_signing_alg: 'ES256',
  })
  t.equal(await outcomeOf(forES256, await key.sign(insideOf(forES256))), 'on')
  t.equal(await outcomeOf(forES256, await rsa.sign(insideOf(forES256))), refused, 'RS256 for a client that uses ES256')
  const forPS256 = await idp.client({ jwks: ps.jwks })
  const { alg: _, ...withoutAlg } = rsa.publicJwk
  const forBoth = await idp.client({
    jwks: { keys: [withoutAlg as typeof rsa.publicJwk] },
    request_object_signing_alg: 'PS256',
  })
  t.equal(await outcomeOf(forBoth, await rsa.sign(insideOf(forBoth))), refused, 'RS256 for a client that uses PS256')
  t.equal(await outcomeOf(forPS256, await ps.sign(insideOf(forPS256))), 'on')
  const withoutKeys = await idp.client()
  t.equal(await outcomeOf(withoutKeys, await key.sign(insideOf(withoutKeys))), refused, 'a client without keys')
})

t.test('what is refused for lack of a signature or because it is encrypted says so', async (t) => {
  const client = await signingClient()
  const payload = encode(insideOf(client))
  for (const [object, text] of [
    [`${encode({ alg: 'none' })}.${payload}.`, 'alg is none'],
    [`${encode({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.b.c.d`, 'encrypted'],
  ] as const) {
    const { status, body } = await push(idp, client, { request: object })
    t.equal(status, 400)
    t.match(body.error_description, text)
  }
})

t.test('the claims of an object bind it to this client, this issuer and this time', async (t) => {
  const client = await signingClient()
  const other = await signingClient()
  const inside = insideOf(client)
  const without = (...names: string[]) =>
    Object.fromEntries(Object.entries(inside).filter(([name]) => !names.includes(name)))
  const good: Record<string, JWTPayload> = {
    'no iss': without('iss'),
    'no client_id': without('client_id'),
    'no aud': without('aud'),
    'no times': without('exp', 'iat'),
    'several audiences': { ...inside, aud: ['https://other.example', idp.issuer] },
    'a sub that is a person': { ...inside, sub: 'somebody' },
    'a jti': { ...inside, jti: 'x' },
    'an exp within the clock skew': { ...inside, exp: now() - 5 },
    'an nbf within the clock skew': { ...inside, nbf: now() + 5 },
    'a fraction of a second': { ...inside, iat: now() - 0.5 },
    'unknown members': { ...inside, extra: { a: [1] }, dpop: null },
  }
  for (const [name, claims] of Object.entries(good))
    t.equal(await outcomeOf(client, await key.sign(claims)), 'on', name)
  const bad: Record<string, Record<string, unknown>> = {
    'neither client_id nor iss': without('iss', 'client_id'),
    'the client_id of another client': { ...inside, client_id: other.client_id },
    'the iss of another client': { ...inside, iss: other.client_id },
    'an iss that is the issuer': { ...inside, iss: idp.issuer },
    'a client_id in an array': { ...inside, client_id: [client.client_id] },
    'the client_id as sub': { ...inside, sub: client.client_id },
    'another audience': { ...inside, aud: 'https://other.example' },
    'other audiences': { ...inside, aud: ['https://other.example'] },
    'an empty list of audiences': { ...inside, aud: [] },
    'an audience with a slash': { ...inside, aud: `${idp.issuer}/` },
    'an audience in an array in an array': { ...inside, aud: [[idp.issuer]] },
    'null as audience': { ...inside, aud: null },
    expired: { ...inside, exp: now() - 120 },
    'exp in milliseconds': { ...inside, exp: Date.now() },
    'exp as text': { ...inside, exp: String(now() + 60) },
    'exp that is null': { ...inside, exp: null },
    'nbf in the future': { ...inside, nbf: now() + 120 },
    'iat in the future': { ...inside, iat: now() + 120 },
    'iat as text': { ...inside, iat: 'now' },
    'an object inside': { ...inside, request: await key.sign(inside) },
    'a request_uri inside': { ...inside, request_uri: 'https://app.example/r' },
    'an empty request inside': { ...inside, request: '' },
    'a state that is a number': { ...inside, state: 1 },
    'a scope that is an array': { ...inside, scope: ['openid'] },
    'a redirect_uri that is an array': { ...inside, redirect_uri: [defaultRedirectUri] },
    'a nonce that is null': { ...inside, nonce: null },
    'a nonce that is an object': { ...inside, nonce: {} },
    'a max_age that is true': { ...inside, max_age: true },
    'claims in an array': { ...inside, claims: [] },
    'a resource that is an object': { ...inside, resource: {} },
    'a resource that is no text': { ...inside, resource: [1] },
  }
  for (const [name, claims] of Object.entries(bad))
    t.equal(await outcomeOf(client, await key.sign(claims as JWTPayload)), refused, name)
  t.equal(await outcomeOf(other, await key.sign(inside)), refused, 'an object of another client with the same key')
})

t.test('a member twice, and other JSON that programs read differently', async (t) => {
  const { sign, jwks } = rawKey()
  const own = await idp.client({ jwks })
  const inside = JSON.stringify(insideOf(own)).slice(0, -1)
  t.equal(await outcomeOf(own, sign(`${inside}}`)), 'on')
  for (const payload of [
    `${inside},"scope":"openid email"}`,
    `${inside},"\\u0073cope":"openid email"}`,
    `${inside},"claims":{"userinfo":null,"userinfo":{}}}`,
    `${inside},"__proto__":{"scope":"x"}}`,
    `${inside},"x":${'['.repeat(40)}${']'.repeat(40)}}`,
    `\ufeff${inside}}`,
    `${inside}}x`,
    `${inside},}`,
    '[]',
    'null',
    '',
    Buffer.concat([Buffer.from(`${inside},"login_hint":"`), Buffer.from([0xff]), Buffer.from('"}')]),
  ])
    t.equal(await outcomeOf(own, sign(payload)), refused, String(payload).slice(-40))
})

/** A key that signs any bytes. */
function rawKey() {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...pair.publicKey.export({ format: 'jwk' }), kty: 'EC', kid: 'raw' }
  return {
    jwks: { keys: [jwk] },
    sign: (payload: string | Buffer) => {
      const input = `${encode({ alg: 'ES256', kid: 'raw' })}.${Buffer.from(payload).toString('base64url')}`
      const signature = signBytes('sha256', Buffer.from(input), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' })
      return `${input}.${signature.toString('base64url')}`
    },
  }
}

t.test('text that a query could not contain is refused in an object, too', async (t) => {
  const client = await signingClient()
  for (const text of ['a\0b', 'a\nb', 'a\u001bb', '\ud800', 'a\u0085b'])
    for (const name of ['state', 'nonce', 'login_hint', 'scope', 'redirect_uri', 'ui_locales']) {
      const object = await key.sign({ ...insideOf(client), [name]: text })
      const { status, body } = await push(idp, client, { request: object })
      t.match({ status, body }, { status: 400, body: { error: 'invalid_request' } }, `${name} ${JSON.stringify(text)}`)
      const outside = new URLSearchParams({ client_id: client.client_id, request: object })
      const answer = await send(idp, { path: `/authorize?${outside}` })
      t.same(faultsOf(answer), [])
      t.notMatch(answer.location, '/sign-in')
    }
  const object = await key.sign({ ...insideOf(client), resource: ['https://a.example/\0'] })
  t.equal((await push(idp, client, { request: object })).body.error, 'invalid_request')
})

t.test('a client assertion is no request object, and a request object no client assertion', async (t) => {
  const client = await idp.client({ token_endpoint_auth_method: 'private_key_jwt', jwks: key.jwks })
  const claims = { iss: client.client_id, sub: client.client_id, aud: idp.issuer, jti: 'one', exp: now() + 60 }
  const parameters = authorizationParameters(client, pkce(), { state: 'beside' })
  const asObject = async (header: Record<string, unknown>, more: JWTPayload = {}) => {
    const object = await key.sign({ ...claims, ...more }, header)
    const { location } = await send(idp, {
      path: `/authorize?${new URLSearchParams({ ...parameters, request: object })}`,
    })
    return answered(location)['error']
  }
  for (const typ of [undefined, 'JWT', 'client-authentication+jwt', 'oauth-authz-req+jwt']) {
    t.equal(await asObject({ typ }), 'invalid_request_object')
    t.equal(await asObject({ typ }, parameters), 'invalid_request_object', 'even with parameters in it')
  }
  const asAssertion = async (object: string) => {
    const form = {
      ...{ client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer', client_assertion: object },
      ...parameters,
    }
    const { status, json } = await postForm(idp, '/par', new URLSearchParams(form).toString())
    return `${status} ${json?.['error']}`
  }
  t.match(await asAssertion(await key.sign(claims, { typ: 'JWT' })), '201')
  for (const [object, header] of [
    [insideOf(client), {}],
    [insideOf(client), { typ: 'JWT' }],
    [{ ...insideOf(client), jti: 'two' }, { typ: undefined }],
    [{ ...insideOf(client), jti: 'three', sub: client.client_id }, {}],
  ] as const)
    t.equal(await asAssertion(await key.sign(object, header)), '400 invalid_client')
})

t.test('only what is inside counts', async (t) => {
  const client = await signingClient({ redirect_uris: [defaultRedirectUri, 'https://app.example/other'] })
  const beside = { redirect_uri: 'https://app.example/other', scope: 'openid email', nonce: 'beside', prompt: 'none' }
  const { pending } = await carriedBy(client, insideOf(client, { scope: 'openid' }), beside)
  t.match(pending, { isSigned: true, pushed: undefined })
  const url = `/authorize?${await query(client, insideOf(client, { scope: 'openid' }), beside)}`
  const back = await passPages(idp.browser(), await idp.browser().get(url), await idp.person())
  t.match(back.location, /^https:\/\/app\.example\/callback\?code=/)
  t.equal(answered(back.location)['state'], 'inside')

  t.test('a good redirect_uri inside wins over a bad one beside it', async (t) => {
    const visit = await idp
      .browser()
      .get(`/authorize?${await query(client, insideOf(client), { redirect_uri: 'https://evil.example/' })}`)
    t.match(visit.location, '/sign-in?continue=')
  })
  t.test('a bad redirect_uri inside is a page, whatever is beside it', async (t) => {
    const bad = await query(client, insideOf(client, { redirect_uri: 'https://evil.example/' }))
    t.match(await idp.browser().get(`/authorize?${bad}`), { status: 400, location: undefined })
  })
  t.test('what is missing inside is not taken from beside it', async (t) => {
    const ask = async (name: string) =>
      (await send(idp, { path: `/authorize?${await query(client, insideOf(client, { [name]: '' }))}` })).location
    t.equal(await ask('redirect_uri'), undefined)
    for (const name of ['response_type', 'code_challenge']) {
      t.match(answered(await ask(name)), { error: 'invalid_request', state: 'inside' }, name)
    }
    const noState = await key.sign({ ...insideOf(client, { scope: 'x:y' }), state: '' })
    const outside = authorizationParameters(client, pkce(), { state: 'beside', request: noState })
    t.notMatch((await send(idp, { path: `/authorize?${new URLSearchParams(outside)}` })).location, 'state=')
  })
  t.test('the response mode inside decides', async (t) => {
    const inside = insideOf(client, { response_mode: 'fragment', prompt: 'none' })
    const { location } = await send(idp, {
      path: `/authorize?${await query(client, inside, { response_mode: 'query' })}`,
    })
    t.match(location, /callback#error=login_required/)
  })
  t.test('the error of an object that is refused goes only to a redirect URI of the client', async (t) => {
    const ask = (more: Record<string, string>) => {
      const parameters = { ...authorizationParameters(client, pkce(), { state: 'beside' }), request: 'x', ...more }
      return send(idp, { path: `/authorize?${new URLSearchParams(parameters)}` })
    }
    t.match(answered((await ask({})).location), { error: 'invalid_request_object', state: 'beside', iss: idp.issuer })
    t.match(await ask({ redirect_uri: 'https://evil.example/' }), { status: 400, location: undefined })
    t.match(await ask({ redirect_uri: '' }), { status: 400, location: undefined })
    t.match(await ask({ client_id: 'nobody' }), { status: 400, location: undefined })
    t.match((await ask({ redirect_uri: '' })).text, 'The request object was rejected')
  })
})

async function query(client: TestClient, inside: JWTPayload, beside: Record<string, string> = {}): Promise<string> {
  const outside = authorizationParameters(client, pkce(), { state: 'beside', ...beside })
  return new URLSearchParams({ ...outside, request: await key.sign(inside) }).toString()
}

/** What the `continue` value of a request contains. */
async function carriedBy(client: TestClient, inside: JWTPayload, beside: Record<string, string> = {}) {
  const { location } = await send(idp, { path: `/authorize?${await query(client, inside, beside)}` })
  const sealed = new URL(location ?? '', 'http://x').searchParams.get('continue') ?? ''
  const continued = openContinueValue(idp.signet.secrets['request-sealing'], sealed, Date.now())
  if (continued?.kind !== 'authorization') throw new Error(`No request: ${location}`)
  return continued
}

t.test('a client that must sign its requests cannot send them in any other way', async (t) => {
  const client = await signingClient({ require_signed_request_object: true })
  const plain = authorizationParameters(client, pkce(), { state: 'plain' })
  const { location } = await send(idp, { path: `/authorize?${new URLSearchParams(plain)}` })
  t.match(answered(location), { error: 'invalid_request', state: 'plain' })
  t.match(await push(idp, client, plain), { status: 400, body: { error: 'invalid_request' } })
  t.equal(await outcomeOf(client, await key.sign(insideOf(client))), 'on')

  t.test('nor by resuming a request that was not signed', async (t) => {
    const parameters = parseParameters(new URLSearchParams(plain).toString())
    for (const isSigned of [true, false]) {
      const pending = { parameters, isSigned, pushed: undefined, receivedAt: Date.now(), selected: undefined }
      const sealed = sealRequest(idp.signet.secrets['request-sealing'], pending)
      for (const path of ['/authorize', '/sign-in', '/sign-up', '/consent']) {
        const answer = await send(idp, { path: `${path}?continue=${sealed}` })
        const { error } = answered(answer.location)
        t.equal(error, isSigned ? undefined : 'invalid_request', `${path} ${isSigned}`)
      }
    }
  })
  t.test('and a signed one keeps its mark on all pages', async (t) => {
    const { browser, url } = { browser: idp.browser(), url: `/authorize?${await query(client, insideOf(client))}` }
    t.ok(answered((await passPages(browser, await browser.get(url), await idp.person())).location)['code'])
  })
  t.test('a pushed one keeps it in its row', async (t) => {
    const { body } = await push(idp, client, { request: await key.sign(insideOf(client)) })
    const url = `/authorize?${new URLSearchParams({ client_id: client.client_id, request_uri: body.request_uri })}`
    const browser = idp.browser()
    t.ok(answered((await passPages(browser, await browser.get(url), await idp.person())).location)['code'])
  })
})

t.test('a request object is fetched only from what the client registered', async (t) => {
  const uri = 'https://app.example/request.jwt#4a'
  const client = await signingClient({ request_uris: [uri, 'https://app.example/plain.jwt'] })
  const ask = async (request_uri: string, more: Record<string, string> = {}) => {
    fetched = []
    const outside = authorizationParameters(client, pkce(), { state: 'beside', request_uri, ...more })
    const answer = await send(idp, { path: `/authorize?${new URLSearchParams(outside)}` })
    t.same(faultsOf(answer), [], request_uri)
    return answer
  }
  const inside = await key.sign(insideOf(client))
  fetch = () => `${inside}\n`
  t.match((await ask(uri)).location, '/sign-in?continue=')
  t.same(fetched, [uri], 'with the fragment, by which the cache tells versions apart')
  t.match((await ask('https://app.example/plain.jwt')).location, '/sign-in?continue=')
  for (const other of [
    ...['https://app.example/request.jwt', 'https://app.example/request.jwt#4b', 'https://app.example/plain.jwt#4a'],
    ...['https://evil.example/', 'http://app.example/plain.jwt', 'HTTPS://app.example/plain.jwt', 'file:///etc/passwd'],
    ...['https://app.example/plain.jwt?', 'https://app.example:443/plain.jwt', 'https://app.example/./plain.jwt'],
    ...['https://app.example@evil.example/', 'http://169.254.169.254/', 'urn:ietf:params:oauth:other:x', 'x', '//'],
    `${idp.issuer}/.well-known/jwks.json`,
  ]) {
    t.match(answered((await ask(other)).location), { error: 'invalid_request_uri', state: 'beside' }, other)
    t.same(fetched, [], `${other} is not fetched`)
  }
  t.match(await ask(uri, { request: inside }), { status: 303, location: /error=invalid_request&/ }, 'not with request')
  t.same(fetched, [])
  t.match(await ask(uri, { client_id: 'nobody' }), { status: 400, location: undefined })
  t.same(fetched, [], 'nothing is fetched for an unknown client')

  t.test('and is then checked like any other', async (t) => {
    const unsigned = `${encode({ alg: 'none' })}.${encode(insideOf(client))}.`
    const other = await signingClient()
    const stranger = await clientKey()
    for (const text of [
      '',
      '<html>',
      unsigned,
      await stranger.sign(insideOf(client)),
      await key.sign(insideOf(other)),
      'x'.repeat(40_000),
    ]) {
      fetch = () => text
      t.equal(answered((await ask(uri)).location)['error'], 'invalid_request_object', text.slice(0, 20))
    }
    const nested = await key.sign({ ...insideOf(client), request_uri: 'https://app.example/plain.jwt' })
    fetch = () => nested
    t.equal(answered((await ask(uri)).location)['error'], 'invalid_request_object')
    t.same(fetched, [uri], 'nothing that it names is fetched')
  })
  t.test('a server that does not answer is the client’s fault', async (t) => {
    fetch = () => {
      throw new OutgoingRequestFailed('the response has the status 404')
    }
    t.match(answered((await ask(uri)).location), { error: 'invalid_request_uri', state: 'beside' })
    t.match(await ask(uri, { redirect_uri: '' }), { status: 400, location: undefined })
  })
  t.test('by POST, too', async (t) => {
    fetch = () => inside
    const form = new URLSearchParams({ client_id: client.client_id, request_uri: uri }).toString()
    t.match((await postForm(idp, '/authorize', form)).location, '/authorize?continue=')
  })
})

t.test('an object that is too long to be carried is refused clearly, and can be pushed', async (t) => {
  const client = await signingClient()
  const object = await key.sign(insideOf(client, { login_hint: 'x'.repeat(5000) }))
  t.equal(await outcomeAtAuthorize(client, object), 'invalid_request (inside)')
  t.equal((await push(idp, client, { request: object })).status, 201)
  const path = `/authorize?${new URLSearchParams({ client_id: client.client_id, request: 'x'.repeat(20_000) })}`
  const answer = await send(idp, { path })
  t.equal(answer.status, 431)
})

async function outcomeAtAuthorize(client: TestClient, object: string): Promise<string> {
  const path = `/authorize?${new URLSearchParams({ client_id: client.client_id, request: object })}`
  const { error, state } = answered((await send(idp, { path })).location)
  return `${error} (${state})`
}

t.test('numbers, objects and arrays are read where the parameter is one', async (t) => {
  const client = await signingClient()
  const inside = {
    ...insideOf(client),
    ...{ max_age: 600, claims: { id_token: { acr: { values: ['aal1'] } } }, resource: [idp.issuer, idp.issuer] },
  }
  const { pending } = await carriedBy(client, inside)
  const { values, resource } = soundParameters(pending.parameters)
  t.equal(values.get('max_age'), '600')
  t.equal(values.get('claims'), '{"id_token":{"acr":{"values":["aal1"]}}}')
  t.same(resource, [idp.issuer, idp.issuer])
  t.equal(await outcomeOf(client, await key.sign({ ...inside, resource: idp.issuer, max_age: '600' })), 'on')
  for (const max_age of [-1, 1.5, 1e21])
    t.match(await outcomeOf(client, await key.sign({ ...inside, max_age })), 'invalid_request', String(max_age))
  t.equal(
    await outcomeOf(client, await key.sign({ ...inside, registration: { a: 1 } })),
    'registration_not_supported (inside)',
  )
})
