import t from 'tap'
import { basic, type Idp, type Reply, startSignet, type TestClient } from '../support/idp.ts'
import { signIn } from '../support/journey.ts'

const api = 'https://notes.example'

async function post(idp: Idp, path: string, client: TestClient, form: Record<string, string>): Promise<Reply> {
  const body = new URLSearchParams(client.secret ? form : { ...form, client_id: client.client_id })
  const headers = client.secret ? { authorization: basic(client.client_id, client.secret) } : undefined
  const response = await fetch(`${idp.issuer}${path}`, { method: 'POST', body, ...(headers ? { headers } : {}) })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

t.test('introspecting and revoking tokens', async (t) => {
  const idp = await startSignet(t)
  const server = await idp.client({ grant_types: ['client_credentials'], scope: '' })
  await idp.resource(api, ['notes:read'], { servedBy: [server.client_id] })
  const client = await idp.client({ resources: [api], scope: 'openid offline_access notes:read' })
  const stranger = await idp.client()
  const app = await idp.client({ token_endpoint_auth_method: 'none' })
  const introspect = (who: TestClient, token: string) => post(idp, '/introspect', who, { token })
  const revoke = (who: TestClient, token: string, hint = '') =>
    post(idp, '/revoke', who, { token, token_type_hint: hint })
  const tokensOf = async (who: TestClient, scope = 'openid offline_access notes:read') =>
    (await (await signIn(idp, who, { parameters: { scope } })).redeem()).body

  t.test('a client that has nothing to do with a token learns nothing about it', async (t) => {
    const { access_token, refresh_token, id_token } = await tokensOf(client)
    for (const token of [access_token, refresh_token])
      t.same((await introspect(stranger, token)).body, { active: false })
    t.same(
      (await introspect(server, refresh_token)).body,
      { active: false },
      'an API has nothing to do with refresh tokens',
    )
    for (const token of [id_token, 'rubbish', '', `${access_token}x`, access_token.slice(0, -2)].filter(Boolean))
      t.same((await introspect(client, token)).body, { active: false })
    t.match(await introspect(app, access_token), { status: 400, body: { error: 'unauthorized_client' } })
    t.match(await post(idp, '/introspect', { ...client, secret: 'wrong' }, { token: access_token }), { status: 401 })
    t.match(await post(idp, '/introspect', client, {}), { status: 400, body: { error: 'invalid_request' } })
  })

  t.test('a grant that was opened while its account was being deleted is useless', async (t) => {
    const journey = await signIn(idp, client)
    const { access_token, refresh_token } = (await journey.redeem()).body
    await idp.signet.database.query('UPDATE accounts SET deleted_at = now() WHERE sub = $1', [journey.person.sub])
    for (const token of [access_token, refresh_token]) t.same((await introspect(client, token)).body, { active: false })
  })

  t.test('the client that a token was issued to, and the API that it is for, learn its contents', async (t) => {
    const { access_token, refresh_token } = await tokensOf(client)
    for (const who of [client, server]) {
      const { status, body, headers } = await introspect(who, access_token)
      t.equal(status, 200)
      t.equal(headers.get('cache-control'), 'no-store')
      t.match(body, { active: true, aud: api, client_id: client.client_id, scope: 'notes:read', token_type: 'Bearer' })
    }
    t.match((await introspect(client, refresh_token)).body, { active: true, client_id: client.client_id })
  })

  t.test('a user name is included only if the token has the scope that includes it at userinfo, too', async (t) => {
    const apps = await idp.client({ resources: [api], scope: 'openid profile email offline_access notes:read' })
    const introspected = async (scope: string, resource?: string) => {
      const journey = await signIn(idp, apps, { parameters: { scope } })
      const { access_token, refresh_token } = (await journey.redeem(journey.code, resource ? { resource } : {})).body
      const asked = (token: string) => introspect(apps, token).then(({ body }) => body)
      return { journey, access: await asked(access_token), refresh: await asked(refresh_token) }
    }
    for (const scope of ['openid offline_access', 'openid email offline_access', 'offline_access']) {
      const { access, refresh } = await introspected(scope)
      t.match([access, refresh], [{ active: true }, { active: true }], scope)
      t.notOk('username' in access || 'username' in refresh, scope)
    }
    const { journey, access } = await introspected('openid profile offline_access')
    t.match(access, { active: true, username: journey.person.username })
    const forApi = await introspected('openid profile offline_access notes:read', api)
    t.match(forApi.access, { active: true, aud: api, scope: 'notes:read' })
    t.notOk('username' in forApi.access, 'the grant has the scope, but this token does not')
  })

  t.test('revoking the refresh token ends the access token too, and the reverse', async (t) => {
    for (const given of ['refresh_token', 'access_token'] as const) {
      const tokens = await tokensOf(client)
      t.equal((await revoke(client, tokens[given], 'made_up_hint')).status, 200)
      t.equal((await revoke(client, tokens[given])).status, 200, 'revoking twice is not an error')
      for (const token of [tokens.access_token, tokens.refresh_token])
        t.same((await introspect(client, token)).body, { active: false })
      t.match(await idp.token(client, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }), {
        status: 400,
      })
    }
  })

  t.test('a token of another client is refused and stays active; rubbish is not an error', async (t) => {
    const { access_token } = await tokensOf(client)
    t.match(await revoke(stranger, access_token), { status: 400, body: { error: 'invalid_grant' } })
    t.match((await introspect(client, access_token)).body, { active: true })
    t.equal((await revoke(stranger, 'rubbish')).status, 200)
  })

  t.test('a public client revokes its own tokens; one machine cannot stop the others', async (t) => {
    const { refresh_token } = await tokensOf(app, 'openid offline_access')
    t.equal((await revoke(app, refresh_token)).status, 200)
    t.match(await idp.token(app, { grant_type: 'refresh_token', refresh_token }), { status: 400 })
    const { body } = await idp.token(server, { grant_type: 'client_credentials' })
    t.match(await revoke(server, body.access_token), { status: 400, body: { error: 'unsupported_token_type' } })
  })

  t.test('tokens of a disabled account are not active', async (t) => {
    const { access_token, refresh_token } = await tokensOf(client)
    await idp.signet.database.query('UPDATE accounts SET disabled_at = now()')
    for (const token of [access_token, refresh_token]) t.same((await introspect(client, token)).body, { active: false })
    await idp.signet.database.query('UPDATE accounts SET disabled_at = NULL')
  })
})
