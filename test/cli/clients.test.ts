import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import t from 'tap'
import { authenticateClient } from '../../src/operations/authenticate-client.ts'
import { createClock } from '../../src/platform/clock.ts'
import { digest } from '../../src/platform/secrets/digest.ts'
import type { LiveSecrets } from '../../src/platform/secrets/purpose-secrets.ts'
import { createTurns } from '../../src/platform/turns.ts'
import { usesSecret } from '../../src/records/clients/client.ts'
import { createClientKeySets } from '../../src/records/clients/client-keys.ts'
import { findClient } from '../../src/records/clients/clients-store.ts'
import { openStandingGrant } from '../../src/records/grants/grants-store.ts'
import type { ClientId, GrantId } from '../../src/records/ids.ts'
import { answer, openConsole } from './console.ts'

interface ClientDocument {
  readonly client_id: string
  readonly client_secret: string
  readonly [member: string]: unknown
}

// All tests share one installation and tell their rows apart by client.
const { signet, json, database, environment } = await openConsole(t)
const outgoing = {
  get: () => Promise.reject(new Error('no client here has a jwks_uri')),
  post: async () => 404,
}
const terms = {
  database,
  clients: { cached: () => undefined, read: (id: string) => findClient(database, id), clear: () => {} },
  ...{ outgoing, clientKeys: createClientKeySets(outgoing, () => false), turns: createTurns() },
  secrets: {} as LiveSecrets,
  settings: { name: 'Signet', issuer: 'http://localhost:4000', clockSkew: 60, clientIdMetadataHosts: [] },
  clock: createClock(),
}

const redirectUri = 'https://app.example/callback'
const app = ['clients', 'create', '--name', 'App', '--redirect-uri', redirectUri]

t.test('metadata that cannot be registered is a usage error, and nothing is registered', async (t) => {
  const create = ['clients', 'create', '--name', 'App']
  const cases: [string[], RegExp][] = [
    [[...create, '--redirect-uri', ''], /at least one URI/],
    [[...create, '--redirect-uri', 'javascript:alert(1)'], /javascript/],
    [[...create, '--redirect-uri', 'https://app.example@evil.example/cb'], /user name/],
    [[...app, '--scope', "openid'); DROP TABLE clients; --"], /not an OpenID scope|not a scope/],
    [[...app, '--resource', '__proto__'], /no resource '__proto__'/],
    [[...app, '--grant-type', '__proto__'], /'__proto__', which is not supported/],
    [[...app, '--id-token-signed-response-alg', 'none'], /'none' is not supported/],
    [[...app, '--contact', 'a\u001b[2J'], /contacts/],
    [['clients', 'create', '--name', '', '--redirect-uri', redirectUri], /--name <text>.*It must not be empty/],
    [['clients', 'create', '--name', 'A\u202eppa', '--redirect-uri', redirectUri], /client_name/],
  ]
  for (const [args, message] of cases) {
    const { code, out, err } = await signet(...args)
    t.same({ code, out }, { code: 2, out: '' }, args.slice(3).join(' ').slice(0, 80))
    t.match(err, message)
    t.ok(err.length < 400)
  }
  t.same((await database.query({ text: 'SELECT FROM clients' })).rowCount, 0)
  t.same((await database.query({ text: `SELECT FROM events WHERE type LIKE 'client%'` })).rowCount, 0)
  t.match(await signet('clients', 'list'), { code: 0, out: /^There are no clients yet/ })
})

t.test('hostile names are stored unchanged and printed safely', async (t) => {
  // In listing order.
  const names = ['<script>alert(1)</script>', '__proto__', 'constructor', "Robert'); DROP TABLE clients;--", '🦊 & søn']
  for (const name of names) {
    const client = await json<ClientDocument>('clients', 'create', '--name', name, '--redirect-uri', redirectUri)
    t.equal(client['client_name'], name)
  }
  t.same(
    (await json<ClientDocument[]>('clients', 'list')).map((client) => client['client_name']),
    names,
  )
  const { out } = await signet('clients', 'list')
  t.equal(out.trimEnd().split('\n').length, names.length + 1, 'one line per client, plus the header')
})

t.test('commands on clients that do not exist fail', async (t) => {
  const ids = ['__proto__', "' OR 1=1 --", 'x'.repeat(8192), '-h3cdefghijklmnopqrstu']
  const commands = ['delete', 'rotate-secret', 'list-secrets'].map((command) => [command, 'client_none'])
  for (const [command = '', id = ''] of [...commands, ...ids.map((id) => ['show', id])]) {
    const { code, out, err } = await signet('clients', command, id)
    t.same({ code, out }, { code: 1, out: '' }, `${command} ${id.slice(0, 30)}`)
    t.match(err, /^signet: There is no client .{1,130}\n$/)
  }
  t.match(await signet('clients', 'revoke-secret', 'client_none', '1'), { code: 1, err: /There is no client/ })
  t.match(await signet('clients', 'update', 'client_none', '--name', 'B'), { code: 1, err: /There is no client/ })
})

t.test('by default a client is confidential and uses the code flow with refresh tokens', async (t) => {
  const client = await json<ClientDocument>(...app)
  t.match(client.client_id, /^client_[A-Za-z0-9_-]{22}$/)
  t.match(client.client_secret, /^[A-Za-z0-9_-]{43}$/)
  const { client_id, client_secret, ...metadata } = client
  t.same(metadata, {
    client_secret_expires_at: 0,
    client_name: 'App',
    application_type: 'web',
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: [],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: 'openid profile email offline_access',
    require_issuer_audience: false,
    subject_type: 'public',
    id_token_signed_response_alg: 'RS256',
    require_signed_request_object: false,
    request_uris: [],
    require_pushed_authorization_requests: false,
    default_acr_values: [],
    require_auth_time: false,
    backchannel_logout_session_required: false,
    frontchannel_logout_session_required: false,
    contacts: [],
    require_pkce: 'auto',
    first_party: false,
    refresh_token_rotation: false,
    resources: [],
    id_token_profile_claims: true,
    groups: [],
  })
  const { client: authenticated } = await authenticateClient(terms, {
    clientId: client_id,
    secret: client_secret,
    method: 'client_secret_basic',
  })
  t.same(
    usesSecret(authenticated) && authenticated.secrets[0]?.digest,
    digest(client_secret),
    'Signet accepts this secret and stores only its digest',
  )
  const shown = await json<ClientDocument>('clients', 'show', client_id)
  t.notOk('client_secret' in shown)
  t.notMatch(JSON.stringify(shown), digest(client_secret).toString('hex'))
  const { rows } = await database.query({
    text: 'SELECT type, client_id, request_id, detail FROM events WHERE client_id = $1',
    values: [client_id],
  })
  t.match(rows, [{ type: 'client_created', client_id, request_id: null, detail: { by: String, name: 'App' } }])
})

t.test('each flag sets the metadata of the same name', async (t) => {
  await json('resources', 'create', '--identifier', 'https://api.example', '--scope', 'read write')
  await json('resources', 'create', '--identifier', 'https://other.example', '--scope', 'other')
  for (const group of ['staff', 'Admins of all']) await json('groups', 'create', group)
  const client = await json<ClientDocument>(
    ...['clients', 'create', '--name', 'Everything'],
    ...['--redirect-uri', 'com.example.app:/callback', '--redirect-uri', 'http://127.0.0.1/callback'],
    ...['--post-logout-redirect-uri', 'https://app.example/bye'],
    ...['--grant-type', 'authorization_code', '--grant-type', 'refresh_token', '--response-type', 'code'],
    ...['--scope', 'openid email', '--scope', 'read', '--scope', 'openid'],
    ...['--token-endpoint-auth-method', 'none', '--id-token-signed-response-alg', 'RS256'],
    ...['--application-type', 'native', '--jwks-uri', 'https://app.example/jwks.json'],
    ...['--subject-type', 'pairwise', '--sector-identifier-uri', 'https://app.example/uris.json'],
    ...['--userinfo-signed-response-alg', 'ES256', '--request-object-signing-alg', 'PS256'],
    ...['--request-uri', 'https://app.example/request.jwt#4a', '--require-signed-request-object'],
    ...['--require-pushed-authorization-requests', '--initiate-login-uri', 'https://app.example/login'],
    ...['--backchannel-logout-uri', 'https://app.example/back', '--backchannel-logout-session-required'],
    ...['--frontchannel-logout-uri', 'http://127.0.0.1/front', '--frontchannel-logout-session-required'],
    ...['--software-id', 'example', '--software-version', '1.2'],
    ...[
      '--default-max-age',
      '3600',
      '--default-acr-value',
      'phr',
      '--default-acr-value',
      'aal2',
      '--require-auth-time',
      '--first-party',
      '--refresh-token-rotation',
    ],
    ...['--client-uri', 'https://app.example', '--logo-uri', 'https://app.example/logo.svg'],
    ...['--policy-uri', 'https://app.example/policy', '--tos-uri', 'https://app.example/terms'],
    ...['--contact', 'dev@app.example', '--contact', 'ops@app.example', '--resource', 'https://other.example'],
    ...['--no-id-token-profile-claims', '--group', 'staff', '--group', 'Admins of all', '--group', 'staff'],
  )
  const { client_id, ...metadata } = client
  t.same(metadata, {
    client_name: 'Everything',
    application_type: 'native',
    redirect_uris: ['com.example.app:/callback', 'http://127.0.0.1/callback'],
    post_logout_redirect_uris: ['https://app.example/bye'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: 'openid email read',
    token_endpoint_auth_method: 'none',
    jwks_uri: 'https://app.example/jwks.json',
    require_issuer_audience: false,
    subject_type: 'pairwise',
    sector_identifier_uri: 'https://app.example/uris.json',
    id_token_signed_response_alg: 'RS256',
    userinfo_signed_response_alg: 'ES256',
    request_object_signing_alg: 'PS256',
    require_signed_request_object: true,
    request_uris: ['https://app.example/request.jwt#4a'],
    require_pushed_authorization_requests: true,
    default_max_age: 3600,
    default_acr_values: ['phr', 'aal2'],
    require_auth_time: true,
    client_uri: 'https://app.example',
    logo_uri: 'https://app.example/logo.svg',
    policy_uri: 'https://app.example/policy',
    tos_uri: 'https://app.example/terms',
    initiate_login_uri: 'https://app.example/login',
    backchannel_logout_uri: 'https://app.example/back',
    backchannel_logout_session_required: true,
    frontchannel_logout_uri: 'http://127.0.0.1/front',
    frontchannel_logout_session_required: true,
    contacts: ['dev@app.example', 'ops@app.example'],
    software_id: 'example',
    software_version: '1.2',
    require_pkce: 'auto',
    first_party: true,
    refresh_token_rotation: true,
    resources: ['https://other.example', 'https://api.example'],
    id_token_profile_claims: false,
    groups: ['staff', 'Admins of all'],
  })
  t.same(await json('clients', 'show', client_id), client)
})

t.test('require_pkce is auto, true or false, and a public client always needs PKCE', async (t) => {
  const { client_id } = await json<ClientDocument>(...app)
  const update = (...flags: string[]) => json<ClientDocument>('clients', 'update', client_id, ...flags)
  for (const value of ['', 'yes', 'AUTO', '__proto__', client_id])
    t.match(await signet('clients', 'update', client_id, `--require-pkce=${value}`), { code: 2, out: '' }, value)
  t.match(await signet('clients', 'update', '--require-pkce', client_id), { code: 2, err: /one of auto, true, false/ })
  t.match(await update('--require-pkce'), { require_pkce: true })
  t.match(await update('--require-pkce', 'false'), { require_pkce: false })
  t.match(await update('--require-pkce', 'true'), { require_pkce: true })
  t.match(await update('--no-require-pkce'), { require_pkce: false })
  t.match((await signet('clients', 'show', client_id)).out, /^require_pkce +no$/m)
  t.match(await update('--require-pkce', 'auto'), { require_pkce: 'auto' })
  t.match(
    (await signet('clients', 'show', client_id)).out,
    /^require_pkce +auto: PKCE, or a nonce with the scope openid$/m,
  )
  await update('--token-endpoint-auth-method', 'none')
  t.match((await signet('clients', 'show', client_id)).out, /^require_pkce +yes, because the client is public$/m)
})

t.test('an authentication method that was chosen can be taken back, and the text says what applies', async (t) => {
  const { client_id, client_secret } = await json<ClientDocument>(...app)
  const update = (...flags: string[]) => json<ClientDocument>('clients', 'update', client_id, ...flags)
  const shown = async () => (await signet('clients', 'show', client_id)).out
  const secrets = {
    text: "SELECT encode(digest, 'hex') AS digest FROM client_secrets WHERE client_id = $1",
    values: [client_id],
  }
  const kept = [{ digest: digest(client_secret).toString('hex') }]
  t.match(await shown(), /^token_endpoint_auth_method +client_secret_basic or client_secret_post$/m)
  t.match(await update('--token-endpoint-auth-method', 'client_secret_basic'), {
    token_endpoint_auth_method: 'client_secret_basic',
  })
  t.match(await shown(), /^token_endpoint_auth_method +client_secret_basic$/m)
  t.notOk('token_endpoint_auth_method' in (await update('--token-endpoint-auth-method', '')))
  t.match(await shown(), /^token_endpoint_auth_method +client_secret_basic or client_secret_post$/m)
  t.same((await database.query(secrets)).rows, kept, 'the secret stays')
  t.match(await update('--token-endpoint-auth-method', 'none'), { token_endpoint_auth_method: 'none' })
  const closed = await update('--token-endpoint-auth-method', '')
  t.notOk('token_endpoint_auth_method' in closed)
  t.match(
    closed,
    { client_secret: /^[\w-]{43}$/, refresh_token_rotation: false },
    'a public client becomes confidential',
  )
})

t.test('require_issuer_audience is for clients with keys, and goes when they do', async (t) => {
  t.match(await signet(...app, '--require-issuer-audience'), {
    code: 2,
    err: /with private_key_jwt and client_secret_jwt only/,
  })
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwks = JSON.stringify({ keys: [publicKey.export({ format: 'jwk' })] })
  const { client_id } = await json<ClientDocument>(
    ...[...app, '--token-endpoint-auth-method', 'private_key_jwt', '--jwks', jwks, '--require-issuer-audience'],
  )
  const update = (...flags: string[]) => json<ClientDocument>('clients', 'update', client_id, ...flags)
  t.match(await update('--name', 'Renamed'), { require_issuer_audience: true })
  t.match((await signet('clients', 'show', client_id)).out, /^require_issuer_audience +yes$/m)
  t.match(await update('--no-require-issuer-audience'), { require_issuer_audience: false })
  t.match(await update('--require-issuer-audience'), { require_issuer_audience: true })
  t.match(await update('--token-endpoint-auth-method', ''), { require_issuer_audience: false })
})

t.test(
  'a client that only uses client_credentials needs no redirect URI and gets only the scopes it asked for',
  async (t) => {
    const client = await json<ClientDocument>(
      'clients',
      'create',
      '--name',
      'Job',
      '--grant-type',
      'client_credentials',
    )
    t.match(client, { grant_types: ['client_credentials'], response_types: [], scope: '', redirect_uris: [] })
  },
)

t.test('an update replaces what is given, removes what is given as empty, and keeps the rest', async (t) => {
  const {
    client_id,
    client_secret: _,
    client_secret_expires_at: __,
    ...created
  } = await json<ClientDocument>(
    ...[...app, '--client-uri', 'https://app.example', '--contact', 'dev@app.example', '--default-max-age', '60'],
  )
  const updated = await json<ClientDocument>(
    ...[
      'clients',
      'update',
      client_id,
      '--name',
      'Renamed',
      '--client-uri',
      '',
      '--contact',
      '',
      '--default-max-age',
      '',
    ],
    '--no-require-pkce',
  )
  const { client_uri: _uri, default_max_age: _age, ...rest } = created
  t.same(updated, { client_id, ...rest, client_name: 'Renamed', contacts: [], require_pkce: false })
  t.same(await json('clients', 'show', client_id), updated)
  const { rows } = await database.query({
    text: `SELECT detail FROM events WHERE type = 'client_updated' AND client_id = $1`,
    values: [client_id],
  })
  t.match(rows, [{ detail: { changed: ['client_name', 'default_max_age', 'client_uri', 'contacts', 'require_pkce'] } }])

  t.match(await signet('clients', 'update', client_id, '--redirect-uri', ''), { code: 2, out: '', err: /at least one/ })
  t.same(await json('clients', 'show', client_id), updated, 'a rejected update changes nothing')

  const job = await json<ClientDocument>('clients', 'update', client_id, '--grant-type', 'client_credentials')
  t.match(job, { grant_types: ['client_credentials'], response_types: [] }, 'response types follow grant types')
})

t.test(
  'a client that becomes public loses its secrets and must use PKCE; one that becomes confidential gets a secret',
  async (t) => {
    const created = await json<ClientDocument>(...app, '--no-require-pkce')
    const { client_id } = created
    const rotation = [...app, '--token-endpoint-auth-method', 'none', '--no-refresh-token-rotation']
    t.match(await signet(...rotation), { code: 2, err: /must rotate its refresh tokens/ })
    const toPublic = ['clients', 'update', client_id, '--token-endpoint-auth-method', 'none']
    t.match(await signet(...toPublic), { code: 2, err: /must use PKCE/ })
    const open = await json<ClientDocument>(...toPublic, '--require-pkce')
    t.match(open, { token_endpoint_auth_method: 'none', refresh_token_rotation: true })
    const secrets = { text: 'SELECT FROM client_secrets WHERE client_id = $1', values: [client_id] }
    t.same((await database.query(secrets)).rowCount, 0)
    t.match(await signet('clients', 'rotate-secret', client_id), { code: 1, err: /has no secret/ })

    const closed = await json<ClientDocument>(
      ...['clients', 'update', client_id, '--token-endpoint-auth-method', 'client_secret_post'],
    )
    t.match(closed, { client_secret_expires_at: 0, refresh_token_rotation: false })
    const presented = { clientId: client_id, method: 'client_secret_post' } as const
    t.ok(await authenticateClient(terms, { ...presented, secret: closed.client_secret }))
    await t.rejects(authenticateClient(terms, { ...presented, secret: created.client_secret }), {
      code: 'invalid_client',
    })
  },
)

t.test('after a rotation the previous secret stays valid until the next rotation', async (t) => {
  const first = await json<ClientDocument>('clients', 'create', '--name', 'Job', '--grant-type', 'client_credentials')
  const { client_id } = first
  const works = (secret: string) =>
    authenticateClient(terms, { clientId: client_id, secret, method: 'client_secret_basic' }).then(
      () => true,
      () => false,
    )
  const { rows } = await database.query<{ id: number }>({
    text: 'SELECT id FROM client_secrets WHERE client_id = $1',
    values: [client_id],
  })
  const secretId = rows[0]!.id
  await openStandingGrant(database, {
    ...{ id: 'standing' as GrantId, clientId: client_id as ClientId, secretId, scopes: [], resources: [] },
  })

  const second = await json<ClientDocument>('clients', 'rotate-secret', client_id)
  t.match(second, { client_id, client_secret_expires_at: 0, client_name: 'Job' })
  t.same([await works(first.client_secret), await works(second.client_secret)], [true, true])
  const third = await json<ClientDocument>('clients', 'rotate-secret', client_id)
  t.same(
    [await works(first.client_secret), await works(second.client_secret), await works(third.client_secret)],
    [false, true, true],
  )
  t.match(await json('grants', 'show', 'standing'), { end_reason: 'client_secret_rotated' })
})

t.test('a leaked secret can be replaced and is then rejected; of two old secrets each can be revoked', async (t) => {
  const create = ['clients', 'create', '--name', 'Job', '--grant-type', 'client_credentials']
  const { client_id, client_secret: leaked } = await json<ClientDocument>(...create)
  const works = (secret: string) =>
    authenticateClient(terms, { clientId: client_id, secret, method: 'client_secret_basic' }).then(
      () => true,
      () => false,
    )
  const listed = () =>
    json<{ secret_id: number; created_at: string; grant_id?: string }[]>('clients', 'list-secrets', client_id)
  const [only] = await listed()
  const secretId = only?.secret_id ?? 0
  t.match(only, { secret_id: Number, created_at: /^20/, grant_id: undefined })
  const grant = {
    id: `of ${client_id}` as GrantId,
    clientId: client_id as ClientId,
    secretId,
    scopes: [],
    resources: [],
  }
  await openStandingGrant(database, grant)
  t.match(await listed(), [{ grant_id: grant.id }])

  t.match(await signet('clients', 'revoke-secret', client_id, String(secretId)), {
    code: 1,
    out: '',
    err: /has no other secret\. To replace it: signet clients rotate-secret --revoke-old client_/,
  })
  for (const id of ['0', '-1', '1e3', '99999999999999999999', 'x', String(secretId + 1000)])
    t.match(await signet('clients', 'revoke-secret', client_id, '--', id), { code: 1, err: /has no secret / }, id)

  const { out } = await signet('clients', 'rotate-secret', client_id)
  const [, second = ''] = /client_secret +(\S{43})\n/.exec(out) ?? []
  t.match(out, /The previous secret keeps working until the next rotation; older ones are revoked/)
  t.same([await works(leaked), await works(second)], [true, true])
  const rotated = await signet('clients', 'rotate-secret', client_id, '--revoke-old')
  t.match(rotated.out, /All older secrets are revoked/)
  t.match(rotated.out, `signet grants revoke-all --client-id ${client_id}`)
  const [, third = ''] = /client_secret +(\S{43})\n/.exec(rotated.out) ?? []
  t.same([await works(leaked), await works(second), await works(third)], [false, false, true])
  t.match(await json('grants', 'show', grant.id), { end_reason: 'client_secret_revoked' })
  t.equal((await listed()).length, 1)

  const fourth = await json<ClientDocument>('clients', 'rotate-secret', client_id)
  const [older, newer] = await listed()
  t.same(await json('clients', 'revoke-secret', client_id, String(newer?.secret_id)), {
    client_id,
    secret_id: newer?.secret_id,
    revoked: true,
    grants_ended: 0,
  })
  t.same([await works(third), await works(fourth.client_secret)], [true, false])
  t.same(
    (await listed()).map(({ secret_id }) => secret_id),
    [older?.secret_id],
  )
  const { rows } = await database.query({
    text: "SELECT type, detail - 'by' AS detail FROM events WHERE client_id = $1 AND type LIKE 'client_secret%' ORDER BY id",
    values: [client_id],
  })
  t.same(rows, [
    { type: 'client_secret_rotated', detail: {} },
    { type: 'client_secret_rotated', detail: { secrets_revoked: 2, grants_ended: 1 } },
    { type: 'client_secret_rotated', detail: {} },
    { type: 'client_secret_revoked', detail: { secret_id: newer?.secret_id, grants_ended: 0 } },
  ])
})

t.test('a client without a secret has none to list, rotate or revoke', async (t) => {
  const { client_id } = await json<ClientDocument>(...app, '--token-endpoint-auth-method', 'none')
  t.same(await json('clients', 'list-secrets', client_id), [])
  t.match(await signet('clients', 'list-secrets', client_id), { code: 0, out: /it authenticates with none/ })
  t.match(await signet('clients', 'rotate-secret', client_id, '--revoke-old'), { code: 1, err: /has no secret/ })
  t.match(await signet('clients', 'revoke-secret', client_id, '1'), { code: 1, err: /has no secret 1/ })
})

t.test('a secret is printed only when it is created, and appears in no event, log line or row', async (t) => {
  const { client_id, client_secret } = await json<ClientDocument>(...app)
  const rotated = await json<ClientDocument>('clients', 'rotate-secret', client_id)
  const rows = await Promise.all(
    ['clients', 'client_secrets', 'events'].map(async (table) =>
      JSON.stringify((await database.query({ text: `SELECT ${table}::text AS row FROM ${table}` })).rows),
    ),
  )
  const said = [await signet('clients', 'list'), await signet('clients', 'show', client_id)].map(({ out }) => out)
  for (const secret of [client_secret, rotated.client_secret]) t.notOk([...rows, ...said].join().includes(secret))
})

t.test('a deleted client is gone, and an event records it', async (t) => {
  const { client_id } = await json<ClientDocument>(...app)
  t.same(await json('clients', 'delete', client_id), { client_id, deleted: true })
  t.notOk((await json<ClientDocument[]>('clients', 'list')).some((client) => client.client_id === client_id))
  t.match(await signet('clients', 'delete', client_id), { code: 1 })
  const { rows } = await database.query({ text: `SELECT client_id FROM events WHERE type = 'client_deleted'` })
  t.same(rows, [{ client_id }])
})

t.test('a command that is interrupted before it starts changes nothing', async (t) => {
  const clients = { text: 'SELECT FROM clients' }
  const before = (await database.query(clients)).rowCount
  const stop = new AbortController()
  stop.abort()
  const { code, out, err } = await answer(app, { environment, folder: '/nowhere', stopSignal: stop.signal })
  t.same({ code, out, err }, { code: 1, out: '', err: 'signet: Interrupted; nothing was changed.\n' })
  t.same((await database.query(clients)).rowCount, before)
})

t.test('a client that authenticates with its key has no secret, and only its public keys are stored', async (t) => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const method = ['--token-endpoint-auth-method', 'private_key_jwt', '--jwks']
  const keys = (key: KeyObject) => JSON.stringify({ keys: [key.export({ format: 'jwk' })] })
  t.match(await signet(...app, ...method, keys(privateKey)), { code: 2, err: /private or symmetric key/ })
  t.match(await signet(...app, ...method, 'no JSON'), { code: 2, err: /JSON document/ })
  t.match(await signet(...app, ...method.slice(0, 2)), { code: 2, err: /jwks or jwks_uri is missing/ })
  const created = await json<ClientDocument>(...app, ...method, keys(publicKey))
  t.notOk('client_secret' in created)
  t.same(created['jwks'], JSON.parse(keys(publicKey)))
  t.match(await signet('clients', 'rotate-secret', created.client_id), { code: 1, err: /has no secret/ })
})

t.test(
  'a private-use scheme of a code editor can be registered with a warning, and for public clients only',
  async (t) => {
    const editor = 'vscode://publisher.extension/callback'
    const create = ['clients', 'create', '--name', 'Editor', '--redirect-uri', editor]
    t.match(await signet(...create), { code: 2, out: '', err: /public clients only/ })
    for (const uri of [
      'javascript:alert(1)//x.y',
      'ms-settings:privacy',
      'X-APPLE.systempreferences:x',
      'web+app://cb',
    ])
      t.match(await signet(...create, '--redirect-uri', uri, '--token-endpoint-auth-method', 'none'), {
        code: 2,
        out: '',
      })
    const { code, out, err } = await signet(...create, '--token-endpoint-auth-method', 'none', '--json')
    t.match({ code, err }, { code: 0, err: /^signet: Warning: any other app .* scheme vscode: .*\n$/ })
    const { client_id: id, redirect_uris } = JSON.parse(out)
    t.same(redirect_uris, [editor])
    t.match(await signet('clients', 'update', id, '--name', 'Renamed'), { code: 0, err: '' })
    t.match(await signet('clients', 'update', id, '--redirect-uri', 'cursor://x/cb'), {
      code: 0,
      err: /scheme cursor: /,
    })
  },
)

t.test(
  'a redirect URI is rejected if its query has a parameter of responses, or if browsers block its port',
  async (t) => {
    for (const [uri, message] of [
      ['https://app.example/cb?tenant=a&state=b', /must not have state in its query, because a response adds it/],
      ['http://localhost:6000/cb', /has the port 6000, which browsers block/],
    ] as const)
      t.match(await signet('clients', 'create', '--name', 'App', '--redirect-uri', uri), {
        code: 2,
        out: '',
        err: message,
      })
  },
)

t.test(
  'response types that return tokens can be registered, with a warning while the server does not offer them',
  async (t) => {
    const created = await signet(...app, '--response-type', 'token id_token', '--response-type', 'code', '--json')
    t.equal(created.code, 0)
    t.match(JSON.parse(created.out), {
      response_types: ['code', 'id_token token'],
      grant_types: ['authorization_code', 'implicit', 'refresh_token'],
    })
    t.match(
      created.err,
      /^signet: Warning: "id_token token" will be refused, because SIGNET_LEGACY_RESPONSE_TYPES is off\..*\n$/,
    )
    const id = JSON.parse(created.out).client_id
    const renamed = await signet('clients', 'update', id, '--name', 'Other', '--json')
    t.match([renamed.code, renamed.err], [0, ''], 'only a change of the types says so again')
    const implicit = [...app, '--kind', 'spa', '--response-type', 'id_token']
    const { out, err } = await signet(...implicit)
    t.match(err, /"id_token" will be refused/)
    t.match(out, /Response types with tokens: id_token .*send a nonce/)
    t.notMatch(out, /PKCE/, 'there is no code that it could protect')
    const { code, err: fault } = await signet(...implicit, '--for', 'openid-client')
    t.match([code, fault], [2, /never gets a code/], 'nothing is registered with a configuration that would not work')
  },
)
