import { request as httpRequest } from 'node:http'
import t from 'tap'
import { createRegistrationToken } from '../../src/operations/registration-tokens.ts'
import { inTransaction } from '../../src/platform/database/queryable.ts'
import { deleteRegistration } from '../../src/records/clients/client-registrations-store.ts'
import { findClient, lockClient } from '../../src/records/clients/clients-store.ts'
import { deviceRequestsPerNetwork, registrationsPerNetwork } from '../../src/records/limits/limit-counters.ts'
import { deviceGrants, openRequest, startDevice } from '../support/device.ts'
import { eventually } from '../support/eventually.ts'
import { type Reply, startSignet } from '../support/idp.ts'
import { authorizationParameters, pkce, signIn } from '../support/journey.ts'
import { ownMetadata, register, registered, send } from '../support/registration.ts'

/* Clients that register themselves as a means to phish, to fill tables, and to gain what an operator gives (RFC 7591 §5, RFC 7592 §5). */
const idp = await startSignet(t, { SIGNET_REGISTRATION: 'open', SIGNET_NAME: 'Acme Bank' })
const { database } = idp.signet
const operator = { kind: 'operator', by: 'test' } as const
await idp.resource('https://mcp.example', ['tools:call'], { selfRegisteredClients: true })
await idp.resource('https://payroll.example', ['salaries:read'])

const errorOf = ({ status, body }: Reply) => [status, body?.error]
const clients = async () => {
  const { rows } = await database.query<{ count: number }>({ text: 'SELECT count(*) FROM clients' })
  return rows[0]?.count
}
const withMetadata = (metadata: object) => register(idp, { ...ownMetadata, ...metadata })
/** A node of its own database, because what is counted here would refuse other tests. */
const freshIdp = (environment: Record<string, string> = {}) =>
  startSignet(t, { SIGNET_REGISTRATION: 'open', ...environment })

t.test('a client cannot be named as the provider, whatever the spelling', async (t) => {
  for (const client_name of [
    'Acme Bank',
    'ACME BANK',
    ' acme-bank ',
    'Ａｃｍｅ Ｂａｎｋ',
    'Acme\u00a0Bank',
    'Acme\u00adBank',
    'Acme\u3164Bank',
    'Acme\u115f Bank',
    'Acme\uffa0Bank',
    idp.issuer,
    new URL(idp.issuer).host,
    'Acme Bank™'.replace('™', '!'),
  ])
    t.same(errorOf(await withMetadata({ client_name })), [400, 'invalid_client_metadata'], client_name)
  const { replace } = await registered(idp)
  t.same(
    errorOf(await replace({ ...ownMetadata, client_name: 'acmebank' })),
    [400, 'invalid_client_metadata'],
    'nor later',
  )
  for (const client_name of ['Acme\nBank', 'Ac\u202eme', '', '\u3164', '\u2800 ', '\u200b', '\u00ad'])
    t.same(errorOf(await withMetadata({ client_name })), [400, 'invalid_client_metadata'], JSON.stringify(client_name))
  t.equal((await withMetadata({ 'client_name#de': 'Acme Bank' })).status, 201, 'other languages are not used at all')
})

t.test('people are told that nobody has checked it, on every page that names it', async (t) => {
  const { client } = await registered(idp, { client_name: 'Acme Bank Support' })
  const warning = 'This application registered itself. <bdi>Acme Bank</bdi> does not know who is behind it.'
  const browser = idp.browser()
  const person = await idp.person()
  const parameters = authorizationParameters(client, pkce(), { scope: 'openid' })
  const first = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(parameters)}`))
  t.match(first.text, warning, 'sign-in')
  const page = await browser.follow(
    await browser.submit(first, 'sign-in', { username: person.username, password: person.password }),
  )
  t.match(page.text, warning, 'consent')
  t.match(page.text, '<bdi class="host">app.example</bdi>')
  const other = await idp.client()
  const trusted = await browser.follow(
    await browser.get(`/authorize?${new URLSearchParams(authorizationParameters(other, pkce(), { scope: 'openid' }))}`),
  )
  t.notMatch(trusted.text, 'registered itself')
})

t.test(
  'a link to /logout leads to no address and shows no name of such a client, unless it has an ID token',
  async (t) => {
    const bye = 'https://phish.example/bye'
    const evil = {
      client_name: 'Acme Bank Security',
      post_logout_redirect_uris: [bye],
      client_uri: 'https://phish.example',
    }
    const { client } = await registered(idp, evil)
    const link = (more: object) =>
      `/logout?${new URLSearchParams({ client_id: client.client_id, post_logout_redirect_uri: bye, ...more })}`
    const isSilent = (text: string) => t.notMatch(text, /Acme Bank Security|phish\.example/)
    const stranger = await idp.browser().get(link({}))
    t.match(stranger, { status: 200, location: undefined })
    isSilent(stranger.text)
    const { browser } = await signIn(idp, await idp.client())
    const asking = await browser.get(link({}))
    isSilent(asking.text)
    const done = await browser.submit(asking, 'confirm-logout')
    t.match(done, { status: 200, location: undefined })
    isSilent(done.text)

    const own = await signIn(idp, client, { parameters: { scope: 'openid' } })
    const hint = (await own.redeem()).body.id_token
    t.match(await idp.browser().get(link({ id_token_hint: hint })), { status: 303, location: bye })
    const page = (await idp.browser().get(`/logout?${new URLSearchParams({ id_token_hint: hint })}`)).text
    t.match(page, 'Acme Bank Security')
    t.match(page, 'This application registered itself.', 'with the notice')
  },
)

t.test('a consent for the host of somebody whom people trust sends no code to another host', async (t) => {
  const [trusted, evil] = ['https://brand.example/cb', 'https://evil.example/cb']
  const { client } = await registered(idp, { redirect_uris: [trusted, evil] })
  const { browser, code } = await signIn(idp, client, { parameters: { scope: 'openid' } })
  t.ok(code)
  const asked = { scope: 'openid', redirect_uri: evil }
  const silent = authorizationParameters(client, pkce(), { ...asked, prompt: 'none' })
  const { location = '' } = await browser.get(`/authorize?${new URLSearchParams(silent)}`)
  t.equal(new URL(location).searchParams.get('error'), 'consent_required')
  const page = await browser.follow(
    await browser.get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), asked))}`),
  )
  t.match(page.text, '<bdi class="host">evil.example</bdi>')
  t.match(page.text, 'id="allow"')
})

t.test('what a person allowed a client at one host does not come back with something small at another', async (t) => {
  const evil = 'https://evil.example/cb'
  const { client, replace } = await registered(idp)
  const { browser, person } = await signIn(idp, client, { parameters: { scope: 'openid tools:call' } })
  await replace({ ...ownMetadata, redirect_uris: [evil] })
  const small = await signIn(idp, client, { browser, person, parameters: { scope: 'openid', redirect_uri: evil } })
  t.ok(small.code)
  for (const [scope, error] of [
    ['openid', null],
    ['openid tools:call', 'consent_required'],
  ] as const) {
    const asked = authorizationParameters(client, pkce(), { scope, redirect_uri: evil, prompt: 'none' })
    const { location = '' } = await browser.get(`/authorize?${new URLSearchParams(asked)}`)
    t.equal(new URL(location).searchParams.get('error'), error, scope)
  }
})

t.test('a client that nobody has allowed anything does not learn when and how its visitors signed in', async (t) => {
  const { client } = await registered(idp)
  const { browser } = await signIn(idp, await idp.client())
  const essential = JSON.stringify({ id_token: { acr: { essential: true, value: 'aal2' } } })
  for (const more of [{}, { max_age: '0' }, { max_age: '100000' }, { acr_values: 'aal2' }, { claims: essential }]) {
    const asked = authorizationParameters(client, pkce(), { scope: 'openid', prompt: 'none', ...more })
    const { location = '' } = await browser.get(`/authorize?${new URLSearchParams(asked)}`)
    t.equal(new URL(location).searchParams.get('error'), 'consent_required', JSON.stringify(more))
  }
})

t.test('what only an operator gives cannot be registered, neither at first nor by a change', async (t) => {
  const greedy = {
    first_party: true,
    groups: ['*'],
    resources: ['https://payroll.example'],
    scope: 'openid groups roles salaries:read tools:call admin signet:admin',
    grant_types: [
      'authorization_code',
      'client_credentials',
      'urn:ietf:params:oauth:grant-type:token-exchange',
      'implicit',
    ],
    response_types: ['code', 'token', 'id_token token'],
    isSelfRegistered: false,
    self_registered: false,
    client_secret: 'chosen-by-me-chosen-by-me-chosen',
    client_id: 'client_chosen',
    standing_grant: 'x',
    id: 1,
  }
  const check = async (clientId: string) => {
    const { rows } = await database.query({
      text: 'SELECT first_party, groups, resources, scope, grant_types, response_types, self_registered FROM clients WHERE client_id = $1',
      values: [clientId],
    })
    t.same(rows, [
      {
        ...{ first_party: false, groups: [], resources: ['https://mcp.example'], scope: 'openid tools:call' },
        ...{ grant_types: ['authorization_code'], response_types: ['code'], self_registered: true },
      },
    ])
  }
  const made = await withMetadata(greedy)
  t.equal(made.status, 201)
  t.not(made.body.client_id, 'client_chosen')
  t.not(made.body.client_secret, greedy.client_secret)
  await check(made.body.client_id)
  const { body, replace } = await registered(idp)
  const { client_id: _, client_secret: _secret, ...changes } = greedy
  t.equal((await replace({ ...ownMetadata, ...changes })).status, 200)
  await check(body.client_id)

  for (const grant_types of [['client_credentials'], ['implicit'], ['password']])
    t.same(errorOf(await withMetadata({ grant_types })), [400, 'invalid_client_metadata'], grant_types.join())
  t.same(errorOf(await withMetadata({ response_types: ['id_token'] })), [400, 'invalid_client_metadata'])
  t.same(
    errorOf(await withMetadata({ token_endpoint_auth_method: 'none', require_pkce: false })),
    [400, 'invalid_client_metadata'],
    'a public client without PKCE',
  )
  await t.rejects(
    database.query({ text: 'UPDATE clients SET first_party = true WHERE client_id = $1', values: [body.client_id] }),
    /clients_self_registered_check/,
    'no other statement can do it either',
  )
})

t.test('a client that is given a resource in no way can request it', async (t) => {
  const { client } = await registered(idp)
  const asked = authorizationParameters(client, pkce(), { scope: 'openid', resource: 'https://payroll.example' })
  const browser = idp.browser()
  const { location = '' } = await browser.follow(await browser.get(`/authorize?${new URLSearchParams(asked)}`))
  t.equal(new URL(location).searchParams.get('error'), 'invalid_target')
  const machine = await idp.token(client, { grant_type: 'client_credentials' })
  t.same(errorOf(machine), [400, 'unauthorized_client'])
})

t.test(
  'no redirect URI is registered that leads to a script, to another app, in the clear or in two ways',
  async (t) => {
    const invalidUris = [
      ...[
        'javascript:alert(1)',
        'data:text/html,x',
        'vbscript:x',
        'file:///etc/passwd',
        'blob:https://a.example/x',
        'about:blank',
      ],
      ...[
        'http://app.example/cb',
        'http://127.0.0.1.evil.example/',
        'http://10.0.0.1/cb',
        'https://app.example/cb#x',
        'https://app.example/#',
      ],
      ...[
        'https://user@app.example/cb',
        'https://*.example/cb',
        'https://app.example/../cb',
        '/cb',
        '',
        'https://app.example:25/cb',
      ],
      ...[
        'https://app.example/cb?code=x',
        'https://app.example/cb?iss=x',
        ' https://app.example/cb',
        'https:\\\\app.example/cb',
      ],
    ]
    for (const uri of invalidUris) {
      t.same(errorOf(await withMetadata({ redirect_uris: [uri] })), [400, 'invalid_redirect_uri'], uri)
      const native = {
        redirect_uris: ['https://app.example/cb', uri],
        application_type: 'native',
        token_endpoint_auth_method: 'none',
      }
      t.same(errorOf(await withMetadata(native)), [400, 'invalid_redirect_uri'], `${uri}, beside a good one`)
    }
    // Any app can claim these. Editors send them beside others, which are registered.
    for (const uri of [
      'vscode://vscode.github-authentication/did-authenticate',
      'cursor://anysphere.cursor-mcp/oauth/callback',
      'myapp:/cb',
    ]) {
      const native = { application_type: 'native', token_endpoint_auth_method: 'none' }
      t.same(errorOf(await withMetadata({ ...native, redirect_uris: [uri] })), [400, 'invalid_redirect_uri'], uri)
      const { status, body } = await withMetadata({ ...native, redirect_uris: ['https://app.example/cb', uri] })
      t.strictSame([status, body.redirect_uris], [201, ['https://app.example/cb']], `${uri}, beside a good one`)
    }
    for (const redirect_uris of [[], undefined])
      t.same(errorOf(await register(idp, { client_name: 'Notes', redirect_uris })), [400, 'invalid_redirect_uri'])
    for (const member of [
      'client_uri',
      'logo_uri',
      'policy_uri',
      'tos_uri',
      'initiate_login_uri',
      'jwks_uri',
      'sector_identifier_uri',
    ])
      for (const uri of [
        'javascript:alert(1)',
        'http://app.example/x',
        'https://user:password@app.example/',
        'data:,x',
      ])
        t.same(errorOf(await withMetadata({ [member]: uri })), [400, 'invalid_client_metadata'], `${member}: ${uri}`)
  },
)

t.test('nothing of a client is at the origin of the provider, where people and our own forms trust it', async (t) => {
  const own = `${idp.issuer}/logout/confirm`
  t.same(errorOf(await withMetadata({ redirect_uris: [own] })), [400, 'invalid_redirect_uri'])
  t.same(errorOf(await withMetadata({ redirect_uris: ['https://app.example/cb', own] })), [400, 'invalid_redirect_uri'])
  t.same(errorOf(await withMetadata({ post_logout_redirect_uris: [own] })), [400, 'invalid_client_metadata'])
  t.same(
    errorOf(await (await registered(idp)).replace({ ...ownMetadata, redirect_uris: [own] })),
    [400, 'invalid_redirect_uri'],
    'nor later',
  )
  t.equal(
    (await withMetadata({ redirect_uris: ['http://localhost:4321/cb'] })).status,
    201,
    'another port is another app',
  )
})

t.test('a response in a form that submits itself never goes to our own forms', async (t) => {
  // One of an operator, or one that gets there by its loopback port.
  const client = await idp.client({ redirect_uris: [`${idp.issuer}/logout/confirm`] })
  const { browser } = await signIn(idp, await idp.client())
  const silent = { scope: 'openid', prompt: 'none', response_mode: 'form_post' }
  const answer = await browser.get(`/authorize?${new URLSearchParams(authorizationParameters(client, pkce(), silent))}`)
  t.equal(answer.status, 303)
  t.match(answer.location, `${idp.issuer}/logout/confirm?error=consent_required`)
  t.notMatch(answer.text, '<form')
  t.match((await browser.get('/')).text, 'id="sign-out"', 'still signed in')
})

t.test('bodies that are not one strict JSON object are refused, and nothing is stored', async (t) => {
  const before = await clients()
  const { body } = await registered(idp)
  const deep = `{"redirect_uris":["https://app.example/cb"],"x":${'['.repeat(5000)}${']'.repeat(5000)}}`
  const bodies: Record<string, string> = {
    'a duplicate member': '{"redirect_uris":["https://app.example/cb"],"redirect_uris":["https://evil.example/cb"]}',
    'a duplicate in depth': '{"redirect_uris":["https://app.example/cb"],"jwks":{"keys":[],"keys":[]}}',
    __proto__: '{"__proto__":{"first_party":true},"redirect_uris":["https://app.example/cb"]}',
    '__proto__ in depth': '{"redirect_uris":["https://app.example/cb"],"jwks":{"__proto__":{}}}',
    'no object': '["https://app.example/cb"]',
    null: 'null',
    'a number': '1',
    'no JSON': 'redirect_uris=https://app.example/cb',
    'two documents': '{}{}',
    'a comment': '{"redirect_uris":["https://app.example/cb"]/**/}',
    deep: deep,
    half: '{"redirect_uris":["https://app.example/cb"]',
    empty: '',
  }
  for (const [about, text] of Object.entries(bodies)) {
    t.same(errorOf(await register(idp, text)), [400, 'invalid_client_metadata'], about)
    const put = await send(body.registration_client_uri, 'PUT', text, { token: body.registration_access_token })
    t.same(errorOf(put), [400, 'invalid_client_metadata'], `${about}, as a change`)
  }
  const large = await register(idp, { ...ownMetadata, x: 'x'.repeat(40_000) })
  t.same(errorOf(large), [413, 'invalid_request'])
  t.equal(
    (await withMetadata({ constructor: { prototype: { first_party: true } }, toString: 1, hasOwnProperty: 1 })).status,
    201,
  )
  t.equal(({} as { first_party?: boolean }).first_party, undefined)
  t.equal(await clients(), (before ?? 0) + 2)
})

t.test('values of wrong types are refused without a failure', async (t) => {
  const members = [
    ...[
      'client_name',
      'redirect_uris',
      'grant_types',
      'response_types',
      'scope',
      'token_endpoint_auth_method',
      'jwks',
      'jwks_uri',
    ],
    ...[
      'application_type',
      'contacts',
      'logo_uri',
      'default_max_age',
      'require_auth_time',
      'default_acr_values',
      'request_uris',
    ],
    ...[
      'subject_type',
      'sector_identifier_uri',
      'id_token_signed_response_alg',
      'software_id',
      'require_pkce',
      'initiate_login_uri',
    ],
  ]
  for (const member of members)
    for (const value of [
      {},
      [[]],
      [{}],
      -1,
      1e300,
      true,
      'x'.repeat(3000),
      ['a', 1],
      { keys: 'x' },
      { keys: [null] },
      [null],
    ]) {
      const { status } = await withMetadata({ [member]: value })
      t.ok(status === 400 || status === 201, `${member}: ${JSON.stringify(value)?.slice(0, 40)}: ${status}`)
    }
})

t.test('only JSON is read, and only with the methods of the specification', async (t) => {
  const types = [
    'application/x-www-form-urlencoded',
    'text/plain',
    'application/jwt',
    'multipart/form-data; boundary=x',
    'text/json',
    'application/json-patch+json',
  ]
  for (const type of types)
    t.same(errorOf(await register(idp, ownMetadata, { 'content-type': type })), [415, 'invalid_request'], type)
  t.equal((await register(idp, ownMetadata, { 'content-type': 'application/json; charset=utf-8' })).status, 201)
  const { body } = await registered(idp)
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH'] as const) {
    const { status, headers } = await send(`${idp.issuer}/register`, method)
    t.match([status, headers.get('allow')], [405, 'POST'], method)
  }
  for (const method of ['POST', 'PATCH'] as const) {
    const { status, headers } = await send(body.registration_client_uri, method, ownMetadata, {
      token: body.registration_access_token,
    })
    t.match([status, headers.get('allow')], [405, 'GET, HEAD, PUT, DELETE'], method)
  }
  t.equal((await send(`${idp.issuer}/register/`, 'GET')).status, 401, 'an empty client_id is an unknown one')
  t.equal((await send(`${body.registration_client_uri}/x`, 'GET')).status, 404)
})

t.test('a registration access token is good for its client only, and unknown clients look the same', async (t) => {
  const [mine, other] = [await registered(idp), await registered(idp)]
  const ofOperator = await idp.client()
  const token = mine.body.registration_access_token
  const attempts: [string, string, string | undefined][] = [
    ['another client', other.body.client_id, token],
    ['a client of the operator', ofOperator.client_id, token],
    ['an unknown client', 'client_AAAAAAAAAAAAAAAAAAAAAA', token],
    ['a wrong token', mine.body.client_id, 'A'.repeat(43)],
    ['its secret', mine.body.client_id, mine.body.client_secret],
    ['an empty digest', 'client_AAAAAAAAAAAAAAAAAAAAAA', ''],
    ['a client_id with SQL', "' OR 1=1 --", token],
    ['a long client_id', 'c'.repeat(5000), token],
    ['a client_id with NUL', 'a%00b', token],
  ]
  const answers = new Set<string>()
  for (const [about, clientId, given] of attempts)
    for (const method of ['GET', 'PUT', 'DELETE'] as const) {
      const url = `${idp.issuer}/register/${clientId.includes('%') ? clientId : encodeURIComponent(clientId)}`
      const sent = method === 'PUT' ? { ...ownMetadata, client_id: clientId } : undefined
      const { status, body, headers } = await send(url, method, sent, { authorization: `Bearer ${given}` })
      if (about === 'an empty digest' || about === 'a long client_id') t.equal(status, 400)
      else {
        t.equal(status, 401, `${method}: ${about}`)
        answers.add(JSON.stringify([body.error, body.error_description, headers.get('www-authenticate')]))
      }
    }
  t.equal(answers.size, 1, 'all answers are the same')
  t.match(JSON.parse([...answers][0] ?? ''), ['invalid_token', String, 'Bearer realm="Signet", error="invalid_token"'])
  const without = await send(mine.body.registration_client_uri, 'GET')
  t.match([without.status, without.headers.get('www-authenticate')], [401, 'Bearer realm="Signet"'])
  t.equal(
    (await send(`${mine.body.registration_client_uri}?access_token=${token}`, 'GET')).status,
    400,
    'never in the URL',
  )
  t.equal((await other.read()).status, 200)
})

t.test('an access token of a person, or of the registration of a deleted client, opens nothing', async (t) => {
  const gone = await registered(idp)
  const { redeem } = await signIn(idp, gone.client)
  const { body: tokens } = await redeem()
  t.equal((await send(gone.body.registration_client_uri, 'GET', undefined, { token: tokens.access_token })).status, 401)
  t.equal((await gone.delete()).status, 204)
  for (const answer of [await gone.read(), await gone.replace(ownMetadata), await gone.delete()])
    t.equal(answer.status, 401)
  // 400 from a node that has not been notified of the deletion yet, and knows the client for another moment.
  const refreshed = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? 'x' }
  t.match(String((await idp.token(gone.client, refreshed)).status), /^40[01]$/)
  const { status } = await fetch(`${idp.issuer}/userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  })
  t.equal(status, 401, 'what it issued has ended with it')
})

t.test('a client that an operator adopts at the same moment can neither delete nor change itself', async (t) => {
  for (const attempt of ['delete', 'replace'] as const) {
    const { body, client, ...own } = await registered(idp)
    let answer: Promise<Reply> | undefined
    await inTransaction(database, async (tx) => {
      await lockClient(tx, client.client_id)
      answer = own[attempt]({ ...ownMetadata, client_name: 'Other' })
      const [holder] = (await tx.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' })).rows
      await eventually('the request to have passed its first check', async () => {
        const text = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
        return (await database.query({ text, values: [holder?.pid] })).rows.length > 0
      })
      await deleteRegistration(tx, client.client_id)
    })
    t.match(await answer, { status: 401, body: { error: 'invalid_token' } }, attempt)
    t.match(await findClient(database, body.client_id), { client_name: ownMetadata.client_name })
  }
})

t.test('a change must name its client, and neither chooses a secret nor sets what the server issues', async (t) => {
  const { body, replace, read } = await registered(idp)
  const before = (await read()).body
  const own = (changes: object) =>
    send(body.registration_client_uri, 'PUT', changes, { token: body.registration_access_token })
  for (const changes of [
    ownMetadata,
    { ...ownMetadata, client_id: 'client_other' },
    { ...ownMetadata, client_id: [body.client_id] },
    { ...ownMetadata, client_id: body.client_id, client_secret: 'chosen-by-me-chosen-by-me-chosen-by-me' },
    { ...ownMetadata, client_id: body.client_id, client_secret: { length: 1 } },
    { ...ownMetadata, client_id: body.client_id, registration_access_token: body.registration_access_token },
    { ...ownMetadata, client_id: body.client_id, registration_client_uri: 'https://evil.example' },
    { ...ownMetadata, client_id: body.client_id, client_secret_expires_at: 0 },
    { ...ownMetadata, client_id: body.client_id, client_id_issued_at: 0 },
  ])
    t.same(errorOf(await own(changes)), [400, 'invalid_client_metadata'], JSON.stringify(changes))
  t.same((await read()).body, before, 'nothing has changed')
  t.equal((await replace({ ...ownMetadata, client_secret: body.client_secret })).status, 200)
})

t.test('an initial access token with two uses left registers two clients, however many try at once', async (t) => {
  const { token } = await createRegistrationToken(idp.signet, operator, { ttl: 3600, maxUses: 2, note: undefined })
  const all = await Promise.all(Array.from({ length: 12 }, () => register(idp, ownMetadata, { token })))
  const statuses = all.map(({ status }) => status).sort()
  t.same(statuses, [201, 201, ...Array.from({ length: 10 }, () => 401)])
  const { rows } = await database.query({ text: 'SELECT uses FROM registration_tokens WHERE max_uses = 2' })
  t.same(rows, [{ uses: 2 }])
})

t.test('an initial access token that has expired, or is wrong, is refused even where nobody needs one', async (t) => {
  const { token, stored } = await createRegistrationToken(idp.signet, operator, {
    ttl: 3600,
    maxUses: undefined,
    note: undefined,
  })
  await database.query({ text: `UPDATE registration_tokens SET expires_at = now() WHERE id = $1`, values: [stored.id] })
  for (const wrong of [token, 'x', 'A'.repeat(8000)])
    t.same(errorOf(await register(idp, ownMetadata, { token: wrong })), [401, 'invalid_token'], wrong.slice(0, 20))
  const { body } = await registered(idp)
  t.same(errorOf(await register(idp, ownMetadata, { token: body.registration_access_token })), [401, 'invalid_token'])
  for (const authorization of ['Bearer', 'Bearer a b', 'Bearer "x"'])
    t.same(errorOf(await register(idp, ownMetadata, { authorization })), [400, 'invalid_request'], authorization)
})

t.test('one network cannot fill the table, and what is refused is not stored', async (t) => {
  const own = await freshIdp()
  const { points } = registrationsPerNetwork
  await own.signet.database.query({ text: 'DELETE FROM rate_limits' })
  t.equal((await register(own)).status, 201)
  await own.signet.database.query({
    text: `UPDATE rate_limits SET points = $1 WHERE key LIKE 'registration-network:%'`,
    values: [points],
  })
  const { status, headers, body } = await register(own)
  t.match([status, body.error], [429, 'temporarily_unavailable'])
  t.match(headers.get('retry-after'), /^\d+$/)
  const { rows } = await own.signet.database.query({ text: 'SELECT count(*) FROM clients' })
  t.same(rows, [{ count: 1 }])
  const { token } = await createRegistrationToken(own.signet, operator, {
    ttl: 60,
    maxUses: undefined,
    note: undefined,
  })
  t.equal((await register(own, ownMetadata, { token })).status, 201, 'an initial access token is counted for itself')

  const { replace } = await registered(own, {}, token)
  await replace(ownMetadata)
  await own.signet.database.query({ text: `UPDATE rate_limits SET points = 60 WHERE key LIKE 'registration-change:%'` })
  t.same(
    errorOf(await replace(ownMetadata)),
    [429, 'temporarily_unavailable'],
    'changes write events, so they are counted too',
  )
  await own.signet.database.query({
    text: `UPDATE rate_limits SET points = 1000 WHERE key LIKE 'registration-change-network:%'`,
  })
  const other = await registered(own, {}, token)
  t.same(errorOf(await other.replace(ownMetadata)), [429, 'temporarily_unavailable'], 'by network as well')
  t.equal((await other.delete()).status, 204, 'it can still leave')
})

t.test('a client with a secret that it has registered itself cannot fill the table of device requests', async (t) => {
  const own = await freshIdp()
  const { client } = await registered(own, {
    grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
    token_endpoint_auth_method: 'client_secret_post',
  })
  const start = () =>
    fetch(`${own.issuer}/device_authorization`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: client.client_id, client_secret: client.secret ?? '' }),
    })
  t.equal((await start()).status, 200)
  const all = deviceRequestsPerNetwork.points
  const full = await own.signet.database.query({
    text: `UPDATE rate_limits SET points = $1 WHERE key LIKE 'device-request-network:%'`,
    values: [all],
  })
  t.ok(full.rowCount, 'it is counted for its network')
  t.equal((await start()).status, 429)
  await database.query({ text: `DELETE FROM rate_limits WHERE key LIKE 'device-request-network:%'` })
})

t.test('encryption and software statements are refused with their reason', async (t) => {
  for (const member of [
    ...['id_token_encrypted_response_alg', 'id_token_encrypted_response_enc', 'userinfo_encrypted_response_alg'],
    ...['userinfo_encrypted_response_enc', 'request_object_encryption_alg', 'request_object_encryption_enc'],
    'authorization_encrypted_response_alg',
  ]) {
    const answer = await withMetadata({ [member]: 'RSA-OAEP-256' })
    t.same(errorOf(answer), [400, 'invalid_client_metadata'], member)
    t.match(answer.body.error_description, member)
  }
  t.same(errorOf(await withMetadata({ software_statement: 'e30.e30.' })), [400, 'unapproved_software_statement'])
  t.equal((await withMetadata({ software_statement: null, id_token_encrypted_response_alg: null })).status, 201)
})

t.test('a private key is refused even if it is for encryption, and keys for encryption are not stored', async (t) => {
  const [sig, enc] = [
    {
      kty: 'EC',
      crv: 'P-256',
      kid: 's',
      use: 'sig',
      x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
      y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    },
    { kty: 'RSA', kid: 'e', use: 'enc', alg: 'RSA-OAEP', n: 'x', e: 'AQAB' },
  ]
  const { status, body } = await withMetadata({
    jwks: { keys: [sig, enc] },
    token_endpoint_auth_method: 'private_key_jwt',
  })
  t.equal(status, 201, JSON.stringify(body))
  t.match(body.jwks, { keys: [{ kid: 's' }] })
  t.equal(body.jwks.keys.length, 1)
  t.same(errorOf(await withMetadata({ jwks: { keys: [sig, { ...enc, d: 'x' }] } })), [400, 'invalid_client_metadata'])
  t.same(errorOf(await withMetadata({ jwks: { keys: [enc] }, token_endpoint_auth_method: 'private_key_jwt' })), [
    400,
    'invalid_client_metadata',
  ])
  t.same(errorOf(await withMetadata({ jwks: { keys: [sig] }, jwks_uri: 'https://app.example/jwks' })), [
    400,
    'invalid_client_metadata',
  ])
})

t.test('a client that changes what people see of it while a page is open gets nothing from that page', async (t) => {
  const anew = [
    { client_name: 'Payroll' },
    { logo_uri: 'https://app.example/logo.png' },
    { client_uri: 'https://app.example/' },
    { policy_uri: 'https://app.example/policy' },
  ]

  t.test('at the consent page', async (t) => {
    const { client, replace } = await registered(idp)
    const { browser } = await signIn(idp, await idp.client())
    const parameters = new URLSearchParams(authorizationParameters(client, pkce(), { scope: 'openid' }))
    for (const changes of anew) {
      const shown = await browser.follow(await browser.get(`/authorize?${parameters}`))
      t.equal((await replace({ ...ownMetadata, ...changes })).status, 200)
      const answer = await browser.follow(await browser.submit(shown, 'allow', { decision: 'allow' }))
      t.match(answer, { status: 200, text: /id="allow"/, location: undefined }, JSON.stringify(changes))
      t.match((await browser.get(`/authorize?${parameters}&prompt=none`)).location, 'error=consent_required')
    }
    const shown = await browser.follow(await browser.get(`/authorize?${parameters}`))
    t.equal((await replace({ ...ownMetadata, ...anew.at(-1), contacts: ['a@app.example'] })).status, 200)
    const answer = await browser.submit(shown, 'allow', { decision: 'allow' })
    t.match(answer.location, 'code=', 'what the page does not show may change')
  })

  t.test('at the page that connects a device', async (t) => {
    const own = { ...ownMetadata, grant_types: [...deviceGrants.grant_types, 'authorization_code'] }
    const { client, replace } = await registered(idp, own)
    const { browser, person } = await signIn(idp, await idp.client())
    const device = await startDevice(idp, client, { scope: 'openid' })
    const shown = await openRequest(browser, person, device)
    t.equal((await replace({ ...own, client_name: 'Payroll' })).status, 200)
    const answer = await browser.follow(await browser.submit(shown, 'allow', { decision: 'allow' }))
    t.match(answer, { status: 200, text: 'id="allow"' })
    t.match(answer.text, 'Payroll')
    t.match((await device.poll()).body, { error: 'authorization_pending' })
  })
})

t.test('a page of another site cannot make a browser register without a preflight', async (t) => {
  // A form, or a fetch with a type that needs no preflight (Fetch §2.2.2).
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'])
    t.equal(
      (await register(idp, ownMetadata, { 'content-type': type, origin: 'https://evil.example' })).status,
      415,
      type,
    )
})

t.test('two Authorization or Content-Type headers are refused', async (t) => {
  const { port } = new URL(idp.issuer)
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path: '/register', method: 'POST' }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    request.on('error', reject)
    request.setHeader('content-type', ['application/json', 'text/plain'])
    request.end(JSON.stringify(ownMetadata))
  })
  t.equal(status, 400)
})
