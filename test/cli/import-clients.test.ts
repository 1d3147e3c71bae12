import t from 'tap'
import { digest } from '../../src/platform/secrets/digest.ts'
import { openConsole } from './console.ts'

const { signetReading, json, database } = await openConsole(t)

const uri = 'https://app.example/cb'
const secret = 'a-secret-of-another-system-0123456789'
const lines = (...rows: unknown[]) =>
  rows.map((row) => (typeof row === 'string' ? row : JSON.stringify(row))).join('\n')

async function importing(input: string, ...args: string[]) {
  const { code, out, err } = await signetReading(input, 'clients', 'import', ...args, '--json')
  return { ...JSON.parse(out || '{}'), code, err, out }
}

async function secretsOf(clientId: string) {
  const { rows } = await database.query<{ digest: Buffer; is_short: boolean }>({
    text: 'SELECT digest, is_short FROM client_secrets WHERE client_id = $1 ORDER BY id',
    values: [clientId],
  })
  return rows
}

t.test('hostile rows are refused, each by itself, and nothing of a secret is printed', async (t) => {
  const base = { client_id: 'hostile', redirect_uris: [uri] }
  const cases: [unknown, RegExp][] = [
    [{ redirect_uris: [uri] }, /client_id is missing/],
    [{ ...base, client_id: 'two words' }, /client_id must be/],
    [{ ...base, client_id: 'x'.repeat(256) }, /client_id must be/],
    [{ ...base, client_id: 'n\0' }, /client_id must be/],
    [{ ...base, client_id: 'AAAAAAAAAAAAAAAAAAAAAA' }, /form of a sub/],
    [{ ...base, client_id: 'a-b_c-d_e-f_g-h_i-j_kl' }, /form of a sub/],
    [{ ...base, client_secret: 'seven77' }, /8 to 255/],
    [{ ...base, client_secret: `${secret}\n` }, /printable/],
    [{ ...base, client_secret: `${secret}ä` }, /printable/],
    [{ ...base, client_secret: 'x'.repeat(256) }, /8 to 255/],
    [{ ...base, client_secret: 'only-thirty-one-characters-here' }, /fewer than 32/],
    [{ ...base, client_secrets: [secret, `${secret}2`, `${secret}3`] }, /more than two/],
    [{ ...base, client_secret: secret, token_endpoint_auth_method: 'none' }, /uses none/],
    [{ ...base, client_secret: secret, client_secret_expires_at: 1_600_000_000 }, /has expired/],
    [{ ...base, redirect_uris: ['https://*.example/cb'] }, /wildcard/],
    [{ ...base, redirect_uris: ['javascript:alert(1)'] }, /redirect_uris/],
    [{ ...base, grant_types: ['password'] }, /not supported/],
    [{ ...base, scope: 'openid unknown:scope' }, /no resource has it/],
    [{ ...base, client_name: 'N\u202e' }, /client_name/],
    ['{"client_id":"a","client_id":"b"}', /twice/],
    ['{"client_id":"a","__proto__":{"first_party":true}}', /__proto__/],
  ]
  for (const [row, reason] of cases) {
    const report = await importing(lines(row))
    t.match(report, { code: 1, imported: 0, refused: 1 }, String(reason))
    t.match(report.rows[0].reason, reason)
    t.notMatch(report.out, /a-secret-of|seven77|only-thirty/)
  }
  t.equal((await database.query({ text: 'SELECT FROM clients' })).rowCount, 0)
})

t.test('an import never makes a client first-party', async (t) => {
  const row = { client_id: 'eve', redirect_uris: [uri], first_party: true, groups: ['*'], roles: ['admin'] }
  const report = await importing(lines(row))
  t.match(report, { code: 0, imported: 1 })
  t.match(await json('clients', 'show', 'eve'), { first_party: false })
  const notes = report.notes.map(({ note }: { note: string }) => note)
  for (const name of ['first_party', 'groups', 'roles']) t.ok(notes.includes(`${name} is not taken over.`), name)
})

t.test('client_id and secrets are kept, as digests; short ones only if allowed, and marked', async (t) => {
  const row = {
    client_id: 'shop.example',
    client_name: 'Shop',
    redirect_uris: [uri],
    client_secrets: [secret, 'short-secret'],
  }
  t.match(await importing(lines(row)), { code: 1, refused: 1 })
  const report = await importing(lines(row), '--allow-short-secrets')
  t.match(report, { code: 0, imported: 1 })
  t.same(await secretsOf('shop.example'), [
    { digest: digest(secret), is_short: false },
    { digest: digest('short-secret'), is_short: true },
  ])
  t.match(await json('clients', 'list-secrets', 'shop.example'), [{ secret_id: Number }, { short: true }])
  const events = await json<unknown[]>('events', 'list', '--client-id', 'shop.example')
  t.match(events, [{ type: 'client_created', detail: { name: 'Shop', import: 'json', by: String } }])
})

t.test('run again, an identical client is skipped, and one that differs is refused', async (t) => {
  const row = { client_id: 'again', redirect_uris: [uri], client_secret: secret, scope: 'openid' }
  await importing(lines(row))
  await json('clients', 'update', 'again', '--first-party')
  t.match(
    await importing(lines(row)),
    { code: 0, skipped: 1, refused: 0 },
    'what an operator decided since does not count',
  )
  const other = await importing(lines({ ...row, scope: 'openid email', client_secret: `${secret}-new` }))
  t.match(other, { code: 1, refused: 1, rows: [{ reason: /differs in scope, client_secret/ }] })
  t.match(await json('clients', 'show', 'again'), { scope: 'openid', first_party: true })
})

t.test('a dry run changes nothing', async (t) => {
  const rows = lines({ client_id: 'dry', redirect_uris: [uri] }, { client_id: 'dry', redirect_uris: [uri] })
  t.match(await importing(rows, '--dry-run'), { code: 1, imported: 1, refused: 1, dry_run: true })
  t.equal((await database.query({ text: `SELECT FROM clients WHERE client_id = 'dry'` })).rowCount, 0)
})

t.test('Keycloak: clients of a realm, without wildcards and without what Keycloak has for itself', async (t) => {
  const base = { protocol: 'openid-connect', enabled: true, publicClient: false, standardFlowEnabled: true }
  const clients = [
    { ...base, clientId: 'account', redirectUris: ['/realms/shop/account/*'] },
    { ...base, clientId: 'saml', protocol: 'saml' },
    { ...base, clientId: 'api', bearerOnly: true },
    { ...base, clientId: 'off', enabled: false },
    { ...base, clientId: 'wild', redirectUris: ['https://app.example/*'] },
    { ...base, clientId: 'x509', clientAuthenticatorType: 'client-x509', redirectUris: [uri] },
    {
      ...{ ...base, clientId: 'web', name: '$'.concat('{client_web}'), secret, redirectUris: [uri, '/other'] },
      ...{ rootUrl: 'https://app.example/', implicitFlowEnabled: true, directAccessGrantsEnabled: true },
      ...{ serviceAccountsEnabled: true, protocolMappers: [{ name: 'roles' }], baseUrl: 'https://app.example/' },
      defaultClientScopes: ['web-origins', 'acr', 'profile', 'email', 'orders'],
      optionalClientScopes: ['offline_access', 'microprofile-jwt'],
      attributes: { 'post.logout.redirect.uris': 'https://app.example/bye##+', 'pkce.code.challenge.method': 'S256' },
    },
    { ...base, clientId: 'masked', secret: '**********', redirectUris: [uri] },
    {
      ...base,
      clientId: 'spa',
      publicClient: true,
      secret: 'ignored',
      redirectUris: [uri],
      serviceAccountsEnabled: true,
    },
  ]
  const jwksUri = 'https://keys.example/jwks'
  const withKeys = {
    ...{ ...base, clientId: 'keys', clientAuthenticatorType: 'client-jwt', redirectUris: [uri] },
    attributes: { 'use.jwks.url': 'true', 'jwks.url': jwksUri },
  }
  const report = await importing(
    JSON.stringify({ realm: 'shop', clients: [...clients, withKeys] }),
    '--from',
    'keycloak',
  )
  t.match(report, { code: 1, imported: 4, skipped: 4, refused: 2 })
  t.match(
    report.rows.map(({ id, outcome, reason }: Record<string, string>) => [id, outcome, reason]),
    [
      ['account', 'skipped', /for itself/],
      ['saml', 'skipped', /OpenID Connect/],
      ['api', 'skipped', /resources create/],
      ['off', 'skipped', /disabled/],
      ['wild', 'refused', /'https:\/\/app\.example\/\*' has a wildcard/],
      ['x509', 'refused', /client-x509/],
    ],
  )
  t.match(await json('clients', 'show', 'web'), {
    ...{ client_name: 'web', redirect_uris: [uri, 'https://app.example/other'], require_pkce: true },
    ...{ post_logout_redirect_uris: ['https://app.example/bye', uri, 'https://app.example/other'] },
    ...{ grant_types: ['authorization_code', 'refresh_token', 'client_credentials'], first_party: false },
    ...{ scope: 'openid profile email offline_access', client_uri: 'https://app.example/' },
  })
  t.same(await secretsOf('web'), [{ digest: digest(secret), is_short: false }])
  t.same(await secretsOf('masked'), [])
  t.match(await json('clients', 'show', 'spa'), { token_endpoint_auth_method: 'none' })
  t.match(await json('clients', 'show', 'keys'), { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: jwksUri })
  const notes = report.notes.map(({ note }: { note: string }) => note)
  for (const note of [
    ...['The implicit flow is not taken over.', 'The password grant is not taken over.'],
    ...['protocolMappers is not taken over.', 'The scope orders is left out: no resource has it.'],
    ...['A secret that the export does not contain is not taken over.'],
    'masked has no secret yet: signet clients rotate-secret masked',
  ])
    t.ok(notes.includes(note), note)
  t.match(await json('clients', 'rotate-secret', 'masked'), { client_secret: String })
})

t.test('Hydra: clients as the command and the admin API print them', async (t) => {
  const empty = { client_name: '', audience: [], owner: '', policy_uri: '', jwks: {}, metadata: {}, contacts: [] }
  const client = {
    ...empty,
    ...{ client_id: 'hydra-1', redirect_uris: [uri], grant_types: ['authorization_code', 'implicit', 'refresh_token'] },
    ...{ response_types: ['code', 'id_token'], scope: 'openid offline orders', subject_type: 'public' },
    ...{ token_endpoint_auth_method: 'client_secret_post', userinfo_signed_response_alg: 'none', skip_consent: true },
    ...{ authorization_code_grant_access_token_lifespan: '1h', client_secret_expires_at: 0 },
  }
  const report = await importing(JSON.stringify({ items: [client], next_page_token: '' }), '--from', 'hydra')
  t.match(report, { code: 0, imported: 1 })
  t.match(await json('clients', 'show', 'hydra-1'), {
    ...{ client_name: 'hydra-1', scope: 'openid offline_access', token_endpoint_auth_method: 'client_secret_post' },
    ...{ grant_types: ['authorization_code', 'refresh_token'], first_party: false },
  })
  t.same(
    report.notes.map(({ note }: { note: string }) => note),
    [
      ...['The grant type implicit is not taken over.', 'skip_consent is not taken over.'],
      ...['A lifespan of tokens is not taken over.', 'The scope orders is left out: no resource has it.'],
      'hydra-1 has no secret yet: signet clients rotate-secret hydra-1',
    ],
  )
  const second = { ...client, client_id: 'hydra-2', client_secret: secret }
  t.match(await importing(lines(second, { ...client, client_id: 'hydra-3' }), '--from', 'hydra'), { imported: 2 })
  t.same(await secretsOf('hydra-2'), [{ digest: digest(secret), is_short: false }])
  const refused: [object, RegExp][] = [
    [{ ...client, client_id: 'p', subject_type: 'pairwise' }, /pairwise/],
    [{ ...client, client_id: 'k', token_endpoint_auth_method: 'private_key_jwt' }, /no keys/],
    [{ ...client, client_id: 'w', redirect_uris: ['https://app.example/*'] }, /wildcard/],
    [{ ...client, client_id: 'i', grant_types: ['implicit'] }, /none of the grant types/],
  ]
  for (const [row, reason] of refused)
    t.match(await importing(JSON.stringify([row]), '--from', 'hydra'), { code: 1, rows: [{ reason }] })
  const withKeys = { ...client, client_id: 'hydra-keys', token_endpoint_auth_method: 'private_key_jwt' }
  const jwksUri = 'https://keys.example/jwks'
  t.match(await importing(JSON.stringify([{ ...withKeys, jwks_uri: jwksUri }]), '--from', 'hydra'), { code: 0 })
  t.match(await json('clients', 'show', 'hydra-keys'), { jwks_uri: jwksUri })
  const paged = await importing(JSON.stringify({ items: [client], next_page_token: 'abc' }), '--from', 'hydra')
  t.match(paged, { code: 1, err: /more pages/, out: '' })
})
