import { createHash, generateKeyPairSync } from 'node:crypto'
import t from 'tap'
import { documentDigestOf, readClientDocument, UnusableDocument } from '../../../src/records/clients/client-document.ts'

const url = 'https://app.example/oauth/client.json'
const context = {
  openResources: [{ identifier: 'https://mcp.example', scopes: ['tools:call', 'tools:list'] }],
  providerName: 'Acme',
  issuer: 'https://id.example',
}
const minimal = { client_id: url, client_name: 'App', redirect_uris: ['https://app.example/callback'] }
const { d, ...publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
const jwks = { keys: [{ ...publicKey, kid: 'one' }] }

function read(document: object | string, contentType: string | undefined = 'application/json', at = url) {
  const body = Buffer.from(typeof document === 'string' ? document : JSON.stringify(document))
  return readClientDocument(at, { body, contentType }, context)
}

function faultOf(...args: Parameters<typeof read>): string {
  try {
    read(...args)
  } catch (error) {
    if (error instanceof UnusableDocument) return error.fault
    throw error
  }
  return 'none'
}

t.test('a document is JSON, and says that it is', async (t) => {
  for (const text of [
    '',
    '[]',
    'null',
    '"a"',
    '<html>',
    '{"client_id":',
    '\ufeff{}',
    `{"client_id":"${url}","client_id":"${url}"}`,
  ])
    t.equal(faultOf(text), 'unreadable', text)
  for (const type of [
    '',
    'text/html',
    'text/json',
    'text/plain',
    'application/jsonp',
    'application/json+x',
    'application/jose',
  ])
    t.equal(faultOf(minimal, type), 'unreadable', type)
  for (const type of [
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/ld+json',
    'application/cimd+json',
  ])
    t.equal(faultOf(minimal, type), 'none', type)
  t.throws(() =>
    readClientDocument(url, { body: Buffer.from(JSON.stringify(minimal)), contentType: undefined }, context),
  )
})

t.test('the client_id in it is the URL, character by character', async (t) => {
  for (const client_id of [
    undefined,
    null,
    1,
    [url],
    `${url}/`,
    `${url}?`,
    `${url}#`,
    url.toUpperCase(),
    ` ${url}`,
    'https://app.example:443/oauth/client.json',
  ])
    t.equal(faultOf({ ...minimal, client_id }), 'unreadable', String(client_id))
  t.equal(faultOf(minimal, 'application/json', 'https://evil.example/oauth/client.json'), 'unreadable')
})

t.test('nothing that is secret may be in it', async (t) => {
  for (const more of [
    ...[{ client_secret: 's' }, { client_secret: null }, { client_secret: '' }],
    ...[{ client_secret_expires_at: 0 }, { client_secret_expires_at: null }],
    { token_endpoint_auth_method: 'client_secret_basic' },
    { token_endpoint_auth_method: 'client_secret_post' },
    { token_endpoint_auth_method: 'client_secret_jwt' },
    { token_endpoint_auth_methods_supported: ['none', 'client_secret_basic'] },
    { token_endpoint_auth_method: 'none', token_endpoint_auth_signing_alg: 'HS256' },
    { id_token_signed_response_alg: 'HS256' },
    { userinfo_signed_response_alg: 'HS256' },
    { jwks, request_object_signing_alg: 'HS256' },
    { jwks: { keys: [{ ...publicKey, d }] } },
    { jwks: { keys: [publicKey, { ...publicKey, use: 'enc', d: '' }] } },
    { jwks: { keys: [{ kty: 'oct', k: 'c2VjcmV0' }] } },
    { jwks: { keys: [{ kty: 'oct' }] } },
    { jwks: { keys: [{ kty: 'RSA', n: 'AQAB', e: 'AQAB', dp: 'AQ' }] } },
  ])
    t.equal(faultOf({ ...minimal, ...more }), 'invalid', JSON.stringify(more))
})

t.test('metadata that could not work is refused', async (t) => {
  for (const more of [
    { redirect_uris: undefined },
    { redirect_uris: [] },
    { redirect_uris: 'https://app.example/callback' },
    { redirect_uris: ['http://app.example/callback'] },
    { redirect_uris: ['https://app.example/callback', 'javascript:alert(1)'] },
    { redirect_uris: ['https://app.example/callback#x'] },
    { redirect_uris: ['https://user@app.example/callback'] },
    { redirect_uris: ['https://id.example/callback'] },
    { redirect_uris: Array.from({ length: 51 }, (_, index) => `https://app.example/${index}`) },
    { client_name: 'Acme' },
    { client_name: 'a\u202eb' },
    { client_name: '' },
    { client_name: 7 },
    { grant_types: ['client_credentials'] },
    { grant_types: [] },
    { response_types: ['token'] },
    { token_endpoint_auth_method: 'private_key_jwt' },
    { token_endpoint_auth_method: 'private_key_jwt', jwks, jwks_uri: 'https://app.example/jwks' },
    { token_endpoint_auth_method: 'private_key_jwt', jwks_uri: 'http://app.example/jwks' },
    { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [] } },
    { token_endpoint_auth_method: 'none', token_endpoint_auth_methods_supported: ['private_key_jwt'], jwks },
    { token_endpoint_auth_methods_supported: 'none' },
    { client_uri: 'https://id.example/' },
    { id_token_encrypted_response_alg: 'RSA-OAEP' },
  ])
    t.equal(faultOf({ ...minimal, ...more }), 'invalid', JSON.stringify(more).slice(0, 100))
  for (const more of [
    { token_endpoint_auth_method: 'tls_client_auth' },
    { token_endpoint_auth_methods_supported: [] },
    { token_endpoint_auth_methods_supported: ['tls_client_auth', 'attest_jwt_client_auth'] },
  ])
    t.equal(faultOf({ ...minimal, ...more }), 'no_common_method', JSON.stringify(more))
})

t.test('a document gives itself nothing that is an operator’s to give, and no way around PKCE', async (t) => {
  t.match(
    read({
      ...minimal,
      ...{ first_party: true, groups: ['*'], resources: ['https://payroll.example'], require_pkce: false },
      ...{ refresh_token_rotation: false, id_token_profile_claims: true, require_issuer_audience: true },
      ...{
        subject_type: 'pairwise',
        sector_identifier_uri: 'https://other.example/sector',
        software_statement: 'a.b.c',
      },
      ...{ scope: 'openid groups roles payroll tools:call', unknown: { deep: [] }, client_id_expires_at: 1 },
    }),
    {
      ...{ first_party: false, groups: [], resources: ['https://mcp.example'], require_pkce: true },
      ...{ refresh_token_rotation: true, id_token_profile_claims: false, require_issuer_audience: false },
      ...{ subject_type: 'public', sector_identifier_uri: undefined, scope: 'openid tools:call tools:list' },
    },
  )
  t.match(read({ ...minimal, token_endpoint_auth_method: 'private_key_jwt', jwks, require_pkce: false }), {
    require_pkce: true,
  })
  t.match(
    read({ ...minimal, scope: 'atproto transition:generic' }).scope,
    'openid',
    'scopes of other servers say nothing',
  )
})

t.test('documents of real clients are accepted', async (t) => {
  const documents: [document: object, expected: object][] = [
    [
      {
        ...minimal,
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:jwt-bearer'],
        token_endpoint_auth_method: 'none',
      },
      {
        grant_types: ['authorization_code', 'refresh_token'],
        token_endpoint_auth_method: 'none',
        response_types: ['code'],
      },
    ],
    [
      { ...minimal, redirect_uris: ['http://localhost/callback', 'http://127.0.0.1/callback'] },
      { application_type: 'native', grant_types: ['authorization_code'] },
    ],
    [
      {
        ...minimal,
        ...{
          grant_types: ['authorization_code', 'urn:ietf:params:oauth:grant-type:device_code'],
          application_type: 'native',
        },
        ...{
          logo_uri: 'http://cdn.example/logo.png',
          redirect_uris: ['http://127.0.0.1:33418/', 'https://vscode.example/redirect'],
        },
      },
      { grant_types: ['authorization_code'], application_type: 'native', logo_uri: undefined },
    ],
    [
      {
        ...minimal,
        ...{
          token_endpoint_auth_method: 'private_key_jwt',
          token_endpoint_auth_methods_supported: ['none', 'private_key_jwt'],
        },
        ...{ token_endpoint_auth_signing_alg: 'RS256', jwks_uri: 'https://app.example/jwks' },
      },
      { token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: 'RS256' },
    ],
    [
      { ...minimal, token_endpoint_auth_methods_supported: ['tls_client_auth', 'none'] },
      { token_endpoint_auth_method: 'none' },
    ],
    [
      { ...minimal, token_endpoint_auth_methods_supported: ['private_key_jwt', 'none'], jwks },
      { token_endpoint_auth_method: 'none', jwks: { keys: [{ kid: 'one' }] } },
    ],
    [
      { ...minimal, token_endpoint_auth_methods_supported: ['private_key_jwt'], jwks },
      { token_endpoint_auth_method: 'private_key_jwt' },
    ],
    [{ ...minimal, jwks: { keys: [{ ...publicKey, kid: 'e', use: 'enc' }] } }, { jwks: undefined }],
    [{ ...minimal, client_name: undefined }, { client_name: 'app.example' }],
  ]
  for (const [document, expected] of documents) t.match(read(document), expected, JSON.stringify(expected))
})

t.test('the digest covers what people see, where codes are sent, and how the client authenticates', async (t) => {
  const digest = (more: object) => documentDigestOf(read({ ...minimal, ...more })).toString('hex')
  const same = digest({})
  t.equal(same.length, createHash('sha256').digest('hex').length)
  for (const more of [
    ...[
      { client_name: 'Other' },
      { client_uri: 'https://app.example' },
      { redirect_uris: ['https://app.example/other'] },
    ],
    ...[
      { logo_uri: 'https://app.example/logo' },
      { tos_uri: 'https://app.example/tos' },
      { policy_uri: 'https://app.example/p' },
    ],
    ...[{ jwks }, { jwks_uri: 'https://app.example/jwks' }, { token_endpoint_auth_method: 'private_key_jwt', jwks }],
  ])
    t.not(digest(more), same, JSON.stringify(more))
  for (const more of [{ contacts: ['a@app.example'] }, { unknown: 1 }, { software_version: '2' }])
    t.equal(digest(more), same, JSON.stringify(more))
  const second = { ...publicKey, kid: 'two' }
  t.equal(digest({ jwks: { keys: [jwks.keys[0], second] } }), digest({ jwks: { keys: [second, jwks.keys[0]] } }))
})
