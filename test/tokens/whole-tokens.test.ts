import { createHash, createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import t from 'tap'
import { decodeRefreshToken } from '../../src/tokens/refresh-token.ts'
import { basic, startSignet } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

/*
 * Each kind of token as a whole: every header parameter, every claim and its value, with a stopped clock. A claim that is added, left
 * out or computed differently fails here, even if no library would notice.
 */

const api = 'https://notes.example'
const lifetimes = {
  SIGNET_ACCESS_TOKEN_TTL: '7m',
  SIGNET_ID_TOKEN_TTL: '11m',
  SIGNET_REFRESH_TOKEN_TTL: '13d',
  SIGNET_REFRESH_TOKEN_MAX_TTL: '17d',
}
const [accessTokenTtl, idTokenTtl, apiTokenTtl] = [7 * 60, 11 * 60, 19 * 60]

const idp = await startSignet(t, lifetimes)
const { database, keyRing, clock } = idp.signet
const server = await idp.client({ grant_types: ['client_credentials'], scope: '' })
await idp.resource(api, ['notes:read'], { accessTokenTtl: apiTokenTtl, servedBy: [server.client_id] })

// An hour in which the keys are active: the stopped clock starts in it, because no sign-in is dated later than the database's clock.
await database.query({
  text: `UPDATE signing_keys SET published_at = published_at - interval '1 hour', activates_at = activates_at - interval '1 hour'`,
})
await keyRing.refresh()
/** The last millisecond of a second: code that rounds up, or mixes up milliseconds and seconds, is off by one second or more. */
let now = Math.floor(Date.now() / 1000) * 1000 + 999 - 1_800_000
Object.assign(clock, { now: () => now, seconds: () => Math.floor(now / 1000) })
const seconds = () => Math.floor(now / 1000)
const advance = (by: number) => {
  now += by * 1000
}

type Claims = Record<string, unknown>

/** The parts of a token, after its signature was verified with the published key that it names. */
function read(token: string): { header: Claims; claims: Claims } {
  const [header = '', payload = '', signature = ''] = token.split('.')
  const decoded = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Claims
  const { kid, alg } = decoded(header)
  const keys = JSON.parse(String(keyRing.jwkSet().body)).keys as (JsonWebKey & { kid: string; alg: string })[]
  const jwk = keys.find((key) => key.kid === kid && key.alg === alg)
  const input = Buffer.from(`${header}.${payload}`)
  const key = { key: createPublicKey({ key: jwk ?? {}, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const
  t.ok(verify('sha256', input, key, Buffer.from(signature, 'base64url')), 'the signature is valid')
  return { header: decoded(header), claims: decoded(payload) }
}

/** The current signing key: of those published, the one that has been activated. */
function activeKid(alg: string): string {
  const active = [...keyRing.keys()].filter(([key, state]) => key.alg === alg && state === 'active')
  t.equal(active.length, 1)
  return active[0]?.[0].kid ?? ''
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const random128 = /^[A-Za-z0-9_-]{22}$/

/** OpenID Connect Core §3.1.3.6, for ES256 and RS256. */
const hashOf = (token: string) =>
  createHash('sha256')
    .update(token)
    .digest()
    .subarray(0, 128 / 8)
    .toString('base64url')

async function one<Row>(text: string, ...values: unknown[]): Promise<Row> {
  const { rows } = await database.query({ text, values })
  t.equal(rows.length, 1)
  return rows[0] as Row
}

const grantOf = async (sub: string, clientId: string) =>
  (await one<{ id: string }>('SELECT id FROM grants WHERE sub = $1 AND client_id = $2', sub, clientId)).id

t.test('the tokens of a sign-in and of a refresh', async (t) => {
  for (const alg of ['ES256', 'RS256'] as const)
    t.test(`ID tokens with ${alg}`, async (t) => {
      const client = await idp.client({ id_token_signed_response_alg: alg })
      const scope = 'openid profile email offline_access'
      const signedInAt = seconds()
      const { person, redeem } = await signIn(idp, client, { parameters: { scope, nonce: 'n-1' } })
      advance(37)
      const { status, body } = await redeem()
      t.equal(status, 200)
      const grant = await grantOf(person.sub, client.client_id)
      const { access_token, id_token, refresh_token, ...rest } = body
      t.strictSame(rest, { token_type: 'Bearer', expires_in: accessTokenTtl, scope })

      const access = read(access_token)
      const { jti, sid } = access.claims
      t.match(jti, uuid)
      t.match(sid, random128)
      t.strictSame(access.header, { alg: 'ES256', typ: 'at+jwt', kid: activeKid('ES256') })
      const accessClaims = {
        iss: idp.issuer,
        sub: person.sub,
        aud: idp.issuer,
        client_id: client.client_id,
        scope,
        iat: seconds(),
        exp: seconds() + accessTokenTtl,
        jti,
        grant_id: grant,
        auth_time: signedInAt,
        acr: 'aal1',
        sid,
      }
      t.strictSame(access.claims, accessClaims)

      const id = read(id_token)
      t.strictSame(id.header, { alg, typ: 'JWT', kid: activeKid(alg) })
      const idClaims = {
        iss: idp.issuer,
        sub: person.sub,
        aud: client.client_id,
        iat: seconds(),
        exp: seconds() + idTokenTtl,
        auth_time: signedInAt,
        acr: 'aal1',
        amr: ['pwd'],
        sid,
        at_hash: hashOf(access_token),
      }
      t.strictSame(id.claims, { ...idClaims, nonce: 'n-1' })

      const family = await one<{ created_at: Date; expires_at: Date; max_expires_at: Date }>(
        'SELECT created_at, expires_at, max_expires_at FROM refresh_families WHERE grant_id = $1',
        grant,
      )
      const after = (moment: Date) => (moment.getTime() - family.created_at.getTime()) / 86_400_000
      t.strictSame([after(family.expires_at), after(family.max_expires_at)], [13, 17])
      t.match(decodeRefreshToken(idp.signet.secrets['refresh-mac'], refresh_token), { generation: 0 })

      const asked = await introspect(client, refresh_token)
      t.strictSame(asked, {
        active: true,
        iss: idp.issuer,
        sub: person.sub,
        client_id: client.client_id,
        scope,
        iat: Math.floor(family.created_at.getTime() / 1000),
        exp: Math.floor(family.expires_at.getTime() / 1000),
      })

      advance(101)
      const refreshed = (await idp.token(client, { grant_type: 'refresh_token', refresh_token })).body
      const later = { iat: seconds(), exp: seconds() + accessTokenTtl }
      const next = read(refreshed.access_token)
      t.not(next.claims['jti'], jti)
      t.match(next.claims['jti'], uuid)
      t.strictSame(next.header, access.header)
      t.strictSame(next.claims, { ...accessClaims, ...later, jti: next.claims['jti'] })
      // OpenID Connect Core §12.2: auth_time is that of the sign-in, and there should be no nonce.
      const nextId = read(refreshed.id_token)
      t.strictSame(nextId.header, id.header)
      t.strictSame(nextId.claims, {
        ...idClaims,
        iat: seconds(),
        exp: seconds() + idTokenTtl,
        at_hash: hashOf(refreshed.access_token),
      })

      t.strictSame(await introspect(client, refreshed.access_token), {
        active: true,
        token_type: 'Bearer',
        iss: idp.issuer,
        sub: person.sub,
        client_id: client.client_id,
        username: person.username,
        scope,
        aud: idp.issuer,
        ...later,
        jti: next.claims['jti'],
        auth_time: signedInAt,
        acr: 'aal1',
      })
    })

  t.test('without a nonce the ID token has none, and without openid there is no ID token', async (t) => {
    const client = await idp.client()
    const signedInAt = seconds()
    const { person, redeem } = await signIn(idp, client, { parameters: { scope: 'openid' } })
    advance(1)
    const { id_token, access_token, ...rest } = (await redeem()).body
    t.strictSame(rest, { token_type: 'Bearer', expires_in: accessTokenTtl, scope: 'openid' })
    const { claims } = read(id_token)
    t.strictSame(claims, {
      iss: idp.issuer,
      sub: person.sub,
      aud: client.client_id,
      iat: seconds(),
      exp: seconds() + idTokenTtl,
      auth_time: signedInAt,
      acr: 'aal1',
      amr: ['pwd'],
      sid: read(access_token).claims['sid'],
      at_hash: hashOf(access_token),
    })
    const plain = await signIn(idp, client, { parameters: { scope: 'profile' } })
    t.strictSame(Object.keys((await plain.redeem()).body).sort(), ['access_token', 'expires_in', 'scope', 'token_type'])
  })

  t.test('a session has one sid at each client, which stays the same as long as the session lasts', async (t) => {
    const [first, second] = [await idp.client(), await idp.client()]
    const { browser, person, redeem } = await signIn(idp, first)
    const sidOf = async (exchange: () => Promise<{ body: { id_token: string } }>) =>
      read((await exchange()).body.id_token).claims['sid']
    const sid = await sidOf(redeem)
    t.equal(await sidOf((await signIn(idp, first, { browser, person })).redeem), sid)
    const another = await sidOf((await signIn(idp, second, { browser, person })).redeem)
    t.match(another, random128)
    t.not(another, sid)
    t.not(await sidOf((await signIn(idp, first, { person })).redeem), sid, 'another browser, another session')
  })
})

t.test('the access token for an API has its audience, scopes, lifetime and algorithm', async (t) => {
  await database.query({ text: "UPDATE resources SET access_token_signing_alg = 'RS256'" })
  idp.signet.clients.clear()
  t.teardown(() => database.query({ text: "UPDATE resources SET access_token_signing_alg = 'ES256'" }))
  const client = await idp.client({ scope: 'openid notes:read', resources: [api] })
  const signedInAt = seconds()
  const { person, redeem, code } = await signIn(idp, client, { parameters: { scope: 'openid notes:read' } })
  advance(5)
  const { access_token, id_token, ...rest } = (await redeem(code, { resource: api })).body
  t.strictSame(rest, { token_type: 'Bearer', expires_in: apiTokenTtl, scope: 'notes:read' })
  const { header, claims } = read(access_token)
  t.strictSame(header, { alg: 'RS256', typ: 'at+jwt', kid: activeKid('RS256') })
  const { jti, sid } = claims
  const expected = {
    iss: idp.issuer,
    sub: person.sub,
    aud: api,
    client_id: client.client_id,
    scope: 'notes:read',
    iat: seconds(),
    exp: seconds() + apiTokenTtl,
    jti,
    grant_id: await grantOf(person.sub, client.client_id),
    auth_time: signedInAt,
    acr: 'aal1',
    sid,
  }
  t.strictSame(claims, expected)
  t.equal(read(id_token).claims['at_hash'], hashOf(access_token))
  const { sid: _, grant_id: __, ...introspected } = expected
  t.strictSame(await introspect(server, access_token), { active: true, token_type: 'Bearer', ...introspected })
})

t.test('the access token of client_credentials has no claims about a person', async (t) => {
  const client = await idp.client({ grant_types: ['client_credentials'], scope: 'notes:read', resources: [api] })
  const { body } = await idp.token(client, { grant_type: 'client_credentials' })
  const { access_token, ...rest } = body
  t.strictSame(rest, { token_type: 'Bearer', expires_in: apiTokenTtl, scope: 'notes:read' })
  const { header, claims } = read(access_token)
  t.strictSame(header, { alg: 'ES256', typ: 'at+jwt', kid: activeKid('ES256') })
  t.match(claims['jti'], uuid)
  const { id } = await one<{ id: string }>('SELECT id FROM grants WHERE client_id = $1', client.client_id)
  t.strictSame(claims, {
    iss: idp.issuer,
    sub: client.client_id,
    aud: api,
    client_id: client.client_id,
    scope: 'notes:read',
    iat: seconds(),
    exp: seconds() + apiTokenTtl,
    jti: claims['jti'],
    grant_id: id,
  })
})

t.test('userinfo and introspection accept an access token until its last second, and no longer', async (t) => {
  const client = await idp.client()
  const { access_token } = (await (await signIn(idp, client)).redeem()).body
  const userinfo = () => fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } })
  advance(accessTokenTtl - 1)
  t.equal((await userinfo()).status, 200)
  t.match(await introspect(client, access_token), { active: true })
  advance(1)
  t.equal((await userinfo()).status, 401)
  t.strictSame(await introspect(client, access_token), { active: false })
})

t.test('a code is valid for 60 seconds, by the clock of the database', async (t) => {
  const client = await idp.client()
  const codeOf = 'authorization_codes WHERE grant_id = (SELECT id FROM grants WHERE sub = $1)'
  const age = 'UPDATE authorization_codes SET expires_at = expires_at - make_interval(secs => $2) '
  for (const [seconds, status] of [
    [30, 200],
    [60, 400],
  ] as const) {
    const { person, redeem } = await signIn(idp, client)
    const { life } = await one<{ life: number }>(
      `SELECT extract(epoch FROM expires_at - created_at)::float8 AS life FROM ${codeOf}`,
      person.sub,
    )
    t.equal(life, 60)
    await database.query({
      text: `${age} WHERE grant_id = (SELECT id FROM grants WHERE sub = $1)`,
      values: [person.sub, seconds],
    })
    t.equal((await redeem()).status, status, `${seconds} seconds old`)
  }
})

async function introspect(client: { client_id: string; secret: string | undefined }, token: string): Promise<Claims> {
  const response = await fetch(`${idp.issuer}/introspect`, {
    method: 'POST',
    headers: { authorization: basic(client.client_id, client.secret ?? '') },
    body: new URLSearchParams({ token }),
  })
  return (await response.json()) as Claims
}
