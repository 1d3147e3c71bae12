import t from 'tap'
import { randomText } from '../../src/platform/secrets/digest.ts'
import type { ClientJwks } from '../../src/records/clients/client.ts'
import { basic, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'
import { issuerKeys } from './issuer-keys.ts'
import { signatureNumbers } from './jose-numbers.ts'
import { doubledMembers, shapes, signedHeaders, spellings } from './jose-texts.ts'
import { type Json, keyedWithPublicKey, newKey, publicJwk, signWith, unsigned, withForgersKey } from './jose-vectors.ts'
import { type Mutation, mutationNames, mutations, unreadable, wireOf, write } from './mutations.ts'
import { faultsOf } from './plain-answer.ts'
import { type Answer, postForm, send } from './send.ts'

const idp = await startSignet(t)
const [api, otherApi] = ['https://notes.example', 'https://other.example']
await idp.resource(api, ['notes:read'])
await idp.resource(otherApi, ['other:read'])
const client = await idp.client({
  token_endpoint_auth_method: 'client_secret_post',
  scope: 'openid offline_access notes:read other:read',
  resources: [api, otherApi],
  refresh_token_rotation: true,
})
const credentials = { client_id: client.client_id, client_secret: client.secret ?? '' }
const journey = await signIn(idp, client, { parameters: { scope: client.scope } })
const tokens = (await journey.redeem(journey.code, { resource: api })).body as Record<
  'access_token' | 'refresh_token' | 'id_token',
  string
>

const inactive = '{"active":false}'
const ask = (form: Record<string, string>, headers = {}) =>
  postForm(idp, '/introspect', new URLSearchParams(form).toString(), headers)
const by = async ({ client_id, secret = '' }: TestClient, token: string) =>
  ask({ token }, { authorization: basic(client_id, secret) })

/** `active`, `inactive`, or the error. */
function outcomeOf({ status, headers, text, json }: Answer): string {
  if (status === 200) return text === inactive ? 'inactive' : String(json?.['active'] && 'active')
  const error = String(json?.['error'])
  return status === (headers['www-authenticate'] === undefined ? 400 : 401) ? error : `${status} ${error}`
}

t.test('every parameter, corrupted in every way', async (t) => {
  const good = { ...credentials, token: tokens.access_token, token_type_hint: 'access_token' }
  /** Outcomes if missing or empty, 8 KB long, of a wrong type. */
  const table: Record<string, [missing: string, long: string, wrong: string]> = {
    token: ['invalid_request', 'inactive', 'inactive'],
    token_type_hint: ['active', 'invalid_request', 'active'],
    client_id: ['invalid_client', 'invalid_request', 'invalid_client'],
    client_secret: ['invalid_client', 'invalid_request', 'invalid_client'],
    not_a_parameter: ['active', 'active', 'active'],
    active: ['active', 'active', 'active'],
  }
  const expected = ([missing, long, wrong]: [string, string, string], mutation: Mutation) => {
    if (unreadable.has(mutation)) return 'invalid_request'
    return mutation === '8 KB long' ? long : mutation === 'of a wrong type' ? wrong : missing
  }
  for (const [name, outcomes] of Object.entries(table))
    for (const mutation of mutationNames) {
      const answer = await postForm(idp, '/introspect', write(mutations[mutation](wireOf(good), name)))
      t.same(faultsOf(answer), [], `${name} ${mutation}`)
      t.equal(outcomeOf(answer), expected(outcomes, mutation), `${name} ${mutation}`)
      t.equal(answer.headers['cache-control'], 'no-store')
    }
  for (const [length, outcome] of [
    [16_384, 'inactive'],
    [16_385, 'invalid_request'],
    [32_769, '413 invalid_request'],
  ] as const)
    t.equal(outcomeOf(await ask({ ...credentials, token: 'x'.repeat(length) })), outcome, `${length} characters`)
})

t.test('a request that is not a POST of a form is refused', async (t) => {
  const { access_token: token } = tokens
  const query = new URLSearchParams({ ...credentials, token })
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const cases: [what: string, answer: Promise<Answer>, statuses: number[]][] = [
    ['GET', send(idp, { path: `/introspect?${query}` }), [404, 405]],
    ['HEAD', send(idp, { method: 'HEAD', path: `/introspect?${query}` }), [404, 405]],
    ['everything in the query', send(idp, { method: 'POST', path: `/introspect?${query}`, headers: form }), [400]],
    ['the credentials in the query', postForm(idp, `/introspect?${query}`, `token=${token}`), [400]],
    ['the token in the query', postForm(idp, `/introspect?token=${token}`, write(wireOf(credentials))), [400]],
    [
      'JSON',
      send(idp, {
        method: 'POST',
        path: '/introspect',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...credentials, token }),
      }),
      [415],
    ],
    [
      'text',
      send(idp, { method: 'POST', path: '/introspect', headers: { 'content-type': 'text/plain' }, body: `${query}` }),
      [415],
    ],
    ['a name in brackets', postForm(idp, '/introspect', `${write(wireOf(credentials))}&token[]=${token}`), [400]],
  ]
  for (const [what, asked, statuses] of cases) {
    const answer = await asked
    t.ok(statuses.includes(answer.status), `${what}: ${answer.status}`)
    t.notMatch(answer.text, '"active"', what)
    if (what !== 'HEAD') t.same(faultsOf(answer), [], what)
  }
  const both = postForm(idp, `/introspect?token=${token}`, write(wireOf({ ...credentials, token: 'rubbish' })))
  t.equal((await both).text, inactive, 'with a token in the query and one in the body, the query is ignored')
})

t.test('no web page can introspect: cookies do not count, and other origins cannot read responses', async (t) => {
  const cookie = [...journey.browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const { access_token: token } = tokens
  for (const headers of [
    { cookie },
    { cookie, origin: 'https://evil.example' },
    { cookie, origin: idp.issuer, 'sec-fetch-site': 'same-origin' },
    { cookie, authorization: `Bearer ${token}` },
  ] as Record<string, string>[]) {
    const answer = await ask({ token }, headers)
    t.same(faultsOf(answer), [])
    t.equal(outcomeOf(answer), 'invalid_client')
    t.same(answer.setCookies, [])
  }
  t.equal(outcomeOf(await ask({ token, client_id: client.client_id }, { cookie })), 'invalid_client')
})

t.test('a client that has nothing to do with a token gets the response for rubbish, byte for byte', async (t) => {
  const servers = Object.fromEntries(
    await Promise.all(
      [api, otherApi].map(async (identifier) => {
        const server = await idp.client({ grant_types: ['client_credentials'], scope: '' })
        await idp.signet.database.query({
          text: 'UPDATE resources SET served_by = $1 WHERE identifier = $2',
          values: [[server.client_id], identifier],
        })
        idp.signet.clients.clear()
        return [identifier, server] as const
      }),
    ),
  ) as Record<string, TestClient>
  const [own, other] = [servers[api] as TestClient, servers[otherApi] as TestClient]
  const refresh = (resource: string, scope: string) =>
    idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token, resource, scope })
  const forOther = (await refresh(otherApi, 'other:read')).body
  const forIssuer = (await refresh(idp.issuer, 'openid')).body
  const visible = ({ status, text, headers }: Answer) => {
    const { date: _, 'x-request-id': __, ...rest } = headers
    return { status, text, rest }
  }
  const rubbish = visible(await by(own, 'rubbish'))
  t.equal(rubbish.text, inactive)
  t.match(
    (await by(own, tokens.access_token)).json,
    { active: true, aud: api },
    'it learns about tokens for the API that it serves',
  )
  t.match((await by(other, forOther.access_token)).json, { active: true, aud: otherApi, scope: 'other:read' })
  const hidden: [what: string, who: TestClient, token: string][] = [
    ['a token for another API', own, forOther.access_token],
    ['the reverse', other, tokens.access_token],
    ['a token for the issuer', own, forIssuer.access_token],
    ['the refresh token of the same grant', own, tokens.refresh_token],
    ['its newest generation', own, forIssuer.refresh_token],
    ['the ID token of the same response', own, tokens.id_token],
  ]
  for (const [what, who, token] of hidden) t.same(visible(await by(who, token)), rubbish, what)
  await idp.signet.database.query("UPDATE resources SET served_by = '{}'")
  idp.signet.clients.clear()
  t.same(visible(await by(own, tokens.access_token)), rubbish, 'a server that no longer serves it')
})

t.test('a client that may not introspect gets no response about any token', async (t) => {
  const open = await idp.client({ token_endpoint_auth_method: 'none' })
  const { access_token: own } = (await (await signIn(idp, open)).redeem()).body
  for (const token of [own, tokens.access_token, tokens.refresh_token, 'rubbish'])
    t.equal(outcomeOf(await ask({ client_id: open.client_id, token })), 'unauthorized_client')
  t.equal(outcomeOf(await ask({ client_id: open.client_id })), 'unauthorized_client', 'nor about an invalid one')
  const name = { client_id: '__proto__', client_secret: 'constructor' }
  t.equal(outcomeOf(await ask({ ...name, token: tokens.access_token })), 'invalid_client')
})

t.test('an assertion that was used for introspection does not authenticate again, here or elsewhere', async (t) => {
  const key = newKey('api', 'ES256')
  const server = await idp.client({
    token_endpoint_auth_method: 'private_key_jwt',
    grant_types: ['client_credentials'],
    scope: '',
    jwks: { keys: [publicJwk(key) as ClientJwks['keys'][number]] },
  })
  const id = server.client_id
  const exp = Math.floor(Date.now() / 1000) + 60
  const assertion = signWith(
    key,
    { alg: 'ES256', kid: key.kid },
    { iss: id, sub: id, aud: idp.issuer, jti: 'once', exp },
  )
  const proof = {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  }
  t.equal(outcomeOf(await ask({ ...proof, token: 'rubbish' })), 'inactive')
  for (const path of ['/introspect', '/revoke', '/token']) {
    const form = new URLSearchParams({ ...proof, token: 'rubbish', grant_type: 'client_credentials' })
    const status = path === '/introspect' ? 401 : 400
    t.match(await postForm(idp, path, `${form}`), { status, json: { error: 'invalid_client' } }, path)
  }
})

t.test('no forgery is active, nor any other spelling of a token', async (t) => {
  const { ES256: key } = await issuerKeys(idp)
  const real = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString()) as Json
  const claims = () => ({ ...real, jti: randomText(8) })
  const [typ, nowhere] = ['at+jwt', 'https://evil.example/jwks.json']
  const vectors = [
    ...unsigned(key, typ, claims),
    ...keyedWithPublicKey(key, typ, claims),
    ...withForgersKey(key, typ, claims, nowhere),
    ...signatureNumbers(key, typ, claims),
    ...shapes(tokens.access_token),
    ...spellings(tokens.access_token),
    ...spellings(tokens.refresh_token),
    ...signedHeaders(key, typ, claims, nowhere),
    ...doubledMembers(key, typ, claims),
    ...['exp', 'iss'].map((name) => {
      const value = name === 'exp' ? Math.floor(Date.now() / 1000) : `${idp.issuer}/`
      return [name, signWith(key, { alg: 'ES256', typ, kid: key.kid }, { ...claims(), [name]: value })] as const
    }),
  ]
  const active: string[] = []
  for (const [name, token] of vectors) {
    const answer = await ask({ ...credentials, token })
    // A line end is refused before the token is examined.
    const refusal = /[\t\r\n]/.test(token) ? 'invalid_request' : 'inactive'
    if (faultsOf(answer).length > 0 || outcomeOf(answer) !== refusal) active.push(`${name}: ${answer.text}`)
  }
  t.same(active, [])
  const good = signWith(key, { alg: 'ES256', typ, kid: key.kid }, claims())
  t.equal(outcomeOf(await ask({ ...credentials, token: good })), 'active')
})

t.test('introspection spends nothing, and reports a spent refresh token as inactive', async (t) => {
  const first = (await (await signIn(idp, client, { parameters: { scope: 'openid offline_access' } })).redeem()).body
  const isActive = async (token: string) => outcomeOf(await ask({ ...credentials, token }))
  for (let asked = 0; asked < 3; asked++) t.equal(await isActive(first.refresh_token), 'active')
  const second = (await idp.token(client, { grant_type: 'refresh_token', refresh_token: first.refresh_token })).body
  t.not(second.refresh_token, first.refresh_token)
  t.equal(await isActive(first.refresh_token), 'inactive')
  t.equal(await isActive(second.refresh_token), 'active')
  await idp.signet.database.query('UPDATE refresh_families SET max_expires_at = now()')
  t.equal(await isActive(second.refresh_token), 'inactive', 'nor after its absolute expiry')
})
