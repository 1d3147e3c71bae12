import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { createVerifier } from '#verify'
import { openConsole } from '../cli/console.ts'
import { basic, freePort, type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

/* Groups that a client must not see, and tokens for an API that are also for userinfo. The operator's commands are run beside a running server. */
const console = await openConsole(t, { SIGNET_ISSUER: `http://localhost:${await freePort()}` })
const idp = await startSignet(t, console.environment)

async function operator(...args: string[]): Promise<void> {
  await console.json(...args)
  // Do not wait until PostgreSQL has notified this node.
  idp.signet.clients.clear()
}

const scope = 'openid profile email groups roles offline_access'
const [api, other] = ['https://api.example', 'https://other.example']
const server = await idp.client({ grant_types: ['client_credentials'], scope: '' })
await operator('resources', 'create', '--identifier', api, '--scope', 'api:read', '--served-by', server.client_id)
await operator('resources', 'create', '--identifier', other, '--scope', 'other:read')
for (const group of ['for-a', 'for-b', 'iss']) await operator('groups', 'create', group)

type Claims = Record<string, unknown>

async function personInAll() {
  const person = await idp.person({ name: 'Ada' })
  for (const group of ['for-a', 'for-b', 'iss']) await operator('groups', 'add', group, person.sub)
  return person
}

const client = (more: Parameters<typeof idp.client>[0] = {}) =>
  idp.client({ scope, id_token_profile_claims: true, ...more })

const userinfo = async (token: string) => {
  const response = await fetch(`${idp.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    body: (await response.json()) as Claims,
  }
}

const introspect = async (by: TestClient, token: string): Promise<Claims> => {
  const response = await fetch(`${idp.issuer}/introspect`, {
    method: 'POST',
    headers: { authorization: basic(by.client_id, by.secret ?? '') },
    body: new URLSearchParams({ token }),
  })
  return (await response.json()) as Claims
}

const refresh = (by: TestClient, reply: Reply, more: Record<string, string> = {}) =>
  idp.token(by, { grant_type: 'refresh_token', refresh_token: reply.body.refresh_token, ...more })

/** Everything that a client can learn from a token response: both tokens, userinfo, and what introspection says of both. */
async function everythingFrom(t: Test, by: TestClient, reply: Reply): Promise<string> {
  t.equal(reply.status, 200, JSON.stringify(reply.body))
  const { id_token, access_token, refresh_token } = reply.body
  const learnt = [id_token && decodeJwt(id_token), decodeJwt(access_token), (await userinfo(access_token)).body]
  for (const token of [access_token, refresh_token]) learnt.push(await introspect(by, token))
  return JSON.stringify(learnt)
}

t.test('a client never learns a group that is meant for another one', async (t) => {
  const person = await personInAll()
  const apiScope = `${scope} api:read`
  const [a, b] = [await client({ groups: ['for-a'] }), await client({ groups: ['for-b'] })]
  const none = await client()
  const withApi = await client({ groups: ['for-a'], scope: apiScope, resources: [api] })
  await operator('resources', 'update', api, '--groups-claim', '--userinfo-audience')

  for (const [who, seen, hidden] of [
    [a, ['for-a'], ['for-b']],
    [b, ['for-b'], ['for-a']],
    [none, [], ['for-a', 'for-b']],
    [withApi, ['for-a'], ['for-b']],
  ] as const) {
    const asked = who === withApi ? apiScope : scope
    const { redeem } = await signIn(idp, who, { person, parameters: { scope: asked } })
    const first = await redeem()
    const second = await refresh(who, first)
    for (const reply of [first, second]) {
      const learnt = await everythingFrom(t, who, reply)
      for (const group of seen) t.ok(learnt.includes(group))
      for (const group of hidden) t.notOk(learnt.includes(group), `${group}: ${learnt}`)
      const groups = seen.length > 0 ? { groups: seen, roles: seen } : {}
      const { groups: inId, roles } = decodeJwt(reply.body.id_token)
      t.same(JSON.parse(JSON.stringify({ groups: inId, roles })), groups)
    }
  }
  await operator('resources', 'update', api, '--no-groups-claim', '--no-userinfo-audience')
})

t.test('a group that is taken away from the client or from the person is gone at the next request', async (t) => {
  const person = await personInAll()
  const by = await client({ groups: ['for-a', 'for-b'] })
  const { redeem } = await signIn(idp, by, { person, parameters: { scope } })
  const first = await redeem()
  t.same(decodeJwt(first.body.id_token)['groups'], ['for-a', 'for-b'])
  await operator('clients', 'update', by.client_id, '--group', 'for-b')
  t.same((await userinfo(first.body.access_token)).body['groups'], ['for-b'], 'by the older token too')
  const second = await refresh(by, first)
  t.notOk((await everythingFrom(t, by, second)).includes('for-a'))
  await operator('groups', 'remove', 'for-b', person.sub)
  const third = await refresh(by, second)
  t.notMatch(await everythingFrom(t, by, third), /for-|"groups":/)
  await operator('clients', 'update', by.client_id, '--group', '*')
  t.same((await userinfo(third.body.access_token)).body['groups'], ['for-a', 'iss'])
  const narrowed = await refresh(by, third, { scope: 'openid groups' })
  t.match(decodeJwt(narrowed.body.id_token), { groups: ['for-a', 'iss'], roles: undefined, email: undefined })
  t.same(
    Object.keys((await userinfo(narrowed.body.access_token)).body),
    ['sub', 'groups'],
    'the scope of the token counts',
  )
  await operator('clients', 'update', by.client_id, '--scope', 'openid offline_access')
  t.notMatch(await everythingFrom(t, by, await refresh(by, narrowed)), /for-a/)
})

t.test('a group named like a claim is a value, and changes no claim', async (t) => {
  const person = await personInAll()
  const by = await client({ groups: ['iss'] })
  const reply = await (await signIn(idp, by, { person, parameters: { scope, nonce: 'n-1' } })).redeem()
  t.match(decodeJwt(reply.body.id_token), {
    ...{ iss: idp.issuer, sub: person.sub, aud: by.client_id, nonce: 'n-1', groups: ['iss'], name: 'Ada' },
    ...{ email: person.email, email_verified: false, preferred_username: person.username },
  })
})

t.test('the ID token has what the scopes of the request allow, and nothing unless the client is set so', async (t) => {
  const person = await idp.person({ name: 'Ada' })
  const plain = await client({ id_token_profile_claims: false })
  const { redeem } = await signIn(idp, plain, { person, parameters: { scope } })
  const reply = await redeem()
  t.notMatch(JSON.stringify(decodeJwt(reply.body.id_token)), /Ada|@/)
  t.match((await userinfo(reply.body.access_token)).body, { name: 'Ada', email: person.email })
  const by = await client()
  const { redeem: redeemOpenid } = await signIn(idp, by, { person, parameters: { scope: 'openid offline_access' } })
  const little = await redeemOpenid()
  t.notMatch(JSON.stringify(decodeJwt(little.body.id_token)), /Ada|@/)
  const { redeem: redeemAll } = await signIn(idp, by, { person, parameters: { scope } })
  const narrowed = await refresh(by, await redeemAll(), { scope: 'openid email' })
  t.match(decodeJwt(narrowed.body.id_token), { email: person.email, name: undefined })
})

t.test('the longest ID token is accepted as a hint, by POST and by GET', async (t) => {
  const person = await idp.person({ name: 'ä'.repeat(200), website: `https://a.example/${'x'.repeat(1900)}` })
  const by = await client({
    ...{ scope: 'openid profile email', id_token_signed_response_alg: 'RS256' },
    post_logout_redirect_uris: ['https://app.example/bye'],
  })
  const { browser, redeem } = await signIn(idp, by, {
    ...{ person, parameters: { scope: 'openid profile email', nonce: 'n'.repeat(100) } },
  })
  const { id_token } = (await redeem()).body
  t.ok(id_token.length > 1000 && id_token.length <= 4096, String(id_token.length))
  const query = new URLSearchParams({ id_token_hint: id_token, post_logout_redirect_uri: 'https://app.example/bye' })
  const { status, location } = await browser.get(`/logout?${query}`)
  t.match({ status, location }, { status: 303, location: 'https://app.example/bye' })
  const posted = await fetch(`${idp.issuer}/logout`, { method: 'POST', body: query, redirect: 'manual' })
  t.equal(posted.status, 303)
})

t.test('access tokens have groups only for an API that asks for them, and only if the person was asked', async (t) => {
  const person = await personInAll()
  const apiScope = `${scope} api:read other:read`
  const by = await client({ groups: ['for-a'], scope: apiScope, resources: [api, other] })
  const claimsFor = async (asked: string, more: Record<string, string> = {}) => {
    const { redeem, code } = await signIn(idp, by, { person, parameters: { scope: asked } })
    return decodeJwt((await redeem(code, more)).body.access_token)
  }
  t.notOk('groups' in (await claimsFor('openid groups api:read')), 'the API does not ask')
  await operator('resources', 'update', api, '--groups-claim')
  t.match(await claimsFor('openid groups api:read'), {
    aud: api,
    scope: 'api:read',
    groups: ['for-a'],
    roles: undefined,
  })
  t.notOk('groups' in (await claimsFor('openid api:read')), 'the request does not ask')
  t.notOk('groups' in (await claimsFor('openid groups')), 'a token for userinfo needs none')
  t.notOk('groups' in (await claimsFor('openid groups api:read other:read', { resource: other })), 'another API')
  t.match(await claimsFor('openid roles api:read other:read', { resource: api }), { aud: api, roles: ['for-a'] })
  await operator('resources', 'update', api, '--no-groups-claim')
})

t.test(
  'a token for an API is valid at userinfo only if the operator allows it and the request names no resource',
  async (t) => {
    const person = await idp.person({ name: 'Ada' })
    const asked = 'openid profile api:read offline_access'
    const by = await client({ scope: `${asked} other:read`, resources: [api, other] })
    const issue = async (parameters: Record<string, string> = {}, more: Record<string, string> = {}) => {
      const { redeem, code } = await signIn(idp, by, { person, parameters: { scope: asked, ...parameters } })
      return redeem(code, more)
    }
    const refused = async (token: string) => {
      const { status, challenge, body } = await userinfo(token)
      t.equal(status, 401)
      t.match(challenge, /error="invalid_token"/)
      t.match(body, {
        error: 'invalid_token',
        error_description: /for https:\/\/api\.example \(aud\).*without resource/,
      })
    }
    await refused((await issue()).body.access_token)
    await operator('resources', 'update', api, '--userinfo-audience')
    for (const named of [await issue({ resource: api }), await issue({}, { resource: api })]) {
      t.match(decodeJwt(named.body.access_token), { aud: api, scope: 'api:read' })
      await refused(named.body.access_token)
      const second = await refresh(by, named, { resource: idp.issuer })
      t.match(decodeJwt(second.body.access_token).aud, idp.issuer)
      t.equal((await userinfo(second.body.access_token)).body['name'], 'Ada', 'the second token, as the text says')
    }
    const without = await issue({ scope: 'profile api:read' })
    t.match(decodeJwt(without.body.access_token), { aud: api, scope: 'api:read' }, 'without openid')

    const both = await issue()
    t.match(decodeJwt(both.body.access_token), { aud: [api, idp.issuer], scope: asked })
    t.equal(both.body.scope, asked)
    t.same(await userinfo(both.body.access_token).then(({ status, body }) => [status, body['name']]), [200, 'Ada'])
    const narrowed = await refresh(by, both, { scope: 'openid api:read' })
    t.match(decodeJwt(narrowed.body.access_token), { aud: [api, idp.issuer], scope: 'openid api:read' })
    t.same(Object.keys((await userinfo(narrowed.body.access_token)).body), ['sub'], 'not by the scopes of the grant')
    const apiOnly = await refresh(by, narrowed, { scope: 'api:read' })
    await refused(apiOnly.body.access_token)

    const verifierOf = (audience: string) =>
      createVerifier({
        issuer: idp.issuer,
        audience,
        keys: ({ kid }) => idp.signet.keyRing.accessTokenKey(kid),
      })
    t.match(await verifierOf(api).verify(both.body.access_token), { aud: [api, idp.issuer] })
    await t.rejects(verifierOf(other).verify(both.body.access_token), { code: 'wrong_audience' }, 'at another API')

    // RFC 7662 §2.2: the API sees its own part of the token.
    const shown = { active: true, aud: [api, idp.issuer], sub: person.sub }
    t.match(await introspect(by, both.body.access_token), { ...shown, scope: asked, username: person.username })
    const atApi = await introspect(server, both.body.access_token)
    t.match(atApi, { ...shown, scope: 'api:read' })
    t.notOk('username' in atApi)
    const stranger = await idp.client()
    t.same(await introspect(stranger, both.body.access_token), { active: false })

    const { rows } = await idp.signet.database.query({
      text: `SELECT detail->'audience' AS audience FROM events WHERE type = 'tokens_issued' AND detail->>'jti' = $1`,
      values: [decodeJwt(both.body.access_token).jti],
    })
    t.same(rows, [{ audience: [api, idp.issuer] }])
    t.match(
      (await console.signet('events', 'list', '--user', person.sub)).out,
      /audience="https:\/\/api\.example http:\/\/localhost:\d+"/,
    )

    await operator('clients', 'update', by.client_id, '--scope', 'openid profile offline_access', '--resource', '')
    t.same(await introspect(server, both.body.access_token), { active: false }, 'the client has lost the API')
    t.equal((await userinfo(both.body.access_token)).status, 401)
    t.same(await introspect(by, both.body.access_token), { active: false }, 'it is good for nothing any more')
    await operator('clients', 'update', by.client_id, '--scope', `${asked} other:read`)
    t.equal((await userinfo(both.body.access_token)).status, 200)
    await operator('resources', 'update', api, '--no-userinfo-audience')
    t.match(await userinfo(both.body.access_token), {
      status: 401,
      body: { error_description: /no longer accepted here/ },
    })
    const atClient = await introspect(by, both.body.access_token)
    t.match(atClient, { active: true, scope: 'api:read' }, 'introspection does not promise what userinfo refuses')
    t.notOk('username' in atClient)

    const response = await fetch(`${idp.issuer}/revoke`, {
      method: 'POST',
      headers: { authorization: basic(by.client_id, by.secret ?? '') },
      body: new URLSearchParams({ token: both.body.access_token }),
    })
    t.equal(response.status, 200)
    t.same(await introspect(server, both.body.access_token), { active: false }, 'revoked')
  },
)
