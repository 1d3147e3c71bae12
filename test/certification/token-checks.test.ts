import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import t from 'tap'
import type { SuiteClient } from './support/clients.ts'
import { assertSameSubject } from './support/flow.ts'
import { type Accompanied, halfHash, type IdToken, readIdToken } from './support/id-tokens.ts'
import { assertFrontChannelLogout, assertLogoutToken, logoutTokenIn } from './support/logout-messages.ts'
import type { Play } from './support/play.ts'
import type { ReceivedRequest } from './support/suite-server.ts'

/** As in checks.test.ts: a check that never fails would make every module pass. */
const issuer = 'https://id.example'
const client = { client_id: 'the-client' } as SuiteClient
const [ours, foreign] = await Promise.all([generateKeyPair('RS256'), generateKeyPair('RS256')])
const keys: JWK[] = [{ ...(await exportJWK(ours.publicKey)), kid: 'a-key' }]
const now = Math.floor(Date.now() / 1000)

const newPlay = () =>
  ({ provider: { issuer, metadata: {}, keys }, warnings: [] as string[], waited: 0 }) as unknown as Play

async function signed(claims: object, { header = {}, key = ours.privateKey } = {}): Promise<string> {
  return new SignJWT({ ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'a-key', ...header }).sign(key)
}

const request = { response_type: 'code id_token token', nonce: 'the-nonce', scope: 'openid email' }
const issued = { by: 'authorization endpoint', accessToken: 'an-access-token', code: 'a-code' } as const
const good = {
  ...{ iss: issuer, aud: client.client_id, sub: 'somebody', iat: now, exp: now + 300, nonce: 'the-nonce', sid: 'one' },
  ...{ at_hash: halfHash(issued.accessToken, 'RS256'), c_hash: halfHash(issued.code, 'RS256') },
}

t.test('faults of an ID token are found', async (t) => {
  const play = newPlay()
  const read = async (claims: object, accompanied: Accompanied = issued, sent: Record<string, string> = request) =>
    readIdToken(play, client, await signed(claims), sent, accompanied)
  await read(good)
  for (const fault of [
    ...[{ iss: `${issuer}/` }, { aud: 'another-client' }, { exp: now - 301 }, { iat: now - 301 }, { iat: now + 400 }],
    ...[{ sub: '' }, { sub: 'a'.repeat(256) }, { sub: 'jürgen' }, { nonce: 'another' }, { nonce: undefined }],
    ...[{ azp: 'another-client' }, { acr: '' }, { name: '' }],
    ...[{ at_hash: undefined }, { at_hash: good.c_hash }, { c_hash: undefined }, { c_hash: good.at_hash }],
  ])
    await t.rejects(read({ ...good, ...fault }), JSON.stringify(fault))
  await t.rejects(read(good, { ...issued, code: undefined }), 'c_hash without a code')
  await t.rejects(read(good, { ...issued, accessToken: undefined }), 'at_hash without an access token')
  await t.rejects(read(good, issued, { ...request, nonce: '' }), 'a nonce that was not sent')
  const { at_hash, c_hash, ...withoutHashes } = good
  await read(withoutHashes, { ...issued, by: 'token endpoint' })
  await t.rejects(read({ ...good, at_hash: c_hash }, { ...issued, by: 'token endpoint' }))
  await t.rejects(readIdToken(play, client, await signed(good, { key: foreign.privateKey }), request, issued))
  await t.rejects(readIdToken(play, client, await signed(good, { header: { kid: undefined } }), request, issued))
  t.same(play.warnings, [])

  await read({ ...good, name: 'Erika', client_id: 'the-client' })
  t.same(play.warnings, ['name in the ID token', 'client_id in the ID token'])
  play.warnings.splice(0)
  const claims = JSON.stringify({ id_token: { name: null } })
  await read({ ...good, name: 'Erika' }, issued, { ...request, claims })
  await read({ ...good, email: 'erika@example.com' })
  t.same(play.warnings, ['email in the ID token'], 'claims of scopes are for userinfo')
  play.warnings.splice(0)
  await read(
    { ...withoutHashes, email: 'erika@example.com' },
    { by: 'authorization endpoint' },
    { ...request, response_type: 'id_token' },
  )
  t.same(play.warnings, [], 'unless there is no access token')
})

const asRead = (claims: object) => ({ claims, alg: 'RS256' }) as unknown as IdToken

t.test('two ID tokens of one sign-in that do not agree are found', async (t) => {
  assertSameSubject(asRead(good), asRead({ ...good, iat: now + 1, at_hash: 'another' }))
  for (const fault of [{ sub: 'another' }, { sid: 'two' }, { nonce: undefined }, { auth_time: 1 }])
    t.throws(() => assertSameSubject(asRead(good), asRead({ ...good, ...fault })), JSON.stringify(fault))
})

const received = (request: Partial<ReceivedRequest> & { query?: string }): ReceivedRequest => ({
  ...{ method: 'GET', headers: {}, body: '', tlsVersion: 'TLSv1.3', ...request },
  url: new URL(`https://suite.example/logout?${request.query ?? ''}`),
})

t.test('faults of a front-channel logout are found', async (t) => {
  const play = newPlay()
  const query = `iss=${encodeURIComponent(issuer)}&sid=one`
  assertFrontChannelLogout(play, received({ query }), asRead(good))
  t.same(play.warnings, [])
  for (const fault of ['', 'sid=one', `iss=${issuer}`, `iss=${issuer}/&sid=one`, `iss=${issuer}&sid=two`])
    t.throws(() => assertFrontChannelLogout(play, received({ query: fault }), asRead(good)), fault)
  t.throws(() => assertFrontChannelLogout(play, received({ query, method: 'POST' }), asRead(good)))
  t.throws(() => assertFrontChannelLogout(play, received({ query }), asRead({ ...good, sid: undefined })))
  assertFrontChannelLogout(play, received({ query: `${query}&sub=somebody` }), asRead(good))
  t.same(play.warnings, ['sub at the front-channel logout'])
})

t.test('faults of a logout token are found', async (t) => {
  const play = newPlay()
  const event = 'http://schemas.openid.net/event/backchannel-logout'
  const token = {
    ...{ iss: issuer, aud: client.client_id, iat: now, exp: now + 120, jti: 'unique', sub: 'somebody', sid: 'one' },
    events: { [event]: {} },
  }
  const check = async (claims: object, options: Parameters<typeof signed>[1] = {}) => {
    const header = { typ: 'logout+jwt', ...options.header }
    await assertLogoutToken(play, client, await signed(claims, { ...options, header }), asRead(good))
  }
  await check(token)
  await check({ ...token, sub: undefined })
  for (const fault of [
    ...[{ iss: 'https://other.example' }, { aud: 'another-client' }, { iat: now - 90_000 }, { iat: undefined }],
    ...[{ exp: undefined }, { exp: now - 1 }, { exp: now + 3600 }, { jti: undefined }, { jti: '' }, { nonce: 'n' }],
    ...[{ events: undefined }, { events: {} }, { events: { [event]: 'x' } }, { events: { [event]: {}, other: {} } }],
    ...[{ sub: 'another' }, { sid: 'two' }, { sid: undefined }, { sid: undefined, sub: undefined }],
  ])
    await t.rejects(check({ ...token, ...fault }), JSON.stringify(fault))
  await t.rejects(check(token, { key: foreign.privateKey }))
  await t.rejects(check(token, { header: { typ: 'JWT' } }))

  const form = { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } }
  t.equal(logoutTokenIn(play, received({ ...form, body: 'logout_token=a.b.c' })), 'a.b.c')
  t.same(play.warnings, [])
  t.throws(() => logoutTokenIn(play, received({ ...form, method: 'GET' })))
  t.throws(() => logoutTokenIn(play, received({ ...form, headers: { 'content-type': 'application/json' } })))
  logoutTokenIn(play, received({ ...form, body: 'logout_token=a.b.c&state=x' }))
  t.same(play.warnings, ['state beside the logout token'])
})
