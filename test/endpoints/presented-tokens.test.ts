import t from 'tap'
import { randomText } from '../../src/platform/secrets/digest.ts'
import type { GrantId } from '../../src/records/ids.ts'
import { findPeopleAndTerms } from '../../src/tokens/granted-person-store.ts'
import { accessTokenStatuses } from '../../src/tokens/token-status-store.ts'
import { issuerKeys } from '../attacks/issuer-keys.ts'
import { signWith } from '../attacks/jose-vectors.ts'
import { type Answer, postForm, send } from '../attacks/send.ts'
import { withoutPooler } from '../database.ts'
import { countRoundTrips } from '../support/count-round-trips.ts'
import { basic, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

// Introspection and userinfo: what is remembered and what is read together must not change any answer.

const idp = await startSignet(t)
const { database, keyRing, clock } = idp.signet
const api = 'https://api.example'
const server = await idp.client({ grant_types: ['client_credentials'], scope: '' })
await idp.resource(api, ['api:read'], { servedBy: [server.client_id] })
const client = await idp.client({ scope: 'openid offline_access api:read', resources: [api] })

const introspect = ({ client_id, secret = '' }: TestClient, token: string) =>
  postForm(idp, '/introspect', `token=${token}`, { authorization: basic(client_id, secret) })
const userinfo = (token: string) => send(idp, { path: '/userinfo', headers: { authorization: `Bearer ${token}` } })

interface Issued {
  readonly token: string
  readonly sub: string
  readonly grantId: GrantId
  readonly isForUserinfo: boolean
}

async function issue(scope = 'openid'): Promise<Issued> {
  const { access_token: token } = (await (await signIn(idp, client, { parameters: { scope } })).redeem()).body
  const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString())
  return { token, sub: claims.sub, grantId: claims.grant_id, isForUserinfo: claims.aud === idp.issuer }
}

const isActive = ({ status, json }: Answer) => status === 200 && json?.['active'] === true

t.test('both take one round trip, and two if the client is not in memory', async (t) => {
  const roundTrips = countRoundTrips(t)
  const [own, forApi] = [await issue(), await issue('api:read')]
  const ask = {
    'introspection by the client': () => introspect(client, own.token),
    'introspection by an API': () => introspect(server, forApi.token),
    userinfo: () => userinfo(own.token),
  }
  for (const [what, request] of Object.entries(ask)) {
    idp.signet.clients.clear()
    const [cold] = await roundTrips.during(request)
    const [warm] = await roundTrips.during(request)
    const [status] = warm?.statements ?? []
    t.equal(warm?.statements.length, 1, `${what}: ${warm?.statements}`)
    t.ok(cold?.statements.includes(status ?? ''), 'the status is read every time')
    // An API's first question about a client also reads that client.
    t.ok((cold?.statements.length ?? 0) <= (what.endsWith('API') ? 3 : 2), `${what}: ${cold?.statements}`)
  }
})

t.test('requests at the same time are answered each for its own token', async (t) => {
  const issued: Issued[] = []
  for (let index = 0; index < 12; index++) issued.push(await issue(index % 3 === 0 ? 'openid api:read' : 'openid'))
  const ended = issued.filter((_, index) => index % 4 === 1)
  await database.query({
    text: `UPDATE grants SET ended_at = now(), end_reason = 'revoked_by_client' WHERE id = ANY ($1)`,
    values: [ended.map(({ grantId }) => grantId)],
  })
  const gone = issued.filter((_, index) => index % 4 === 3)
  const { ES256: key } = await issuerKeys(idp)
  const unknown = (grantId: unknown): Issued => {
    const [good] = issued
    const claims = JSON.parse(Buffer.from(good?.token.split('.')[1] ?? '', 'base64url').toString())
    const token = signWith(key, { alg: 'ES256', typ: 'at+jwt', kid: key.kid }, { ...claims, grant_id: grantId })
    return { token, sub: claims.sub, grantId: grantId as GrantId, isForUserinfo: false }
  }
  // What a foreign key that was imported may have signed.
  const strange = [randomText(16), '', undefined, null, 7, ['a', 'b'], {}].map(unknown)
  await database.query({ text: 'DELETE FROM grants WHERE id = ANY ($1)', values: [gone.map(({ grantId }) => grantId)] })
  const all = [...issued, ...strange, ...issued]
  const introspections = await Promise.all(all.map(({ token }) => introspect(client, token)))
  const infos = await Promise.all(all.map(({ token }) => userinfo(token)))
  for (const [index, one] of all.entries()) {
    const alive = issued.includes(one) && !ended.includes(one) && !gone.includes(one)
    const [answer, info] = [introspections[index] as Answer, infos[index] as Answer]
    t.equal(isActive(answer), alive)
    if (alive) t.match(answer.json, { sub: one.sub })
    if (alive && one.isForUserinfo) t.match(info, { status: 200, json: { sub: one.sub } })
    else t.equal(info.status, 401)
  }
})

t.test('a grant that ends is noticed by the next request', async (t) => {
  const { token, grantId } = await issue()
  t.ok(isActive(await introspect(client, token)))
  t.equal((await userinfo(token)).status, 200)
  await database.query({
    text: `UPDATE grants SET ended_at = now(), end_reason = 'revoked_by_client' WHERE id = $1`,
    values: [grantId],
  })
  t.notOk(isActive(await introspect(client, token)))
  t.match(await userinfo(token), { status: 401, json: { error: 'invalid_token' } })
})

t.test('a token that was verified before expires all the same', async (t) => {
  const { token } = await issue()
  t.ok(isActive(await introspect(client, token)))
  t.equal((await userinfo(token)).status, 200)
  const { now, seconds } = clock
  t.teardown(() => Object.assign(clock, { now, seconds }))
  const later = 3_600_000
  Object.assign(clock, { now: () => now() + later, seconds: () => seconds() + later / 1000 })
  t.notOk(isActive(await introspect(client, token)))
  t.match((await userinfo(token)).json?.['error_description'], /expired/)
})

t.test('a token for an API that introspection has verified is still refused by userinfo', async (t) => {
  const { token } = await issue('api:read')
  t.ok(isActive(await introspect(server, token)))
  t.match((await userinfo(token)).json?.['error_description'], /is for https:\/\/api\.example/)
})

t.test('a changed signature is refused although the token was verified before', async (t) => {
  const { token } = await issue()
  t.ok(isActive(await introspect(client, token)))
  t.equal((await userinfo(token)).status, 200)
  const at = token.lastIndexOf('.') + 10
  const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1)
  t.notOk(isActive(await introspect(client, changed)))
  t.match(await userinfo(changed), { status: 401, json: { error: 'invalid_token' } })
})

withoutPooler(t, 'batches of any size share one plan, which is made once for each connection', async (t) => {
  const connection = await database.connect()
  t.teardown(() => connection.release())
  const { grantId } = await issue()
  for (let size = 1; size <= 12; size++) {
    const ids = Array.from({ length: size }, (_, index) => (index === 0 ? grantId : (randomText(16) as GrantId)))
    const statuses = await accessTokenStatuses(
      connection,
      ids.map((id) => ({ grantId: id, api: size % 2 ? api : undefined })),
    )
    t.same(
      statuses.map((status) => status?.grant.id),
      ids.map((id) => (id === grantId ? id : undefined)),
    )
    t.equal((await findPeopleAndTerms(connection, ids)).filter(Boolean).length, 1)
  }
  const { rows } = await connection.query<{ name: string; custom: number }>(
    `SELECT name, custom_plans AS custom FROM pg_prepared_statements WHERE name IN ('access-token-statuses', 'find-people-and-their-terms')`,
  )
  t.equal(rows.length, 2)
  for (const { name, custom } of rows) t.ok(custom <= 5, `${name} was planned ${custom} times`)
})

t.test('a revoked key ends its tokens at once, also those that were verified before', async (t) => {
  const { token } = await issue()
  t.ok(isActive(await introspect(client, token)))
  t.equal((await userinfo(token)).status, 200)
  const { kid } = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString())
  await keyRing.revoke({ by: 'test' }, [kid])
  t.notOk(isActive(await introspect(client, token)))
  t.match(await userinfo(token), { status: 401, json: { error: 'invalid_token' } })
})
