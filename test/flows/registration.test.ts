import t from 'tap'
import { adoptClient, changeClient } from '../../src/operations/client-registration.ts'
import { registerOwnClient } from '../../src/operations/own-client.ts'
import { createRegistrationToken, revokeRegistrationToken } from '../../src/operations/registration-tokens.ts'
import { findClient } from '../../src/records/clients/clients-store.ts'
import { startSignet } from '../support/idp.ts'
import { authorizationParameters, passPages, pkce, signIn } from '../support/journey.ts'
import { ownMetadata, register, registered, send } from '../support/registration.ts'

/* Clients that register themselves (RFC 7591, RFC 7592): a whole life, and what an operator decides about it. */
const idp = await startSignet(t, { SIGNET_REGISTRATION: 'open' })
const { database } = idp.signet
const operator = { kind: 'operator', by: 'test' } as const
const eventsOf = async (clientId: string) => {
  const { rows } = await database.query<{ type: string; detail: Record<string, unknown>; network: string | null }>({
    text: `SELECT type, detail, network FROM events WHERE client_id = $1 AND type LIKE 'client%' ORDER BY id`,
    values: [clientId],
  })
  return rows
}

t.test(
  'a client registers itself, signs somebody in, refreshes, reads, replaces and deletes its registration',
  async (t) => {
    const registration = await registered(idp, { grant_types: ['authorization_code', 'refresh_token'] })
    const { body, client } = registration
    t.match(body, {
      client_id: /^client_[\w-]{22}$/,
      client_id_issued_at: Number,
      client_secret: /^[\w-]{43}$/,
      client_secret_expires_at: 0,
      registration_access_token: /^[\w-]{43}$/,
      registration_client_uri: `${idp.issuer}/register/${body.client_id}`,
      client_name: 'Notes',
      token_endpoint_auth_method: 'client_secret_basic',
      response_types: ['code'],
      require_pkce: false,
      id_token_signed_response_alg: 'RS256',
      scope: 'openid profile email address phone offline_access',
    })
    for (const name of ['first_party', 'groups', 'resources', 'jwks', 'logo_uri'])
      t.notOk(Object.hasOwn(body, name), name)

    const { redeem, browser, person } = await signIn(idp, client, {
      parameters: { code_challenge: '', code_challenge_method: '', scope: 'openid offline_access' },
    })
    const tokens = await redeem(undefined, { code_verifier: '' })
    t.equal(tokens.status, 200, JSON.stringify(tokens.body))
    const refreshed = await idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.body.refresh_token })
    t.equal(refreshed.status, 200)

    const read = await registration.read()
    t.equal(read.status, 200)
    t.equal(read.headers.get('cache-control'), 'no-store')
    const { client_secret: secret, client_secret_expires_at: _, ...others } = body
    t.same(read.body, others, 'everything but the secret, of which only the digest is known')
    const { rows } = await database.query<{ issued: number }>({
      text: 'SELECT floor(extract(epoch FROM registered_at))::int AS issued FROM client_registrations WHERE client_id = $1',
      values: [body.client_id],
    })
    t.equal(body.client_id_issued_at, rows[0]?.issued)

    const replaced = await registration.replace({
      ...ownMetadata,
      client_secret: secret,
      client_name: 'Better notes',
      grant_types: ['authorization_code', 'refresh_token'],
      contacts: ['a@notes.example'],
    })
    t.equal(replaced.status, 200, JSON.stringify(replaced.body))
    t.match(replaced.body, { client_name: 'Better notes', contacts: ['a@notes.example'], client_secret: secret })
    const reset = await registration.replace(ownMetadata)
    t.match(
      reset.body,
      { client_name: 'Notes', contacts: undefined, grant_types: ['authorization_code'] },
      'what is left out gets its default',
    )
    t.equal(Object.hasOwn(reset.body, 'client_secret'), false)

    // The name changed twice since the person gave consent.
    const parameters = authorizationParameters(client, pkce(), { scope: 'openid' })
    const asked = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
    t.match(asked.text, 'id="allow"', 'the person is asked again')
    t.match((await passPages(browser, asked, person)).location, 'code=')
    const again = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
    t.match(again.location, 'code=', 'and only once')

    const deleted = await registration.delete()
    t.equal(deleted.status, 204)
    t.equal((await registration.read()).status, 401)
    t.equal((await registration.delete()).status, 401)
    t.match(await eventsOf(body.client_id), [
      { type: 'client_created', detail: { name: 'Notes', self_registered: true }, network: '127.0.0.1' },
      { type: 'client_updated', network: '127.0.0.1' },
      { type: 'client_updated', network: '127.0.0.1' },
      { type: 'client_deleted', network: '127.0.0.1' },
    ])
  },
)

t.test(
  'an app without a secret registers as MCP clients do, and gets tokens for an API that is open to it',
  async (t) => {
    await idp.resource('https://mcp.example/mcp', ['tools:call'], { selfRegisteredClients: true })
    await idp.resource('https://private.example', ['private:read'])
    const { client, body } = await registered(idp, {
      redirect_uris: ['http://127.0.0.1:33418/callback'],
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      scope: 'openid offline_access tools:call private:read no-such-scope',
    })
    t.match(body, { application_type: 'native', require_pkce: true, scope: 'openid offline_access tools:call' })
    t.equal(Object.hasOwn(body, 'client_secret'), false)
    const { redeem, response } = await signIn(idp, client, {
      parameters: {
        scope: 'offline_access tools:call',
        resource: 'https://mcp.example/mcp',
        redirect_uri: 'http://127.0.0.1:9/callback',
      },
    })
    t.equal(response.get('error'), null)
    const { body: tokens } = await redeem()
    t.match(tokens, { scope: /tools:call/, refresh_token: String })
    const [, claims = ''] = tokens.access_token.split('.')
    t.match(JSON.parse(Buffer.from(claims, 'base64url').toString()), { aud: 'https://mcp.example/mcp' })

    await idp.resource('https://mcp.example/mcp', ['tools:call'], { selfRegisteredClients: false })
    const refused = await idp.token(client, {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token,
      resource: 'https://mcp.example/mcp',
    })
    t.equal(refused.status, 400, 'closing the API takes it from all of them')
  },
)

t.test('with initial access tokens, only those who have one register', async (t) => {
  const node = await idp.another({ SIGNET_REGISTRATION: 'token' })
  const url = `http://127.0.0.1:${node.signet.settings.port}/register`
  const post = (token?: string) => send(url, 'POST', ownMetadata, token === undefined ? {} : { token })
  const { token, stored } = await createRegistrationToken(idp.signet, operator, { ttl: 3600, maxUses: 2, note: 'CI' })

  const without = await post()
  t.match([without.status, without.body.error], [401, 'invalid_token'])
  t.equal(without.headers.get('www-authenticate'), 'Bearer realm="Signet"')
  const wrong = await post('a'.repeat(43))
  t.match([wrong.status, wrong.headers.get('www-authenticate')], [401, 'Bearer realm="Signet", error="invalid_token"'])
  t.equal(
    (await send(url, 'POST', { redirect_uris: [] }, { token })).status,
    400,
    'a failed registration uses nothing up',
  )
  const first = await post(token)
  t.equal(first.status, 201)
  t.match(await eventsOf(first.body.client_id), [{ detail: { initial_token: stored.id } }])
  t.equal((await post(token)).status, 201)
  t.equal((await post(token)).status, 401)

  const another = await createRegistrationToken(idp.signet, operator, {
    ttl: 3600,
    maxUses: undefined,
    note: undefined,
  })
  t.equal((await post(another.token)).status, 201)
  t.equal(await revokeRegistrationToken(idp.signet, operator, another.stored.id), 'revoked')
  t.equal(await revokeRegistrationToken(idp.signet, operator, another.stored.id), 'no_such_token')
  t.equal((await post(another.token)).status, 401)
})

t.test('while registration is closed, nobody registers, and those who have registered can still leave', async (t) => {
  const { body } = await registered(idp)
  const node = await idp.another({ SIGNET_REGISTRATION: 'closed' })
  const base = `http://127.0.0.1:${node.signet.settings.port}`
  const refused = await send(`${base}/register`, 'POST', ownMetadata)
  t.match([refused.status, refused.body.error], [403, 'access_denied'])
  const discovery = async (url: string) => (await fetch(`${url}/.well-known/openid-configuration`)).json()
  t.equal(Object.hasOwn((await discovery(base)) as object, 'registration_endpoint'), false)
  t.match(await discovery(idp.issuer), { registration_endpoint: `${idp.issuer}/register` })
  const own = `${base}/register/${body.client_id}`
  const token = body.registration_access_token
  t.equal((await send(own, 'GET', undefined, { token })).status, 200)
  t.equal((await send(own, 'PUT', { ...ownMetadata, client_id: body.client_id }, { token })).status, 200)
  t.equal((await send(own, 'DELETE', undefined, { token })).status, 204)
})

t.test('an operator can change such a client, but not beyond what it could have itself', async (t) => {
  const { client } = await registered(idp)
  const change = (changes: object) => changeClient(idp.signet, operator, client.client_id, { ...changes })
  t.match(await change({ client_name: 'Renamed' }), { client: { client_name: 'Renamed' } })
  for (const changes of [
    { first_party: true },
    { grant_types: ['authorization_code', 'client_credentials'] },
    { resources: ['https://private.example'] },
    { scope: 'openid private:read' },
    { scope: 'openid groups' },
  ])
    await t.rejects(change(changes), /signet clients adopt/, JSON.stringify(changes))
})

t.test(
  'an adopted client keeps what it could request, and gets back nothing of an API that was closed before',
  async (t) => {
    await idp.resource('https://closed.example', ['closed:read'], { selfRegisteredClients: true })
    await idp.resource('https://open.example', ['open:read'], { selfRegisteredClients: true })
    const { client, read, body } = await registered(idp, { scope: 'openid closed:read open:read' })
    await idp.resource('https://closed.example', ['closed:read'], { selfRegisteredClients: false })
    t.equal((await read()).body.scope, 'openid open:read')
    t.match(
      await changeClient(idp.signet, operator, client.client_id, { client_name: 'Still changed' }),
      { client: { client_name: 'Still changed' } },
      'an operator can still change it',
    )
    t.equal(await adoptClient(idp.signet, operator, client.client_id), 'adopted')
    const adopted = await findClient(database, client.client_id)
    t.match(adopted, { isSelfRegistered: false, scope: 'openid open:read', client_name: 'Still changed' })
    t.ok(adopted?.resources.includes('https://open.example'))
    t.notOk(adopted?.resources.includes('https://closed.example'))
    t.equal((await read()).status, 401, 'its registration access token is void')
    t.match(await changeClient(idp.signet, operator, client.client_id, { first_party: true }), {
      client: { first_party: true },
    })
    t.match((await eventsOf(body.client_id)).at(-2), { type: 'client_adopted' })
  },
)

t.test('a confidential client can become public, and gets a secret again when it asks for one', async (t) => {
  const registration = await registered(idp)
  const becamePublic = await registration.replace({ ...ownMetadata, token_endpoint_auth_method: 'none' })
  t.match(becamePublic.body, { token_endpoint_auth_method: 'none', require_pkce: true })
  t.equal(Object.hasOwn(becamePublic.body, 'client_secret'), false)
  const back = await registration.replace({ ...ownMetadata, token_endpoint_auth_method: 'client_secret_post' })
  t.match(back.body, { client_secret: /^[\w-]{43}$/, client_secret_expires_at: 0 })
  t.not(back.body.client_secret, registration.body.client_secret)
})

t.test('a script in a browser registers itself', async (t) => {
  const headers = { origin: 'https://inspector.example' }
  const preflight = await fetch(`${idp.issuer}/register`, {
    method: 'OPTIONS',
    headers: { ...headers, 'access-control-request-method': 'POST' },
  })
  t.equal(preflight.status, 204)
  const { status, headers: answered, body } = await register(idp, ownMetadata, headers)
  t.equal(status, 201)
  t.equal(answered.get('access-control-allow-origin'), '*')
  t.equal(answered.get('access-control-allow-credentials'), null)
  const own = await fetch(body.registration_client_uri, {
    method: 'OPTIONS',
    headers: { ...headers, 'access-control-request-method': 'DELETE' },
  })
  t.match(own.headers.get('access-control-allow-methods'), 'DELETE')
})

t.test('an algorithm whose first key does not sign yet cannot be registered', async (t) => {
  const keyRing = { ...idp.signet.keyRing, activeAlgorithms: () => ['ES256', 'RS256'] as const }
  const attempt = (metadata: object) =>
    registerOwnClient({ ...idp.signet, keyRing }, { requestId: 'request', network: '127.0.0.1' }, undefined, {
      redirect_uris: ['https://app.example/callback'],
      ...metadata,
    })
  for (const name of ['id_token_signed_response_alg', 'userinfo_signed_response_alg'])
    await t.rejects(attempt({ [name]: 'PS256' }), { message: new RegExp(`${name} PS256 is not supported yet`) })
  for (const alg of ['ES256', 'RS256', 'HS256'])
    t.match(await attempt({ id_token_signed_response_alg: alg }), { client: { id_token_signed_response_alg: alg } })
})
